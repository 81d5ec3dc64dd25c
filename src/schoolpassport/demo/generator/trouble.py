"""The invalid half of trouble: rows to be rejected, of each kind of error a few. Nothing valid depends on them.

On day two one user (with an enrollment) and one birthday are repaired, and two good rows are spoiled, for that day
only: they must be rejected, yet not be taken for removed.
"""

import duckdb

from schoolpassport.demo.generator.cast import Cast
from schoolpassport.demo.generator.facts import Reason, RejectedRow
from schoolpassport.demo.generator.ids import student_id

_REPAIRED_ON = _SPOILED_ON = 2
_REPAIRED, _NAMELESS, _PUPIL, _YES, _DOUBLE = (f"stu-990000{no}" for no in range(1, 6))
_NOBODY = ("", "", 1, True)
_OFFICE = "stf-00001"  # nobody refers to an administrator, so spoiling this row spoils no other
_NO_SUCH_CLASS = "sec-9999999"

_USER = """
INSERT INTO users BY NAME
SELECT 3_000_000_000 + ? AS ord, ? AS "sourcedId", ? AS "enabledUser", school_id(0) AS "orgSourcedIds", ? AS "role",
    'new.' || ord AS "username", nullif(?, '') AS "givenName", nullif(?, '') AS "familyName", '02' AS "grades",
    ? AS born, never() AS gone, never() AS back, never() AS edited, ? AS bad
"""
_ENROLLMENT = """
INSERT INTO extra_enrollment
SELECT ?, ?, coalesce(nullif(?, ''), lesson.id), school_id(school), ?, 'student', 'false', ?, ?
FROM lesson WHERE no = 0
"""
_ORPHAN = """
INSERT INTO demographics BY NAME
SELECT 3_000_000_000 AS ord, ? AS "sourcedId", '2017-03-04' AS "birthDate",
    1 AS born, never() AS gone, never() AS back, never() AS edited, true AS bad
"""
_BAD_BIRTHDAY = 'UPDATE demographics SET "birthDate" = ?, bad = true WHERE "sourcedId" = ?'
_NEW_BIRTHDAY = 'UPDATE demographics SET born = ? WHERE "sourcedId" = ?'
_BAD_SWITCH = 'UPDATE users SET "enabledUser" = ?, bad = true WHERE "sourcedId" = ?'


def make_bad_rows(*, db: duckdb.DuckDBPyConnection, cast: Cast, day: int) -> tuple[RejectedRow, ...]:
    rejected = [*_users(db, day), *_enrollments(db, cast, day), *_birthdays(db, cast, day)]
    if day == _SPOILED_ON:
        db.execute(_BAD_SWITCH, ["yes", _OFFICE])
        rejected.append(_row("users", _OFFICE, "enabledUser", Reason.BAD_BOOLEAN))
    return tuple(sorted(rejected))


def _users(db: duckdb.DuckDBPyConnection, day: int) -> list[RejectedRow]:
    bad_still = day < _REPAIRED_ON
    db.executemany(
        _USER,
        [
            (0, _NAMELESS, "true", "student", "", "", 1, True),
            (1, _PUPIL, "true", "pupil", "Bo", "Winterbourne", 1, True),
            (2, _YES, "Y", "student", "Cy", "Winterbourne", 1, True),
            (3, _DOUBLE, "true", "student", "Di", "Winterbourne", 1, True),
            (4, _DOUBLE, "true", "student", "Diana", "Winterbourne", 1, True),
            (
                5,
                _REPAIRED,
                "true",
                "student",
                *(("", "", 1, True) if bad_still else ("Edda", "Winterbourne", 2, False)),
            ),
        ],
    )
    rejected = [
        _row("users", _NAMELESS, "givenName", Reason.MISSING_VALUE),
        _row("users", _PUPIL, "role", Reason.BAD_ENUMERATION),
        _row("users", _YES, "enabledUser", Reason.BAD_BOOLEAN),
        _row("users", _DOUBLE, "sourcedId", Reason.DUPLICATE_ID),
        _row("users", _DOUBLE, "sourcedId", Reason.DUPLICATE_ID),
    ]
    return [*rejected, *([_row("users", _REPAIRED, "givenName", Reason.MISSING_VALUE)] if bad_still else [])]


def _enrollments(db: duckdb.DuckDBPyConnection, cast: Cast, day: int) -> list[RejectedRow]:
    bad_still = day < _REPAIRED_ON
    first, second, pupil, repaired = (f"enr-990000{no}" for no in range(1, 5))
    db.executemany(
        _ENROLLMENT,
        [
            (5, first, _NO_SUCH_CLASS, student_id(cast.lost[0]), 1, True),
            (6, second, _NO_SUCH_CLASS, student_id(cast.lost[1]), 1, True),
            (7, pupil, "", _PUPIL, 1, True),
            (8, repaired, "", _REPAIRED, 1 if bad_still else _REPAIRED_ON, bad_still),
        ],
    )
    columns = [(first, "classSourcedId"), (second, "classSourcedId"), (pupil, "userSourcedId")]
    if bad_still:
        columns.append((repaired, "userSourcedId"))
    return [_row("enrollments", source_id, column, Reason.DANGLING_REFERENCE) for source_id, column in columns]


def _birthdays(db: duckdb.DuckDBPyConnection, cast: Cast, day: int) -> list[RejectedRow]:
    repaired, bad = map(student_id, cast.bad_birthdays)
    birthdays = {bad: "2011-13-45"}
    if day < _REPAIRED_ON:
        birthdays[repaired] = "2011-13-45"
    else:
        db.execute(_NEW_BIRTHDAY, [_REPAIRED_ON, repaired])
    if day == _SPOILED_ON:
        birthdays[student_id(cast.spoiled_birthday)] = "31/12/2012"
    db.executemany(_BAD_BIRTHDAY, [(text, person) for person, text in birthdays.items()])
    db.execute(_ORPHAN, [_PUPIL])
    return [
        _row("demographics", _PUPIL, "sourcedId", Reason.DANGLING_REFERENCE),
        *(_row("demographics", person, "birthDate", Reason.BAD_DATE) for person in birthdays),
    ]


def _row(file: str, source_id: str, column: str, reason: Reason) -> RejectedRow:
    return RejectedRow(file=file, source_id=source_id, column=column, reason=reason)
