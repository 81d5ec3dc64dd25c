"""Courses and classes: for each band of grades, every period of the day in as many sections as it has classes."""

import duckdb

from schoolpassport.demo.generator.subjects import SUBJECTS

_SUBJECTS = """
CREATE TABLE subject (
    no BIGINT, prefix VARCHAR, labels VARCHAR, label VARCHAR, codes VARCHAR, high VARCHAR[], room VARCHAR,
    elective BOOLEAN
);
"""

# One row per class. Sections are numbered through a band so that class = section * periods + period: a pupil's period
# names the classes to choose from. In elementary schools a teacher keeps a section, elsewhere a subject.
_LESSONS = """
CREATE TABLE lesson AS
WITH planned AS (
    SELECT band.first_class + i AS no, band.no AS band, band.school, i % getvariable('periods') AS period,
        i // getvariable('periods') AS section, 1 AS born, band.grades
    FROM band, unnest(range(band.classes)) AS t(i)
), opened AS (
    SELECT getvariable('classes') + i AS no, band.no AS band, band.school,
        pick('opened period', i, getvariable('periods')) AS period, 90 + i AS section,
        2 + i // getvariable('opening') AS born, band.grades
    FROM range(getvariable('opening') * (today() - 1)) AS t(i)
    JOIN band ON band.no = pick('opened band', i, (SELECT count(*) FROM band))
), taught AS (
    SELECT *, CASE WHEN period = 0 THEN 0 ELSE 1 + (period - 1) % ((SELECT count(*) FROM subject) - 1) END AS subject
    FROM (FROM planned UNION ALL FROM opened)
), ranked AS (
    SELECT taught.*, row_number() OVER (
        PARTITION BY taught.school
        ORDER BY born, CASE WHEN school.level = 'elementary' THEN 0 ELSE subject END, taught.no
    ) - 1 AS rank, school.first_teacher, school.teachers, school.classes, school.level
    FROM taught JOIN school ON school.no = taught.school
)
SELECT no, class_id(no) AS id, band, school, level, period, section, subject, born, grades,
    first_teacher + CASE
        WHEN born = 1 THEN rank * teachers // classes
        ELSE pick('opened teacher', no, teachers) END AS teacher,
    CASE WHEN (SELECT elective FROM subject WHERE subject.no = ranked.subject) THEN format('-{:03d}', school + 1)
         ELSE '-' || grades[1] END AS offered
FROM ranked;
"""

_COURSES = """
CREATE TABLE course AS
SELECT 'crs-' || lower(subject.prefix) || lesson.offered AS id, subject.prefix || lesson.offered AS code,
    subject.elective, subject.labels, subject.codes,
    min(CASE
        WHEN lesson.level = 'high' THEN subject.high[1 + lesson.grades[1]::INTEGER - 9]
        WHEN subject.elective THEN subject.label
        WHEN lesson.grades[1] = 'KG' THEN 'Kindergarten ' || subject.label
        ELSE 'Grade ' || lesson.grades[1]::INTEGER || ' ' || subject.label END) AS title,
    list_sort(list_distinct(list_transform(flatten(list(lesson.grades)), lambda g: replace(g, 'KG', '00')))) AS grades,
    min(lesson.school) AS school
FROM lesson JOIN subject ON subject.no = lesson.subject
WHERE lesson.born = 1
GROUP BY ALL;

CREATE TABLE courses AS
SELECT row_number() OVER (ORDER BY id) AS ord, id AS "sourcedId", 'ay-2027' AS "schoolYearSourcedId",
    title AS "title", code AS "courseCode", replace(array_to_string(grades, ','), '00', 'KG') AS "grades",
    CASE WHEN elective THEN school_id(school)
         ELSE (SELECT "sourcedId" FROM orgs WHERE "type" = 'district') END AS "orgSourcedId",
    labels AS "subjects", codes AS "subjectCodes"
FROM course;
"""

_CLASSES = """
CREATE TABLE classes AS
WITH due AS (
    SELECT *, turn(0.6 * getvariable('share'), getvariable('classes') // 2) AS every,
        CASE WHEN born > 1 THEN never() ELSE due('class', no, every) END AS edited
    FROM lesson
)
SELECT due.no AS ord, due.id AS "sourcedId",
    course.title || ' - ' || CASE
        WHEN due.subject = 0 THEN 'Room ' || (101 + due.section)
        ELSE 'Period ' || due.period || '-' || (due.section + 1) END
        || CASE WHEN edited <= today() AND due.no // every % 2 = 0 THEN ' (Honors)' ELSE '' END AS "title",
    array_to_string(due.grades, ',') AS "grades", course.id AS "courseSourcedId",
    course.code || '-' || due.period || '-' || (due.section + 1) AS "classCode",
    CASE WHEN due.subject = 0 THEN 'homeroom' ELSE 'scheduled' END AS "classType",
    subject.room || ' ' || (101 + due.no % 240)
        || CASE WHEN edited <= today() AND due.no // every % 2 = 1 THEN 'B' ELSE '' END AS "location",
    school_id(due.school) AS "schoolSourcedId",
    CASE
        WHEN due.subject = 0 THEN 'ay-2027'
        WHEN due.level = 'elementary' THEN 'tri-2027-1,tri-2027-2,tri-2027-3'
        WHEN subject.elective THEN 'sem-2027-' || (1 + due.no % 2)
        ELSE 'sem-2027-1,sem-2027-2' END AS "termSourcedIds",
    subject.labels AS "subjects", subject.codes AS "subjectCodes",
    CASE WHEN subject.prefix = 'SC' AND due.level = 'high' THEN due.period || ',' || (due.period + 1)
         ELSE due.period::VARCHAR END AS "periods",
    CASE WHEN due.level = 'elementary' THEN 'Early bell' ELSE 'A/B days' END AS "metadata.bellSchedule",
    due.born, never() AS gone, never() AS back, due.edited
FROM due JOIN subject ON subject.no = due.subject
    JOIN course ON course.id = 'crs-' || lower(subject.prefix) || due.offered;
"""


def make_lessons(*, db: duckdb.DuckDBPyConnection) -> None:
    db.execute(_SUBJECTS)
    db.executemany(
        "INSERT INTO subject VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(no, s.prefix, s.labels, s.label, s.codes, list(s.high), s.room, s.elective) for no, s in enumerate(SUBJECTS)],
    )
    db.execute(_LESSONS)
    db.execute(_COURSES)
    db.execute(_CLASSES)
