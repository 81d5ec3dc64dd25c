"""Basic Roster: schools, students, teachers, sections, enrollments, staff. Active records only, all of them each time.

A student or teacher has a row for each school, a student one for each contact, too. A section has one term: of several,
the one that begins first. Contacts are the guardians, parents and relatives that a student's record names. Whoever has
no school, and an enrollment that shows no student or no class, has no row, and is counted.
"""

from schoolpassport.delivery.formats.shape import File, Format, plain, under
from schoolpassport.kit.columns import literal
from schoolpassport.sharing.catalogue import PRIMARY_GRADE

_TEACHERS = 10  # the most that a section has columns for
_AT = '(SELECT *, unnest("orgs") AS at FROM now_user) r SEMI JOIN now_org s ON s."sourcedId" = r.at'
_SCHOOLS = 'SELECT "sourcedId" FROM now_org WHERE "type" = \'school\''
_LED = (
    'LEFT JOIN (SELECT e."class", list(e."user" ORDER BY e."primary" = \'true\' DESC, e."sourcedId") AS teachers '
    'FROM now_enrollment e WHERE e."role" = \'teacher\' GROUP BY 1) t ON t."class" = r."sourcedId" '
)
_IN_TERM = (
    'LEFT JOIN (SELECT c."sourcedId" AS id, arg_min(a, (a."startDate", a."sourcedId")) AS term '
    'FROM (SELECT "sourcedId", unnest("terms") AS each FROM now_class) c '
    'JOIN now_academicSession a ON a."sourcedId" = c.each GROUP BY 1) m ON m.id = r."sourcedId" '
)
_CONTACTS = (
    'LEFT JOIN now_demographics d ON d."sourcedId" = r."sourcedId" '
    'LEFT JOIN (SELECT p."sourcedId" AS pupil, unnest(p."agents") AS agent FROM now_user p) g '
    'ON g.pupil = r."sourcedId" LEFT JOIN now_user a ON a."sourcedId" = g.agent'
)
_NAMES = frozenset({"First_name", "Last_name"})
_ROLES = {"student": ("student",), "teacher": ("teacher",), "staff": ("administrator", "aide", "proctor")}


def _named(alias: str = "r") -> dict[str, str]:
    return {
        "Last_name": plain(f'{alias}."familyName"'),
        "Middle_name": plain(f'{alias}."middleName"'),
        "First_name": plain(f'{alias}."givenName"'),
    }


def _reads(**kinds: str) -> dict[str, frozenset[str]]:
    return {kind.rstrip("_"): frozenset(names.split()) for kind, names in kinds.items()}


def _people(role: str, more: str = "") -> str:
    return f"{_AT} {more} WHERE {_is(role)} AND r.at IN ({_SCHOOLS})"


def _is(role: str) -> str:
    return f'r."role" IN ({", ".join(literal(each) for each in _ROLES[role])})'


def _nowhere(role: str) -> dict[str, str]:
    schools = f"(SELECT list(s) FROM ({_SCHOOLS}) t(s))"
    said = "people of these roles belong to no school that is shared"
    return {said: f'now_user r WHERE {_is(role)} AND NOT coalesce(list_has_any(r."orgs", {schools}), false)'}


_SEATED = 'r."user" IS NOT NULL AND r."class" IS NOT NULL'


FORMAT = Format(
    name="basic-roster",
    title="Basic Roster CSV",
    about="The “Clever-like” files in one zip, in full each time.",
    archive="BasicRoster.zip",
    files=(
        File(
            name="schools.csv",
            reads=_reads(org="name identifier type"),
            every=False,
            columns={
                "School_id": 'r."sourcedId"',
                "School_name": plain('r."name"'),
                "School_number": plain('r."identifier"'),
                "State_id": plain('r."identifier"'),
            },
            rows="now_org r WHERE r.\"type\" = 'school'",
            required={"School_id": True, "School_name": True},
            optional=False,
        ),
        File(
            name="students.csv",
            reads=_reads(
                user="orgs role identifier familyName middleName givenName grades gg4l.primaryGrade email username "
                "agents sms phone",
                org="type",
                demographics="sex birthDate hispanicOrLatinoEthnicity",
            ),
            every=False,
            columns={
                "School_id": "r.at",
                "Student_id": 'r."sourcedId"',
                "Student_number": plain('r."identifier"'),
                "State_id": plain('r."identifier"'),
                **_named(),
                "Grade": f'coalesce({under(PRIMARY_GRADE)}, r."grades"[1])',
                "Gender": "CASE d.\"sex\" WHEN 'female' THEN 'F' WHEN 'male' THEN 'M' END",
                "DOB": "strftime(try_cast(d.\"birthDate\" AS DATE), '%m/%d/%Y')",
                "Hispanic_Latino": "CASE d.\"hispanicOrLatinoEthnicity\" WHEN 'true' THEN 'Y' "
                "WHEN 'false' THEN 'N' END",
                "Student_email": plain('r."email"'),
                "Username": plain('r."username"'),
                "Contact_relationship": 'a."role"',
                "Contact_name": plain("concat_ws(', ', nullif(a.\"familyName\", ''), nullif(a.\"givenName\", ''))"),
                "Contact_phone": plain('coalesce(a."sms", a."phone")'),
                "Contact_phone_type": 'CASE WHEN a."sms" IS NOT NULL THEN \'Cell\' WHEN a."phone" IS NOT NULL '
                "THEN 'Home' END",
                "Contact_email": plain('a."email"'),
                "Contact_sis_id": 'a."sourcedId"',
            },
            left_out=_nowhere("student"),
            rows=_people("student", _CONTACTS),
            required=dict.fromkeys(_NAMES, False),
            names=_NAMES,
            optional=False,
            order='r."sourcedId", r.at, a."sourcedId"',
        ),
        File(
            name="teachers.csv",
            reads=_reads(user="orgs role identifier email familyName middleName givenName username", org="type"),
            every=False,
            columns={
                "School_id": "r.at",
                "Teacher_id": 'r."sourcedId"',
                "Teacher_number": plain('r."identifier"'),
                "State_teacher_id": plain('r."identifier"'),
                "Teacher_email": plain('r."email"'),
                **_named(),
                "Username": plain('r."username"'),
            },
            left_out=_nowhere("teacher"),
            rows=_people("teacher"),
            required=dict.fromkeys(_NAMES, False),
            names=_NAMES,
            optional=False,
            order='r."sourcedId", r.at',
        ),
        File(
            name="sections.csv",
            reads=_reads(
                class_="school title classCode grades course periods subjects terms",
                course="title courseCode subjects",
                academicSession="title startDate endDate",
                enrollment="class user role primary",
            ),
            columns={
                "School_id": 'r."school"',
                "Section_id": 'r."sourcedId"',
                **{"Teacher_id" if n == 1 else f"Teacher_{n}_id": f"t.teachers[{n}]" for n in range(1, _TEACHERS + 1)},
                "Name": plain('r."title"'),
                "Section_number": plain('r."classCode"'),
                "Grade": 'r."grades"[1]',
                "Course_name": plain('c."title"'),
                "Course_number": plain('c."courseCode"'),
                "Period": 'r."periods"[1]',
                "Subject": plain('coalesce(r."subjects"[1], c."subjects"[1])'),
                "Term_name": plain('m.term."title"'),
                "Term_start": "strftime(try_cast(m.term.\"startDate\" AS DATE), '%m/%d/%Y')",
                "Term_end": "strftime(try_cast(m.term.\"endDate\" AS DATE), '%m/%d/%Y')",
            },
            rows=f'now_class r {_LED}{_IN_TERM}LEFT JOIN now_course c ON c."sourcedId" = r."course"',
            required={"School_id": False},
            optional=False,
        ),
        File(
            name="enrollments.csv",
            reads=_reads(enrollment="school class user role"),
            every=False,
            columns={"School_id": 'r."school"', "Section_id": 'r."class"', "Student_id": 'r."user"'},
            rows=f"now_enrollment r WHERE r.\"role\" = 'student' AND {_SEATED}",
            left_out={
                "enrollments show no student or no class, because these are not shared": (
                    f"now_enrollment r WHERE r.\"role\" = 'student' AND NOT ({_SEATED})"
                )
            },
            required={"School_id": False},
            optional=False,
        ),
        File(
            name="staff.csv",
            reads=_reads(user="orgs role email familyName givenName username", org="type"),
            every=False,
            columns={
                "School_id": "r.at",
                "Staff_id": 'r."sourcedId"',
                "Staff_email": plain('r."email"'),
                **{h: sql for h, sql in _named().items() if h != "Middle_name"},
                "Username": plain('r."username"'),
                "Role": 'r."role"',
            },
            left_out=_nowhere("staff"),
            rows=_people("staff"),
            required=dict.fromkeys(_NAMES, False),
            names=_NAMES,
            order='r."sourcedId", r.at',
        ),
    ),
)
