"""From accepted rows to records: GG4L IDs given or found again, references resolved, values in their final text.

Makes ``settled_<kind>`` (id, key, op, hash, cells, line, origin, evidence, then one column per field, as PostgreSQL's
COPY reads it) and ``idmap_<kind>`` (key → id of everything that stands after this run). ``op``: a added, u updated,
r restored, l a new key of a record that is known, found by ``evidence``.
``uneasy_<kind>`` holds the ids whose row was left out or cut: their hash is forgotten, so the next run looks again.
"""

from collections.abc import Callable

from schoolpassport.kit.columns import Columns, copy_text, entries_of, is_json, literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.roster.kinds.shape import ENTRY_DATES, PAIRS
from schoolpassport.sources.schemas import Column, FileSchema, Parse

_SIGNS = r"\\\x01-\x1f"  # of a regular expression; a quote becomes one of them within an array
NO_HASH = "00000000-0000-0000-0000-000000000000"


def identify(db: Columns, kind: Kind) -> None:
    """Give every accepted row its GG4L ID: the one it has, its user's (demographics), a match's, or a new one.

    ``match_``, ``withheld_`` and ``nobody_`` of the kind must be there (see ``identifying``).
    """
    table = kind.table
    new = "uuidv7()"
    join = ""
    if kind.same_id_as:
        new = "i.id"
        join = f"JOIN idmap_{KINDS[kind.same_id_as].table} i ON c.key = i.key"
    db.execute(
        f"CREATE TABLE ids_{table} AS SELECT c.key, c.line, coalesce(c.known_id, m.id, {new}) AS id, "
        "CASE WHEN c.known_id IS NULL THEN CASE WHEN m.id IS NULL THEN 'a' ELSE 'l' END "
        f"WHEN c.was_gone THEN 'r' ELSE 'u' END AS op, m.evidence FROM cand_{table} c "
        f"ANTI JOIN bad_{table} b ON c.line = b.line ANTI JOIN withheld_{table} w ON c.line = w.line "
        f"ANTI JOIN nobody_{table} n ON c.line = n.line LEFT JOIN match_{table} m ON c.line = m.line {join}"
    )
    db.execute(
        f"CREATE VIEW idmap_{table} AS SELECT s.key, s.id FROM state_{table} s "
        f"ANTI JOIN missing_{table} m ON s.key = m.key ANTI JOIN withheld_{table} w ON s.key = w.key "
        f"WHERE NOT s.gone UNION ALL SELECT key, id FROM ids_{table} WHERE op <> 'u'"
    )


def settle(db: Columns, schema: FileSchema) -> int:
    """Make ``settled_<kind>``; the kinds it refers to must be identified. Returns the number of rows."""
    table = schema.kind.table
    by_field = {c.field.name: c for c in schema.columns}
    joins: list[str] = []
    text = copy_text if _asks_for_signs(db, schema) else _as_it_is
    values = [
        f"{_value(by_field.get(f.name), f, joins, f'cand_{table}', text)} AS {quoted(f.column)}"
        for f in schema.kind.fields
    ]
    settled = db.execute(
        f"CREATE TABLE settled_{table} AS SELECT i.id, c.key, i.op, "
        f"CASE WHEN w.line IS NULL THEN c.hash::UUID ELSE {literal(NO_HASH)}::UUID END AS hash, "
        f"CASE WHEN w.line IS NULL THEN c.cells END AS cells, c.line, NULL::VARCHAR AS origin, i.evidence, "
        f"{', '.join(values)} "
        f"FROM ids_{table} i JOIN cand_{table} c ON i.line = c.line "
        f"LEFT JOIN (SELECT DISTINCT line FROM finding WHERE severity = 'warning' "
        f"AND file = {literal(schema.file_name)} AND line IS NOT NULL) w ON c.line = w.line "
        f"{' '.join(joins)} ORDER BY i.id"
    ).fetchone()
    db.execute(
        f"CREATE TABLE uneasy_{table} AS SELECT DISTINCT s.id, s.key "
        f"FROM (SELECT key FROM bad_{table} UNION ALL SELECT key FROM withheld_{table}) b "
        f"JOIN state_{table} s ON b.key = s.key WHERE s.hash <> {literal(NO_HASH)}::UUID "
        f"AND s.key NOT IN (SELECT key FROM settled_{table})"
    )
    (rows,) = settled or (0,)
    return int(rows)


def _asks_for_signs(db: Columns, schema: FileSchema) -> bool:
    """Whether any candidate holds what COPY wants written otherwise; most never do, and it is asked once for all."""
    cells = ", ".join(quoted(c.header) for c in schema.columns)
    row = db.execute(
        f"SELECT bool_or(regexp_matches(concat_ws(' ', {cells}), '[{_SIGNS}\"]') "
        f"OR coalesce(regexp_matches(metadata, '[{_SIGNS}]'), false)) FROM cand_{schema.kind.table}"
    ).fetchone()
    return bool(row and row[0])


def _as_it_is(expression: str) -> str:
    return expression


def _value(column: Column | None, field: Field, joins: list[str], rows: str, text: Callable[[str], str]) -> str:
    """SQL: the text of one value as COPY expects it (NULL is NULL; arrays and JSON are written out)."""
    if field.name == "metadata":
        return text("c.metadata")
    if column is None:
        return "NULL"
    cell = f"c.{quoted(column.header)}"
    if field.each_names:
        return text(_entries(cell, field, joins, rows))
    if field.is_reference:
        return _reference(cell, field, joins, rows=rows, many=column.parse is Parse.LIST)
    if column.parse is Parse.PAIRS:
        return text(_pairs(cell, *PAIRS[field.type]))
    if column.parse is Parse.LIST:
        return text(_text_array(cell))
    return _plain(cell, field, text)


def _plain(cell: str, field: Field, text: Callable[[str], str]) -> str:
    match field.type:
        case Type.BOOLEAN:
            return f"lower({cell})"
        case Type.JSON:
            return text(f"CASE WHEN {is_json(cell)} THEN {cell} END")
        case Type.TEXT if field.unless:  # a row that is taken has one of the two
            return text(f"coalesce({cell}, '')")
        case Type.TEXT if not field.values:
            return text(cell)
        case _:
            return cell


def _reference(cell: str, field: Field, joins: list[str], *, rows: str, many: bool) -> str:
    target = KINDS[field.target].table
    name = f"ref_{field.column}"
    if not many:
        joins.append(f"LEFT JOIN idmap_{target} {name} ON {cell} = {name}.key")
        return f"{name}.id::VARCHAR"
    # The order of a list is the source's; what leads nowhere was reported and is left out, what stands twice is once.
    split = f"SELECT c.line, string_split({cell}, ',') AS refs FROM {rows} c WHERE {cell} IS NOT NULL"
    each = f"SELECT line, trim(unnest(refs)) AS ref, generate_subscripts(refs, 1) AS place FROM ({split})"
    found = (
        f"SELECT e.line, m.id, min(e.place) AS place FROM ({each}) e JOIN idmap_{target} m ON e.ref = m.key "
        "GROUP BY e.line, m.id"
    )
    joins.append(
        f"LEFT JOIN (SELECT line, '{{' || string_agg(id::VARCHAR, ',' ORDER BY place) || '}}' AS ids "
        f"FROM ({found}) GROUP BY line) {name} ON c.line = {name}.line"
    )
    return f"{name}.ids"


def _entries(cell: str, field: Field, joins: list[str], rows: str) -> str:
    """A list in JSON whose entries name records: these by their ids, without those that lead nowhere.

    Dates that are none were reported, and are left out, too.
    """
    name, key = f"in_{field.column}", literal(f"$.{field.each_names}")
    split = f"SELECT c.line, {entries_of(cell)} AS entries FROM {rows} c WHERE {cell} IS NOT NULL"
    each = f"SELECT line, unnest(entries) AS entry, generate_subscripts(entries, 1) AS place FROM ({split})"
    dates = "".join(f", {literal(d)}, try_cast(json_extract_string(entry, '$.{d}') AS DATE)" for d in ENTRY_DATES)
    known = f"json_object({literal(field.each_names)}, m.id::VARCHAR{dates})"
    told = f"json_merge_patch('{{}}', json_merge_patch(entry, {known}))"
    found = (
        f"SELECT e.line, {told}::VARCHAR AS told, min(e.place) AS place FROM ({each}) e "
        f"JOIN idmap_{KINDS[field.each_names].table} m ON json_extract_string(e.entry, {key}) = m.key GROUP BY 1, 2"
    )
    joins.append(
        f"LEFT JOIN (SELECT line, '[' || string_agg(told, ',' ORDER BY place) || ']' AS told FROM ({found}) "
        f"GROUP BY line) {name} ON c.line = {name}.line"
    )
    return f"{name}.told"


def _text_array(cell: str) -> str:
    element = "'\"' || replace(replace(trim(e), '\\', '\\\\'), '\"', '\\\"') || '\"'"
    parts = f"list_transform(list_filter(string_split({cell}, ','), lambda e: trim(e) <> ''), lambda e: {element})"
    return f"CASE WHEN {cell} IS NOT NULL THEN '{{' || array_to_string({parts}, ',') || '}}' END"


def _pairs(cell: str, left: str, right: str) -> str:
    """`{LDAP:Id},{LTI:Id}` as a JSON list of {type, identifier}; NULL when the text has another shape."""
    one = r"\{([^:{}]+):([^{}]*)\}"
    pairs = (
        f"list_transform(list_zip(regexp_extract_all({cell}, '{one}', 1), regexp_extract_all({cell}, '{one}', 2)), "
        f"lambda p: {{{literal(left)}: trim(p[1]), {literal(right)}: trim(p[2])}})"
    )
    return f"CASE WHEN len(regexp_extract_all({cell}, '{one}', 1)) > 0 THEN to_json({pairs})::VARCHAR END"
