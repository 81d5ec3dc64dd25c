"""Values as people read them: nothing of how Python writes them."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from schoolpassport.kit import readable

AT = datetime(2026, 9, 1, 8, 0, 1, 398_000, tzinfo=timezone(timedelta(hours=2)))
ID = UUID("01a2b3c4-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    ("value", "shown", "in_a_sentence"),
    [
        (None, "–", "blank"),
        ([], "–", "blank"),
        ("", "", "blank"),
        ("06", "06", "“06”"),
        (["06", "07"], "06, 07", "“06, 07”"),
        ([ID], str(ID), f"“{ID}”"),
        (True, "true", "“true”"),
        (7, "7", "“7”"),
        (date(2012, 5, 3), "2012-05-03", "“2012-05-03”"),
        (AT, "2026-09-01T06:00:01Z", "“2026-09-01T06:00:01Z”"),
        ({"house": "Rot"}, '{"house": "Rot"}', '“{"house": "Rot"}”'),
    ],
)
def test_a_value_is_shown_as_people_write_it(value, shown, in_a_sentence):
    assert (readable.shown(value), readable.in_a_sentence(value)) == (shown, in_a_sentence)


def test_a_value_of_a_document_is_told_as_it_stands_there():
    assert [readable.written(v) for v in (None, "ß", True, AT.astimezone(UTC).date())] == [
        *("null", '"ß"', "true"),
        '"2026-09-01"',
    ]
    assert readable.said_of("day", None) == "“day” is missing"
    assert readable.said_of("day", 32) == "“day” is “32”"
    assert readable.said_of("day", ["1"]) == '“day” is “["1"]”'
    assert readable.said_of("at", "2 am") == "“at” is “2 am”"
