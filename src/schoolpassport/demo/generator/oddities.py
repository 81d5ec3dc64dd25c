"""The valid half of trouble: what a careless reader stumbles over and a careful one accepts as it is."""

import duckdb

from schoolpassport.demo.generator.cast import Cast
from schoolpassport.demo.generator.columns import METADATA
from schoolpassport.demo.generator.facts import Trouble
from schoolpassport.demo.generator.ids import class_id, guardian_id, school_id, student_id, teacher_id

LONG_NAME = ("Wolfeschlegelsteinhausen-Bergerdorff-" * 9)[:299] + "e"
_EMAIL_KNOWN_ON = 2  # the day on which half of the missing e-mails turn up

_WITHOUT_EMAIL = 'UPDATE users SET "email" = NULL WHERE "sourcedId" = ?'
_EMAIL_TURNS_UP = 'UPDATE users SET edited = ? WHERE "sourcedId" = ?'
_SAME_EMAIL = """
UPDATE users SET "email" = other."email" FROM users AS other WHERE other."sourcedId" = ? AND users."sourcedId" = ?
"""
_SAME_PERSON = """
UPDATE users SET "givenName" = other."givenName", "familyName" = other."familyName", "email" = other."email"
FROM users AS other WHERE other."sourcedId" = ? AND users."sourcedId" = ?
"""
_NAMED = """
UPDATE users SET "givenName" = coalesce(?, "givenName"), "familyName" = coalesce(?, "familyName")
WHERE "sourcedId" = ?
"""
_TWO_SCHOOLS = """
UPDATE users SET "orgSourcedIds" = "orgSourcedIds" || ',' || ? WHERE "sourcedId" = ?
"""
_VISIT = "INSERT INTO extra_enrollment VALUES (?, ?, ?, ?, ?, 'student', 'false', 1, false)"
_CO_TEACHER = """
INSERT INTO extra_enrollment
SELECT 10 + lesson.no, 'enr-t' || substr(lesson.id, 5) || '-2', lesson.id, school_id(lesson.school),
    teacher_id(first_teacher + (lesson.teacher - first_teacher + 1) % teachers), 'teacher', 'false', 1, false
FROM lesson JOIN school ON school.no = lesson.school WHERE lesson.id = ?
"""
_CO_TAUGHT = """
SELECT lesson.id, teacher_id(lesson.teacher), extra."userSourcedId"
FROM extra_enrollment AS extra JOIN lesson ON lesson.id = extra."classSourcedId"
WHERE extra."role" = 'teacher' ORDER BY lesson.id
"""


def make_oddities(*, db: duckdb.DuckDBPyConnection, cast: Cast, day: int) -> Trouble:
    _name(db, cast)
    missing = _take_emails(db, cast, day)
    shared = (
        tuple(map(guardian_id, cast.guardians_sharing_email)),
        tuple(map(student_id, cast.students_sharing_email)),
    )
    db.executemany(_SAME_EMAIL, shared)
    parents = tuple((teacher_id(teacher), guardian_id(guardian)) for teacher, guardian in cast.staff_parents)
    db.executemany(_SAME_PERSON, parents)
    _visit(db, cast)
    db.executemany(_CO_TEACHER, [(class_id(class_),) for class_ in cast.co_taught])
    return Trouble(
        co_taught=tuple(
            (str(c), str(primary), str(second)) for c, primary, second in db.execute(_CO_TAUGHT).fetchall()
        ),
        at_two_schools=tuple(student_id(visitor.student) for visitor in cast.visitors),
        staff_parents=parents,
        missing_emails=missing,
        twins=tuple((student_id(elder), student_id(younger)) for elder, younger in cast.twins),
        shared_emails=tuple((first, second) for first, second in shared),
        long_names=(student_id(cast.long_name),),
        formula_names=tuple(map(student_id, cast.formula_names)),
        quoted_names=(student_id(cast.quoted_name),),
        metadata_columns=METADATA,
    )


def _name(db: duckdb.DuckDBPyConnection, cast: Cast) -> None:
    names = (
        (None, LONG_NAME, cast.long_name),
        ('=HYPERLINK("x")', None, cast.formula_names[0]),
        ("-Kai", "-Ortega", cast.formula_names[1]),
        ('José "Pepe"', "Baker, Jr.", cast.quoted_name),
    )
    db.executemany(_NAMED, [(given, family, student_id(no)) for given, family, no in names])


def _take_emails(db: duckdb.DuckDBPyConnection, cast: Cast, day: int) -> tuple[str, ...]:
    """Who has none today."""
    late, never = cast.students_without_email[:2], cast.students_without_email[2:]
    missing = [*map(student_id, never), *map(guardian_id, cast.guardians_without_email)]
    if day < _EMAIL_KNOWN_ON:
        missing = [*map(student_id, late), *missing]
    db.executemany(_WITHOUT_EMAIL, [(person,) for person in missing])
    db.executemany(_EMAIL_TURNS_UP, [(_EMAIL_KNOWN_ON, student_id(no)) for no in late])
    return tuple(missing)


def _visit(db: duckdb.DuckDBPyConnection, cast: Cast) -> None:
    for at, visitor in enumerate(cast.visitors):
        student, school = student_id(visitor.student), school_id(visitor.school)
        db.execute(_TWO_SCHOOLS, [school, student])
        db.execute(_VISIT, [at, f"enr-{visitor.student:07d}-v", class_id(visitor.class_), school, student])
