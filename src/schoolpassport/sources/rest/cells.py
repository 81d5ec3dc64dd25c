"""Which property of a JSON record becomes which cell of the CSV of the same version, as SQL of DuckDB.

Providers write booleans and numbers as strings or not, one object where a list belongs and the other way round, a
reference as an object or as its bare id, words in another case. Each is taken for what it must mean; what is neither
stays as it is and is found by the inspection.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Privacy, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sources.schemas import Schema
from schoolpassport.sources.schemas.canonical import REFERENCES

FIRST: Final = ("sourcedId", "status", "dateLastModified")
ONLY_IN_1P2: Final = ("scoreScales", "assessmentLineItems", "assessmentResults")
REQUIRED: Final = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
OPTIONAL: Final = ("demographics", "categories", "lineItems", "results", "resources", *ONLY_IN_1P2)
# What refers comes before what it refers to: whoever is new while we read is then not spoken of before being there.
ORDER: Final = (
    *(
        "assessmentResults",
        "assessmentLineItems",
        "results",
        "lineItems",
        "scoreScales",
        "categories",
        "resources",
        "demographics",
    ),
    *("enrollments", "classes", "courses", "users", "academicSessions", "orgs"),
)
_KIND_OF: Final = {
    "orgs": "org",
    "academicSessions": "academicSession",
    "categories": "category",
    "resources": "resource",
    "courses": "course",
    "users": "user",
    "classes": "class",
    "enrollments": "enrollment",
    "demographics": "demographics",
    "lineItems": "lineItem",
    "results": "result",
    "scoreScales": "scoreScale",
    "assessmentLineItems": "assessmentLineItem",
    "assessmentResults": "assessmentResult",
}
# Headers of 1.2 that are named otherwise than their property, where ``REFERENCES`` does not say so already.
_NAMED_1P2: Final = {
    "preferredGivenName": "preferredFirstName",
    "preferredFamilyName": "preferredLastName",
    "academicSessionSourcedId": "academicSession",
}
_ROLES_1P2: Final = (
    *("aide", "counselor", "districtAdministrator", "guardian", "parent", "principal", "proctor", "relative"),
    *("siteAdministrator", "student", "systemAdministrator", "teacher"),
)
_OLDER: Final = 'v."gradingPeriod"'


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A column: its header, and SQL over ``v``, a struct of the record's ``properties`` as JSON."""

    header: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class File:
    """A file made of a collection. ``exploded``: a property that holds a list, of which each entry makes a row.

    ``within``: a list in each entry, of which each entry ``f`` makes the row.
    ``tied``: the entries are those of the table ``tie``, in place of the property.
    """

    name: str
    collection: str
    cells: tuple[Cell, ...]
    exploded: str = ""
    within: str = ""
    tied: bool = False

    @property
    def ties(self) -> bool:
        """Whether it says which resources each uses."""
        return self.exploded == "resources"


def files(schema: Schema, *, without: Collection[str] = ()) -> dict[str, tuple[File, ...]]:
    """Collection → the files made of it, in which nothing refers to records of collections that are done without."""
    made = _own_files(schema)
    owners = {"courses": "course", "classes": "class"} | ({"users": "user"} if schema.inputs else {})
    for name, one in owners.items() if "resources" not in without else ():
        made[name] = (*made[name], _resources(name, one))
    if not schema.inputs:
        return made
    made["lineItems"] = (*made["lineItems"], _objectives("lineItems", "lineItem", "learningObjectiveIds"))
    made["results"] = (*made["results"], _objectives("results", "result", "learningObjectiveResults"))
    if "scoreScales" in without:
        return {name: tuple(_unscaled(f) for f in each) for name, each in made.items()}
    for name, one in (("lineItems", "lineItem"), ("results", "result")):
        made[name] = (*made[name], _scale(name, one))
    return made


def _unscaled(file: File) -> File:
    return replace(file, cells=tuple(c for c in file.cells if c.header != "scoreScaleSourcedId"))


def _own_files(schema: Schema) -> dict[str, tuple[File, ...]]:
    if not schema.inputs:
        own = (f for f in schema.files if f.name in _KIND_OF)
        return {f.name: (_file(f.name, ((c.header, c.field.name) for c in f.columns)),) for f in own}
    made: dict[str, tuple[File, ...]] = {
        i.name: (_file(i.name, ((h, _NAMED_1P2.get(h) or REFERENCES.get(h, h)) for h in i.columns)),)
        for i in schema.inputs
        if i.name in _KIND_OF
    }
    made["users"] = (*made["users"], _roles(), _profiles())
    return made


def properties(made: Sequence[File]) -> str:
    """The shape by which DuckDB takes a record apart: the properties that any of these cells look at, as JSON."""
    named = sorted({part.split('"')[0] for f in made for c in f.cells for part in c.sql.split('v."')[1:]})
    lists = [f.exploded for f in made if f.exploded]
    return "{" + ", ".join(f'"{name}": "JSON"' for name in sorted({*named, *lists, *FIRST})) + "}"


def _file(name: str, columns: Iterable[tuple[str, str]]) -> File:
    kind = KINDS[_KIND_OF[name]]
    cells = [
        Cell(header=header, sql=_sql(kind[prop] if prop in kind else _unknown(header, prop)))
        for header, prop in columns
        if header not in FIRST
    ]
    return File(name=name, collection=name, cells=(Cell(header="sourcedId", sql=text('v."sourcedId"')), *cells))


def _unknown(header: str, prop: str) -> Field:
    """A property that only 1.2 has, and the roster does not keep."""
    refers = Type.REFERENCE if header.endswith("SourcedId") else Type.TEXT
    return Field(name=prop, privacy=Privacy.STUDENT, type=refers)


def _sql(field: Field) -> str:
    value = f"v.{quoted(field.name)}"
    if field.name == "academicSession":  # of a line item; some providers of 1.2 still call it as 1.1 does
        return f"coalesce({reference(value)}, {reference(_OLDER)})"
    if field.type in PAIRS:
        return _each(value, lambda v: _pair(v, *PAIRS[field.type]))
    one = {
        Type.REFERENCE: reference,
        Type.BOOLEAN: _boolean,
        Type.DATE: _date,
    }.get(field.type, text)
    if field.values:
        return _each(value, lambda v: word(v, field.values)) if field.many else word(value, field.values)
    if field.many:
        return _each(value, reference if field.is_reference else _entry)
    return one(value)


# ------------------------------------------------------------------------------------------------------------- values


def text(value: str) -> str:
    """SQL: a JSON value as one cell: without line ends, which no cell may hold (OneRoster CSV 2.1)."""
    return f"nullif(trim(translate(json_extract_string({value}, '$'), chr(10) || chr(13) || chr(0), '   ')), '')"


def reference(value: str) -> str:
    """SQL: the id of an object that refers, of the first in a list, or the bare id."""
    one, first = (text(f"json_extract({value}, {literal(path)})") for path in ("$.sourcedId", "$[0].sourcedId"))
    return f"CASE json_type({value}) WHEN 'OBJECT' THEN {one} WHEN 'ARRAY' THEN {first} ELSE {text(value)} END"


def word(value: str, words: tuple[str, ...]) -> str:
    """SQL: a word of an enumeration, however it is cased."""
    listed, folded = (", ".join(map(literal, each)) for each in (words, [w.lower() for w in words]))
    said = text(value)
    return f"coalesce([{listed}][list_position([{folded}], lower({said}))], {said})"


def _boolean(value: str) -> str:
    said = f"lower({text(value)})"
    return f"CASE {said} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE {said} END"


def _date(value: str) -> str:
    """Of a date with a time, the date: that is all the column can hold."""
    said = text(value)
    return f"CASE WHEN regexp_matches({said}, '^\\d{{4}}-\\d\\d-\\d\\dT') THEN left({said}, 10) ELSE {said} END"


def _entry(value: str) -> str:
    """An entry of a list in one cell, in which commas are what parts entries."""
    return f"nullif(trim(replace({text(value)}, ',', ' ')), '')"


def _pair(value: str, *names: str) -> str:
    left, right = (text(f"json_extract({value}, {literal('$.' + name)})") for name in names)
    return f"CASE json_type({value}) WHEN 'OBJECT' THEN '{{' || coalesce({left}, '') || ':' || {right} || '}}' END"


def _each(value: str, one: Callable[[str], str]) -> str:
    """SQL: the entries of a list, or a value that is alone, in one cell. A text alone may be such a list already."""
    entries = (
        f"list_filter(list_transform(json_extract({value}, '$[*]'), lambda e: {one('e')}), lambda e: e IS NOT NULL)"
    )
    alone = f"CASE json_type({value}) WHEN 'VARCHAR' THEN {text(value)} ELSE {one(value)} END"
    many = f"array_to_string({entries}, ',')"
    return f"nullif(CASE json_type({value}) WHEN 'ARRAY' THEN {many} ELSE {alone} END, '')"


# ------------------------------------------------------------------------------------------- files made of lists


def _resources(collection: str, one: str) -> File:
    """The API shows as a list what the CSV says in rows. A row has no id there: one uses a resource once."""
    owner, resource = text('v."sourcedId"'), reference("e")
    titled = [Cell(header="title", sql="NULL")] if "title" in KINDS[f"{one}Resource"] else []
    return File(
        name=f"{one}Resources",
        collection=collection,
        exploded="resources",
        cells=(
            Cell(header="sourcedId", sql=f"{owner} || '/' || {resource}"),
            *titled,
            Cell(header=f"{one}SourcedId", sql=owner),
            Cell(header="resourceSourcedId", sql=resource),
        ),
    )


def _scale(collection: str, one: str) -> File:
    """The API shows as a property what the CSV says in a row of its own."""
    owner, scale = text('v."sourcedId"'), reference("e")
    return File(
        name=f"{one}ScoreScales",
        collection=collection,
        exploded="scoreScale",
        cells=(
            Cell(header="sourcedId", sql=f"{owner} || '/' || {scale}"),
            Cell(header="title", sql="NULL"),
            Cell(header=f"{one}SourcedId", sql=owner),
            Cell(header="scoreScaleSourcedId", sql=scale),
        ),
    )


def _objectives(collection: str, one: str, listed: str) -> File:
    """The API shows as a list of lists what the CSV says in rows: a learning objective, and how it was met."""
    owner, source = text('v."sourcedId"'), text("json_extract(e, '$.source')")
    met = {name: f"json_extract(f, {literal('$.' + name)})" for name in ("learningObjectiveId", "score", "textScore")}
    objective = f"CASE json_type(f) WHEN 'OBJECT' THEN {text(met['learningObjectiveId'])} ELSE {text('f')} END"
    scores = ("score", "textScore") if one == "result" else ()
    return File(
        name=f"{one}LearningObjectiveIds",
        collection=collection,
        exploded="learningObjectiveSet",
        within=listed,
        cells=(
            Cell(header="sourcedId", sql=f"concat_ws('/', {owner}, {source}, {objective})"),
            Cell(header=f"{one}SourcedId", sql=owner),
            Cell(header="source", sql=source),
            Cell(header="learningObjectiveId", sql=objective),
            *(Cell(header=name, sql=text(met[name])) for name in scores),
        ),
    )


def _roles() -> File:
    at = {name: f"json_extract(e, {literal('$.' + name)})" for name in ("roleType", "role", "beginDate", "endDate")}
    org, profile = (reference(f"json_extract(e, {literal(p)})") for p in ("$.org", "$.userProfile"))
    user, role = text('v."sourcedId"'), word(at["role"], _ROLES_1P2)
    return File(
        name="roles",
        collection="users",
        exploded="roles",
        cells=(
            # 1.2 gives roles no id of their own. A person has a role at an org once.
            Cell(header="sourcedId", sql=f"concat_ws('/', {user}, {role}, {org})"),
            Cell(header="userSourcedId", sql=user),
            Cell(header="roleType", sql=word(at["roleType"], ("primary", "secondary"))),
            Cell(header="role", sql=role),
            Cell(header="beginDate", sql=_date(at["beginDate"])),
            Cell(header="endDate", sql=_date(at["endDate"])),
            Cell(header="orgSourcedId", sql=org),
            Cell(header="userProfileSourcedId", sql=profile),
        ),
    )


def _profiles() -> File:
    def at(path: str) -> str:
        return text(f"json_extract(e, {literal(path)})")

    return File(
        name="userProfiles",
        collection="users",
        exploded="userProfiles",
        cells=(
            Cell(header="sourcedId", sql=at("$.profileId")),
            Cell(header="userSourcedId", sql=text('v."sourcedId"')),
            *(
                Cell(header=name, sql=at(f"$.{name}"))
                for name in ("profileType", "vendorId", "applicationId", "description")
            ),
            Cell(header="credentialType", sql=at("$.credentials[0].type")),
            Cell(header="username", sql=at("$.credentials[0].username")),
        ),
    )
