"""The rules, put to the candidate rows of a package. Set work in DuckDB; what comes out are findings.

Expects for every kind: ``raw_``, ``unread_``, ``cand_`` (the rows to look at, with ``line``, ``known_id`` and
``was_gone``), ``missing_``, ``state_`` (what stands) and ``base_`` (the part of it that ``raw_`` speaks of); for the
kinds referred to also ``keys_`` and ``fallen_``, which this module makes for each kind as it goes. Findings gather in
the table ``finding``.
"""

from collections.abc import Iterator, Sequence

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import Columns, literal
from schoolpassport.quality.filtering import column_of
from schoolpassport.quality.policies import Ruling
from schoolpassport.quality.records import Check, Inspected, Severity, Subject
from schoolpassport.quality.rules import checks
from schoolpassport.sources import staging
from schoolpassport.sources.records import CUT_OFF, FilePlan, Misread, Mode, Problem
from schoolpassport.sources.staging import line_of

KEPT = 1_000  # findings kept per file, rule and column; counts are complete


def begin(db: Columns) -> None:
    db.execute(
        "CREATE TABLE finding (severity VARCHAR, rule VARCHAR, kind VARCHAR, file VARCHAR, line BIGINT, "
        '"column" VARCHAR, key VARCHAR, value VARCHAR, sentence VARCHAR)'
    )


def record_problems(db: Columns, problems: tuple[Problem, ...]) -> None:
    """What is wrong with the package as such."""
    for p in problems:
        severity = Severity.ERROR if p.breaks else Severity.WARNING
        db.execute(
            "INSERT INTO finding VALUES (?, ?, '', ?, NULL, ?, NULL, NULL, ?)",
            [severity, p.rule, p.file, p.column, p.sentence],
        )


def record_misread(db: Columns, lines: tuple[Misread, ...]) -> None:
    """Lines that a translation could not read."""
    if lines:
        db.executemany(
            "INSERT INTO finding (severity, rule, kind, file, line, sentence) VALUES (?, ?, '', ?, ?, ?)",
            [[Severity.ERROR, m.rule, m.file, m.line, m.sentence] for m in lines],
        )


def trace(db: Columns, plan: FilePlan) -> None:
    """Lead the findings of a translated file back to the file and line that its rows were made from.

    Sentences too: those that name several lines of the file, and those of other files that name a line of this one.
    """
    file = literal(plan.schema.file_name)
    fallen = f"that {plan.schema.kind.name} was left out (its own row is line "
    (found,) = db.execute(
        f"SELECT count(*) FROM finding WHERE (file = {file} AND line IS NOT NULL) OR contains(sentence, ?)", [fallen]
    ).fetchone() or (0,)
    if not found:
        return
    staging.origins(db, plan, "made")
    db.execute("CREATE VIEW made_of AS SELECT line AS place, file AS origin, sent AS first FROM made")
    # ``(lines 3, 4)`` of rows of this file, each of which may have been made of another one.
    several = "regexp_extract(sentence, '\\(lines ([0-9, ]+)\\)', 1)"
    db.execute(
        f"UPDATE finding SET sentence = replace(sentence, '(lines ' || t.said || ')', '(lines ' || t.meant || ')') "
        "FROM (SELECT f.finding, any_value(f.said) AS said, string_agg(CASE WHEN o.origin = f.origin THEN "
        "o.first::VARCHAR ELSE o.first || ' of ' || o.origin END, ', ' ORDER BY o.place) AS meant FROM ("
        f"SELECT g.rowid AS finding, {several} AS said, h.origin, unnest(string_split({several}, ', '))::BIGINT "
        f"AS place FROM finding g JOIN made_of h ON g.line = h.place WHERE g.file = {file} AND {several} <> '') f "
        "JOIN made_of o ON f.place = o.place GROUP BY f.finding) t WHERE finding.rowid = t.finding"
    )
    db.execute(
        f"UPDATE finding SET sentence = replace(sentence, {literal(fallen)} || o.place || ')', {literal(fallen)} "
        "|| o.first || ' of ' || o.origin || ')') FROM made_of o "
        f"WHERE contains(sentence, {literal(fallen)}) "
        "AND try_cast(regexp_extract(sentence, 'its own row is line ([0-9]+)\\)', 1) AS BIGINT) = o.place"
    )
    db.execute(
        "UPDATE finding SET file = o.origin, line = o.first FROM made_of o "
        f"WHERE finding.file = {file} AND finding.line = o.place"
    )
    db.execute("DROP VIEW made_of")
    db.execute("DROP TABLE made")


def inspect(db: Columns, subject: Subject, withholding: Sequence[Ruling] = (), *, half: int | None = None) -> Inspected:
    """Put every rule to one file. Afterwards ``bad_`` holds the lines left out, ``keys_`` what can be referred to.

    ``withholding``: rules of the district whose rows are left out, too. ``half``: the last line, where the file does
    not end as it did, so that it may be half of one.
    """
    _find_twice(db, subject)
    _find_endless(db, subject)
    _begin_marks(db, subject)
    asked = _worth_asking(db, subject, [*checks(subject), *withheld(subject, withholding), *_cut_off(subject, half)])
    # Each round must know which rows fell before: own faults, references that leave a row out, references cut.
    references = [c for c in asked if c.about_references]
    rounds = [
        [c for c in asked if not c.about_references],
        [c for c in references if c.severity is Severity.ERROR],
        [c for c in references if c.severity is Severity.WARNING],
    ]
    if all(r.target != subject.schema.kind.name for r in subject.schema.kind.references):
        rounds[1:] = [references]  # nobody here refers to a row of the same file that could fall
    found = False
    for questions in rounds:
        if _put(db, subject, questions):
            found = True
            _mark(db, subject)
    return _counts(db, subject) if found else Inspected(bad_rows=0, warnings=0)


def _cut_off(subject: Subject, line: int | None) -> Iterator[Check]:
    if line is not None:
        sql = f"SELECT line, key, NULL, {literal(CUT_OFF)} FROM {subject.rows} WHERE line = {line}"
        yield Check(rule="unreadable line", severity=Severity.ERROR, column="", sql=sql)


def _worth_asking(db: Columns, subject: Subject, asked: list[Check]) -> list[Check]:
    """One look at the rows for what most of them are free of is cheaper than a question for each column."""
    screens = list(dict.fromkeys(c.worth for c in asked if c.worth))
    answers = db.execute(f"SELECT {', '.join(screens)} FROM {subject.rows}").fetchone() or ()
    worth = {screen for screen, answer in zip(screens, answers, strict=True) if answer}
    return [c for c in asked if not c.worth or c.worth in worth]


def withheld(subject: Subject, rulings: Sequence[Ruling]) -> Iterator[Check]:
    """The questions of rules that a district has graded *skip*; they ask of nothing but the row."""
    column = column_of(subject.schema, "r")
    headers = {c.field.name: c.header for c in subject.schema.columns}
    for ruling in rulings:
        assert ruling.rule.where is not None  # noqa: S101 (`policies` lets no other rule withhold)
        wrong = conditions.sql(ruling.rule.where, column=column)
        if ruling.roles:
            wrong += f" AND {column('role').sql} IN ({', '.join(map(literal, ruling.roles))})"
        if ruling.schools:
            wrong += f" AND {_in_schools(subject, ruling)}"
        shown = column(ruling.rule.attribute) if ruling.rule.attribute else None
        value = "NULL" if shown is None else f"array_to_string({shown.sql}, ', ')" if shown.many else shown.sql
        sentence = literal(ruling.rule.sentence + " The row was withheld.")
        yield Check(
            rule=ruling.rule.name,
            severity=Severity.SKIP,
            column=headers.get(ruling.rule.attribute, ruling.rule.attribute),
            sql=f"SELECT line, key, {value}, replace(replace({sentence}, '{{who}}', coalesce(key, '')), '{{value}}', "
            f"coalesce({value}, '')) FROM {subject.rows} r WHERE {wrong}",
        )


def _in_schools(subject: Subject, ruling: Ruling) -> str:
    """SQL: the row names one of the schools that the rule is for."""
    ids = ", ".join(literal(str(school)) for school in ruling.schools)
    names = f"(SELECT list(key) FROM state_org WHERE id::VARCHAR IN ({ids}))"
    kind = subject.schema.kind
    if kind.school == "id":
        return f"coalesce(list_contains({names}, r.key), false)"
    cell = column_of(subject.schema, "r")(kind.school).sql if kind.school else "NULL"
    many = bool(kind.school) and kind[kind.school].many
    each = f"list_transform({cell}, lambda e: trim(e))" if many else f"[{cell}]"
    return f"coalesce(list_has_any({each}, {names}), false)"


def _put(db: Columns, subject: Subject, asked: list[Check]) -> int:
    """Put several questions at once: one statement is cheaper than many. Returns how many findings there were."""
    if not asked:
        return 0
    schema = subject.schema
    answers = " UNION ALL ".join(
        f"SELECT {literal(c.severity)}, {literal(c.rule)}, {literal(schema.kind.name)}, {literal(schema.file_name)}, "
        f"f.line, {literal(c.column)}, f.key, f.value, f.sentence FROM ({c.sql}) f(line, key, value, sentence)"
        for c in asked
    )
    (count,) = db.execute(f"INSERT INTO finding {answers}").fetchone() or (0,)
    return int(count)


def _begin_marks(db: Columns, subject: Subject) -> None:
    """``bad_`` of nothing yet; ``keys_``, what can be referred to; ``fallen_``, what fell and has no older version."""
    table = subject.table
    db.execute(
        f"CREATE TABLE bad_{table} (line BIGINT, key VARCHAR); "
        f"CREATE VIEW keys_{table} AS "
        f"SELECT s.key FROM state_{table} s ANTI JOIN missing_{table} m ON s.key = m.key WHERE NOT s.gone UNION ALL "
        f"SELECT c.key FROM cand_{table} c ANTI JOIN bad_{table} b ON c.line = b.line "
        "WHERE c.known_id IS NULL OR c.was_gone; "
        f"CREATE VIEW fallen_{table} AS SELECT b.key, min(b.line) AS line FROM bad_{table} b "
        f"WHERE b.key IS NOT NULL GROUP BY b.key"
    )


def _mark(db: Columns, subject: Subject) -> None:
    """Lines with an error, so far, and the repetitions of a row that stands several times."""
    table = subject.table
    db.execute(
        f"CREATE OR REPLACE TABLE bad_{table} AS SELECT line, any_value(key) AS key FROM finding "
        f"WHERE severity IN ('error', 'skip') AND file = {literal(subject.schema.file_name)} AND line IS NOT NULL "
        "GROUP BY line "
        f"UNION ALL SELECT line, NULL FROM twice_{table} WHERE NOT differ AND line > first_line"
    )


def _find_twice(db: Columns, subject: Subject) -> None:
    """Ids that stand in several rows. Grouping a whole file is dear: it is done only when the counts ask for it."""
    table = subject.table
    row = db.execute(
        f"SELECT (SELECT count(*) FROM raw_{table}) - count(*) FILTER (known_id IS NULL), "
        f"count(*) FILTER (known_id IS NULL) - count(DISTINCT key) FILTER (known_id IS NULL), "
        f"(SELECT count(*) FROM raw_{table} WHERE status = 'tobedeleted'), "
        f"(SELECT count(*) FROM base_{table}) - (SELECT count(*) FROM absent_{table}) FROM cand_{table}"
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has one row)
    news, repeated, deleted, present = row
    if news == present and not repeated and not deleted and subject.mode is not Mode.DELTA:
        columns = "line BIGINT, key VARCHAR, rows BIGINT, differ BOOLEAN, first_line BIGINT, lines VARCHAR"
        db.execute(f"CREATE TABLE twice_{table} ({columns})")
        return
    db.execute(
        f"CREATE TABLE twice_{table} AS SELECT line, key, count(*) OVER same AS rows, "
        f"min(hash::VARCHAR || gone) OVER same <> max(hash::VARCHAR || gone) OVER same AS differ, "
        f"min(line) OVER same AS first_line, string_agg(line, ', ') OVER same AS lines FROM ("
        f"SELECT key, hash, coalesce(status = 'tobedeleted', false) AS gone, {line_of(db, table, 'r.place')} AS line "
        f"FROM raw_{table} r SEMI JOIN (SELECT key FROM raw_{table} GROUP BY key HAVING count(*) > 1) USING (key)) "
        "WINDOW same AS (PARTITION BY key)"
    )
    # A file that both keeps and deletes a record says nothing about it.
    db.execute(f"DELETE FROM missing_{table} WHERE key IN (SELECT key FROM twice_{table} WHERE differ)")


def _find_endless(db: Columns, subject: Subject) -> None:
    """Chains of parents without a top, by pointer doubling over the edges of roster and package together."""
    if not any(c.field.name == "parent" for c in subject.schema.columns):
        return
    table = subject.table
    if not _names_parents(db, table):
        db.execute(f"CREATE TABLE endless_{table} (key VARCHAR)")
        return
    db.execute(
        f"CREATE OR REPLACE TABLE jump AS SELECT DISTINCT ON (key) key, up FROM ("
        f'SELECT key, "parentSourcedId" AS up, 1 AS rank FROM cand_{table} WHERE key IS NOT NULL UNION ALL '
        f"SELECT key, parent, 2 FROM edges_{table}) ORDER BY key, rank"
    )
    (nodes,) = db.execute("SELECT count(*) FROM jump").fetchone() or (0,)
    for _ in range(int(nodes).bit_length() + 1):
        db.execute("CREATE OR REPLACE TABLE jump AS SELECT j.key, n.up FROM jump j LEFT JOIN jump n ON j.up = n.key")
    db.execute(f"CREATE TABLE endless_{table} AS SELECT key FROM jump WHERE up IS NOT NULL")
    db.execute("DROP TABLE jump")


def _names_parents(db: Columns, table: str) -> bool:
    (count,) = db.execute(f'SELECT count("parentSourcedId") FROM cand_{table}').fetchone() or (0,)
    return bool(count)


def _counts(db: Columns, subject: Subject) -> Inspected:
    row = db.execute(
        "SELECT count(DISTINCT line) FILTER (severity = 'error'), count(*) FILTER (severity = 'warning'), "
        "count(DISTINCT line) FILTER (severity IN ('error', 'skip')) "
        f"FROM finding WHERE file = {literal(subject.schema.file_name)}"
    ).fetchone()
    assert row is not None  # noqa: S101 (an aggregate has one row)
    return Inspected(bad_rows=row[0], warnings=row[1], withheld=row[2] - row[0])
