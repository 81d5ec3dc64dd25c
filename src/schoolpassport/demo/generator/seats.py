"""Enrollments: the largest file by far, so a view that is computed while it is written, never a table.

A pupil takes a class in each of his periods, homeroom first. Within a period pupils go round the sections, and each
round is shifted by the period, so that companions differ from class to class. A move goes to the next section.
"""

import duckdb

_EXTRA = """
CREATE TABLE extra_enrollment (
    ord BIGINT, "sourcedId" VARCHAR, "classSourcedId" VARCHAR, "schoolSourcedId" VARCHAR, "userSourcedId" VARCHAR,
    "role" VARCHAR, "primary" VARCHAR, born BIGINT, bad BOOLEAN
);
"""

_SEATS = """
CREATE VIEW enrollments AS
WITH slot AS (
    SELECT student.*, band.first_class, band.classes, periods,
        CASE WHEN i = 0 THEN 0 ELSE 1 + (i - 1 + student.no) % greatest(1, periods - 1) END AS period,
        due('seat', student.no * periods + i, every_seat) AS moved,
        (student.no * periods + i) // every_seat % 4 = 0 AS moves
    FROM student JOIN band ON band.no = student.band,
        (SELECT getvariable('periods') AS periods,
            turn(0.6 * getvariable('share'), getvariable('seats') // 2) AS every_seat),
        unnest(range(student.slots)) AS t(i)
), seat AS (
    SELECT *, (classes - period + periods - 1) // periods AS sections,
        moves AND sections > 1 AS to_next, moved <= today() AS changed
    FROM slot
), placed AS (
    SELECT seat.*, first_class + period + periods * (
            (pos + period * (pos // sections) + CASE WHEN changed AND to_next THEN 1 ELSE 0 END) % sections
        ) AS class
    FROM seat
)
SELECT placed.no * 100 + placed.period AS ord,
    'enr-' || substr(placed.id, 5) || '-' || placed.period AS "sourcedId",
    NULL::VARCHAR AS "status", NULL::VARCHAR AS "dateLastModified",
    lesson.id AS "classSourcedId", "classes"."schoolSourcedId", placed.id AS "userSourcedId", 'student' AS "role",
    'false' AS "primary",
    CASE WHEN changed AND NOT to_next THEN '2026-09-08' ELSE '2026-08-17' END AS "beginDate",
    '2027-06-12' AS "endDate", placed.born, placed.gone, placed.back, placed.moved AS edited, false AS bad
FROM placed JOIN lesson ON lesson.no = placed.class JOIN "classes" ON "classes"."sourcedId" = lesson.id
UNION ALL
SELECT 1_000_000_000_000 + no, 'enr-t' || substr(id, 5), NULL, NULL, id, school_id(school), teacher_id(teacher),
    'teacher', 'true', '2026-08-10', '2027-06-12', born, never(), never(), never(), false
FROM lesson
UNION ALL
SELECT 2_000_000_000_000 + ord, "sourcedId", NULL, NULL, "classSourcedId", "schoolSourcedId", "userSourcedId", "role",
    "primary", '2026-08-17', '2027-06-12', born, never(), never(), never(), bad
FROM extra_enrollment;
"""


def make_seats(*, db: duckdb.DuckDBPyConnection) -> None:
    db.execute(_EXTRA)
    db.execute(_SEATS)
