"""A reference to something that is not there. Asked last: it must know which rows fell before.

A required reference that leads nowhere leaves the row out, and so does one by which the record is bound. Another
optional one is a warning: the row is taken without it.
Of a required list, one that leads somewhere is enough.
"""

from collections.abc import Iterator

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject
from schoolpassport.roster.kinds import KINDS, Field
from schoolpassport.sources.schemas import Parse

NAME = "dangling reference"


def checks(subject: Subject) -> Iterator[Check]:
    kind = subject.schema.kind
    if kind.same_id_as:
        identity = kind.references[0]
        yield _single(subject, "sourcedId", "key", identity, Severity.ERROR)
    for column in subject.schema.columns:
        if not column.field.is_reference:
            continue
        needed = column.required or column.field.binding
        severity = Severity.ERROR if needed and not subject.partial else Severity.WARNING
        if column.parse is Parse.LIST:
            yield from _list(subject, column.header, column.field)
        else:
            yield _single(subject, column.header, quoted(column.header), column.field, severity)


def _sentence(header: str, field: Field, consequence: str) -> str:
    target = KINDS[field.target]
    known = f"no {target.name} of that sourcedId is in the package or the roster"
    return (
        f"{literal(header + ' refers to “')} || ref || CASE WHEN b.line IS NULL THEN {literal('”, but ' + known)} "
        f"ELSE {literal(f'”, but that {target.name} was left out (its own row is line ')} || b.line || ')' END || "
        f"{literal(consequence)}"
    )


_CUT = "; the reference was not taken."


def _single(subject: Subject, header: str, cell: str, field: Field, severity: Severity) -> Check:
    target = KINDS[field.target].table
    return Check(
        rule=NAME,
        severity=severity,
        column=header,
        about_references=True,
        sql=f"SELECT c.line, c.key, ref, {_sentence(header, field, '.' if severity is Severity.ERROR else _CUT)} "
        f"FROM (SELECT line, key, {cell} AS ref FROM {subject.rows} WHERE {cell} IS NOT NULL) c "
        f"ANTI JOIN keys_{target} k ON c.ref = k.key LEFT JOIN fallen_{target} b ON c.ref = b.key",
    )


def _list(subject: Subject, header: str, field: Field) -> Iterator[Check]:
    target = KINDS[field.target].table
    exploded = (
        f"(SELECT line, key, trim(unnest(string_split({quoted(header)}, ','))) AS ref FROM {subject.rows} "
        f"WHERE {quoted(header)} IS NOT NULL)"
    )
    alive = f"SELECT DISTINCT e.line FROM {exploded} e JOIN keys_{target} k ON e.ref = k.key"
    lost = f"FROM {exploded} c ANTI JOIN keys_{target} k ON c.ref = k.key LEFT JOIN fallen_{target} b ON c.ref = b.key"
    required = field.required and not subject.partial
    if required:
        yield Check(
            rule=NAME,
            severity=Severity.ERROR,
            column=header,
            about_references=True,
            sql=f"SELECT c.line, c.key, ref, {_sentence(header, field, '.')} {lost} "
            f"WHERE ref <> '' AND c.line NOT IN ({alive})",
        )
    yield Check(
        rule=NAME,
        severity=Severity.WARNING,
        column=header,
        about_references=True,
        sql=f"SELECT c.line, c.key, ref, {_sentence(header, field, _CUT)} {lost} WHERE ref <> ''"
        + (f" AND c.line IN ({alive})" if required else ""),
    )
