"""From a provider's API into the roster, by the commands that a person types: first night, deltas, and what they miss."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.conf import settings

from schoolpassport.cli.commands import sources as command
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.sources import actions, queries
from schoolpassport.tenancy import scope
from tests.support import lookup
from tests.support.nights import BY, Nights, nights
from tests.support.oneroster_provider import SECRET, Quirks, provider, provider_1p2, serving
from tests.support.packages import Package, small, user

EARLY, LATE = "2026-08-25T05:00:00.000Z", "2026-08-28T05:00:00.000Z"


@pytest.fixture(autouse=True)
def _own_network(monkeypatch):
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=here))


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def typed(sis, *words: str):
    done = CliRunner().invoke(command.command, [*words, "--district", str(sis.district_id)])
    assert SECRET not in done.output
    return done


def connect(sis, made, tmp_path, **more: str):
    (tmp_path / "secret").write_text(SECRET)
    given = [word for name, value in made.settings(**more).items() for word in ("--set", f"{name}={value}")]
    place = f"client_secret={tmp_path / 'secret'}"
    added = typed(sis, "add", "SIS", "--connector", "oneroster-rest", *given, "--secret-file", place)
    assert added.exit_code == 0, added.output


def night(sis, made, package: Package, stamp: str, state: str = "done") -> str:
    """The provider says this, and is fetched."""
    made.set(package, stamp=stamp)
    fetched = typed(sis, "fetch", "SIS", "--json")
    assert fetched.exit_code == 0, fetched.output
    told = json.loads(fetched.output.splitlines()[-1])
    assert told["state"] == state, told
    with scope.inside(sis.district_id):
        memory = queries.source(district_id=sis.district_id, id_or_name="SIS").memory
    return "delta" if memory["delta"] else "everything"


def forget_the_days(sis):
    """As if the last full reading were long ago."""
    with scope.inside(sis.district_id):
        source = queries.source(district_id=sis.district_id, id_or_name="SIS")
        source.memory = {**source.memory, "full at": "2026-01-01T00:00:00+00:00"}
        source.save(update_fields=["memory"])


def as_from_a_file(sis, other_district, tmp_path, now, package):
    """What stands in a district that was given the same as a file."""
    told = nights(district_id=other_district.id, folder=tmp_path / "file", now=now)
    told.done(package)
    return {kind: sorted(told.active(kind)) for kind in KINDS}, told.records("user")


KINDS = ("org", "academicSession", "course", "class", "user", "enrollment", "demographics")


def test_a_source_is_added_checked_probed_and_fetched_and_its_nights_are_deltas(sis, other_district, tmp_path, now):
    with serving(provider(small(), Quirks(clamp=3, hides_deleted=True))) as made:
        connect(sis, made, tmp_path, overlap_hours="0")
        checked, empty = typed(sis, "check", "SIS"), typed(sis, "card", "SIS")
        probed = typed(sis, "probe", "SIS")
        first = night(sis, made, small(), EARLY)
        ada = small().changed("users", "p1", givenName="Ada")
        second = night(sis, made, ada, EARLY)
        changed = ada.changed("users", "p2", givenName="Bea").with_rows("users", user("new"))
        third = night(sis, made, changed, LATE)
        gone = changed.without("enrollments", "e5")
        fourth = night(sis, made, gone, LATE, state="unchanged")
        unseen = sis.active("enrollment")
        forget_the_days(sis)
        fifth = night(sis, made, gone, LATE)
        card = typed(sis, "card", "SIS", "--json")
    assert (checked.exit_code, probed.exit_code) == (0, 0), checked.output + probed.output
    assert "Nothing was found out yet" in empty.output
    assert "✗" in probed.output
    assert "Clamped: 2,000 records were asked for, 3 came" in probed.output
    assert [first, second, third, fourth, fifth] == ["everything", "everything", "delta", "delta", "everything"]
    assert "e5" in unseen
    active, people = as_from_a_file(sis, other_district, tmp_path, now, gone)
    assert {kind: sorted(sis.active(kind)) for kind in KINDS} == active
    assert sis.records("user") == people
    told = {t["name"]: t["works"] for t in json.loads(card.output)}
    assert (told["deltas"], told["dates move"], told["deletions told"], told["limit"]) == (True, True, False, False)


def test_a_deletion_that_is_told_is_taken_the_same_night(sis, tmp_path):
    with serving(provider(small())) as made:
        connect(sis, made, tmp_path)
        night(sis, made, small(), EARLY)
        ada = small().changed("users", "p1", givenName="Ada")
        night(sis, made, ada, EARLY)
        assert night(sis, made, ada.without("enrollments", "e5"), LATE) == "delta"
    assert sis.archived("enrollment") == {"e5"}


def test_a_provider_of_one_dot_two_gives_the_same_roster(district, other_district, tmp_path, now):
    """And what 1.2 knows besides: the roles of a user at each org."""
    sis = nights(district_id=district.id, folder=tmp_path, now=now)
    source = actions.register_source(
        district_id=district.id, name="New", schema="oneroster-1.2", by=BY, now=now + timedelta(seconds=1)
    )
    sis = replace(sis, source=source)
    with serving(provider_1p2(small(), Quirks(clamp=3, booleans="json", cased=True))) as made:
        (tmp_path / "secret").write_text(SECRET)
        actions.connect_source(
            district_id=district.id,
            source_id=source.id,
            connector="oneroster-rest",
            values=made.settings(),
            secrets={"client_secret": SECRET},
            by=BY,
            now=now,
        )
        fetched = typed(sis, "fetch", "New")
    assert fetched.exit_code == 0, fetched.output
    active, people = as_from_a_file(sis, other_district, tmp_path, now, small())
    assert {kind: sorted(sis.active(kind)) for kind in KINDS} == active
    taken = sis.records("user")
    ids = sis.ids("org")
    assert [role["org"] for role in taken["p3"]["roles"]] == [str(ids[key]) for key in ("s1", "s2")]
    assert {key: {**person, "roles": None} for key, person in taken.items()} == people


def test_a_probe_that_cannot_ask_says_what_to_do_and_keeps_what_was_known(sis, tmp_path):
    with serving(provider(small())) as made:
        connect(sis, made, tmp_path)
        known = typed(sis, "probe", "SIS").output
        made.quirks = Quirks(forbidden=frozenset({"users"}))
        failed = typed(sis, "probe", "SIS")
        kept = typed(sis, "card", "SIS")
    assert (failed.exit_code, "Let these credentials read them" in failed.output) == (1, True)
    assert kept.output == known


def test_what_is_no_api_has_no_card(sis):
    failed = typed(sis, "probe", "SIS")
    assert (failed.exit_code, "no dialect" in failed.output) == (1, True)
