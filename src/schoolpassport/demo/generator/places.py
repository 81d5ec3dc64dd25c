"""Orgs and academic sessions: the same on every day. And the plan's tables, from which the rest is made."""

from collections.abc import Sequence
from dataclasses import astuple

import duckdb

from schoolpassport.demo.generator.names import ORIGINS
from schoolpassport.demo.generator.plan import Plan

_PLAN = """
CREATE TABLE school (
    no BIGINT, level VARCHAR, name VARCHAR, first_student BIGINT, first_class BIGINT, classes BIGINT,
    first_teacher BIGINT, teachers BIGINT
);
CREATE TABLE band (
    no BIGINT, school BIGINT, grades VARCHAR[], first_student BIGINT, students BIGINT, first_class BIGINT,
    classes BIGINT
);
CREATE TABLE cell (band BIGINT, grade VARCHAR, first_student BIGINT, students BIGINT);
CREATE TABLE origin (no BIGINT, share BIGINT, given VARCHAR[], family VARCHAR[]);
"""

_ORGS = """
CREATE TABLE orgs AS
SELECT 0 AS ord, 'dist-' || (1000 + pick('district', 0, 9000)) AS "sourcedId", getvariable('district') AS "name",
    'district' AS "type", '49' || (10000 + pick('district', 1, 90000)) AS "identifier",
    NULL::VARCHAR AS "parentSourcedId"
UNION ALL
SELECT 1 + no, school_id(no), name, 'school', (490000 + no * 7 + pick('school', 0, 1000))::VARCHAR,
    'dist-' || (1000 + pick('district', 0, 9000))
FROM school;
"""

# The last day is exclusive, as OneRoster has it.
_SESSIONS = """
CREATE TABLE "academicSessions" AS
SELECT *, '2027' AS "schoolYear"
FROM (VALUES
    (0, 'ay-2027', 'School Year 2026-2027', 'schoolYear', '2026-08-17', '2027-06-12', NULL),
    (1, 'sem-2027-1', 'First Semester', 'semester', '2026-08-17', '2027-01-16', 'ay-2027'),
    (2, 'sem-2027-2', 'Second Semester', 'semester', '2027-01-19', '2027-06-12', 'ay-2027'),
    (3, 'gp-2027-1', 'Quarter 1', 'gradingPeriod', '2026-08-17', '2026-10-24', 'sem-2027-1'),
    (4, 'gp-2027-2', 'Quarter 2', 'gradingPeriod', '2026-10-26', '2027-01-16', 'sem-2027-1'),
    (5, 'gp-2027-3', 'Quarter 3', 'gradingPeriod', '2027-01-19', '2027-03-27', 'sem-2027-2'),
    (6, 'gp-2027-4', 'Quarter 4', 'gradingPeriod', '2027-04-05', '2027-06-12', 'sem-2027-2'),
    (7, 'tri-2027-1', 'Trimester 1', 'term', '2026-08-17', '2026-11-14', 'ay-2027'),
    (8, 'tri-2027-2', 'Trimester 2', 'term', '2026-11-16', '2027-03-06', 'ay-2027'),
    (9, 'tri-2027-3', 'Trimester 3', 'term', '2027-03-08', '2027-06-12', 'ay-2027'),
    (10, 'gp-2027-t1', 'Report Card 1', 'gradingPeriod', '2026-08-17', '2026-11-14', 'tri-2027-1'),
    (11, 'gp-2027-t2', 'Report Card 2', 'gradingPeriod', '2026-11-16', '2027-03-06', 'tri-2027-2'),
    (12, 'gp-2027-t3', 'Report Card 3', 'gradingPeriod', '2027-03-08', '2027-06-12', 'tri-2027-3')
) AS session(ord, "sourcedId", "title", "type", "startDate", "endDate", "parentSourcedId");
"""


def make_places(*, db: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    db.execute(_PLAN)
    _insert(db, "school", [astuple(school) for school in plan.schools])
    _insert(db, "band", [(*astuple(band)[:2], list(band.grades), *astuple(band)[3:]) for band in plan.bands])
    _insert(db, "cell", [astuple(cell) for cell in plan.cells])
    # One row for each family in a hundred, so that drawing a row is drawing by share.
    shares = [origin for origin in ORIGINS for _ in range(origin.share)]
    _insert(db, "origin", [(no, o.share, list(o.given), list(o.family)) for no, o in enumerate(shares)])
    db.execute(_ORGS)
    db.execute(_SESSIONS)


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    db.executemany("INSERT INTO " + table + " VALUES (" + ", ".join("?" for _ in rows[0]) + ")", rows)
