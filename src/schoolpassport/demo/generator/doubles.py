"""People as several sources say them, and who they really are: the labelled set for whoever looks for duplicates.

One row is one record: what a SIS, a directory or a spreadsheet says of somebody. ``person`` is who it is in truth, and
``cases`` what happened on the way: a slip of the pen, names the wrong way round, a nickname, a wedding, a move. Some
people are there to be confused: twins, namesakes born on one day, brothers and sisters with one e-mail.
"""

from pathlib import Path

import duckdb

from schoolpassport.demo.generator.engine import session
from schoolpassport.demo.generator.names import MIDDLE_NAMES, ORIGINS

ROMANIZED = {
    "伟": "Wei",
    "小明": "Xiaoming",
    "美玲": "Meiling",
    "秀英": "Xiuying",
    "子涵": "Zihan",
    "欣怡": "Xinyi",
    "王": "Wang",
    "李": "Li",
    "陈": "Chen",
    "欧阳": "Ouyang",
    "赵": "Zhao",
    "黄": "Huang",
    "さくら": "Sakura",
    "健太": "Kenta",
    "美咲": "Misaki",
    "翔": "Sho",
    "陽菜": "Hina",
    "佐藤": "Sato",
    "鈴木": "Suzuki",
    "高橋": "Takahashi",
    "山本": "Yamamoto",
    "渡邊": "Watanabe",
    "민준": "Minjun",
    "서연": "Seoyeon",
    "지우": "Jiwoo",
    "하은": "Haeun",
    "김": "Kim",
    "남궁": "Namgung",
    "박": "Park",
    "이": "Lee",
    "최": "Choi",
    "فاطمة": "Fatima",
    "محمد": "Mohammed",
    "يوسف": "Yusuf",
    "مريم": "Maryam",
    "نور": "Nour",
    "الحداد": "al-Haddad",
    "الأمين": "al-Amin",
    "بن يوسف": "Ben Yusuf",
    "خليل": "Khalil",
    "منصور": "Mansour",
    "Алёна": "Alyona",
    "Дмитро": "Dmytro",
    "Ольга": "Olga",
    "Святослав": "Sviatoslav",
    "Юлія": "Yuliia",
    "Женя": "Zhenya",
    "Иванчук": "Ivanchuk",
    "Ковальова": "Kovaleva",
    "Петренко": "Petrenko",
    "Щербак": "Shcherbak",
    "Якименко": "Yakymenko",
}  # fmt: skip (a word list)

# What people are called by those who know them. A matcher knows some of these, and not all.
CALLED = {
    "Abigail": "Abby",
    "Benjamin": "Ben",
    "Charlotte": "Charlie",
    "Dylan": "Dyl",
    "Eleanor": "Ellie",
    "Finley": "Fin",
    "Hudson": "Hud",
    "Jack": "Jackie",
    "Kendall": "Kenny",
    "Olivia": "Liv",
    "Sadie": "Sally",
    "Theodore": "Ted",
    "Willa": "Billie",
    "Adrián": "Adri",
    "Beatriz": "Bea",
    "Camila": "Cami",
    "Elena": "Nena",
    "Guadalupe": "Lupe",
    "Joaquín": "Quino",
    "José Luis": "Pepe",
    "María José": "Majo",
    "Nicolás": "Nico",
    "Rocío": "Chío",
    "Sebastián": "Seb",
    "Tomás": "Tommy",
    "Ximena": "Xime",
    "Yesenia": "Yesi",
    "Aaliyah": "Liyah",
    "Kiara": "Kiki",
    "Gabriela": "Gabi",
    "Małgorzata": "Gosia",
    "Stanisław": "Staszek",
    "Kateřina": "Katka",
    "Jiří": "Jirka",
    "Zofia": "Zosia",
    "Dobromiła": "Mila",
    "Étienne": "Tienne",
    "Jean-Baptiste": "JB",
    "Anne-Sophie": "Annie",
    "Günther": "Günni",
    "Käthe": "Kathi",
    "Jörg": "Jorgi",
    "Christopher": "Chris",
    "Alexander": "Alex",
    "Elizabeth": "Liz",
    "William": "Will",
    "Katherine": "Kate",
    "Margaret": "Maggie",
    "Robert": "Bob",
    "Richard": "Rick",
    "Michael": "Mike",
    "Jennifer": "Jenny",
    "Samuel": "Sam",
    "Daniel": "Danny",
    "Joseph": "Joe",
    "Matthew": "Matt",
    "Anthony": "Tony",
    "Nicholas": "Nick",
    "Samantha": "Sam",
    "Alexandra": "Sasha",
    "Edward": "Ned",
    "James": "Jim",
    "Thomas": "Tom",
    "Patricia": "Trish",
    "Victoria": "Vicky",
    "Rebecca": "Becky",
}  # fmt: skip (a word list)

# Lists alone would make every second person a namesake; put together, the parts give as many names as towns have.
_FRONTS = (
    "Al Ar Ash Bar Bel Ber Bran Bre Cal Car Cor Dal Dan Del Dor El Em Far Fen Gal Gar Glen Hal Har Hol Il Jar Kal Kar"
    " Kel Kir Lan Lar Lin Lor Mal Mar Mer Mon Nar Nel Nor Or Pal Pel Per Quin Ral Ran Ros San Sel Sol Tal Tan Tor Ul"
    " Val Ver Wal Wes Wil Yar Zel"
)
_GIVEN_BACKS = (
    "a an ana bert by cy da den dra eigh en eo ette fina gan ia ian ice ie ika in ina ine is ita iya la lan lyn mina"
    " na ne nor o on ra ric rin sa san son ta thy tin ton via win ya"
)
_FAMILY_BACKS = (
    "agna am berg bourne brook bury by carra cliff combe croft dale den dez dini don dorf ell enko er escu etti feld"
    " field ford gate grove hagen ham hurst idis ides ing ino inski ison kar ken ker land ley li lund man mann mark"
    " mere mond mont more moto mura nagar nath ner nez oglu oli ona os ova pur quist ra rez rick rigan ro rough say"
    " sen ser shaw sky son stad stead stein stone strom su tani thorpe ton tree va vale ve ville vin wa wald way"
    " well werth wick wood worth yama yan zaki zen"
)

_MACROS = """
CREATE MACRO dice(subject, no) AS md5_number(getvariable('seed') || ':' || subject || ':' || no);
CREATE MACRO die(dice, place, sides) AS
    (((dice >> (16 * place)::UHUGEINT) & 65535::UHUGEINT) % sides::UHUGEINT)::BIGINT;
CREATE MACRO chance(dice, place, of_thousand) AS die(dice, place, 1000) < of_thousand;
CREATE MACRO drawn(list, dice, place) AS list[1 + die(dice, place, len(list))];
CREATE MACRO latin(name) AS CASE WHEN name = '' THEN '' ELSE coalesce(getvariable('romanized')[name], name) END;
CREATE MACRO plain(name) AS regexp_replace(lower(strip_accents(latin(name))), '[^a-z]', '', 'g');
CREATE MACRO slipped(name, dice, spot) AS CASE
    WHEN length(name) < 3 THEN name
    WHEN die(dice, 0, 4) = 0 THEN left(name, spot) || substr(name, spot + 2)
    WHEN die(dice, 0, 4) = 1 THEN left(name, spot) || substr(name, spot)
    WHEN die(dice, 0, 4) = 2 THEN left(name, spot - 1) || substr(name, spot + 1, 1) || substr(name, spot, 1)
        || substr(name, spot + 2)
    ELSE left(name, spot - 1) || chr((97 + die(dice, 2, 26))::INTEGER) || substr(name, spot + 1) END;
CREATE MACRO slip(name, dice) AS slipped(name, dice, 2 + die(dice, 1, greatest(1, length(name) - 2)));
CREATE MACRO wrong_day(day, dice) AS CASE
    WHEN die(dice, 3, 2) = 0 AND day(day) <= 12 AND day(day) <> month(day)
        THEN make_date(year(day), day(day), month(day))
    WHEN die(dice, 4, 3) = 0 THEN (day - INTERVAL 1 YEAR)::DATE
    WHEN die(dice, 4, 3) = 1 THEN (day + INTERVAL 10 DAY)::DATE
    ELSE (day + INTERVAL 1 DAY)::DATE END;
"""

# Of ten people seven are pupils of three households, two their guardians, one works for the district.
_PEOPLE = """
CREATE TABLE person AS
WITH soul AS (
    SELECT no, no % 10 AS slot,
        CASE WHEN no % 10 IN (0, 1, 2, 7) THEN no // 10 * 4
             WHEN no % 10 IN (3, 4, 8) THEN no // 10 * 4 + 1
             WHEN no % 10 IN (5, 6) THEN no // 10 * 4 + 2 ELSE no // 10 * 4 + 3 END AS home,
        no % 10 <> 9 AND chance(dice('namesake', no), 0, 3) AS namesake
    FROM range(getvariable('people')) AS t(no)
), who AS (
    SELECT *, CASE WHEN slot < 7 THEN 'student' WHEN slot < 9 THEN 'guardian' ELSE 'teacher' END AS role,
        dice('home', home) AS h, dice('person', no) AS p, dice('more', no) AS q,
        slot = 1 AND chance(dice('twins', home), 0, 120) AS twin,
        -- Names and birthdays of a namesake are those of somebody ten households on.
        CASE WHEN namesake THEN (no + 370) % (getvariable('people') // 10 * 10) ELSE no END AS model
    FROM soul
), drawn AS (
    SELECT who.*,
        dice('home', home + (CASE WHEN namesake THEN 148 ELSE 0 END)) AS family_dice,
        dice('person', model) AS name_dice,
        dice('person', CASE WHEN twin THEN no - 1 ELSE model END) AS birth_dice
    FROM who
), born AS (
    SELECT *, die(birth_dice, 0, 13) AS grade, origin.given AS givens, origin.family AS families
    FROM drawn JOIN origin ON origin.no = die(family_dice, 0, 100)
)
SELECT no, role, home, p, q, h, twin, namesake,
    CASE WHEN chance(name_dice, 1, 450) AND NOT chance(family_dice, 5, 60)
            THEN drawn(getvariable('fronts'), name_dice, 2) || drawn(getvariable('given_backs'), name_dice, 3)
         WHEN chance(name_dice, 1, 600) THEN drawn(map_keys(getvariable('called')), name_dice, 2)
         ELSE drawn(givens, name_dice, 2) END AS given,
    CASE WHEN chance(family_dice, 5, 60) THEN drawn(families, family_dice, 1)
         WHEN chance(family_dice, 5, 650)
            THEN drawn(getvariable('fronts'), family_dice, 2) || drawn(getvariable('family_backs'), family_dice, 3)
         WHEN chance(family_dice, 5, 720)
            THEN drawn(families, family_dice, 1) || '-' || drawn(families, family_dice, 4)
         ELSE drawn(families, family_dice, 1) END AS family,
    CASE WHEN chance(p, 4, 400) THEN drawn(getvariable('middles'), p, 5) END AS middle,
    CASE WHEN role = 'student' THEN (DATE '2021-08-31' - (grade * 365 + die(birth_dice, 7, 365))::INTEGER)
         WHEN role = 'teacher' THEN (DATE '2001-12-31' - (die(birth_dice, 7, 16000))::INTEGER)
         ELSE (DATE '1995-12-31' - (die(birth_dice, 7, 11000))::INTEGER) END AS birth,
    CASE WHEN chance(p, 6, 500) THEN 'female' ELSE 'male' END AS sex,
    CASE WHEN role = 'student' THEN grade END AS grade,
    die(h, 6, getvariable('zones')) * 6 + CASE
        WHEN role = 'teacher' THEN die(q, 0, 6)
        WHEN role = 'guardian' OR grade < 6 THEN die(h, 7, 3)
        WHEN grade < 9 THEN 3 + die(h, 7, 2) ELSE 5 END AS school
FROM born;

-- A twin who is named alike, and a name so long that no form has room for it; one part, where people have one.
UPDATE person SET given = e.given || 'a' FROM person e WHERE person.twin AND e.no = person.no - 1
    AND chance(person.q, 1, 150);
UPDATE person SET given = rtrim(repeat(given || ' ', 300 // (length(given) + 1))), family = family || ' de '
    || rtrim(repeat(family || ' ', 290 // (length(family) + 1))) WHERE chance(q, 2, 1);
UPDATE person SET family = '' WHERE chance(q, 3, 4);
"""

# Who is said by whom, and how often. A move makes a second entry in the SIS; so does a second school of a teacher.
_SAID = """
CREATE TABLE said AS
SELECT no AS person, 'SIS' AS source, 0 AS copy FROM person
UNION ALL SELECT no, 'Directory', 1 FROM person WHERE role <> 'guardian' AND chance(q, 4, 700)
UNION ALL SELECT no, 'Spreadsheet', 2 FROM person WHERE chance(q, 5, 200)
UNION ALL SELECT no, 'SIS', 3 FROM person
    WHERE (role = 'student' AND chance(q, 6, 20)) OR (role = 'teacher' AND chance(q, 6, 40))
UNION ALL SELECT no, 'Directory', 4 FROM person WHERE role = 'guardian' AND chance(q, 7, 40);
"""

_RECORDS = """
CREATE TABLE happened AS
SELECT person.*, source, copy, dice('record' || copy, person.no) AS r, dice('again' || copy, person.no) AS s,
    dice('third' || copy, person.no) AS t,
    CASE WHEN copy = 0 THEN 200 ELSE 1000 END AS rate,  -- the SIS is kept with more care
    role = 'guardian' AND copy = 4 AS staff_parent
FROM said JOIN person ON person.no = said.person;

CREATE TABLE noted AS
SELECT *,
    chance(r, 0, 40 * rate // 1000) AS typo_given, chance(r, 1, 40 * rate // 1000) AS typo_family,
    chance(r, 2, 15 * rate // 1000) AND family <> '' AS swapped,
    chance(r, 3, 350 * rate // 1000) AND getvariable('called')[given] IS NOT NULL AS nickname,
    chance(r, 4, 25 * rate // 1000) AND family <> '' AS new_surname,
    chance(r, 5, 400) AND contains(family, '-') AS half_surname,
    chance(r, 6, 250) AS no_accents, chance(r, 7, 50) AS shouted,
    chance(s, 0, 500) AND getvariable('romanized')[family] IS NOT NULL AS other_script,
    chance(s, 1, CASE WHEN role = 'guardian' THEN 600 WHEN source = 'SIS' THEN 15 ELSE 120 END) AS no_birth_date,
    chance(s, 2, 30 * rate // 1000) AS wrong_birth_date,
    (copy = 3) OR chance(s, 3, 50 * rate // 1000) AS moved,
    chance(s, 4, CASE WHEN role = 'guardian' THEN 150 ELSE 100 END) AS no_email,
    chance(s, 5, 60 * rate // 1000) AS other_email,
    chance(h, 3, 120) AND role = 'student' AS shared_email,
    chance(s, 6, CASE WHEN source = 'SIS' THEN 150 ELSE 500 END) AS no_phone,
    die(s, 7, 100) AS numbered,
    dice('small' || copy, no) AS u
FROM happened;

CREATE TABLE spoken AS
SELECT *,
    CASE WHEN other_script THEN latin(given) WHEN nickname THEN getvariable('called')[given] ELSE given END AS g,
    CASE WHEN other_script THEN latin(family)
         WHEN new_surname THEN drawn(getvariable('fronts'), t, 0) || drawn(getvariable('family_backs'), t, 1)
         WHEN half_surname THEN string_split(family, '-')[1]
         WHEN family = '' AND copy > 0 THEN given ELSE family END AS f,
    CASE WHEN role = 'student' AND NOT shared_email
            THEN plain(given) || '.' || CASE WHEN new_surname AND chance(u, 0, 500) THEN plain(f) ELSE plain(family) END
                || no % 997 || '@students.cedarhollow.example'
         WHEN role = 'teacher' OR staff_parent
            THEN plain(given) || '.' || plain(family) || no % 97 || '@cedarhollow.example'
         ELSE 'family' || home || '@mail' || home % 20 || '.example' END AS mail
FROM noted;

CREATE TABLE record AS
WITH written AS (
    SELECT *, CASE WHEN typo_given THEN slip(g, t) ELSE g END AS g1,
        CASE WHEN typo_family THEN slip(f, t) ELSE f END AS f1 FROM spoken
), styled AS (
    SELECT *, CASE WHEN no_accents THEN strip_accents(g1) WHEN shouted THEN upper(g1) ELSE g1 END AS g2,
        CASE WHEN no_accents THEN strip_accents(f1) WHEN shouted THEN upper(f1) ELSE f1 END AS f2 FROM written
)
SELECT (no * 8 + copy)::BIGINT AS record, no AS person, source,
    CASE WHEN staff_parent THEN 'teacher' ELSE role END AS role,
    CASE WHEN swapped THEN f2 ELSE g2 END AS given_name,
    CASE WHEN swapped THEN g2 WHEN f2 = '' THEN '-' ELSE f2 END AS family_name,
    CASE WHEN copy > 0 AND chance(t, 2, 600) THEN NULL
         WHEN copy > 0 AND chance(u, 1, 15) THEN drawn(getvariable('middles'), u, 2)
         WHEN chance(u, 3, 150) THEN left(middle, 1) ELSE middle END AS middle_name,
    CASE WHEN no_birth_date AND NOT staff_parent THEN NULL WHEN wrong_birth_date THEN wrong_day(birth, t)
         ELSE birth END AS birth_date,
    CASE WHEN source = 'SIS' OR chance(t, 5, 400)
        THEN CASE WHEN chance(u, 4, 5) THEN 'female' ELSE sex END END AS sex,
    CASE WHEN no_email THEN NULL
         WHEN other_email THEN plain(given) || die(t, 6, 9999) || '@mail' || die(t, 7, 20) || '.example'
         ELSE mail END AS email,
    CASE WHEN NOT no_phone THEN '+1555' || lpad(((home + CASE WHEN chance(u, 5, 100) THEN no ELSE 0 END)
        * 7919 % 10000000)::VARCHAR, 7, '0') END AS phone,
    CASE WHEN source = 'SIS' AND copy = 0 THEN (100000 + no * 7)::VARCHAR
         WHEN copy = 3 THEN (9000000 + no * 3)::VARCHAR
         WHEN staff_parent THEN 'E' || no
         WHEN numbered < 45 THEN (100000 + no * 7)::VARCHAR
         WHEN numbered < 65 THEN 'D' || (no * 3) END AS identifier,
    CASE WHEN source = 'Directory' OR numbered < 50 THEN split_part(mail, '@', 1) ELSE 'u' || (no * 8 + copy) END
        AS username,
    [school_id((CASE WHEN moved THEN school // 6 * 6 + 6 + die(t, 3, 6) ELSE school END)
        % (6 * getvariable('zones')))] AS schools,
    CASE WHEN grade IS NOT NULL THEN
        [CASE WHEN grade = 0 THEN 'KG' ELSE lpad((grade + CASE WHEN chance(t, 4, CASE WHEN moved THEN 200 ELSE 10 END)
            THEN 1 ELSE 0 END)
            ::VARCHAR, 2, '0') END] END AS grades,
    list_filter([
        CASE WHEN twin THEN 'twin' END, CASE WHEN namesake THEN 'same name and birthday' END,
        CASE WHEN typo_given OR typo_family THEN 'typo' END, CASE WHEN swapped THEN 'swapped names' END,
        CASE WHEN nickname THEN 'nickname' END, CASE WHEN new_surname THEN 'changed surname' END,
        CASE WHEN other_script THEN 'other script' END, CASE WHEN birth_date IS NULL THEN 'no birth date' END,
        CASE WHEN wrong_birth_date THEN 'wrong birth date' END, CASE WHEN moved THEN 'moved' END,
        CASE WHEN shared_email THEN 'shared e-mail' END, CASE WHEN staff_parent THEN 'parent on the staff' END,
        CASE WHEN role = 'teacher' AND copy = 3 THEN 'two schools' END, CASE WHEN family = '' THEN 'one name' END,
        CASE WHEN length(given) > 100 THEN 'long name' END
    ], lambda c: c IS NOT NULL) AS cases
FROM styled;
"""


def write_doubles(*, path: Path, seed: int, people: int) -> int:
    """Write the records of so many people as Parquet, in no telling order. Returns how many records there are."""
    with session({"seed": str(seed), "day": 1}) as db:
        _set_lists(db, people)
        for statements in (_MACROS, _PEOPLE, _SAID, _RECORDS):
            db.execute(statements)
        db.table("record").order("hash(record)").to_parquet(str(path), compression="lz4")
        (count,) = db.execute("SELECT count(*) FROM record").fetchone() or (0,)
    return int(count)


def _set_lists(db: duckdb.DuckDBPyConnection, people: int) -> None:
    shares = [origin for origin in ORIGINS for _ in range(origin.share)]
    db.execute("CREATE TABLE origin (no BIGINT, given VARCHAR[], family VARCHAR[])")
    db.executemany(
        "INSERT INTO origin VALUES (?, ?, ?)", [(no, list(o.given), list(o.family)) for no, o in enumerate(shares)]
    )
    lists = {
        "fronts": _FRONTS.split(),
        "given_backs": _GIVEN_BACKS.split(),
        "family_backs": _FAMILY_BACKS.split(),
        "middles": list(MIDDLE_NAMES),
    }
    for name, values in lists.items():
        db.execute(f"SET VARIABLE {name} = ?", [values])
    db.execute("SET VARIABLE people = ?", [people])
    db.execute("SET VARIABLE zones = ?", [max(2, people // 3000)])
    for name, pairs in (("romanized", ROMANIZED), ("called", CALLED)):
        db.execute(f"SET VARIABLE {name} = map(?, ?)", [list(pairs), list(pairs.values())])
