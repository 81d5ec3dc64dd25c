"""A consent as SQL: who is a member of a view, and what each member looks like in it.

The roster's record stands in the queries as ``r`` (its open version). A kind is projected after the kinds it refers
to, so membership of a target is read from the view itself; membership within the kind in hand from the temporary
table ``own``. Nothing here is written by hand per kind: everything comes from the catalogue of kinds.

The rule for references (closure): a reference to something the view lacks is cut; a record whose *binding* reference
would be cut is withheld, unless the consent does not share the target's kind at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.conditions import POSTGRESQL, Tree
from schoolpassport.quality.assessment import column_of
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import masking
from schoolpassport.sharing.catalogue import METADATA, PRIMARY_GRADE, SIS, SIS_ID, extensions
from schoolpassport.sharing.masks import MASKS, Mask
from schoolpassport.sharing.models import HREF


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the consent says. ``scoped``: only what hangs on the orgs in the temporary table ``scope_org``."""

    view: int
    district_id: UUID
    attributes: Mapping[str, Sequence[str]]
    scoped: bool
    filters: Mapping[str, Tree]
    masks: Mapping[str, str]
    skips: Mapping[str, Sequence[str]]  # by kind, what a record must not lack
    one_link: bool = False  # every record has one link, so that none must be chosen
    enrichment: tuple[UUID, ...] = ()  # sources whose keys are no SIS ids

    def shares(self, kind: str) -> bool:
        return kind in self.attributes

    def shows(self, kind: Kind, name: str) -> bool:
        return name in self.attributes.get(kind.name, ())

    def mask(self, kind: Kind, name: str) -> Mask | None:
        return MASKS[self.masks[key]] if (key := f"{kind.name}.{name}") in self.masks else None


def head(stamp: str, *, status: str = "active", alias: str = "r") -> str:
    """SQL: the opening of every document; the same length for every active one."""
    return f"""'{{"sourcedId":"' || {alias}.id || '","status":"{status}","dateLastModified":"{stamp}"'"""


HEAD_LENGTH = len('{"sourcedId":"","status":"active","dateLastModified":""') + 36 + 24

TOMBSTONE_LENGTH = HEAD_LENGTH + len("tobedeleted") - len("active") + len("}")


def membership(kind: Kind, terms: Terms) -> str:
    """SQL: the condition under which a record of the kind is in the view."""
    needed = ["r.status = 'active'"]
    if terms.scoped:
        needed.append(_in_scope(kind, terms, "r"))
    if where := terms.filters.get(kind.name):
        needed.append(conditions.sql(where, column=column_of(kind), dialect=POSTGRESQL).replace("%", "%%"))
    needed += [f"NOT {blank(kind[name])}" for name in terms.skips.get(kind.name, ()) if terms.shows(kind, name)]
    needed += [
        _if_any(field, "r", f"EXISTS ({_member(field.target, terms, _column(field))})")
        for field in kind.references
        if field.binding and terms.shares(field.target)
    ]
    return " AND ".join(c for c in needed if c)


def blank(field: Field) -> str:
    """SQL: the record ``r`` lacks the attribute."""
    value = f"r.{quoted(field.column)}"
    if field.many:
        return f"(coalesce(cardinality({value}), 0) = 0)"
    if field.type is Type.JSON or field.type in PAIRS:
        return f"(coalesce({value}, 'null'::jsonb) IN ('null'::jsonb, '[]'::jsonb, '{{}}'::jsonb))"
    return f"(nullif(trim({value}), '') IS NULL)" if field.type is Type.TEXT else f"({value} IS NULL)"


def _in_scope(kind: Kind, terms: Terms, alias: str) -> str:
    """SQL: the record belongs to the scope, by its own school or by what it is bound to."""
    orgs = "(SELECT id FROM scope_org)"
    if kind.school == "id":
        return f"{alias}.id IN {orgs}"
    if not kind.school:
        return _bound_in_scope(kind, terms, alias)
    field = kind[kind.school]
    if field.many:
        return f"{alias}.{quoted(field.column)} && ARRAY{orgs}"
    own = f"{alias}.{quoted(field.column)} IN {orgs}"
    if kind.name != "course":
        return own
    # A course of another school is there, too, when a class in the scope teaches it.
    taught = (
        f"SELECT FROM roster_class t WHERE t.district_id = {alias}.district_id AND t.rev_to = {OPEN} "
        f"AND t.status = 'active' AND t.course_id = {alias}.id AND t.school_id IN {orgs}"
    )
    return f"({own} OR EXISTS ({taught}))"


def _bound_in_scope(kind: Kind, terms: Terms, alias: str) -> str:
    """SQL: what the record is bound to is in the scope, also where the consent does not share that kind.

    Sessions and the like are bound to nothing and hold no personal data: they come whole.
    """
    needed = []
    for field in kind.references:
        if not field.binding or (alias == "r" and terms.shares(field.target)):  # membership is asked for anyway
            continue
        target, other = KINDS[field.target], f"{alias}_{field.target.lower()}"
        if condition := _in_scope(target, terms, other):
            there = (
                f"EXISTS (SELECT FROM roster_{target.table} {other} WHERE {other}.district_id = {alias}.district_id "
                f"AND {other}.rev_to = {OPEN} AND {other}.id = {_column(field, alias)} AND {condition})"
            )
            needed.append(_if_any(field, alias, there))
    return " AND ".join(needed)


def _if_any(field: Field, alias: str, condition: str) -> str:
    """SQL: the condition about what a record is bound to, which some are bound to nothing by."""
    return condition if field.required else f"({_column(field, alias)} IS NULL OR {condition})"


def _column(field: Field, alias: str = "r") -> str:
    return f"{alias}.id" if field.name == "sourcedId" else f"{alias}.{quoted(field.column)}"


def _member(target: str, terms: Terms, value: str) -> str:
    """SQL: a subquery with a row if ``value`` is an active member of the view."""
    return (
        f"SELECT FROM sharing_{KINDS[target].table} m WHERE m.district_id = r.district_id AND m.view = {terms.view} "
        f"AND m.id = {value} AND m.rev_to = {OPEN} AND m.status = 'active'"
    )


@dataclass(frozen=True, kw_only=True)
class Projected:
    """SQL pieces of one kind: ``SELECT r.id, <values> FROM mem r <joins>``."""

    columns: tuple[str, ...]  # of the view table, ``doc`` or ``sis_id`` last
    values: tuple[str, ...]
    joins: str


def looks_at_members(kind: Kind, terms: Terms) -> bool:
    """Whether the joins of ``project`` may name ``mem`` or ``own``."""
    listed = any(f.is_reference and (f.many or f.target == kind.name) for f in kind.fields)
    return listed or bool(kind.derived) or not terms.one_link


def project(kind: Kind, terms: Terms, stamp: str) -> Projected:
    """Each column of the view table as an expression over ``r``. Unshared attributes are NULL and in no document."""
    joins: list[str] = []
    shown = [f for f in kind.fields if terms.shows(kind, f.name)]
    values: dict[str, str] = {f.column: _nothing(f) for f in kind.fields if f.in_view}
    parts: list[str] = []
    masked = _masked(kind, [f.name for f in shown], terms, joins)
    ours: dict[str, str] = {}
    for field in shown:
        value = masked.get(field.name, f"r.{quoted(field.column)}")
        if field.extension:
            ours[field.extension] = _extension(field, value, kind, terms, joins)
            continue
        if field.v1p1 not in {"", field.name}:
            if text := _primary_school(field, kind, terms, joins):
                parts.append(text)
            continue
        column, text = _field(field, value, kind, terms, joins)
        if field.in_view:
            values[field.column] = column
        if text and field.name != METADATA:
            parts.append(text)
    sis = _sis_id(kind, terms, joins)
    if not kind.stored_document:
        return _pieces({**values, "sis_id": sis}, joins)
    parts += [_derived(d.name, d.kind, d.field, terms, joins) for d in kind.derived if terms.shows(kind, "parent")]
    if terms.shows(kind, PRIMARY_GRADE):
        ours[PRIMARY_GRADE] = _PRIMARY_GRADE
    parts.append(_metadata(kind, terms, sis, ours))
    body = " || ".join([*parts, "'}'"])
    return _pieces({**values, "doc": f"{head(stamp)} || {body}"}, joins)


_NO_TEXT = "NULL::text"
_TYPES = {
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.DATE_TIME: "timestamptz",
    Type.FLOAT: "double precision",
    Type.REFERENCE: "uuid",
    Type.USER_IDS: "jsonb",
    Type.SCALE: "jsonb",
    Type.JSON: "jsonb",
}


def _nothing(field: Field) -> str:
    """SQL: the column of an attribute that is not shared."""
    return f"NULL::{_TYPES.get(field.type, 'text')}{'[]' if field.many else ''}"


def _pieces(values: dict[str, str], joins: list[str]) -> Projected:
    return Projected(columns=tuple(values), values=tuple(values.values()), joins=" ".join(joins))


def _masked(kind: Kind, names: Iterable[str], terms: Terms, joins: list[str]) -> dict[str, str]:
    """What stands in place of the values that are masked; each is worked out once, and used as often as one likes."""
    found = {name: mask for name in names if (mask := terms.mask(kind, name)) and name in kind}
    if found:
        each = (
            f"{masking.sql(mask, kind, kind[name], f'r.{quoted(kind[name].column)}')} AS {quoted(kind[name].column)}"
            for name, mask in found.items()
        )
        joins.append(f"CROSS JOIN LATERAL (SELECT {', '.join(each)} OFFSET 0) k")
    return {name: f"k.{quoted(kind[name].column)}" for name in found}


def _field(field: Field, value: str, kind: Kind, terms: Terms, joins: list[str]) -> tuple[str, str]:
    """SQL: the value as a column, and as a piece of the document (empty text when there is no value)."""
    if field.is_reference:
        return _reference(field, kind, terms, joins)
    texts = {
        Type.BOOLEAN: f"""'"' || {value} || '"'""",
        Type.DATE: f"""'"' || {value} || '"'""",
        Type.YEAR: f"""'"' || {value} || '"'""",
        Type.DATE_TIME: f"""'"' || to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'""",
        Type.JSON: f"{value}::text",
        Type.USER_IDS: f"{value}::text",
        Type.SCALE: f"{value}::text",
        Type.TEXT: f"array_to_json({value})::text" if field.many else f"to_json({value})::text",
        Type.FLOAT: f"to_json({value})::text",
    }
    text = f"coalesce({texts[field.type]}, '\"\"')" if field.blank_if_missing else texts[field.type]
    return value, _piece(field.name, text)


def _piece(name: str, text: str) -> str:
    return f"""coalesce(',"{name}":' || {text}, '')"""


def _reference(field: Field, kind: Kind, terms: Terms, joins: list[str]) -> tuple[str, str]:
    """A reference, or a list of them, reduced to what the view holds."""
    if not terms.shares(field.target):
        return _nothing(field), ""
    value, name = f"r.{quoted(field.column)}", f"j_{field.column}"
    if field.binding:  # no member without its target
        return value, _piece(field.name, _guid_ref(field.target, value))
    members = _members(field.target, kind, terms)
    if not field.many:
        joins.append(f"LEFT JOIN ({members}) {name} ON {name}.id = {value}")
        return f"{name}.id", _piece(field.name, _guid_ref(field.target, f"{name}.id"))
    each = f"SELECT o.id, u.ref, u.place FROM mem o, unnest(o.{quoted(field.column)}) WITH ORDINALITY AS u(ref, place)"
    joins.append(
        f"LEFT JOIN (SELECT e.id, array_agg(e.ref ORDER BY e.place) AS ids, "
        f"string_agg({_guid_ref(field.target, 'e.ref')}, ',' ORDER BY e.place) AS refs "
        f"FROM ({each}) e JOIN ({members}) m ON m.id = e.ref GROUP BY e.id) {name} ON {name}.id = r.id"
    )
    return f"{name}.ids", _piece(field.name, f"'[' || {name}.refs || ']'")


def _members(target: str, kind: Kind, terms: Terms) -> str:
    if target == kind.name:
        return "SELECT id FROM own"
    return (
        f"SELECT id FROM sharing_{KINDS[target].table} WHERE district_id = '{terms.district_id}'::uuid "
        f"AND view = {terms.view} AND rev_to = {OPEN} AND status = 'active'"
    )


def _guid_ref(target: str, value: str) -> str:
    """SQL: a GUIDRef (OneRoster 1.1, 1.5), always of the base type. The href stands on the sign for the base URL."""
    path = f"{HREF}/{KINDS[target].plural}/"
    return f"""('{{"href":"{path}' || {value} || '","sourcedId":"' || {value} || '","type":"{target}"}}')"""


def _derived(name: str, kind_name: str, field: str, terms: Terms, joins: list[str]) -> str:
    child = KINDS[kind_name]
    parent = f"c.{quoted(child[field].column)}"
    joins.append(
        f"LEFT JOIN (SELECT {parent} AS parent, string_agg({_guid_ref(kind_name, 'c.id')}, ',' ORDER BY c.id) AS refs "
        f"FROM roster_{child.table} c JOIN own ON own.id = c.id WHERE c.district_id = '{terms.district_id}'::uuid "
        f"AND c.rev_to = {OPEN} GROUP BY {parent}) d_{name} ON d_{name}.parent = r.id"
    )
    return _piece(name, f"'[' || d_{name}.refs || ']'")


def _sis_id(kind: Kind, terms: Terms, joins: list[str]) -> str:
    """SQL: what the SIS calls the record: of several keys, one that is not gone, of the source registered first."""
    if not terms.shows(kind, SIS_ID):
        return _NO_TEXT
    links = f"FROM roster_link WHERE district_id = '{terms.district_id}'::uuid AND kind = '{kind.name}'"
    if terms.one_link:
        joins.append(f"LEFT JOIN (SELECT record_id, key {links}) l ON l.record_id = r.id")
    else:
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT ON (record_id) record_id, key {links} AND record_id IN (SELECT id FROM mem)"
            f"{_but(terms.enrichment)} ORDER BY record_id, gone, source_id, key) l ON l.record_id = r.id"
        )
    if (mask := terms.mask(kind, SIS_ID)) is None:
        return "l.key"
    joins.append(f"CROSS JOIN LATERAL (SELECT {masking.sql(mask, kind, SIS, 'l.key')} AS key OFFSET 0) s")
    return "s.key"


def _but(sources: tuple[UUID, ...]) -> str:
    """SQL: not of these sources."""
    return f" AND source_id NOT IN ({', '.join(literal(str(s)) for s in sources)})" if sources else ""


# The one that the source itself calls so, if it is among the grades; else the first that it names.
_PRIMARY_GRADE = (
    f"CASE WHEN r.metadata->>'{PRIMARY_GRADE}' = ANY(r.grades) THEN r.metadata->>'{PRIMARY_GRADE}' ELSE r.grades[1] END"
)


def _primary_school(field: Field, kind: Kind, terms: Terms, joins: list[str]) -> str:
    """The one of their schools that the source names, else a student's or teacher's first; of those in the view."""
    if not terms.shares(field.target):
        return ""
    schools = f"({_members(field.target, kind, terms)} AND type = 'school')"
    joins.append(f"LEFT JOIN {schools} j_named ON j_named.id = r.{quoted(field.column)} AND j_named.id = ANY(r.orgs)")
    joins.append(
        "LEFT JOIN (SELECT DISTINCT ON (o.id) o.id, u.ref FROM mem o, unnest(o.orgs) WITH ORDINALITY AS u(ref, place) "
        f"JOIN {schools} m ON m.id = u.ref WHERE o.role IN ('student', 'teacher') ORDER BY o.id, u.place) j_first "
        "ON j_first.id = r.id"
    )
    return _piece(field.v1p1, _guid_ref(field.target, "coalesce(j_named.id, j_first.ref)"))


def _extension(field: Field, value: str, kind: Kind, terms: Terms, joins: list[str]) -> str:
    """SQL: what 1.1 has in ``metadata``; of what is named there, only what the view holds."""
    if field.each_names:
        return _each_in_view(field, value, kind, terms)
    return _reference(field, kind, terms, joins)[0] if field.is_reference else value


def _each_in_view(field: Field, value: str, kind: Kind, terms: Terms) -> str:
    """SQL: a list of roles without those at orgs that the view lacks, or that are not among the person's.

    Accounts that they name, too, are those that are shown.
    """
    if not terms.shares(field.each_names):
        return _nothing(field)
    entry = "(u.e - 'userProfile')"
    if terms.shows(kind, "userProfiles"):
        named = "jsonb_build_array(jsonb_build_object('profileId', u.e->'userProfile'))"
        entry = f"CASE WHEN r.user_profiles @> {named} THEN u.e ELSE {entry} END"
    listed = f"CASE WHEN jsonb_typeof({value}) = 'array' THEN {value} END"
    return (
        f"(SELECT jsonb_agg({entry} ORDER BY u.place) FROM jsonb_array_elements({listed}) WITH ORDINALITY u(e, place) "
        f"JOIN ({_members(field.each_names, kind, terms)}) m ON m.id::text = u.e->>{literal(field.each_names)} "
        "AND m.id = ANY(r.orgs))"
    )


def _theirs(kind: Kind) -> str:
    """SQL: a source's extensions, without those that would pass for attributes: what these say, a consent decides."""
    ours = extensions(kind.name)
    if ours.keys() <= {SIS_ID}:
        return "r.metadata"
    keys = f"ARRAY[{', '.join(map(literal, ours))}]"
    without = f"nullif(r.metadata - {keys}, '{{}}')"
    return f"CASE WHEN jsonb_exists_any(r.metadata, {keys}) THEN {without} ELSE r.metadata END"


def _metadata(kind: Kind, terms: Terms, sis: str, ours: Mapping[str, str]) -> str:
    shown = terms.shows(kind, METADATA)
    if ours:
        known = {**ours, SIS_ID: sis} if sis != _NO_TEXT else ours
        told = ", ".join(f"{literal(key)}, {value}" for key, value in known.items())
        theirs = f"coalesce({_theirs(kind)}, '{{}}'::jsonb) || " if shown else ""
        whole = f"nullif({theirs}jsonb_strip_nulls(jsonb_build_object({told})), '{{}}')"
        return _piece(METADATA, f"({whole})::text")
    if sis == _NO_TEXT:
        return _piece(METADATA, f"({_theirs(kind)})::text") if shown else "''"
    own = f"coalesce({_theirs(kind)}, '{{}}'::jsonb) || " if shown else ""
    return _piece(
        METADATA,
        f"CASE WHEN {sis} IS NOT NULL THEN ({own}jsonb_build_object('{SIS_ID}', {sis}))::text "
        f"{f'ELSE ({_theirs(kind)})::text ' if shown else ''}END",
    )
