"""A value that its field's type or enumeration does not allow."""

from collections.abc import Iterator

from schoolpassport.kit.columns import entries_of, is_json, literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject
from schoolpassport.roster.kinds import Type
from schoolpassport.roster.kinds.shape import ENTRY_DATES, PAIRS
from schoolpassport.sources.schemas import Column, Parse

NAME = "bad value"

_INSTANT = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_NUMBER = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"

# type → (condition under which the text `v` is fine, what the sentence asks for)
_SHAPES: dict[Type, tuple[str, str]] = {
    Type.DATE: (
        "regexp_full_match($v, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND $v >= '0001' AND try_cast($v AS DATE) IS NOT NULL",
        "a date like 2026-09-01",
    ),
    Type.DATE_TIME: (
        f"regexp_full_match($v, '{_INSTANT}') AND $v BETWEEN '0001-01-02' AND '9999-12-31' "  # noqa: ISC004 (one condition)
        "AND try_cast($v AS TIMESTAMPTZ) IS NOT NULL",
        "a date and time like 2026-09-01T06:00:00.000Z",
    ),
    Type.YEAR: ("regexp_full_match($v, '[0-9]{4}')", "a year of four digits, the one in which the school year ends"),
    Type.BOOLEAN: ("lower($v) IN ('true', 'false')", "true or false"),
    Type.FLOAT: (
        f"regexp_full_match($v, '{_NUMBER}') AND "  # noqa: ISC004 (one condition)
        "(regexp_full_match($v, '[^1-9]*([eE].*)?') OR abs(try_cast($v AS DOUBLE)) BETWEEN 1e-300 AND 1e300)",
        "a number like 87.5",
    ),
}


def checks(subject: Subject) -> Iterator[Check]:
    asked = [(c, *found) for c in subject.schema.columns if (found := _wanted(c)) is not None]
    wrong = " OR ".join(_wrong(quoted(column.header), fine) for column, fine, _ in asked)
    for column, fine, wanted in asked:
        yield _check(subject, column, fine, wanted, f"bool_or({wrong})")
    yield from (_pairs(subject, c) for c in subject.schema.columns if c.parse is Parse.PAIRS)
    yield from (_entries(subject, c) for c in subject.schema.columns if c.field.each_names)
    yield from (
        _json(subject, c) for c in subject.schema.columns if c.field.type is Type.JSON and not c.field.each_names
    )


def _wanted(column: Column) -> tuple[str, str] | None:
    if column.parse is Parse.PAIRS:
        return None
    return _enumeration(column) if column.field.values else _SHAPES.get(column.field.type)


def _enumeration(column: Column) -> tuple[str, str]:
    allowed = ", ".join(literal(v) for v in column.field.values)
    fine = f"$v IN ({allowed})"
    if column.parse is Parse.LIST:
        fine = f"len(list_filter(string_split($v, ','), lambda e: trim(e) <> '' AND trim(e) NOT IN ({allowed}))) = 0"
    return fine, "one of: " + ", ".join(column.field.values)


def _wrong(cell: str, fine: str) -> str:
    return f"({cell} IS NOT NULL AND NOT coalesce({fine.replace('$v', cell)}, false))"


def _check(subject: Subject, column: Column, fine: str, wanted: str, worth: str) -> Check:
    return Check(
        worth=worth,
        rule=NAME,
        severity=Severity.ERROR,
        column=column.header,
        sql=f"SELECT line, key, v, {literal(column.header + ' is “')} || v || {literal('”; give ' + wanted + '.')} "
        f"FROM (SELECT line, key, {quoted(column.header)} AS v FROM {subject.rows}) "
        f"WHERE {_wrong('v', fine)}",
    )


def _pairs(subject: Subject, column: Column) -> Check:
    left, right = PAIRS[column.field.type]
    needed = column.required and not subject.partial
    told = f"”; {'write' if needed else 'it was not taken. Write'} {{{left}:{right}}}, several separated by commas."
    one = r"\{[^:{}]+:[^{}]*\}"
    return Check(
        worth=f"bool_or({quoted(column.header)} IS NOT NULL)",
        rule=NAME,
        severity=Severity.ERROR if needed else Severity.WARNING,
        column=column.header,
        sql=f"SELECT line, key, v, {literal(f'{column.header} is “')} || v || {literal(told)} "
        f"FROM (SELECT line, key, {quoted(column.header)} AS v FROM {subject.rows}) "
        f"WHERE v IS NOT NULL AND NOT regexp_full_match(v, '{one}(\\s*,\\s*{one})*')",
    )


def _entries(subject: Subject, column: Column) -> Check:
    """A list in JSON that is none, and dates inside of one that are none."""
    dated = ", ".join(f"json_extract_string(entry, '$.{date}')" for date in ENTRY_DATES)
    cell = quoted(column.header)
    each = f"SELECT line, key, unnest({entries_of(cell)}) AS entry FROM {subject.rows}"
    said = f"SELECT line, key, unnest([{dated}]) AS v FROM ({each})"
    return Check(
        worth=f"bool_or({cell} IS NOT NULL)",
        rule=NAME,
        severity=Severity.WARNING,
        column=column.header,
        sql=f"SELECT line, key, v, {literal(f'A date of {column.header} is “')} || v || '”; it was not taken. Give a "
        f"date like 2026-09-01.' FROM ({said}) WHERE v IS NOT NULL AND try_cast(v AS DATE) IS NULL UNION ALL "
        f"SELECT line, key, {cell}, {literal(f'{column.header} is no list in JSON; it was not taken.')} "
        f"FROM {subject.rows} WHERE {cell} IS NOT NULL AND {entries_of(cell)} IS NULL",
    )


def _json(subject: Subject, column: Column) -> Check:
    cell = quoted(column.header)
    return Check(
        worth=f"bool_or({cell} IS NOT NULL)",
        rule=NAME,
        severity=Severity.WARNING,
        column=column.header,
        sql=f"SELECT line, key, {cell}, {literal(f'{column.header} is no JSON that can be kept; it was not taken.')} "
        f"FROM {subject.rows} WHERE {cell} IS NOT NULL AND NOT {is_json(cell)}",
    )
