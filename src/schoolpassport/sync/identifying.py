"""Whose row is it? What makes the tables from which ``settling.identify`` gives GG4L IDs.

For each kind, from its candidates: ``match_<kind>`` (line, id, evidence), new keys of records that are known;
``withheld_<kind>`` (line, key), rows that wait for a person's word, and those that depend on them; ``nobody_<kind>``
(line, key), rows of an enrichment source that belong to nobody we know. ``strangers_user`` (line, key): rows of known
ids that have other names, given and family name alike.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from schoolpassport.kit.columns import COPY_TEXT, copy_text, literal, quoted
from schoolpassport.matching import exact
from schoolpassport.matching.policies import BORN, DEFAULT_DOMAINS, NAMES, Domains
from schoolpassport.quality.records import Severity
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.records import Saying
from schoolpassport.sources.schemas import FileSchema
from schoolpassport.sync.workbench import Bench
from schoolpassport.tenancy import scope

ID_OF_ANOTHER = "id of another"
_FEW = 10_000  # new rows: what they say is held in memory twice
_JUDGED = (*NAMES, "grades", BORN)


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How the rows of a source are told. ``creates``: what is found nowhere is new (not so for enrichment).

    ``whole``: kinds of which the package tells the whole.
    """

    domains: Domains = field(default_factory=lambda: DEFAULT_DOMAINS)
    several_roles: bool = False
    creates: bool = True
    files: dict[str, FileSchema] = field(default_factory=dict)  # by kind
    whole: frozenset[str] = frozenset()
    schools: Mapping[str, UUID] = field(default_factory=dict)  # the source's key → a school that stands
    source: str = ""  # its name


def prepare(bench: Bench, kind: Kind, ways: Ways) -> None:
    """Make ``match_``, ``withheld_`` and ``nobody_`` of one kind; the kinds it refers to must be identified."""
    _withhold(bench, kind, ways)
    if kind.same_id_as:
        _match_beside(bench, kind)
    elif ways.domains.get(kind.name) and _is_any_new(bench, kind):
        _match(bench, kind, ways)
    else:
        exact.nothing_found(bench.db, kind)
    if kind.name == "org" and ways.schools:
        _map_schools(bench, ways.schools)
    _name_nobody(bench, kind, ways)


def _map_schools(bench: Bench, schools: Mapping[str, UUID]) -> None:
    """A person said which schools these are; several of a source may be one."""
    bench.db.execute("CREATE OR REPLACE TEMP TABLE mapped (key VARCHAR, id UUID)")
    bench.db.executemany("INSERT INTO mapped VALUES (?, ?)", list(schools.items()))
    rows = f"{_new(KINDS['org'])} c JOIN mapped m ON m.key = c.key"
    bench.db.execute(f"DELETE FROM match_org WHERE line IN (SELECT c.line FROM {rows})")
    evidence = literal(json.dumps({"setting": "schools"}))
    bench.db.execute(f"INSERT INTO match_org SELECT c.line, m.id, {evidence} FROM {rows}")
    bench.db.execute("DROP TABLE mapped")


def _new(kind: Kind) -> str:
    """SQL: accepted rows without a link."""
    table = kind.table
    return (
        f"(SELECT c.* FROM cand_{table} c ANTI JOIN bad_{table} b ON c.line = b.line "
        f"ANTI JOIN withheld_{table} w ON c.line = w.line WHERE c.known_id IS NULL)"
    )


def _is_any_new(bench: Bench, kind: Kind) -> bool:
    return bench.any(_new(kind))


# -------------------------------------------------------------------------------------------------------- exact matches


def _match(bench: Bench, kind: Kind, ways: Ways) -> None:
    db, table, domains = bench.db, kind.table, ways.domains[kind.name]
    asked = exact.asked_about(domains)
    schema = ways.files[kind.name]
    role = "role" if "role" in kind else ""
    values, joins = [], []
    for name in asked:
        value, join = _cell(ways, schema, name)
        values.append(f"{exact.folded(value)} AS {quoted(name)}")
        joins.append(join)
    kin = exact.kin(f"c.{quoted(role)}") if role and _header(schema, role) else "NULL"
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE want AS SELECT c.line, c.key, {kin} AS kin, {', '.join(values)} "
        f"FROM {_new(kind)} c {' '.join(joins)}"
    )
    told = tuple(sorted({next(a for a in d.attributes if a not in NAMES) for d in domains}))
    attributes = tuple(dict.fromkeys((*asked, *([role] if role else []))))
    _load_known(bench, kind, attributes, "records", saying=_said(bench, told))
    texts = ", ".join(f"{exact.folded(quoted(a))} AS {quoted(a)}" for a in asked)
    # Enrichment adds to those who are there; a roster source may bring somebody back.
    there = "true" if ways.creates else "status = 'active'"
    # Whoever has none of the values that the new rows have is not made comparable.
    near = " OR ".join(f"{exact.folded(quoted(a))} IN (SELECT {quoted(a)} FROM want)" for a in told)
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE known AS SELECT id, {exact.kin(role) if role else 'NULL'} AS kin, {texts} "
        f"FROM records WHERE {there} AND ({near})"
    )
    with scope.inside(bench.places.district_id):
        parted = roster.parted(district_id=bench.places.district_id, source_id=bench.places.source_id, kind=kind.name)
    db.execute("CREATE OR REPLACE TEMP TABLE parted (key VARCHAR, id UUID)")
    if parted:
        db.executemany("INSERT INTO parted VALUES (?, ?)", parted)
    exact.find(
        db,
        kind,
        domains,
        # A key that waits for a person's word speaks of nobody: whoever had it may come under another.
        taken=f"SELECT id FROM state_{table} ANTI JOIN absent_{table} USING (key) "
        f"ANTI JOIN withheld_{table} USING (key) WHERE NOT gone UNION SELECT known_id FROM cand_{table} "
        f"ANTI JOIN withheld_{table} USING (line) WHERE known_id IS NOT NULL",
        parted="SELECT w.line, q.id FROM parted q JOIN want w USING (key)",
        several_roles=ways.several_roles,
    )
    db.execute("DROP TABLE want; DROP TABLE known; DROP TABLE records; DROP TABLE parted")


def _said(bench: Bench, attributes: tuple[str, ...]) -> Saying | None:
    """What the new rows say, where they are few; the roster then tells of few records, too."""
    if bench.count("want") > _FEW:
        return None
    file = bench.places.work / "said.tsv"
    values = " UNION ".join(f"SELECT {quoted(a)} AS value FROM want" for a in attributes)
    bench.db.execute(
        f"COPY (SELECT {copy_text('value')} FROM ({values}) WHERE value IS NOT NULL) TO {literal(str(file))} "
        f"({COPY_TEXT})"
    )
    return Saying(attributes=attributes, values=file)


def _cell(ways: Ways, schema: FileSchema, name: str) -> tuple[str, str]:
    """SQL: the value of an attribute in a candidate row ``c``, and the join that it needs."""
    if name not in schema.kind:
        beside = next(k for k in KINDS.values() if k.same_id_as == schema.kind.name)
        if not _header(ways.files[beside.name], name):
            return "NULL", ""
        return f"x.{quoted(name)}", (
            f"LEFT JOIN (SELECT key, any_value({quoted(name)}) AS {quoted(name)} FROM cand_{beside.table} "
            f"ANTI JOIN bad_{beside.table} USING (line) GROUP BY key) x ON x.key = c.key"
        )
    header = _header(schema, name)
    if not header:
        return "NULL", ""
    cell, attribute = f"c.{quoted(header)}", schema.kind[name]
    if not attribute.is_reference:
        return cell, ""
    alias = f"to_{attribute.column}"
    return f"{alias}.id::VARCHAR", f"LEFT JOIN idmap_{KINDS[attribute.target].table} {alias} ON {alias}.key = {cell}"


def _header(schema: FileSchema, name: str) -> str:
    return next((c.header for c in schema.columns if c.field.name == name), "")


def _load_known(
    bench: Bench,
    kind: Kind,
    attributes: tuple[str, ...],
    into: str,
    ids: Path | None = None,
    saying: Saying | None = None,
) -> None:
    """A table (id, status, one text per attribute) of what stands."""
    file = bench.places.work / f"known_{kind.table}.csv"
    with scope.inside(bench.places.district_id):
        roster.export_values(
            district_id=bench.places.district_id,
            kind=kind.name,
            attributes=attributes,
            into=file,
            ids=ids,
            saying=saying,
        )
    named = ", ".join(f"{literal(a)}: 'VARCHAR'" for a in attributes)
    bench.db.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS FROM read_csv({literal(str(file))}, header = false, "
        "auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{'id': 'UUID', 'status': 'VARCHAR', {named}}})"
    )
    file.unlink()


def _match_beside(bench: Bench, kind: Kind) -> None:
    """A kind with the id of another: where that one is known already, this one may be, too."""
    db, table, whole = bench.db, kind.table, KINDS[kind.same_id_as].table
    exact.nothing_found(db, kind)
    new = (
        f"SELECT c.line, i.id FROM {_new(kind)} c JOIN idmap_{whole} i ON c.key = i.key "
        f"ANTI JOIN (FROM ids_{whole} WHERE op = 'a') n ON n.key = c.key"
    )
    if not bench.any(f"({new})"):
        return
    ids = bench.places.work / f"beside_{table}.tsv"
    db.execute(f"COPY (SELECT id FROM ({new})) TO {literal(str(ids))} (FORMAT csv, HEADER false)")
    _load_known(bench, kind, (), "records", ids)
    db.execute(f"INSERT INTO match_{table} SELECT n.line, n.id, NULL FROM ({new}) n SEMI JOIN records r USING (id)")
    db.execute("DROP TABLE records")


# -------------------------------------------------------------------------------------------------- rows that must wait


def _withhold(bench: Bench, kind: Kind, ways: Ways) -> None:
    """Rows whose key seems to have passed to somebody else, and rows that name such a key."""
    db, table = bench.db, kind.table
    db.execute(f"CREATE TABLE withheld_{table} (line BIGINT, key VARCHAR)")
    if kind.name == "user" and ways.creates and bench.any(_known_again(kind)):
        _withhold_reused(bench, kind, ways)
    named = [
        f"c.{quoted(header)} IN (SELECT key FROM withheld_{KINDS[r.target].table})"
        for r in kind.references
        if (r.required or r.binding)
        and not r.many
        and r.target != kind.name
        and bench.any(f"withheld_{KINDS[r.target].table}")
        if (header := "key" if r.name == "sourcedId" else _header(ways.files[kind.name], r.name))
    ]
    if named:
        db.execute(
            f"INSERT INTO withheld_{table} SELECT c.line, c.key FROM cand_{table} c "
            f"ANTI JOIN bad_{table} b ON c.line = b.line WHERE {' OR '.join(named)}"
        )


def _known_again(kind: Kind) -> str:
    return (
        f"(SELECT c.* FROM cand_{kind.table} c ANTI JOIN bad_{kind.table} b ON c.line = b.line "
        "WHERE c.known_id IS NOT NULL)"
    )


def _withhold_reused(bench: Bench, kind: Kind, ways: Ways) -> None:
    """An id that is given to another: all names are others, and so is what else is known of date and grade.

    Of whoever had left, the birth date alone can say that it is they who come back under both other names.
    """
    db, table, schema = bench.db, kind.table, ways.files[kind.name]
    ids = bench.places.work / f"again_{table}.tsv"
    db.execute(f"COPY (SELECT known_id FROM {_known_again(kind)}) TO {literal(str(ids))} (FORMAT csv, HEADER false)")
    _load_known(bench, kind, _JUDGED, "records", ids)
    here = {f"here{n}": _cell(ways, schema, name)[0] for n, name in enumerate(NAMES)}
    there = {f"there{n}": f"r.{quoted(name)}" for n, name in enumerate(NAMES)}
    names = ", ".join(f"{exact.folded(cell)} AS {name}" for name, cell in {**here, **there}.items())
    db.execute(
        f"CREATE TABLE strangers_{table} AS SELECT line, key FROM (SELECT c.line, c.key, {names} "
        f"FROM {_known_again(kind)} c JOIN records r ON r.id = c.known_id) WHERE {_other_names([*here], [*there])}"
    )
    db.execute(f"CREATE TABLE reused_{table} (line BIGINT, key VARCHAR, id UUID, hash UUID, called VARCHAR)")
    if bench.any(f"strangers_{table}"):
        _withhold_others(bench, kind, ways)
    db.execute("DROP TABLE records")
    bench.judged.add(kind.name)


def _withhold_others(bench: Bench, kind: Kind, ways: Ways) -> None:
    """Those of them of whom neither birth date nor grade says that they are the same."""
    db, table, schema = bench.db, kind.table, ways.files[kind.name]
    beside = next(k for k in KINDS.values() if k.same_id_as == kind.name)
    born, join = _cell(ways, schema, BORN)
    # A row of demographics that is there and no candidate says what it said: then it is the same pupil's.
    unchanged = "false"
    if beside.name in ways.whole:
        unchanged = (
            f"r.{quoted(BORN)} IS NOT NULL AND c.key IN (SELECT key FROM state_{beside.table} WHERE NOT gone "
            f"EXCEPT SELECT key FROM absent_{beside.table} EXCEPT SELECT key FROM cand_{beside.table})"
        )
    grades = _cell(ways, schema, "grades")[0]
    with scope.inside(bench.places.district_id):
        same = roster.taken_for_same(
            district_id=bench.places.district_id, source_id=bench.places.source_id, kind=kind.name
        )
    db.execute("CREATE OR REPLACE TEMP TABLE same (key VARCHAR, hash UUID)")
    if same:
        db.executemany("INSERT INTO same VALUES (?, ?)", same)
    facts = ((born, f"r.{quoted(BORN)}"), (f"replace({grades}, ' ', '')", 'r."grades"'))
    differ = [_other(here, there) for here, there in facts]
    agree = [f"coalesce({exact.folded(here)} = {exact.folded(there)}, false)" for here, there in facts]
    db.execute(
        f"INSERT INTO reused_{table} SELECT c.line, c.key, c.known_id AS id, c.hash::UUID AS hash, "
        f"concat_ws(' ', {', '.join(_cell(ways, schema, n)[0] for n in NAMES)}) AS called "
        f"FROM {_known_again(kind)} c SEMI JOIN strangers_{table} o ON o.line = c.line "
        f"JOIN records r ON r.id = c.known_id {join} "
        f"ANTI JOIN same s ON s.key = c.key AND s.hash = c.hash::UUID "
        f"WHERE NOT ({unchanged}) AND NOT {agree[0]} AND (c.was_gone OR (({' OR '.join(differ)}) AND NOT {agree[1]}))"
    )
    db.execute("DROP TABLE same")
    db.execute(f"INSERT INTO withheld_{table} SELECT line, key FROM reused_{table}")
    _say(
        bench,
        schema,
        f"SELECT line, key, called, {literal(shlex.quote(ways.source))} || ' ' || {_word('key')} AS id_of "
        f"FROM reused_{table}",
        ID_OF_ANOTHER,
        Severity.ERROR,
        "'sourcedId “' || key || '” stood for somebody else until now: both names are others, and no birth date "
        "says that it is the same person. The row was not taken. Look at both: schoolpassport people questions. "
        "Say who it is: schoolpassport people same ' || id_of || ', or schoolpassport people other ' || id_of || '.'",
        value="called",
    )


def _other(here: str, there: str) -> str:
    return f"coalesce({exact.folded(here)} <> {exact.folded(there)}, false)"


def _other_names(here: list[str], there: list[str]) -> str:
    """SQL: each name is another; where somebody has one name only, it is none of the other's, in whichever place."""
    whole = " AND ".join(f"{name} IS NOT NULL" for name in (*here, *there))
    each = " AND ".join(f"{one} <> {other}" for one, other in zip(here, there, strict=True))
    now, was = (f"list_filter([{', '.join(names)}], lambda n: n IS NOT NULL)" for names in (here, there))
    return (
        f"CASE WHEN {whole} THEN {each} ELSE len({now}) > 0 AND len({was}) > 0 AND NOT list_has_any({now}, {was}) END"
    )


def _name_nobody(bench: Bench, kind: Kind, ways: Ways) -> None:
    table = kind.table
    bench.db.execute(f"CREATE TABLE nobody_{table} (line BIGINT, key VARCHAR)")
    if ways.creates:
        return
    bench.db.execute(
        f"INSERT INTO nobody_{table} SELECT c.line, c.key FROM {_new(kind)} c "
        f"ANTI JOIN match_{table} m ON c.line = m.line"
    )
    if kind.same_id_as or kind.name not in ways.files:
        return
    _say(
        bench,
        ways.files[kind.name],
        f"SELECT line, key FROM nobody_{table}",
        "nobody found",
        Severity.WARNING,
        f"'“' || key || '” means no {kind.name} that we know by a roster source; nothing was added. It is tried again "
        "every night.'",
    )


def _word(column: str) -> str:
    """SQL: a text as a command line takes it."""
    mark, quoted_mark = "chr(39)", "chr(39) || chr(34) || chr(39) || chr(34) || chr(39)"
    return (
        f"CASE WHEN regexp_full_match({column}, '[A-Za-z0-9_@%+=:,./-]+') THEN {column} "
        f"ELSE {mark} || replace({column}, {mark}, {quoted_mark}) || {mark} END"
    )


def _say(
    bench: Bench,
    schema: FileSchema,
    rows: str,
    rule: str,
    severity: Severity,
    sentence: str,
    *,
    value: str = "key",
) -> None:
    bench.db.execute(
        f"INSERT INTO finding BY NAME SELECT {literal(severity)} AS severity, {literal(rule)} AS rule, "
        f"{literal(schema.kind.name)} AS kind, {literal(schema.file_name)} AS file, line, 'sourcedId' AS \"column\", "
        f"key, {value} AS value, {sentence} AS sentence FROM ({rows})"
    )
