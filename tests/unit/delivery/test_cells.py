"""What values become in files: no field holds a line end, and what is blank is absent."""

import duckdb
import pytest

from schoolpassport.delivery.formats.shape import HARMLESS, PLAIN, plain


def written(value: str | None, how: str) -> str | None:
    with duckdb.connect() as db:
        db.execute(f"CREATE MACRO plain(t) AS {how}")
        (cell,) = db.execute(f"SELECT {plain('v')} FROM (SELECT ?::VARCHAR AS v)", [value]).fetchone() or ()
        return cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Zoë, “Zo”", "Zoë, “Zo”"),
        ("one\ntwo", "one two"),
        ("one\rtwo", "one two"),
        ("one\r\ntwo\n", "one  two "),
        ("\n", " "),
        ("", None),
        (None, None),
    ],
)
def test_a_value_is_written_without_line_ends_and_is_absent_when_blank(value, cell):
    assert written(value, PLAIN) == cell
    assert (written(value, HARMLESS) == cell) is not any(end in (value or "") for end in "\r\n")
