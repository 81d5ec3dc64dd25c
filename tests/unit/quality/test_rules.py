"""Rules as questions to rows: which values fall, put to the real engine on a table of one column."""

import duckdb
import pytest

from schoolpassport.kit.columns import quoted
from schoolpassport.quality.records import Severity, Subject
from schoolpassport.quality.rules import bad_value, checks
from schoolpassport.sources.records import Mode
from schoolpassport.sources.schemas import SCHEMAS

FILES = {file.name: file for file in SCHEMAS["oneroster-1.1"].files}


def fallen(file: str, header: str, values: list[str | None]) -> list[str]:
    """The values to which the rule objects."""
    subject = Subject(schema=FILES[file], mode=Mode.BULK)
    (check,) = (c for c in bad_value.checks(subject) if c.column == header)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE {subject.rows} (line BIGINT, key TEXT, {quoted(header)} TEXT)")
        rows = [(line, f"k{line}", value) for line, value in enumerate(values)]
        connection.executemany(f"INSERT INTO {subject.rows} VALUES (?, ?, ?)", rows)
        found = connection.execute(check.sql).fetchall()
    assert all(value in sentence for _, _, value, sentence in found)
    return [value for _, _, value, _ in sorted(found)]


@pytest.mark.parametrize(
    ("file", "header", "good", "bad"),
    [
        (
            *("demographics", "birthDate"),
            ["2012-02-29", "0001-01-01", "9999-12-31"],
            ["2013-02-29", "2012-2-9", "29.02.2012", "2012-02-29T00:00:00Z", "0000-01-01", "20120229", " 2012-02-29"],
        ),
        (*("academicSessions", "schoolYear"), ["2027"], ["27", "2026-2027", "20271", "MMXX"]),
        (*("users", "enabledUser"), ["true", "FALSE", "True"], ["yes", "1", "t", "0", "truthy"]),
        (
            *("results", "score"),
            ["0", "87.5", "-1", ".5", "1e2", "+3."],
            ["", "87,5", "A", "NaN", "inf", "1e400", "0x10", "1 000"],
        ),
        (*("users", "role"), ["student", "teacher"], ["Student", "students", "student,teacher", "wizard"]),
        (*("users", "userIds"), ["{LDAP:a}", "{LDAP:a},{LTI:b:c}", "{x:}"], ["LDAP:a", "{LDAP}", "{a:b}{c:d}"]),
    ],
)
def test_a_value_falls_if_its_field_cannot_be_it_and_nothing_said_is_no_value(file, header, good, bad):
    assert fallen(file, header, [*good, *bad, None]) == bad


def test_entries_fall_where_they_are_no_list_or_have_dates_that_are_none():
    (users,) = (file for file in SCHEMAS["oneroster-1.2"].files if file.name == "users")
    subject = Subject(schema=users, mode=Mode.BULK)
    (check,) = (c for c in bad_value.checks(subject) if c.column == "roles")
    good = ["[]", '[{"org": "s1", "beginDate": "2026-09-01", "endDate": null}]', None]
    bad = ["teacher", '{"org": "s1"}', "null", '[{"org": "s1", "endDate": "some day"}]']
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE {subject.rows} (line BIGINT, key TEXT, roles TEXT)")
        connection.executemany(f"INSERT INTO {subject.rows} VALUES (?, 'k', ?)", list(enumerate([*good, *bad])))
        found = sorted((value, sentence) for _, _, value, sentence in connection.execute(check.sql).fetchall())
    no_list = "roles is no list in JSON; it was not taken."
    no_date = "A date of roles is “some day”; it was not taken. Give a date like 2026-09-01."
    assert found == sorted([*((value, no_list) for value in bad[:3]), ("some day", no_date)])


def test_every_column_is_looked_at_and_a_blank_in_a_required_one_is_an_error():
    for file in FILES.values():
        found = list(checks(Subject(schema=file, mode=Mode.BULK)))
        assert {c.header for c in file.columns} <= {c.column for c in found}, file.name
        missing = {c.column for c in found if c.rule == "missing value" and c.severity == Severity.ERROR}
        assert {c.header for c in file.columns if c.required} <= missing, file.name


ODD = (None, "", "wizard", "x" * 300, "x" * 2_100, "x" * 21_000, "a\x07b", "a\nb", "2026-13-01", "{LDAP}", "29")


def test_whatever_a_check_finds_in_a_row_was_worth_asking():
    """One odd value in an otherwise blank row, for every column: the look that comes first must not miss it."""
    for file in (FILES[name] for name in ("academicSessions", "users", "demographics", "results")):
        subject = Subject(schema=file, mode=Mode.DELTA)
        columns = ["key", "status", "stamp", *(c.header for c in file.columns), "metadata"]
        rows = [
            (line, *(value if n == place else None for n in range(len(columns))))
            for line, (place, value) in enumerate((p, v) for p in range(len(columns)) for v in ODD)
        ]
        with duckdb.connect() as connection:
            named = ", ".join(f"{quoted(c)} TEXT" for c in columns)
            connection.execute(f"CREATE TABLE {subject.rows} (line BIGINT, {named})")
            connection.executemany(f"INSERT INTO {subject.rows} VALUES ({', '.join('?' * (len(columns) + 1))})", rows)
            for check in checks(subject):
                if not check.worth or check.worth.startswith("("):  # asked always, or of another table
                    continue
                found = {line for line, *_ in connection.execute(check.sql).fetchall()}
                asked = connection.execute(f"SELECT line, {check.worth} FROM {subject.rows} GROUP BY line").fetchall()
                assert found <= {line for line, worth in asked if worth}, (file.name, check.rule, check.column)
                assert found or check.rule in {"too long", "control character", "line break"} or not check.column
