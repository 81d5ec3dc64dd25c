"""Every mask on the shelf, on every attribute that it fits: what it leaves of a value, and what it does not.

A mask says what it keeps. Of two values of one record of which that is the same, the masked values must be the same: so
nothing else of them is left. The check catches a mask that keeps a little more (the last test).
"""

import dataclasses
import hmac
import random
import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from schoolpassport.kit.columns import quoted
from schoolpassport.kit.conditions import SHAPES
from schoolpassport.roster.kinds import KINDS, Type
from schoolpassport.sharing import catalogue, masking
from schoolpassport.sharing.catalogue import SIS, SIS_ID, Attribute
from schoolpassport.sharing.masks import MASKS, Like, Mask
from schoolpassport.sharing.masks.alias import DOMAIN

ONE, OTHER = b"1" * 64, b"2" * 64
PIECES = [
    "A",
    "a",
    "O'",
    "É",
    "E\u0301",
    "ß",
    "Ж",
    "ش",
    "李",
    "김",
    "か",
    "😀",
    "7",
    "0",
    "+",
    "-",
    " ",
    "(",
    ")",
    "ext",
    "%",
    "\\",
]
FITTING = [
    pytest.param(attribute, MASKS[name], id=f"{attribute.key}-{name}")
    for kind in catalogue.CATALOGUE
    for attribute in catalogue.attributes(kind)
    for name in attribute.masks
    if attribute.like is not Like.PLAIN and (attribute.name != SIS_ID or kind == "user")
]


def ids(count: int) -> list[UUID]:
    return [UUID(int=n) for n in range(count)]


def values(attribute: Attribute, count: int) -> list[Any]:
    dice = random.Random(attribute.key)
    if attribute.type is Type.DATE:
        return [date(2008, 1, 1) + timedelta(days=dice.randrange(4000)) for _ in range(count)]
    if attribute.choices:
        return dice.choices(attribute.choices, k=count)
    return ["".join(dice.choices(PIECES, k=dice.choice([1, 2, 3, 12]))) for _ in range(count)]


def masked(
    mask: Mask, attribute: Attribute, rows: Iterable[tuple[UUID, Any]], *, secret: bytes = ONE
) -> list[tuple[UUID, Any, Any, str]]:
    """Each row with its id, what the mask keeps of the value, the masked value, and that one's type."""
    field = SIS if attribute.name == SIS_ID else KINDS[attribute.kind][attribute.name]
    sql = masking.sql(mask, KINDS[attribute.kind], field, "r.value")
    typed = "date" if attribute.type is Type.DATE else "text"
    given = list(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(masking.MAKE_KEYS)
        cursor.execute(masking.FILL_KEYS, masking.keys(secret))
        cursor.execute(
            f"SELECT r.id, CASE WHEN r.value IS NOT NULL THEN {mask.kept('r.value')} END, k.m, pg_typeof(k.m)::text "
            f"FROM unnest(%s::uuid[], %s::{typed}[]) WITH ORDINALITY AS r(id, value, place) "
            f"CROSS JOIN LATERAL (SELECT {sql} AS m OFFSET 0) k ORDER BY r.place",
            [[id_ for id_, _ in given], [value for _, value in given]],
        )
        found = cursor.fetchall()
        cursor.execute(masking.DROP_KEYS)
    return found


def told_too_much(mask: Mask, attribute: Attribute) -> set[Any]:
    """Kept parts of one record whose values are masked in more than one way."""
    some = values(attribute, 400)
    by_kept: dict[Any, set[Any]] = {}
    for _, kept, shown, _ in masked(mask, attribute, [(UUID(int=7), value) for value in some]):
        by_kept.setdefault(kept, set()).add(shown)
    assert len(some) > len(by_kept), "no two values to compare"
    return {kept for kept, shown in by_kept.items() if len(shown) > 1}


@pytest.mark.parametrize(("attribute", "mask"), FITTING)
def test_of_a_value_is_left_what_the_mask_says_and_nothing_else(attribute, mask):
    assert told_too_much(mask, attribute) == set()


@pytest.mark.parametrize(("attribute", "mask"), FITTING)
def test_a_masked_value_is_of_its_type_and_always_the_same(attribute, mask):
    rows = list(zip(ids(60), [*values(attribute, 59), None], strict=True))
    first = masked(mask, attribute, rows)
    assert first[-1][2] is None
    if not mask.removes:
        assert {kind for *_, kind in first} == {"date" if attribute.type is Type.DATE else "text"}
    assert masked(mask, attribute, rows) == first
    assert [row[2] for row in masked(mask, attribute, reversed(rows))] == [row[2] for row in reversed(first)]


@pytest.mark.parametrize(("attribute", "mask"), FITTING)
def test_another_application_sees_other_masks(attribute, mask):
    rows = [
        (id_, value)
        for id_, value in zip(ids(200), values(attribute, 200), strict=True)
        if "7" in str(value) or mask.name != "digits"
    ]
    one, other = (masked(mask, attribute, rows, secret=secret) for secret in (ONE, OTHER))
    alike = sum(a[2] == b[2] for a, b in zip(one, other, strict=True)) / len(rows)
    assert alike == 1 if not mask.drawn else alike < 0.7


def test_a_traceable_mask_belongs_to_one_record_and_to_no_value():
    for mask in (m for m in MASKS.values() if m.traceable and m.name != "invented-name"):
        attribute = next(a for a in catalogue.attributes("user") if a.like in mask.likes)
        shown = [row[2] for row in masked(mask, attribute, [(id_, "Smith") for id_ in ids(5000)])]
        assert len(set(shown)) == 5000, mask.name


def test_masks_keep_the_format_of_what_they_stand_for():
    def shown(key: str, name: str, some: list[Any]) -> list[Any]:
        return [row[2] for row in masked(MASKS[name], catalogue.attribute(key), zip(ids(len(some)), some, strict=True))]

    for address in shown("user.email", "alias", ["ada.quill@amber.example", "no address"]):
        assert re.fullmatch(SHAPES["e-mail"], address)
        assert address.endswith(f"@{DOMAIN}")
    numbers = shown("user.phone", "digits", ["+1 (202) 555-0142", "2025550142 (call Grandma first)", "none"])
    assert [re.sub("[1-9]", "9", n or "") for n in numbers] == ["+9 (999) 999-9999", "9999999999 (  )", ""]
    assert shown("demographics.birthDate", "year", [date(2011, 11, 30), date(4, 2, 29)]) == [
        date(2011, 1, 1),
        date(4, 1, 1),
    ]
    assert set(shown("demographics.sex", "choice", ["male"] * 50)) == {"male", "female"}
    assert shown("user.familyName", "initial", ["Quill", " quill", "Żak", "O", "李", "김", "'t Hooft"]) == [
        *("Q***", "q***", "Ż***", "O***", "***", "***", "'***")
    ]
    assert all(re.fullmatch("[A-Z][a-z]{7}", n) for n in shown("user.givenName", "invented-name", ["Ada"] * 50))
    assert all(re.fullmatch("[a-kmnp-r]{20}", n) for n in shown("user.username", "pseudonym", ["ada"] * 50))


def test_what_is_drawn_is_hmac_as_others_work_it_out():
    """RFC 2104 by Python, so that a pseudonym can be made again from the secret alone."""
    record = UUID("0195d7a2-0000-7000-8000-00000000002a")
    letters = str.maketrans("0123456789abcdef", "abcdefghijkmnpqr")
    ((_, _, shown, _),) = masked(MASKS["pseudonym"], catalogue.attribute("user.username"), [(record, "ada.quill")])
    assert shown == hmac.digest(ONE, b"user.username\0" + record.bytes, "sha256").hex()[:20].translate(letters)


def test_the_check_catches_a_mask_that_keeps_more_than_it_says():
    name = catalogue.attribute("user.familyName")
    longer = dataclasses.replace(MASKS["initial"], sql=lambda given: f"(left({given.value}, 2) || '***')")
    by_value = dataclasses.replace(MASKS["invented-name"], sql=lambda given: f"md5({given.value})")
    assert told_too_much(longer, name) != set()
    assert told_too_much(by_value, name) != set()


def test_every_mask_fits_something_and_says_so_in_words():
    for mask in MASKS.values():
        assert any(attribute.values[0].like in mask.likes for attribute in FITTING), mask.name
        assert mask.title, mask.name
        assert mask.keeps, mask.name
        assert quoted(mask.name) == f'"{mask.name}"', mask.name
