"""Classes, those who teach and learn in them, and their terms."""

from collections.abc import Mapping
from dataclasses import replace

from schoolpassport.quality.records import Rule, Severity, Touch
from schoolpassport.quality.rules.standing._roster import OPEN, stands

_MINE = "e.user_id = r.id"
_IN_A_TERM = "t.id = ANY(r.terms)"
# Everybody in a class, counted once for all rules that ask.
_SEATS = (
    "SELECT e.class_id AS id, count(*) FILTER (WHERE e.role = 'teacher') AS teachers, "
    "count(*) FILTER (WHERE e.role = 'teacher' AND e.\"primary\") AS primaries, "
    "count(*) FILTER (WHERE e.role = 'student') AS students FROM roster_enrollment e "
    f"WHERE e.district_id = %(d)s AND e.rev_to = {OPEN} AND e.status = 'active' "
    "AND e.class_id {scope} GROUP BY e.class_id"
)

# Half of all classes lose or gain a pupil in a night, and hardly one a teacher.
_TEACHERS = Touch("enrollment.class", reads=("class", "role", "primary"), among=("role", "teacher"))
_STUDENTS = Touch("enrollment.class", reads=("class", "role"), among=("role", "student"))
# The first student will do, and is found at once; a count reads them all.
_ANYBODY = (
    "(SELECT true FROM roster_enrollment e WHERE e.district_id = r.district_id AND e.class_id = r.id "
    f"AND e.rev_to = {OPEN} AND e.status = 'active' AND e.role = 'student' LIMIT 1)"
)


def _seat(key: str, user: str, **cells: str) -> tuple[str, str, Mapping[str, str]]:
    """A row of the class of the same example, its first row."""
    return ("enrollment", key, {"classSourcedId": "@first", "userSourcedId": user, **cells})


_TERM_OVER = ("academicSession", "over", {"startDate": "2025-08-15", "endDate": "2026-06-30", "schoolYear": "2026"})

RULES = (
    Rule(
        name="class without teacher",
        kind="class",
        severity=Severity.WARNING,
        sql="coalesce(n.teachers, 0) = 0",
        beside=_SEATS,
        touched_by=(_TEACHERS,),
        sentence="{who} has no teacher.",
        fix="Assign a teacher to the class in the SIS, and export the enrollment with the role teacher.",
        bad=((("class", "b", {}),),),
        good=((("class", "g", {}), _seat("g", "t1", role="teacher")),),
    ),
    Rule(
        name="class without students",
        kind="class",
        severity=Severity.WARNING,
        sql=f"{_ANYBODY} IS NULL",
        touched_by=(_STUDENTS,),
        sentence="{who} has no students.",
        fix="Enroll students, or close the class in the SIS so that it is not exported any more.",
        bad=((("class", "b", {}),),),
        good=((("class", "g", {}), _seat("g", "p2")),),
    ),
    Rule(
        name="two primary teachers",
        kind="class",
        severity=Severity.WARNING,
        sql="n.primaries > 1",
        beside=_SEATS,
        touched_by=(_TEACHERS,),
        sentence="{who} has more than one primary teacher.",
        fix="Mark one of the teachers as primary in the SIS, and the others not.",
        bad=(
            (
                ("class", "b", {}),
                _seat("b1", "t1", role="teacher", primary="true"),
                _seat("b2", "t2", role="teacher", primary="true"),
            ),
        ),
        good=(
            (("class", "g", {}), _seat("g1", "t1", role="teacher", primary="true"), _seat("g2", "t2", role="teacher")),
        ),
    ),
    Rule(
        name="too many students",
        kind="class",
        severity=Severity.WARNING,
        sql="n.students > {most}",
        beside=_SEATS,
        value="n.students",
        parameters={"most": 100},
        touched_by=(replace(_STUDENTS, arriving=True),),
        sentence="{who} has {value} students.",
        fix="Check whether a whole grade was enrolled in one section; if it is meant so, raise the number of the rule.",
        bad=((("class", "b", {}), *(_seat(f"b{n}", "p1") for n in range(101))),),
        good=((("class", "g", {}), *(_seat(f"g{n}", "p1") for n in range(100))),),
    ),
    Rule(
        name="inactive term",
        kind="class",
        severity=Severity.WARNING,
        sql="NOT " + stands("academicSession", "t", _IN_A_TERM + " AND t.end_date >= DATE '{today}'"),
        touched_by=(Touch(".terms", reads=("endDate",)),),
        by_clock=True,
        sentence="{who} is still exported, though all of its terms are over.",
        fix="Close the class in the SIS, or assign it to the new term.",
        bad=((("class", "b", {"termSourcedIds": "@over"}), _TERM_OVER),),
        good=((("class", "g", {"termSourcedIds": "@over,autumn"}), _TERM_OVER),),
    ),
    Rule(
        name="terms of two school years",
        kind="class",
        severity=Severity.WARNING,
        sql="(SELECT count(DISTINCT t.school_year) FROM roster_academic_session t WHERE t.district_id = r.district_id "
        f"AND t.rev_to = {OPEN} AND t.status = 'active' AND {_IN_A_TERM}) > 1",
        touched_by=(Touch(".terms", reads=("schoolYear",)),),
        sentence="{who} lies in terms of different school years.",
        fix="Assign the class to the terms of one school year in the SIS.",
        bad=((("class", "b", {"termSourcedIds": "@over,autumn"}), _TERM_OVER),),
        good=((("class", "g", {"termSourcedIds": "year,autumn"}),),),
    ),
    Rule(
        name="teacher without class",
        kind="user",
        severity=Severity.WARNING,
        sql="r.role = 'teacher' AND NOT " + stands("enrollment", "e", f"{_MINE} AND e.role = 'teacher'"),
        touched_by=(Touch("enrollment.user", reads=("user", "role"), among=("role", "teacher")),),
        sentence="{who} is a teacher, and teaches no class.",
        fix="Assign classes in the SIS, or give the person the role that fits (administrator, aide).",
        bad=((("user", "b", {"role": "teacher"}),),),
        good=(
            (("user", "g", {"role": "teacher"}), ("enrollment", "g", {"userSourcedId": "@first", "role": "teacher"})),
            (("user", "g2", {"role": "aide"}),),
        ),
    ),
    Rule(
        name="student without enrollment",
        kind="user",
        severity=Severity.WARNING,
        sql="r.role = 'student' AND NOT " + stands("enrollment", "e", _MINE),
        touched_by=(Touch("enrollment.user", reads=("user",)),),
        sentence="{who} is a student, and is enrolled in no class.",
        fix="Enroll the student in the SIS, or check whether the enrollments are part of the export.",
        bad=((("user", "b", {}),),),
        good=((("user", "g", {}), ("enrollment", "g", {"userSourcedId": "@first"})),),
    ),
    Rule(
        name="outside its term",
        kind="enrollment",
        severity=Severity.WARNING,
        attribute="beginDate",
        sql="EXISTS (SELECT FROM roster_class c JOIN roster_academic_session t ON t.district_id = c.district_id "
        f"AND t.rev_to = {OPEN} AND t.id = ANY(c.terms) WHERE c.district_id = r.district_id AND c.id = r.class_id "
        f"AND c.rev_to = {OPEN} HAVING r.begin_date > max(t.end_date) OR r.end_date < min(t.start_date))",
        value="concat_ws(' – ', r.begin_date, r.end_date)",
        touched_by=(Touch(".class", reads=("terms",)), Touch("academicSession")),
        sentence="The enrollment of {who} ({value}) lies outside the terms of its class.",
        fix="Correct the dates of the enrollment in the SIS, or the terms of the class.",
        bad=(
            (("enrollment", "b", {"beginDate": "2027-01-10"}),),
            (("enrollment", "b2", {"endDate": "2026-08-01"}),),
        ),
        good=(
            (("enrollment", "g", {"beginDate": "2026-09-10", "endDate": "2027-06-30"}),),
            (("enrollment", "g2", {}),),
        ),
    ),
)
