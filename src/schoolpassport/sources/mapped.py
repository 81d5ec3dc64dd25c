"""Packages of any make, written anew as canonical files by a district's ``tables`` (``mapping``): records made of rows.

Rows that give the same ``sourcedId`` are one record. Of an attribute that holds several values it has those of all its
rows; of any other the value of the first row that has one. Where rows disagree about who somebody is, nobody is taken.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.roster.kinds import Type
from schoolpassport.sources import tabling, translation
from schoolpassport.sources.manifest import KEY
from schoolpassport.sources.mapping import Record, Table, Value, is_date
from schoolpassport.sources.records import Inputs, Misread, PackageBroken, Problem, Translated
from schoolpassport.sources.schemas import Output, Schema
from schoolpassport.sources.schemas.shape import METADATA
from schoolpassport.sources.transforms import TRANSFORMS, Given

_Given = tuple[tabling.Grid, tabling.Header, Mapping[str, int]]
_SURE = ("YYYY-MM-DD", "D.M.YYYY", "D/M/YYYY", "M/D/YYYY")  # the last two only where they cannot be confused
_WHO = ("givenName", "familyName", "birthDate")  # about which the rows of one person must agree
ZEROS_LOST = "a spreadsheet has taken zeros away. Format the column as text, and export again."
_MOST_TOLD = 1_000
_ASKED = ("email", "role")  # the attributes that the next look at
# What is meant where nothing is said: attribute → SQL over the values of the record (NULL where it has none).
_UNSAID: Mapping[str, Mapping[str, str]] = {
    "org": {"type": "'school'"},
    "academicSession": {
        "type": "'term'",
        "startDate": "'{year}'::INTEGER - 1 || '-07-01'",
        "endDate": "'{year}-07-01'",
        "schoolYear": "'{year}'",
    },
    "class": {"classType": "'scheduled'"},
    "user": {"enabledUser": "'true'", "username": 'coalesce("email", "sourcedId")'},
    "enrollment": {
        "role": "'student'",
        "sourcedId": "\"classSourcedId\" || '/' || \"userSourcedId\" || '/' || coalesce(\"role\", 'student')",
    },
}


def translate(
    db: Columns,
    *,
    tables: Sequence[Table],
    schema: Schema,
    files: Mapping[str, Path],
    into: Path,
    before: Inputs,
    today: date,
    partial: bool,
) -> Translated:
    """Write the canonical files of a package, its manifest included, below ``into``.

    ``before``: the tables of last time. ``partial``: records may lack what is required of them. Raises
    ``PackageBroken`` with all that is wrong with files and headers at once.
    """
    into.mkdir()
    opened = tabling.Opened(files=files, folder=into)
    problems = list(_nothing_said(tables, schema))
    given: Mapping[int, list[_Given]] = {n: _grids(opened, table, problems) for n, table in enumerate(tables, 1)}
    given = {n: grids for n, grids in given.items() if grids}
    problems = [*opened.problems, *problems, *_absent(tables, opened), *_strangers(tables, opened)]
    extras = () if partial else _extras(tables)
    if not partial:
        whole = [(table, r) for table in tables for r in table.records if not any(r is e for e in extras)]
        problems += [p for table, record in whole for p in _lacking(table, record)]
    if any(p.breaks for p in problems):
        raise PackageBroken(tuple(problems))
    misread: list[Misread] = []
    for number, grids in given.items():
        table = tables[number - 1]
        read = tabling.read_table(db, number, table, grids, whole=table.name not in before.ended)
        misread += read.misread
        problems += read.problems
    speechless = {n for n, grids in given.items() if {g.label for g, *_ in grids} & {m.file for m in misread}}
    every = [_Made(number=n, table=tables[n - 1], record=r) for n in given for r in tables[n - 1].records]
    beside = [m for m in every if any(m.record is e for e in extras)]
    here = [m for m in every if m not in beside]
    left_out = [(m.record.kind, list(m.left_out(db))) for m in every]
    misread += [m for _, told in left_out for m in told]
    problems += _zeros_lost(db, here)
    problems += [
        p for each in beside for p in _about_nobody(db, each, [m for m in here if m.record.kind == each.record.kind])
    ]
    outputs = [
        m.output(
            before=[b for b in here[:n] if b.record.kind == m.record.kind],
            beside=[b for b in beside if b.record.kind == m.record.kind],
        )
        for n, m in enumerate(here)
    ]
    written = translation.write(db, schema=schema, outputs=outputs, into=into, today=today, modes={})
    lost = {n for n, table in enumerate(tables, 1) if table.name in before.expected and n not in given}
    inputs = _remembered(db, tables, given, before, lost)
    widened = {n: grids[0][0].label for n, grids in given.items() if _other_columns(tables[n - 1], inputs, before)}
    required = {table.name for table in tables if not table.optional}
    emptied = {n for n in given if tables[n - 1].name in required & set(before.expected) - set(inputs.expected)}
    silent = {r.kind for n in speechless | lost for r in tables[n - 1].records}
    silent |= {kind for kind, told in left_out if told}
    return Translated(
        files=written,
        problems=(*problems, *translation.lost_files({tables[n - 1].name for n in lost})),
        misread=tuple(misread),
        withheld=frozenset(silent),
        inputs=inputs,
        widened={r.kind: label for n, label in widened.items() for r in tables[n - 1].records},
        emptied={r.kind: given[n][0][0].label for n in emptied for r in tables[n - 1].records},
        sent={kind: translation.either(labels) for kind, labels in _labels(here, given).items()},
    )


def _labels(made: Sequence["_Made"], given: Mapping[int, Sequence[_Given]]) -> dict[str, list[str]]:
    """Kind → the files and sheets that tell of it."""
    kinds = dict.fromkeys(m.record.kind for m in made)
    every = {kind: [g.label for m in made if m.record.kind == kind for g, *_ in given[m.number]] for kind in kinds}
    return {kind: list(dict.fromkeys(labels)) for kind, labels in every.items()}


def _remembered(
    db: Columns,
    tables: Sequence[Table],
    given: Mapping[int, Sequence[_Given]],
    before: Inputs,
    lost: Iterable[int],
) -> Inputs:
    """A table that comes without rows will not be waited for when it does not come."""
    full = {n for n in given if db.execute(f"FROM in_t{n} LIMIT 1").fetchone()}
    said = {tables[n - 1].name: grids for n, grids in given.items()}
    ended = {name for name, grids in said.items() if all(grid.ended for grid, *_ in grids)}
    columns = {name: ",".join(sorted({c for _, h, _ in grids for c in h.cells})) for name, grids in said.items()}
    return Inputs(
        expected=tuple(sorted({tables[n - 1].name for n in {*full, *lost}})),
        ended=tuple(sorted({*(set(before.ended) - set(said)), *ended})),
        columns={**before.columns, **columns},
    )


def _other_columns(table: Table, now: Inputs, before: Inputs) -> bool:
    had = before.columns.get(table.name)
    return had is not None and had != now.columns[table.name]


# ------------------------------------------------------------------------------------------------ what is there


def _nothing_said(tables: Sequence[Table], schema: Schema) -> Iterator[Problem]:
    if not tables:
        sentence = (
            f"Nobody has said yet what the files of this source hold. {schema.title} needs the setting tables; "
            "schoolpassport sources propose makes a draft of it from a package."
        )
        yield Problem(rule="no tables", file="", sentence=sentence)


def _grids(opened: tabling.Opened, table: Table, problems: list[Problem]) -> list[_Given]:
    found: list[_Given] = []
    for grid in opened.of(table):
        header = (
            tabling.header_with(grid, table.headers) if table.header is None else tabling.header_at(grid, table.header)
        )
        places, wrong = tabling.places_of(table, grid, header)
        problems += wrong
        if header is not None and not wrong:
            found.append((grid, header, places))
    return found


def _absent(tables: Sequence[Table], opened: tabling.Opened) -> Iterator[Problem]:
    for table in tables:
        if not table.optional and not opened.named(table.file):
            there = ", ".join(sorted(opened.files)) or "nothing"
            sentence = (
                f"The package has no file “{table.file}”, which the setting tables asks for; it has: {there}. Send it "
                "under its name, or change the setting (“optional” where it need not come)."
            )
            yield Problem(rule="missing file", file=table.file, sentence=sentence)


def _strangers(tables: Sequence[Table], opened: tabling.Opened) -> Iterator[Problem]:
    known = {name for table in tables for name in opened.named(table.file)}
    for name in sorted(set(opened.files) - known) if tables else ():
        sentence = f"{name} was not read: no table of the setting tables names it."
        yield Problem(rule="file not read", file=name, sentence=sentence, breaks=False)


def _extras(tables: Sequence[Table]) -> tuple[Record, ...]:
    """Records that say nothing of a kind but extensions: they add to those that other tables tell of."""
    every = [r for table in tables for r in table.records]
    only = [r for r in every if KEY in r.values and all(h == KEY or METADATA.fullmatch(h) for h in r.values)]
    told = {r.kind for r in every if not any(r is o for o in only)}
    return tuple(r for r in only if len(r.values) > 1 and r.kind in told)


def lacking(record: Record) -> list[str]:
    """The attributes that every record of the kind must have, and nothing feeds."""
    unsaid = _UNSAID.get(record.kind, {})
    return [
        c.field.name
        for c in record.file.columns
        if c.required and c.header not in record.values and c.header not in unsaid
    ]


def _lacking(table: Table, record: Record) -> Iterator[Problem]:
    for attribute in lacking(record):
        sentence = (
            f"Nothing feeds “{attribute}” of {record.file.kind.plural} from {table.name}, and each must have one. "
            "Map a column to it in the setting tables, or give a constant."
        )
        yield Problem(rule="not mapped", file=table.name, column=attribute, sentence=sentence)


# ------------------------------------------------------------------------------------------------ rows to records


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A record of a table as SQL: a relation (place, file, line, ``columns``) with a row for each row of the table."""

    number: int
    table: Table
    record: Record

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.record.values, *self._unsaid)

    @property
    def _unsaid(self) -> dict[str, str]:
        return {h: sql for h, sql in _UNSAID.get(self.record.kind, {}).items() if h not in self.record.values}

    @property
    def relation(self) -> str:
        own = {h: self._value(h, v) for h, v in self.record.values.items()}
        asked = {h for sql in self._unsaid.values() for h in _ASKED if f'"{h}"' in sql}
        cells = {**dict.fromkeys(sorted(asked - set(own)), "NULL::VARCHAR"), **own}
        inner = ", ".join(f"{sql} AS {quoted(h)}" for h, sql in cells.items())
        outer = [*map(quoted, own), *(f"{sql} AS {quoted(h)}" for h, sql in self._unsaid.items())]
        rows = f"SELECT place, file, line, {inner} FROM {{t{self.number}}}"
        return f"(SELECT place, file, line, {', '.join(outer)} FROM ({rows}))"

    def _value(self, header: str, value: Value) -> str:
        """SQL over the columns of the table (v0, v1 …): one attribute, as the canonical file wants it."""
        column = next((c for c in self.record.file.columns if c.header == header), None)
        is_id = header == KEY or (column is not None and column.field.is_reference)
        if not value.headers:
            return literal(_as_id(value.constant) if is_id else value.constant)
        cells = [_in_words(f"v{self.table.headers.index(h)}", value.words) for h in value.headers]
        if len(cells) == 1:
            text = cells[0]
        elif is_id and not value.split:  # a part alone tells nobody apart
            text = f" || {literal(value.joined)} || ".join(cells)
        else:
            text = f"nullif(concat_ws({literal(value.joined)}, {', '.join(cells)}), '')"
        if is_date(self.record.file, header):
            return _date(text, value.dates)
        if column is not None and column.field.type is Type.YEAR:
            return _year(text)
        return _each(text, value, is_id=is_id, many=column is not None and column.field.many)

    def output(self, *, before: "Sequence[_Made]", beside: "Sequence[_Made]" = ()) -> Output:
        """``before``: what other tables say of the same kind. Of anything but people, the first table counts.

        ``beside``: tables that add extensions; of several that tell of one, the first counts that says something.
        """
        before = [] if self.record.kind == "user" else before
        told = "".join(
            f' AND "sourcedId" NOT IN (SELECT "sourcedId" FROM {b.relation} WHERE "sourcedId" IS NOT NULL)'
            for b in before
        )
        many = {c.header for c in self.record.file.columns if c.field.many}
        cells = [
            f"{_all(quoted(h)) if h in many else _first(quoted(h))} AS {quoted(h)}" for h in self.columns if h != KEY
        ]
        agree = " AND ".join(f"count(DISTINCT {quoted(h)}) < 2" for h in self._who) or "true"
        sql = f"""SELECT "sourcedId", {"".join(f"{c}, " for c in cells)}{_first("file")} AS file,
            {_first("line")} AS line FROM {self.relation} WHERE "sourcedId" IS NOT NULL{told}
            GROUP BY "sourcedId" HAVING {agree}"""
        have = set(self.columns)
        for each in beside:
            extra = [h for h in each.record.values if h != KEY]
            both = ", ".join(f"coalesce(o.{quoted(h)}, x.{quoted(h)}) AS {quoted(h)}" for h in extra if h in have)
            more = "".join(f", x.{quoted(h)}" for h in extra if h not in have)
            cells_ = f"o.*{f' REPLACE ({both})' if both else ''}{more}"
            sql = f'SELECT {cells_} FROM ({sql}) o LEFT JOIN {each.extensions} x ON o."sourcedId" = x."sourcedId"'
            have |= set(extra)
        return Output(
            kind=self.record.kind,
            of=tuple(dict.fromkeys(f"t{m.number}" for m in (self, *before, *beside))),
            sql=sql,
        )

    @property
    def extensions(self) -> str:
        """SQL: a relation with a row for each record that the table adds to."""
        cells = ", ".join(f"{_first(quoted(h))} AS {quoted(h)}" for h in self.record.values if h != KEY)
        rows = f'FROM {self.relation} WHERE "sourcedId" IS NOT NULL'
        return f'(SELECT "sourcedId", {cells} {rows} GROUP BY "sourcedId")'

    @property
    def _who(self) -> tuple[str, ...]:
        return tuple(h for h in _WHO if h in self.record.values)

    def left_out(self, db: Columns) -> Iterator[Misread]:
        """Rows that make no record though they should: without an id, or at odds with one another."""
        if KEY not in self.record.values:
            return
        others = [r for r in self.table.records if r is not self.record]
        shared = {h for r in others for v in r.values.values() for h in v.headers}
        own = {h for v in self.record.values.values() for h in v.headers} - shared
        own -= set(self.record.values[KEY].headers)
        if own:
            cells = ", ".join(f"v{self.table.headers.index(h)}" for h in sorted(own))
            key = self._value(KEY, self.record.values[KEY])
            rows = db.execute(
                f"SELECT file, line FROM in_t{self.number} WHERE {key} IS NULL AND coalesce({cells}) IS NOT NULL "
                f"ORDER BY place LIMIT {_MOST_TOLD}"
            ).fetchall()
            named = " and ".join(f"“{h}”" for h in self.record.values[KEY].headers)
            sentence = f"{named} is blank, so nobody can tell which {self.record.kind} the row is about. Fill it in."
            yield from (Misread(file=f, line=line, sentence=sentence, rule="no id") for f, line in rows)
        for header in self._who:
            yield from self._at_odds(db, header)

    def _at_odds(self, db: Columns, header: str) -> Iterator[Misread]:
        cell = quoted(header)
        rows = db.execute(
            f"""SELECT {_first("file")}, min(line), max(line), "sourcedId", min({cell}), max({cell})
            FROM {self.relation.replace(f"{{t{self.number}}}", f"in_t{self.number}")} WHERE "sourcedId" IS NOT NULL
            GROUP BY "sourcedId" HAVING count(DISTINCT {cell}) > 1 ORDER BY 1, 2 LIMIT {_MOST_TOLD}"""
        ).fetchall()
        for file, line, last, key, one, other in rows:
            sentence = (
                f"Rows that say “{key}”, the first in row {line:,} and the last in row {last:,}, disagree about "
                f"{header}: “{one}” and “{other}”. Two people have the same id, or one name is wrong; none was taken."
            )
            yield Misread(file=file, line=line, sentence=sentence, rule="rows disagree")


def _as_id(text: str) -> str:
    """Commas part ids in a list of them."""
    return text.replace(",", ";")


def _in_words(cell: str, words: Mapping[str, str]) -> str:
    if not words:
        return cell
    keys = ", ".join(f"lower(nfc_normalize({literal(w)}))" for w in words)
    found = f"list_position([{keys}], lower(nfc_normalize({cell})))"
    return f"coalesce([{', '.join(map(literal, words.values()))}][{found}], {cell})"


def _date(cell: str, formats: tuple[str, ...]) -> str:
    """SQL: 2026-09-01 of the day that a cell means; what it may not mean for sure stays as it is, and is found."""
    day = f"regexp_replace({cell}, '^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[ T].*$', '\\1')"
    given = Given(values={"formats": (*formats, _SURE[0]) if formats else _SURE, "unreadable": "keep"})
    read = TRANSFORMS["date"].sql(day, given).value
    return (
        f"CASE WHEN {cell} IS NULL THEN NULL WHEN epoch IS NOT NULL AND regexp_full_match({cell}, '[0-9]{{5}}') "
        f"THEN strftime(epoch + {cell}::INTEGER, '%Y-%m-%d') "
        # The usual case is quick.
        f"WHEN regexp_full_match({cell}, '(19|20)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}') "
        f"AND try_cast({cell} AS DATE) IS NOT NULL "
        f"THEN {cell} ELSE {read} END"
    )


def _year(cell: str) -> str:
    """SQL: 2027 of 2027, 2026/27 and 2026-2027."""
    short = f"regexp_replace({cell}, '^([0-9]{{2}})[0-9]{{2}} ?[/–-] ?([0-9]{{2}})$', '\\1\\2')"
    return f"regexp_replace({short}, '^[0-9]{{4}} ?[/–-] ?([0-9]{{4}})$', '\\1')"


def _each(text: str, value: Value, *, is_id: bool, many: bool) -> str:
    """SQL: every value of a cell by itself, as an id where it is one, and with what stands before it."""
    if many and (value.split or is_id):
        trimmed = f"list_transform(string_split({text}, {literal(value.split)}), lambda e: trim(e))"
        parts = f"list_filter({trimmed}, lambda e: e <> '')" if value.split else f"[{text}]"
        made = f"list_transform({parts}, lambda e: {_prefixed('e', value.prefix, is_id=is_id)})"
        return f"CASE WHEN {text} IS NOT NULL THEN nullif(array_to_string({made}, ','), '') END"
    return _prefixed(text, value.prefix, is_id=is_id)


def _prefixed(text: str, prefix: str, *, is_id: bool) -> str:
    text = f"replace({text}, ',', ';')" if is_id else text
    return f"{literal(_as_id(prefix) if is_id else prefix)} || {text}" if prefix else text


def _first(cell: str) -> str:
    """SQL: an aggregate, what the first row that has a value says."""
    return f"arg_min({cell}, place)"


def _all(cell: str) -> str:
    """SQL: an aggregate, the different values of all rows as one cell, in the order of the rows."""
    each = f"flatten(list(string_split({cell}, ',') ORDER BY place) FILTER ({cell} IS NOT NULL))"
    different = f"array_to_string(list_filter({each}, lambda x, i: list_position({each}, x) = i), ',')"
    # Mostly all rows say the same one thing, and then nothing has to be compared.
    return (
        f"CASE WHEN min({cell}) = max({cell}) AND NOT contains(min({cell}), ',') THEN min({cell}) ELSE {different} END"
    )


# ------------------------------------------------------------------------------------------------ zeros that were lost


def without_zeros(cell: str) -> str:
    """SQL: an id with no zeros at the front of any number in it, by which it is known whatever a spreadsheet did."""
    return f"regexp_replace({cell}, '(^|[^0-9])0+([0-9])', '\\1\\2', 'g')"


def _zeros_lost(db: Columns, made: Sequence[_Made]) -> Iterator[Problem]:
    """Ids that lead nowhere, and would lead somewhere with zeros before their digits, or without them."""
    for one in made:
        for column in one.record.file.columns:
            keys = [m for m in made if m.record.kind == column.field.target and m.number != one.number]
            if column.field.is_reference and column.header in one.record.values and keys:
                yield from _lost_in(db, one, column.header, keys)


def _lost_in(db: Columns, one: _Made, header: str, keys: Sequence[_Made]) -> Iterator[Problem]:
    every = " UNION ".join(f'SELECT "sourcedId" AS key FROM {_here(m)} WHERE "sourcedId" IS NOT NULL' for m in keys)
    asked = f"SELECT DISTINCT trim(unnest(string_split({quoted(header)}, ','))) AS key, file FROM {_here(one)}"
    count, file, example, meant = db.execute(
        f"WITH keys AS MATERIALIZED ({every}), lost AS (SELECT * FROM ({asked}) ANTI JOIN keys USING (key)), "
        f"bare AS (SELECT any_value(key) AS meant, {without_zeros('key')} AS bare FROM keys GROUP BY ALL) "
        "SELECT count(*), min(file), min(key), min(meant) FROM lost JOIN bare "
        f"ON bare = {without_zeros('lost.key')}"
    ).fetchone() or (0, "", "", "")
    if count:
        sentence = (
            f"{count:,} ids in {file} (“{example}”) are written elsewhere with other zeros at the front (“{meant}”): "
            f"{ZEROS_LOST}"
        )
        yield Problem(rule="zeros lost", file=str(file), column=header, sentence=sentence, breaks=False)


def _about_nobody(db: Columns, extra: _Made, told: Sequence[_Made]) -> Iterator[Problem]:
    """Rows that add to records of which no other table tells."""
    every = " UNION ALL ".join(f'SELECT "sourcedId" FROM {_here(m)}' for m in told) or 'SELECT NULL AS "sourcedId"'
    yield from _lost_in(db, extra, KEY, told)
    bare = without_zeros('"sourcedId"')
    count, file, example = db.execute(
        f'SELECT count(DISTINCT "sourcedId"), min(file), min("sourcedId") FROM {_here(extra)} '
        f'WHERE {bare} NOT IN (SELECT {bare} FROM ({every}) WHERE "sourcedId" IS NOT NULL)'
    ).fetchone() or (0, "", "")
    if count:
        plural = extra.record.file.kind.plural
        sentence = (
            f"{file} tells of {count:,} {plural} that no other table tells of, like “{example}”. Nothing was made of "
            "that. See that both write the ids alike."
        )
        yield Problem(rule="about nobody", file=str(file), sentence=sentence, breaks=False)


def _here(made: _Made) -> str:
    return made.relation.replace(f"{{t{made.number}}}", f"in_t{made.number}")
