"""People made comparable: names without case, accents and scripts, and what is shared by too many to mean anything.

Values are only ever compared in this form; what is served stays as the source wrote it.
"""

from pathlib import Path

from schoolpassport.kit.columns import Columns, literal
from schoolpassport.matching.nicknames import FAMILIES

SHARED_BY_MANY = 12  # an address or number of more records than this is nobody's own

_COLUMNS = [
    "id",
    "role",
    "given_name",
    "family_name",
    "middle_name",
    "preferred_name",
    "birth_date",
    "sex",
    "email",
    "phone",
    "identifier",
    "username",
    "schools",
    "grade",
    "fresh",
]

# ruff: noqa: RUF001 - Cyrillic and Greek letters are what is replaced here
_LETTERS = (
    ("абвгґдезиіїйклмнопрстуфыэѣ", "abvggdeziiijklmnoprstufyee"),
    ("αβγδεζηικλμνξοπρσςτυφωάέήίόύώ", "avgdeziiklmnxoprsstyfoaeiioyo"),
    ("łđøħıŋßþæœ", "ldohinstao"),
)
_SOUNDS = (
    ("ж", "zh"),
    ("ч", "ch"),
    ("ш", "sh"),
    ("щ", "shch"),
    ("ю", "yu"),
    ("я", "ya"),
    ("ё", "yo"),
    ("х", "kh"),
    ("ц", "ts"),
    ("є", "ye"),
    ("ь", ""),
    ("ъ", ""),
    ("θ", "th"),
    ("χ", "ch"),
    ("ψ", "ps"),
)  # fmt: skip (a word list)


def _romanized(text: str) -> str:
    for found, written in _SOUNDS:
        text = f"replace({text}, '{found}', '{written}')"
    for found, written in _LETTERS:
        text = f"translate({text}, '{found}', '{written}')"
    return text


# Letters and single blanks; marks of any kind part words, except apostrophes, which stand inside them.
_PLAIN = f"""
CREATE OR REPLACE MACRO plain(name) AS trim(regexp_replace(regexp_replace(
    strip_accents({_romanized("lower(nfc_normalize(name))")}), '[''’ʻʼ`.]', '', 'g'), '[^\\p{{L}}]+', ' ', 'g'));
CREATE OR REPLACE MACRO own(value) AS nullif(lower(trim(value)), '');
"""


def take(db: Columns, path: Path) -> None:
    """Make ``people`` out of the file that ``roster.queries.export_people`` wrote.

    ``fresh`` people are compared with everybody, others only with those. Who speaks of them is not known yet.
    """
    types = ", ".join(f"'{c}': 'VARCHAR'" for c in _COLUMNS)
    db.execute(
        f"CREATE TABLE people AS SELECT * REPLACE (id::UUID AS id, birth_date::DATE AS birth_date, "
        f"fresh = 't' AS fresh, string_split(schools, ',') AS schools), NULL::VARCHAR[] AS sources "
        f"FROM read_csv({literal(str(path))}, header = false, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', max_line_size = 10000000, columns = {{{types}}})"
    )


def tell_sources(db: Columns, path: Path) -> None:
    """Of each ``person`` in the file that ``roster.queries.export_speakers`` wrote, the sources."""
    db.execute(
        f"UPDATE person SET sources = s.sources FROM (SELECT id, list(source) AS sources FROM read_csv("
        f"{literal(str(path))}, header = false, auto_detect = false, columns = {{'id': 'UUID', 'source': 'VARCHAR'}}) "
        "GROUP BY id) s WHERE person.id = s.id"
    )


def prepare(db: Columns) -> None:
    """Make ``person`` out of ``people``: one row each, in the columns that the model compares."""
    db.execute(_PLAIN)
    db.execute("CREATE OR REPLACE TEMP TABLE nickname (name VARCHAR, family INTEGER)")
    names, families = zip(*((name, no) for no, line in enumerate(FAMILIES) for name in line), strict=True)
    db.execute("INSERT INTO nickname SELECT unnest(?::VARCHAR[]), unnest(?::INTEGER[])", [list(names), list(families)])
    db.execute(
        "CREATE OR REPLACE TEMP TABLE called AS SELECT name, list(DISTINCT family) AS families FROM nickname GROUP BY 1"
    )
    # A name is borne by many, and making it plain is dear: each is made so once.
    db.execute(
        "CREATE OR REPLACE TEMP TABLE plain_name AS SELECT name, nullif(plain(name), '') AS plain FROM ("
        "SELECT given_name AS name FROM people UNION SELECT family_name FROM people UNION SELECT middle_name "
        "FROM people UNION SELECT preferred_name FROM people) WHERE name IS NOT NULL"
    )
    db.execute(
        "CREATE OR REPLACE TEMP TABLE plain_person AS SELECT id, sources, "
        "CASE WHEN role = 'student' THEN 'student' WHEN role IN ('guardian', 'parent', 'relative') THEN 'family' "
        "ELSE 'staff' END AS part, left(g.plain, 60) AS given, left(f.plain, 60) AS family, m.plain AS middle, "
        "left(n.plain, 60) AS preferred, birth_date, "
        "own(sex) AS sex, own(email) AS email, own(phone) AS phone, own(identifier) AS identifier, "
        "own(username) AS username, schools, "
        "CASE WHEN grade IN ('KG', 'PK', 'TK') THEN 0 ELSE TRY_CAST(grade AS INTEGER) END AS grade, fresh "
        "FROM people p LEFT JOIN plain_name g ON g.name = p.given_name LEFT JOIN plain_name f "
        "ON f.name = p.family_name LEFT JOIN plain_name m ON m.name = p.middle_name "
        "LEFT JOIN plain_name n ON n.name = p.preferred_name"
    )
    for column in ("email", "phone", "identifier", "username"):
        _forget_what_many_share(db, column)
    db.execute(
        "CREATE OR REPLACE TABLE person AS SELECT id, sources, part, "
        "coalesce(given, family) AS given, coalesce(family, given) AS family, "
        "concat_ws(' ', given, nullif(family, given)) AS full_name, "  # one name is one, also where it is written twice
        "regexp_matches(coalesce(given, '') || coalesce(family, ''), '[^a-z ]') AS other_script, "
        "c.families AS nicknames, preferred, left(coalesce(given, family), 3) AS given3, "
        "left(coalesce(family, given), 3) AS family3, middle, birth_date, year(birth_date) AS birth_year, "
        "strftime(birth_date, '%m-%d') AS birth_day, sex, email, phone, identifier, username, schools, "
        "schools[1] AS school, grade, fresh FROM plain_person p "
        "LEFT JOIN called c ON c.name = string_split(coalesce(given, family), ' ')[1]"
    )
    for table in ("plain_name", "plain_person", "nickname", "called"):
        db.execute(f"DROP TABLE {table}")


def _forget_what_many_share(db: Columns, column: str) -> None:
    db.execute(
        f"UPDATE plain_person SET {column} = NULL WHERE {column} IN (SELECT {column} FROM plain_person "
        f"GROUP BY {column} HAVING count(*) > {SHARED_BY_MANY})"
    )
