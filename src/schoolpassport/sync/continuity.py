"""Which record a package means by a new key: the rows of a package beside the records that its source stands for.

Set work in DuckDB, kind by kind in the order of references. From the accepted rows of a package that was read as if the
source had never said anything (``cand_``, ``bad_``), and the source's links: ``became_<kind>`` (key, id, was,
evidence), each key and each id at most once, by the first of the ``WAYS`` that is unambiguous on both sides;
``alike_<kind>`` (key, id, was): what might be the same and is for a person to say; ``freed_<kind>`` (key): keys that
mean somebody new now.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from schoolpassport.kit.columns import COPY_TEXT, Columns, copy_text, literal, quoted
from schoolpassport.matching import exact
from schoolpassport.matching.policies import BORN
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sources.schemas import SCHEMAS, Column, FileSchema, Parse
from schoolpassport.sync.walk import Walk
from schoolpassport.sync.workbench import Bench
from schoolpassport.tenancy import scope

_MOST_ALIKE = 20  # records that one key might mean; with more, nobody can choose
_TELLS = 0.5  # share of equal numbers that must mean the same people before another number means another person


@dataclass(frozen=True, kw_only=True)
class Way:
    """Equal values of these attributes mean the same record, if ``agree`` holds (SQL over ``w`` and ``o``).

    Not ``sure``: for a person to say.
    """

    attributes: tuple[str, ...]
    agree: str = "true"
    sure: bool = True


_EQUAL = "coalesce(w.{0} = o.{0}, false)"
_GIVEN, _FAMILY, _BORN = (_EQUAL.format(quoted(a)) for a in ("givenName", "familyName", BORN))
_SAME_PART = "coalesce(w.kin = o.kin, true)"
_BORN_ELSE = f"coalesce(w.{quoted(BORN)} <> o.{quoted(BORN)}, false)"
_NUMBER_ELSE = "$numbers AND coalesce(w.identifier <> o.identifier, false)"  # only where numbers tell people

WAYS: dict[str, tuple[Way, ...]] = {
    "org": (Way(attributes=("identifier", "type")), Way(attributes=("name", "type"))),
    "academicSession": (
        Way(attributes=("title", "type", "startDate", "endDate")),
        Way(attributes=("type", "startDate", "endDate")),
    ),
    "category": (Way(attributes=("title",)),),
    "resource": (Way(attributes=("vendorResourceId", "title")), Way(attributes=("vendorResourceId",))),
    "course": (
        Way(attributes=("courseCode", "org", "title")),
        Way(attributes=("courseCode", "org")),
        Way(attributes=("title", "org")),
    ),
    "user": (
        Way(attributes=("userMasterIdentifier",), agree=f"{_SAME_PART} AND ({_GIVEN} OR {_FAMILY} OR {_BORN})"),
        Way(
            attributes=("identifier",),
            agree=f"{_SAME_PART} AND NOT {_BORN_ELSE} "
            f"AND ({_GIVEN} AND {_FAMILY} OR {_BORN} AND ({_GIVEN} OR {_FAMILY}))",
        ),
        Way(attributes=("email", "givenName"), agree=f"{_SAME_PART} AND NOT {_BORN_ELSE} AND NOT ({_NUMBER_ELSE})"),
        Way(attributes=("givenName", "familyName", BORN), agree=f"{_SAME_PART} AND NOT ({_NUMBER_ELSE})"),
        Way(attributes=("givenName", "familyName", "grades"), sure=False),
        Way(attributes=("givenName", "familyName", "orgs"), sure=False),
    ),
    "class": (
        Way(attributes=("classCode", "title", "school", "terms")),
        Way(attributes=("title", "course", "school", "terms")),
        Way(attributes=("classCode", "school", "terms")),
    ),
    "courseResource": (Way(attributes=("course", "resource")),),
    "classResource": (Way(attributes=("class", "resource")),),
    "userResource": (Way(attributes=("user", "resource")),),
    "enrollment": (Way(attributes=("user", "class", "role")), Way(attributes=("user", "class"))),
    "scoreScale": (Way(attributes=("title", "class", "type")), Way(attributes=("title", "class"))),
    "lineItem": (Way(attributes=("title", "class", "category")), Way(attributes=("title", "class"))),
    "result": (Way(attributes=("lineItem", "student")),),
    "assessmentLineItem": (Way(attributes=("title", "parentAssessmentLineItem", "class")),),
    "assessmentResult": (Way(attributes=("assessmentLineItem", "student")),),
}
SHOWN = {"user": ("givenName", "familyName", BORN, "grades", "identifier"), "class": ("title", "classCode")}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of one kind.

    Keys of records that had other keys (``sure``), that had the same (``same``), that perhaps are known (``unsure``)
    or are ``new``; and records that no key means any more (``left``).
    """

    sure: int
    same: int
    unsure: int
    new: int
    left: int


def compare(
    walk: Walk,
    *,
    taken: dict[str, dict[str, UUID]],
    refused: dict[str, set[str]],
    apart: dict[str, set[tuple[str, UUID]]],
) -> dict[str, Counts]:
    """Make the tables of all kinds.

    ``taken``, ``refused``, ``apart``: what a person said, kind → key → id; kind → keys; kind → pairs that are none.
    """
    schemas = {f.kind.name: f for f in SCHEMAS[walk.source.schema].files}
    found: dict[str, Counts] = {}
    for kind in KINDS.values():
        db = walk.bench.db
        _load_links(walk.bench, kind)
        _make(db, kind)
        if kind.name not in walk.looked_at:
            continue
        if kind.same_id_as:
            _follow(walk.bench, kind)
        else:
            _load(walk.bench, schemas[kind.name])
            _decide(db, kind, taken.get(kind.name, {}), refused.get(kind.name, set()))
            _load_parted(walk.bench, kind, apart.get(kind.name, set()))
            _find(db, kind)
            _trust(walk, kind)
            _look_alike(db, kind, refused.get(kind.name, set()))
        found[kind.name] = _counted(walk.bench, kind)
    return found


# ------------------------------------------------------------------------------------------------------------ loading


def _load_links(bench: Bench, kind: Kind) -> None:
    """``links_<kind>`` (key, id, gone): what the source's keys mean."""
    file = bench.places.work / f"all_links_{kind.table}.csv"
    with scope.inside(bench.places.district_id):
        roster.export_links(
            district_id=bench.places.district_id, source_id=bench.places.source_id, kind=kind.name, into=file
        )
    bench.db.execute(
        f"CREATE TABLE links_{kind.table} AS SELECT key, id, gone = 't' AS gone FROM read_csv({literal(str(file))}, "
        "header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        "columns = {'key': 'VARCHAR', 'id': 'UUID', 'hash': 'UUID', 'gone': 'VARCHAR'})"
    )
    file.unlink()


def _make(db: Columns, kind: Kind) -> None:
    table = kind.table
    db.execute(f"CREATE TABLE became_{table} (key VARCHAR, id UUID, was VARCHAR, evidence VARCHAR)")
    db.execute(f"CREATE TABLE alike_{table} (key VARCHAR, id UUID, was VARCHAR)")
    db.execute(f"CREATE TABLE freed_{table} (key VARCHAR)")


def _attributes(kind: Kind) -> tuple[str, ...]:
    named = (*(a for way in WAYS[kind.name] for a in way.attributes), *SHOWN.get(kind.name, ()))
    return tuple(dict.fromkeys(named))


def _load(bench: Bench, schema: FileSchema) -> None:
    """Rows into ``want_<kind>`` (key, line, kin, …), records into ``old_<kind>`` (key, id, kin, attributes)."""
    db, kind, asked = bench.db, schema.kind, _attributes(schema.kind)
    role = "role" if "role" in kind and kind.name == "user" else ""
    values, joins = [], []
    for name in asked:
        value, join = _cell(schema, name)
        values.append(f"{value} AS {quoted(name)}")
        joins.append(join)
    header = next((c.header for c in schema.columns if role and c.field.name == role), "")
    kin = exact.kin(f"c.{quoted(header)}") if header else "NULL"
    db.execute(
        f"CREATE TABLE want_{kind.table} AS SELECT c.key, c.line, {kin} AS kin, {', '.join(values)} "
        f"FROM cand_{kind.table} c ANTI JOIN bad_{kind.table} b ON c.line = b.line {' '.join(dict.fromkeys(joins))} "
        "WHERE c.key IS NOT NULL QUALIFY row_number() OVER (PARTITION BY c.key ORDER BY c.line) = 1"
    )
    file = bench.places.work / f"old_{kind.table}.csv"
    ids = bench.places.work / f"old_ids_{kind.table}.csv"
    db.execute(
        f"COPY (SELECT DISTINCT id FROM links_{kind.table} WHERE NOT gone) TO {literal(str(ids))} "
        "(FORMAT csv, HEADER false)"
    )
    named = tuple(dict.fromkeys((*asked, *([role] if role else []))))
    with scope.inside(bench.places.district_id):
        roster.export_values(district_id=bench.places.district_id, kind=kind.name, attributes=named, into=file, ids=ids)
    columns = ", ".join(f"{literal(a)}: 'VARCHAR'" for a in named)
    texts = ", ".join(f"{_told(kind, a)} AS {quoted(a)}" for a in asked)
    db.execute(
        f"CREATE TABLE old_{kind.table} AS SELECT l.key, r.id, {exact.kin('role') if role else 'NULL'} AS kin, {texts} "
        f"FROM read_csv({literal(str(file))}, header = false, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{'id': 'UUID', 'status': 'VARCHAR', {columns}}}) r JOIN links_{kind.table} l "
        "ON l.id = r.id WHERE r.status = 'active' AND NOT l.gone "
        "QUALIFY row_number() OVER (PARTITION BY r.id ORDER BY l.key) = 1"
    )
    file.unlink()


def _cell(schema: FileSchema, name: str) -> tuple[str, str]:
    """SQL: what a row ``c`` says, in the form in which ``_told`` has it, and the join that it needs."""
    kind = schema.kind
    if name not in kind:
        beside = next(k for k in KINDS.values() if k.same_id_as == kind.name)
        there = f"SELECT key, any_value({quoted(name)}) AS value FROM cand_{beside.table} GROUP BY key"
        return exact.folded("beside.value"), f"LEFT JOIN ({there}) beside ON beside.key = c.key"
    column = next((c for c in schema.columns if c.field.name == name), None)
    if column is None:
        return "NULL::VARCHAR", ""
    return _said(kind, column, name)


def _said(kind: Kind, column: Column, name: str) -> tuple[str, str]:
    field, cell = kind[name], f"c.{quoted(column.header)}"
    if not field.is_reference:
        return (_sorted(cell) if column.parse is Parse.LIST else exact.folded(cell)), ""
    target, alias = KINDS[field.target].table, f"to_{field.column}"
    if column.parse is not Parse.LIST:
        return f"{alias}.id::VARCHAR", f"LEFT JOIN became_{target} {alias} ON {alias}.key = {cell}"
    each = (
        f"SELECT line, trim(unnest(string_split({cell}, ','))) AS ref FROM cand_{kind.table} c WHERE {cell} IS NOT NULL"
    )
    return f"{alias}.ids", (
        "LEFT JOIN (SELECT e.line, string_agg(DISTINCT b.id::VARCHAR, ',' ORDER BY b.id::VARCHAR) AS ids "
        f"FROM ({each}) e JOIN became_{target} b ON b.key = e.ref GROUP BY e.line) {alias} ON {alias}.line = c.line"
    )


def _told(kind: Kind, name: str) -> str:
    """SQL: the same of what stands."""
    if name in kind and kind[name].many:
        return _sorted(quoted(name))
    return exact.folded(quoted(name))


def _sorted(text: str) -> str:
    parts = f"list_filter(list_transform(string_split({text}, ','), lambda e: lower(trim(e))), lambda e: e <> '')"
    return f"nullif(array_to_string(list_sort(list_distinct({parts})), ','), '')"


# ------------------------------------------------------------------------------------------------------------ deciding


def _decide(db: Columns, kind: Kind, taken: dict[str, UUID], refused: set[str]) -> None:
    """What a person said goes first, and is not asked again."""
    db.execute("CREATE OR REPLACE TEMP TABLE said (key VARCHAR, id UUID)")
    db.execute("CREATE OR REPLACE TEMP TABLE alone (key VARCHAR)")
    if taken:
        db.executemany("INSERT INTO said VALUES (?, ?)", list(taken.items()))
    if refused:
        db.executemany("INSERT INTO alone VALUES (?)", [(key,) for key in refused])
    db.execute(
        f"INSERT INTO became_{kind.table} SELECT s.key, o.id, o.key, {literal(json.dumps({'by': ['person']}))} "
        f"FROM said s JOIN want_{kind.table} w ON w.key = s.key JOIN old_{kind.table} o ON o.id = s.id"
    )


def _load_parted(bench: Bench, kind: Kind, apart: set[tuple[str, UUID]]) -> None:
    """``parted`` (key, id): what a person tells apart, or told before."""
    with scope.inside(bench.places.district_id):
        parted = roster.parted(district_id=bench.places.district_id, source_id=bench.places.source_id, kind=kind.name)
    bench.db.execute("CREATE OR REPLACE TEMP TABLE parted (key VARCHAR, id UUID)")
    if pairs := [*parted, *sorted(apart)]:
        bench.db.executemany("INSERT INTO parted VALUES (?, ?)", pairs)


def _find(db: Columns, kind: Kind) -> None:
    table, numbers = kind.table, "false"
    for way in (w for w in WAYS[kind.name] if w.sure):
        db.execute(
            f"INSERT INTO became_{table} SELECT key, id, was, {literal(json.dumps({'by': list(way.attributes)}))} "
            f"FROM (SELECT w.key, o.id, o.key AS was, {way.agree.replace('$numbers', numbers)} AS agree, "
            "count(*) OVER (PARTITION BY w.key) AS here, count(*) OVER (PARTITION BY o.id) AS there "
            f"FROM (FROM want_{table} ANTI JOIN became_{table} USING (key) ANTI JOIN alone USING (key)) w "
            f"JOIN old_{table} o ON {_same(way)}) p ANTI JOIN became_{table} b ON b.id = p.id "
            "ANTI JOIN parted q ON q.key = p.key AND q.id = p.id WHERE here = 1 AND there = 1 AND agree"
        )
        if way.attributes == ("identifier",):
            numbers = _numbers_tell(db, table, way)


def _same(way: Way) -> str:
    return " AND ".join(f"w.{quoted(a)} = o.{quoted(a)}" for a in way.attributes)


def _numbers_tell(db: Columns, table: str, way: Way) -> str:
    """SQL: whether equal numbers mostly mean the same people, so that another number means another person."""
    found = literal(json.dumps({"by": list(way.attributes)}))
    row = db.execute(
        f"SELECT (SELECT count(*) FROM became_{table} b WHERE b.evidence = {found}) "
        f">= {_TELLS} * count(*) AND count(*) > 0 FROM want_{table} w SEMI JOIN old_{table} o ON {_same(way)}"
    ).fetchone()
    return "true" if row and row[0] else "false"


def _trust(walk: Walk, kind: Kind) -> None:
    """Do known keys still mean whom they meant? If so, also where nothing else speaks; if not, they are freed."""
    db, table = walk.bench.db, kind.table
    known = f"(SELECT key FROM links_{table} WHERE NOT gone)"
    row = db.execute(
        f"SELECT count(*), count(*) FILTER (key = was) FROM became_{table} SEMI JOIN {known} k USING (key)"
    ).fetchone()
    decided, same = row or (0, 0)
    if decided and same >= walk.limits.overlap_share * decided:
        db.execute(
            f"INSERT INTO became_{table} SELECT w.key, o.id, o.key, {literal(json.dumps({'by': ['sourcedId']}))} "
            f"FROM want_{table} w JOIN old_{table} o USING (key) ANTI JOIN became_{table} b ON b.key = w.key "
            f"ANTI JOIN became_{table} c ON c.id = o.id ANTI JOIN parted q ON q.key = w.key AND q.id = o.id"
        )
    else:
        _free(db, kind)


def _free(db: Columns, kind: Kind) -> None:
    table = kind.table
    db.execute(
        f"INSERT INTO freed_{table} SELECT DISTINCT c.key FROM cand_{table} c SEMI JOIN links_{table} l USING (key) "
        f"ANTI JOIN became_{table} b USING (key)"
    )


def _look_alike(db: Columns, kind: Kind, refused: set[str]) -> None:
    table = kind.table
    here = (
        f"(FROM want_{table} ANTI JOIN became_{table} USING (key) {'ANTI JOIN alone USING (key)' if refused else ''})"
    )
    there = f"(SELECT o.* FROM old_{table} o ANTI JOIN became_{table} b ON b.id = o.id)"
    pairs = " UNION ".join(
        f"SELECT w.key, o.id, o.key AS was FROM {here} w JOIN {there} o ON {_same(way)}" for way in WAYS[kind.name]
    )
    told = f"(FROM ({pairs}) ANTI JOIN parted USING (key, id))"
    db.execute(f"INSERT INTO alike_{table} FROM {told} QUALIFY count(*) OVER (PARTITION BY key) <= {_MOST_ALIKE}")


def _follow(bench: Bench, kind: Kind) -> None:
    """A kind with the id of another goes where that one goes."""
    db, table, whole = bench.db, kind.table, KINDS[kind.same_id_as].table
    db.execute(
        f"CREATE TABLE old_{table} AS SELECT key, id FROM links_{table} WHERE NOT gone "
        "QUALIFY row_number() OVER (PARTITION BY id ORDER BY key) = 1"
    )
    db.execute(
        f"CREATE TABLE want_{table} AS SELECT c.key, min(c.line) AS line FROM cand_{table} c "
        f"ANTI JOIN bad_{table} b ON c.line = b.line WHERE c.key IS NOT NULL GROUP BY c.key"
    )
    db.execute(
        f"INSERT INTO became_{table} SELECT w.key, o.id, o.key, b.evidence FROM want_{table} w "
        f"JOIN became_{whole} b USING (key) JOIN old_{table} o ON o.id = b.id"
    )
    _free(db, kind)


def _counted(bench: Bench, kind: Kind) -> Counts:
    table = kind.table
    unsure = bench.count(f"(SELECT DISTINCT key FROM alike_{table})")
    same = bench.count(f"became_{table} WHERE key = was")
    sure = bench.count(f"became_{table}") - same
    return Counts(
        sure=sure,
        same=same,
        unsure=unsure,
        new=bench.count(f"want_{table}") - same - sure - unsure,
        left=bench.count(f"(FROM old_{table} o ANTI JOIN became_{table} b ON b.id = o.id)"),
    )


# ------------------------------------------------------------------------------------------------------------- writing


def write(bench: Bench, kinds: set[str], folder: Path) -> tuple[Path, Path]:
    """What moves and what is freed, as ``roster.records.Remapped`` has it."""
    moved = f"{copy_text('key')}, {copy_text('was')}, id, {copy_text('evidence')}"
    moves = [
        f"SELECT {literal(k)} AS kind, {moved} FROM became_{KINDS[k].table} WHERE key <> was" for k in sorted(kinds)
    ]
    freed = [f"SELECT {literal(k)} AS kind, {copy_text('key')} FROM freed_{KINDS[k].table}" for k in sorted(kinds)]
    paths = []
    for name, parts in (("moves", moves), ("freed", freed)):
        made = bench.places.work / f"{name}.tsv"
        bench.db.execute(f"COPY ({' UNION ALL '.join(parts)}) TO {literal(str(made))} ({COPY_TEXT})")
        paths.append(made.rename(folder / made.name))
    return paths[0], paths[1]


COLUMNS = ("decision", "kind", "key", "was", "gg4l_id", "because", "new_says", "old_says")


def review(kinds: set[str]) -> str:
    """SQL: every key with what is proposed for it, those for a person to say first. Columns: ``COLUMNS``."""
    parts = []
    for name in (k for k in KINDS if k in kinds and not KINDS[k].same_id_as):
        table, kind = KINDS[name].table, literal(name)
        new, old = (_label(KINDS[name], alias) for alias in ("w", "o"))
        rows = f"FROM {{}} b JOIN want_{table} w ON w.key = b.key JOIN old_{table} o ON o.id = b.id"
        by = "array_to_string((b.evidence::JSON -> 'by')::VARCHAR[], ' + ')"
        says = f"{new} AS new_says, {old} AS old_says"
        head = f"{kind} AS kind, b.key, b.was, b.id::VARCHAR AS gg4l_id"
        parts.append(
            f"SELECT 1 AS place, '' AS decision, {head}, '' AS because, {says} {rows.format(f'alike_{table}')}"
        )
        moved = f"(FROM became_{table} WHERE key <> was)"
        parts.append(f"SELECT 2, 'take', {head}, {by}, {says} {rows.format(moved)}")
        parts.append(
            f"SELECT 3, '', {kind}, w.key, '', '', '', {new}, '' FROM want_{table} w "
            f"ANTI JOIN became_{table} b USING (key) ANTI JOIN alike_{table} a USING (key)"
        )
    return f"SELECT {', '.join(COLUMNS)} FROM ({' UNION ALL '.join(parts)}) ORDER BY place, kind, key, gg4l_id"


def _label(kind: Kind, alias: str) -> str:
    shown = SHOWN.get(kind.name) or tuple(a for a in ("name", "title") if a in kind)[:1]
    if not shown:
        return "''"
    return f"concat_ws(' ', {', '.join(f'{alias}.{quoted(a)}' for a in shown)})"
