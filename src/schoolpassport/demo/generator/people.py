"""Students in families, guardians, teachers, staff; their user rows and demographics.

A family comes, leaves and returns as one, with its students and its guardians, so no reference is ever left hanging.
The plain tables (``student`` …) hold numbers; ``users`` and ``demographics`` hold what the files say.
"""

import duckdb

from schoolpassport.demo.generator.cast import Cast
from schoolpassport.demo.generator.names import CITIES, MIDDLE_NAMES

_SPARED = """
CREATE TABLE twin (no BIGINT, elder BIGINT);
CREATE TABLE spared (role VARCHAR, no BIGINT);
"""

# A fifth of the students have an older brother or sister; families are numbered by their eldest.
_PUPILS = """
CREATE TABLE pupil AS
SELECT t.no, cell.band, cell.grade, t.no - band.first_student AS pos,
    (t.no + 1) * getvariable('seats') // getvariable('students')
        - t.no * getvariable('seats') // getvariable('students') AS slots,
    1 AS born
FROM cell JOIN band ON band.no = cell.band,
    unnest(range(cell.first_student, cell.first_student + cell.students)) AS t(no)
UNION ALL
SELECT getvariable('students') + i, cell.band, cell.grade, band.students + i,
    getvariable('seats') // getvariable('students'), 2 + i // getvariable('arriving')
FROM range(getvariable('arriving') * (today() - 1)) AS t(i)
JOIN (SELECT *, row_number() OVER (ORDER BY first_student) - 1 AS no FROM cell) AS cell
    ON cell.no = pick('arrival', i, (SELECT count(*) FROM cell))
JOIN band ON band.no = cell.band;

CREATE TABLE relation AS
WITH eldest AS (
    SELECT no, CASE
        WHEN no < getvariable('students') AND no // gap % 2 = 1 AND no % 5 < 2 THEN no - gap
        ELSE no END AS key
    FROM pupil, (SELECT greatest(1, getvariable('students') // 5) AS gap)
), keyed AS (
    SELECT eldest.no, coalesce(elder.key, eldest.key) AS key
    FROM eldest LEFT JOIN twin ON twin.no = eldest.no LEFT JOIN eldest AS elder ON elder.no = twin.elder
)
SELECT no, dense_rank() OVER (ORDER BY key) - 1 AS family FROM keyed;
"""

# Of three guardians, two share a family and one stands alone. Their families lie evenly among all.
_GUARDIANS = """
CREATE TABLE ward AS
WITH families AS (SELECT max(family) + 1 AS families FROM relation WHERE no < getvariable('students'))
SELECT t.no, (t.no // 3 * 2 + t.no % 3 // 2) * families
        // greatest(1, getvariable('guardians') // 3 * 2 + least(1, getvariable('guardians') % 3)) AS family
FROM range(getvariable('guardians')) AS t(no), families
UNION ALL
SELECT getvariable('guardians') + i, families
    + i // getvariable('arriving_guardians') * getvariable('arriving') + i % getvariable('arriving_guardians')
FROM range(getvariable('arriving_guardians') * (today() - 1)) AS t(i), families;
"""

# Of the families that leave, every other one returns the day after.
_FAMILIES = """
CREATE TABLE family AS
WITH spared_family AS (
    SELECT family FROM relation JOIN spared ON spared.role = 'student' AND spared.no = relation.no
    UNION
    SELECT family FROM ward JOIN spared ON spared.role = 'guardian' AND spared.no = ward.no
), known AS (
    SELECT relation.family AS no, min(pupil.born) AS born FROM relation JOIN pupil USING (no) GROUP BY relation.family
), leavers AS (
    SELECT no, row_number() OVER (ORDER BY no) - 1 AS turn, count(*) OVER () AS leavers
    FROM known WHERE born = 1 AND no NOT IN (SELECT family FROM spared_family)
), away AS (
    SELECT no, turn, turn(0.2 * getvariable('share'), leavers // 4) AS every, due('leave', turn, every) AS gone
    FROM leavers
)
SELECT known.no, known.born, coalesce(away.gone, never()) AS gone,
    CASE WHEN away.gone < never() AND turn // every % 2 = 0 THEN away.gone + 1 ELSE never() END AS back,
    pick('origin', known.no, (SELECT count(*) FROM origin)) AS origin
FROM known LEFT JOIN away USING (no);
"""

_PERSONS = """
CREATE TABLE student AS
SELECT pupil.no, student_id(pupil.no) AS id, pupil.band, band.school, pupil.pos, pupil.slots, pupil.grade,
    relation.family, family.born, family.gone, family.back, family.origin,
    turn(0.6 * getvariable('share'), getvariable('students') // 2) AS every,
    CASE WHEN spared.no IS NOT NULL OR family.born > 1 THEN never() ELSE due('student', pupil.no, every) END AS edited
FROM pupil JOIN band ON band.no = pupil.band JOIN relation ON relation.no = pupil.no
    JOIN family ON family.no = relation.family
    LEFT JOIN spared ON spared.role = 'student' AND spared.no = pupil.no;

CREATE TABLE guardian AS
SELECT ward.no, ward.family, family.born, family.gone, family.back, family.origin,
    turn(0.6 * getvariable('share'), getvariable('guardians') // 2) AS every,
    CASE WHEN spared.no IS NOT NULL OR family.born > 1 THEN never() ELSE due('guardian', ward.no, every) END AS edited,
    (SELECT string_agg(DISTINCT school_id(school), ',' ORDER BY school_id(school)) FROM student
     WHERE student.family = ward.family) AS orgs
FROM ward JOIN family ON family.no = ward.family
    LEFT JOIN spared ON spared.role = 'guardian' AND spared.no = ward.no;

CREATE TABLE teacher AS
SELECT t.no, school.no AS school, pick('teacher origin', t.no, (SELECT count(*) FROM origin)) AS origin,
    turn(0.6 * getvariable('share'), getvariable('teachers') // 2) AS every,
    CASE WHEN spared.no IS NOT NULL THEN never() ELSE due('teacher', t.no, every) END AS edited
FROM school, unnest(range(first_teacher, first_teacher + teachers)) AS t(no)
    LEFT JOIN spared ON spared.role = 'teacher' AND spared.no = t.no;

CREATE TABLE employee AS
SELECT t.no, CASE WHEN t.no = 0 THEN (SELECT "sourcedId" FROM orgs WHERE "type" = 'district')
        ELSE school_id((t.no - 1) % (SELECT count(*) FROM school)) END AS org,
    CASE WHEN t.no <= (SELECT count(*) FROM school) THEN 'administrator' ELSE 'aide' END AS role,
    pick('staff origin', t.no, (SELECT count(*) FROM origin)) AS origin
FROM range(getvariable('staff')) AS t(no);
"""

# A change of one person is one of three kinds, in turn: grade corrected, surname changed, middle name or phone known.
_USERS = """
CREATE TABLE users (
    ord BIGINT, "sourcedId" VARCHAR, "enabledUser" VARCHAR, "orgSourcedIds" VARCHAR, "role" VARCHAR, "username" VARCHAR,
    "userIds" VARCHAR, "givenName" VARCHAR, "familyName" VARCHAR, "middleName" VARCHAR, "identifier" VARCHAR,
    "email" VARCHAR, "sms" VARCHAR, "phone" VARCHAR, "agentSourcedIds" VARCHAR, "grades" VARCHAR, "password" VARCHAR,
    "metadata.locker" VARCHAR, "metadata.busRoute" VARCHAR, born BIGINT, gone BIGINT, back BIGINT, edited BIGINT
);
CREATE MACRO telephone(subject, no, last) AS
    format('({}) 555-01{:02d}', 201 + pick(subject, no, 780), (pick(subject || ' line', no, 99) + last) % 100);

INSERT INTO users BY NAME
WITH named AS (
    SELECT student.*, school.first_student, choose(origin.given, 'given', student.no) AS given,
        choose(origin.family, 'family', student.family) AS surname,
        choose_another(origin.family, 'family', student.family) AS other_surname,
        CASE WHEN edited <= today() THEN student.no // every % 3 ELSE -1 END AS change
    FROM student JOIN origin ON origin.no = student.origin JOIN school ON school.no = student.school
), agents AS (
    SELECT family, string_agg(guardian_id(no), ',' ORDER BY no) AS ids FROM guardian GROUP BY family
)
SELECT no AS ord, id AS "sourcedId", 'true' AS "enabledUser", school_id(school) AS "orgSourcedIds",
    'student' AS "role",
    written(left(given, 1), 'p') || written(surname, 'upil') || (no - first_student + 1) AS "username",
    '{LDAP:s' || no || '},{LTI:' || substr(md5(getvariable('seed') || id), 1, 12) || '}' AS "userIds",
    given AS "givenName",
    CASE WHEN change = 1 THEN other_surname WHEN pick('mononym', no, 250) = 0 THEN given ELSE surname END
        AS "familyName",
    CASE WHEN change = 2 THEN 'Kai' WHEN pick('has middle', no, 3) = 0
         THEN choose(getvariable('middle_names'), 'middle', no) END AS "middleName",
    (4100000000 + no * 17)::VARCHAR AS "identifier",
    format('s{:07d}@students.{}', no, getvariable('domain')) AS "email",
    NULL AS "sms", NULL AS "phone", agents.ids AS "agentSourcedIds",
    CASE WHEN change <> 0 THEN grade WHEN grade = '12' THEN '11' WHEN grade = 'KG' THEN '01'
         ELSE format('{:02d}', grade::INTEGER + 1) END AS "grades",
    CASE WHEN grade >= '06' AND grade <> 'KG' THEN 'L-' || (100 + no % 900) END AS "metadata.locker",
    CASE WHEN no % 3 = 0 THEN 'Route ' || (1 + no % 40) END AS "metadata.busRoute",
    born, gone, back, edited
FROM named LEFT JOIN agents ON agents.family = named.family;

INSERT INTO users BY NAME
WITH named AS (
    SELECT guardian.*, choose(origin.given, 'guardian given', guardian.no) AS given,
        CASE WHEN pick('own surname', guardian.no, 10) < 3
             THEN choose(origin.family, 'guardian family', guardian.no)
             ELSE choose(origin.family, 'family', guardian.family) END AS surname,
        list_filter(origin.family, lambda name: name <> surname) AS others,
        CASE WHEN edited <= today() THEN guardian.no // every % 2 ELSE -1 END AS change
    FROM guardian JOIN origin ON origin.no = guardian.origin
)
SELECT 2_000_000_000 + no AS ord, guardian_id(no) AS "sourcedId",
    CASE WHEN no % 9 = 4 THEN 'false' ELSE 'true' END AS "enabledUser", orgs AS "orgSourcedIds",
    CASE WHEN no % 20 = 7 THEN 'relative' WHEN no % 6 = 3 THEN 'guardian' ELSE 'parent' END AS "role",
    'family.' || no AS "username", given AS "givenName",
    CASE WHEN change = 0 THEN choose(others, 'married', no) ELSE surname END AS "familyName",
    written(given, 'parent') || '.' || written(surname, 'family') || '.' || no || '@' || CASE no % 3
        WHEN 0 THEN 'post.example' WHEN 1 THEN 'mailbox.example' ELSE 'letterbox.example' END AS "email",
    telephone('mobile', no, 0) AS "sms",
    CASE WHEN change = 1 THEN telephone('home', no, 1) WHEN no % 2 = 0 THEN telephone('home', no, 0) END AS "phone",
    born, gone, back, edited
FROM named;

INSERT INTO users BY NAME
WITH named AS (
    SELECT teacher.*, choose(origin.given, 'teacher given', teacher.no) AS given,
        choose(origin.family, 'teacher family', teacher.no) AS surname,
        choose_another(origin.family, 'teacher family', teacher.no) AS other_surname,
        CASE WHEN edited <= today() THEN teacher.no // every % 2 ELSE -1 END AS change
    FROM teacher JOIN origin ON origin.no = teacher.origin
)
SELECT 1_000_000_000 + no AS ord, teacher_id(no) AS "sourcedId", 'true' AS "enabledUser",
    school_id(school) AS "orgSourcedIds", 'teacher' AS "role",
    written(left(given, 1), 't') || written(surname, 'eacher') || '.' || no AS "username",
    '{LDAP:t' || no || '}' AS "userIds", given AS "givenName",
    CASE WHEN change = 0 THEN other_surname ELSE surname END AS "familyName",
    CASE WHEN no % 4 = 0 THEN choose(getvariable('middle_names'), 'teacher middle', no) END AS "middleName",
    'T' || (20000 + no) AS "identifier",
    written(left(given, 1), 't') || written(surname, 'eacher') || no || '@' || getvariable('domain') AS "email",
    telephone('teacher', no, CASE WHEN change = 1 THEN 1 ELSE 0 END) AS "phone",
    1 AS born, never() AS gone, never() AS back, edited
FROM named;

INSERT INTO users BY NAME
SELECT 1_500_000_000 + employee.no AS ord, staff_id(employee.no) AS "sourcedId", 'true' AS "enabledUser",
    org AS "orgSourcedIds", role AS "role", 'office.' || employee.no AS "username",
    choose(origin.given, 'staff given', employee.no) AS "givenName",
    choose(origin.family, 'staff family', employee.no) AS "familyName", 'S' || (700 + employee.no) AS "identifier",
    'office' || employee.no || '@' || getvariable('domain') AS "email",
    telephone('staff', employee.no, 0) AS "phone",
    1 AS born, never() AS gone, never() AS back, never() AS edited
FROM employee JOIN origin ON origin.no = employee.origin;
"""

# Twins share the birthday of the elder.
_DEMOGRAPHICS = """
CREATE TABLE demographics AS
WITH drawn AS (
    SELECT student.*, coalesce(twin.elder, student.no) AS birthday, pick('race', student.no, 20) AS race,
        CASE grade WHEN 'KG' THEN 0 ELSE grade::INTEGER END AS years,
        turn(0.6 * getvariable('share'), getvariable('students') // 2) AS rows_every,
        CASE WHEN edited = never() THEN never() ELSE due('demographics', student.no, rows_every) END AS rows_edited
    FROM student LEFT JOIN twin USING (no)
)
SELECT no AS ord, id AS "sourcedId",
    (make_date(2021 - years::BIGINT, 8, 31) - pick('born', birthday, 365)::INTEGER)::VARCHAR AS "birthDate",
    CASE pick('sex', no, 2) WHEN 0 THEN 'female' ELSE 'male' END AS "sex",
    (race IN (0, 19))::VARCHAR AS "americanIndianOrAlaskaNative",
    (race IN (1, 2, 18))::VARCHAR AS "asian",
    (race IN (3, 4, 5, 17))::VARCHAR AS "blackOrAfricanAmerican",
    (race IN (6))::VARCHAR AS "nativeHawaiianOrOtherPacificIslander",
    (race >= 7)::VARCHAR AS "white",
    (race >= 17)::VARCHAR AS "demographicRaceTwoOrMoreRaces",
    (pick('hispanic', no, 4) = 0)::VARCHAR AS "hispanicOrLatinoEthnicity",
    CASE pick('abroad', no, 12) WHEN 0 THEN 'MX' WHEN 1 THEN 'VN' ELSE 'US' END AS "countryOfBirthCode",
    CASE WHEN pick('abroad', no, 12) > 1 THEN choose(['NM', 'CA', 'ID', 'MN', 'GA', 'NC', 'HI'], 'state', no) END
        AS "stateOfBirthAbbreviation",
    CASE WHEN rows_edited <= today() THEN choose_another(getvariable('cities'), 'city', no)
         ELSE choose(getvariable('cities'), 'city', no) END AS "cityOfBirth",
    CASE WHEN no % 5 > 0 THEN '01652' END AS "publicSchoolResidenceStatus",
    born, gone, back, rows_edited AS edited
FROM drawn;
"""


def make_people(*, db: duckdb.DuckDBPyConnection, cast: Cast | None) -> None:
    db.execute("SET VARIABLE middle_names = ?", [list(MIDDLE_NAMES)])
    db.execute("SET VARIABLE cities = ?", [list(CITIES)])
    db.execute(_SPARED)
    if cast is not None:
        db.executemany("INSERT INTO twin VALUES (?, ?)", [(younger, elder) for elder, younger in cast.twins])
        db.executemany("INSERT INTO spared VALUES (?, ?)", cast.spared)
    for step in (_PUPILS, _GUARDIANS, _FAMILIES, _PERSONS, _USERS, _DEMOGRAPHICS):
        db.execute(step)
