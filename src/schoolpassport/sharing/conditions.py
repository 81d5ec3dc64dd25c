"""A filter as SQL over a view row ``r``: parameterised, and never NULL where it decides.

A record that lacks an attribute fulfils ``!=`` and nothing else, so ``=`` and ``!=`` always divide a collection. Text
is compared without regard to case; dates are compared as instants, a date being its midnight in UTC. In lists ``=``
asks for all of the values between the commas and ``~`` for any of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from schoolpassport.gradebook.contract import GRADES, id_sql, is_ours
from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import Kind
from schoolpassport.sharing.filters import Clause, Filter, Logical, Predicate
from schoolpassport.sharing.records import Fault, Shared, Unanswerable
from schoolpassport.sharing.values import Shape, Value, find


@dataclass(frozen=True)
class Condition:
    """SQL with named parameters. It may also name %(district)s, %(integration)s, %(view)s and %(revision)s."""

    sql: str = "true"
    parameters: Mapping[str, object] = field(default_factory=dict)


def compiled(filter_: Filter, kind: Kind, shared: Shared) -> Condition:
    """Raises ``Unanswerable`` for an unknown field and for a value that cannot be one of its values."""
    parts = [_clause(clause, kind, shared, f"f{place}") for place, clause in enumerate(filter_.clauses)]
    sql = f" {filter_.joined} ".join(f"({part.sql})" for part in parts)
    return Condition(f"({sql})", {name: value for part in parts for name, value in part.parameters.items()})


def are_few(filter_: Filter, kind: Kind, shared: Shared) -> bool:
    """Whether an index knows the records that fulfil it, or a few more of which it keeps some."""
    if filter_.joined is Logical.OR and len(filter_.clauses) > 1:
        return False
    equal = (clause for clause in filter_.clauses if clause.predicate is Predicate.EQUAL)
    found = (find(kind, shared, clause.path, prefix="") for clause in equal)
    return any(value is not None and value.indexed for value in found)


def _clause(clause: Clause, kind: Kind, shared: Shared, name: str) -> Condition:
    value = find(kind, shared, clause.path, prefix=name)
    if value is None:
        raise Unanswerable(Fault.FILTER, f"There is no field {clause.path} to filter {kind.plural} by.")
    if clause.predicate is Predicate.UNEQUAL:
        equal = _clause(Clause(clause.path, Predicate.EQUAL, clause.value), kind, shared, name)
        return Condition(f"({equal.sql}) IS NOT TRUE", equal.parameters)
    write = _many if value.many else _contains if clause.predicate is Predicate.CONTAINS else _COMPARED[value.shape]
    written = write(value, clause, name)
    return Condition(written.sql, {**value.parameters, **written.parameters})


# ----------------------------------------------------------------------------------------------------- single values


def _text(value: Value, clause: Clause, name: str) -> Condition:
    held = value.folded or f"lower({value.sql})"
    return Condition(f'{held} COLLATE "C" {clause.predicate} lower(%({name})s::text) COLLATE "C"', {name: clause.value})


def _id(value: Value, clause: Clause, name: str) -> Condition:
    """Ids are equal as ids, which an index knows; only the other comparisons see them as text."""
    if clause.predicate is not Predicate.EQUAL:
        return _text(Value(Shape.TEXT, f"{value.sql}::text"), clause, name)
    if value.target in GRADES and not is_ours(clause.value.lower()):
        return Condition(f"{value.sql} = (SELECT {_own_id(value.target, name)})", {name: clause.value})
    wanted = _uuid(clause.value)
    return Condition("false") if wanted is None else Condition(f"{value.sql} = %({name})s::uuid", {name: wanted})


def _own_id(kind: str, name: str) -> str:
    """SQL: the id of what the reader itself wrote under this name."""
    return id_sql(integration="%(integration)s::uuid", kind=literal(kind), name=f"%({name})s::text")


def _boolean(value: Value, clause: Clause, name: str) -> Condition:
    if clause.value.lower() not in {"true", "false"}:
        raise _no_value(clause, "true or false")
    return Condition(f"{value.sql} {clause.predicate} %({name})s::boolean", {name: clause.value.lower() == "true"})


def _date(value: Value, clause: Clause, name: str) -> Condition:
    return _instant(Value(Shape.INSTANT, f"({value.sql}::timestamp AT TIME ZONE 'UTC')"), clause, name)


def _instant(value: Value, clause: Clause, name: str) -> Condition:
    return Condition(f"{value.sql} {clause.predicate} %({name})s::timestamptz", {name: moment(clause)})


def _revision(value: Value, clause: Clause, name: str) -> Condition:
    """The few revisions are compared, not the many rows: each has its part of the change log, and an index knows it."""
    wanted = {name: moment(clause)}
    if clause.predicate is Predicate.EQUAL:
        return Condition(_came_in(value, f"s.at = %({name})s::timestamptz"), wanted)
    beyond, before = _SIDES[clause.predicate]
    reached = f"r.seq {beyond} {_last_line(f's.at {before} %({name})s::timestamptz')}"
    if beyond == "<=":
        return Condition(reached, wanted)
    # Nothing lies beyond the revision that is read. So it is a range, which the planner takes for short.
    return Condition(f"({reached} AND r.seq <= {_last_line('s.number <= %(revision)s')})", wanted)


def _last_line(condition: str) -> str:
    """SQL: the number of the last line of these revisions."""
    return (
        "(SELECT coalesce(max(s.seq_to), 0) FROM sharing_viewrevision s WHERE s.district_id = %(district)s "
        f"AND s.view = %(view)s AND {condition})"
    )


# A comparison with an instant: which side of the last line before it, and which revisions lie before it.
_SIDES = {
    Predicate.GREATER: (">", "<="),
    Predicate.GREATER_OR_EQUAL: (">", "<"),
    Predicate.LESS: ("<=", "<"),
    Predicate.LESS_OR_EQUAL: ("<=", "<="),
}


def _number(value: Value, clause: Clause, name: str) -> Condition:
    if not _NUMBER.fullmatch(clause.value):
        raise _no_value(clause, "a number")
    return Condition(f"{value.sql} {clause.predicate} %({name})s::double precision", {name: float(clause.value)})


_COMPARED: Mapping[Shape, Callable[[Value, Clause, str], Condition]] = {
    Shape.TEXT: _text,
    Shape.ID: _id,
    Shape.BOOLEAN: _boolean,
    Shape.DATE: _date,
    Shape.INSTANT: _instant,
    Shape.NUMBER: _number,
    Shape.REVISION: _revision,
}


def _contains(value: Value, clause: Clause, name: str) -> Condition:
    """``~`` looks into the value as it is served, whatever it is."""
    shown = f"to_char({{}} AT TIME ZONE 'UTC', '{STAMP}')"
    match value.shape:
        case Shape.REVISION:
            return Condition(_came_in(value, _within(shown.format("s.at"), name)), {name: clause.value})
        case Shape.INSTANT:
            return Condition(_within(shown.format(value.sql), name), {name: clause.value})
        case _:
            return Condition(_within(f"({value.sql})::text", name), {name: clause.value})


def _within(text: str, name: str) -> str:
    return f"strpos(lower({text}), lower(%({name})s::text)) > 0"


def _came_in(value: Value, condition: str) -> str:
    return (
        f"{value.sql} IN (SELECT s.number FROM sharing_viewrevision s "
        f"WHERE s.district_id = %(district)s AND s.view = %(view)s AND {condition})"
    )


# ------------------------------------------------------------------------------------------------------------- lists


def _many(value: Value, clause: Clause, name: str) -> Condition:
    """``=``: all of the wanted are there; ``~``: any is."""
    if clause.predicate not in {Predicate.EQUAL, Predicate.CONTAINS}:
        raise Unanswerable(Fault.FILTER, f"{clause.path} is a list: it has =, != and ~ only.")
    operator = "@>" if clause.predicate is Predicate.EQUAL else "&&"
    wanted = [item.strip() for item in clause.value.split(",")]
    if value.shape is not Shape.ID:
        held = f"ARRAY(SELECT lower(x) FROM unnest({value.sql}) x)"
        return Condition(f"{held} {operator} ARRAY(SELECT lower(x) FROM unnest(%({name})s::text[]) x)", {name: wanted})
    ids = [_uuid(item) for item in wanted]
    if clause.predicate is Predicate.EQUAL and None in ids:
        return Condition("false")
    return Condition(f"{value.sql} {operator} %({name})s::uuid[]", {name: [i for i in ids if i is not None]})


# ---------------------------------------------------------------------------------------------------------- literals

STAMP = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'  # PostgreSQL's pattern for a OneRoster date-time

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?", re.ASCII)
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([T ](?P<time>\d\d:\d\d)(?P<seconds>:\d\d)?(?P<fraction>[.,]\d+)?(?P<zone>Z|[ +-]\d\d:?\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _UUID.fullmatch(text) else None


def moment(clause: Clause) -> datetime:
    """What the clause compares with; raises ``Unanswerable``.

    A date is its midnight; what names no zone is in UTC. A + that arrived as a space is still a +.
    """
    found = _MOMENT.fullmatch(clause.value)
    if found is None:
        raise _no_value(clause, "a date like 2026-09-01 or a date-time like 2026-09-01T06:00:00.000Z")
    fraction = (found["fraction"] or ".0")[1:7].ljust(6, "0")
    zone = (found["zone"] or "Z").upper().replace(" ", "+")
    text = f"{found['day']}T{found['time'] or '00:00'}{found['seconds'] or ':00'}.{fraction}{zone}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_value(clause, "a date and time that exist") from None


def _no_value(clause: Clause, wanted: str) -> Unanswerable:
    return Unanswerable(Fault.FILTER, f"{clause.path} is compared with {wanted}.")
