"""Microsoft School Data Sync, CSV of version 2.1: near OneRoster; roles and relationships are files of their own."""

from schoolpassport.kit.columns import literal
from schoolpassport.sources.schemas.canonical import FILES, date, listed
from schoolpassport.sources.schemas.shape import Input, Joined, Output, Schema, same

_ORG_TYPES = ("department", "school", "district", "local", "state", "national")
_STUDENTS = ("student", "alumni")
_TEACHERS = ("teacher", "professor", "faculty", "adjunct", "lecturer", "instructor", "substitute")
_PRIMARY_FIRST = "(lower(coalesce(\"isPrimary\", 'false')) <> 'true', line)"
_SAME = ("aide", "proctor", "guardian", "parent", "relative")
_RACES = {
    "americanIndianOrAlaskaNative": "americanIndianOrAlaskaNative",
    "asian": "asian",
    "blackOrAfricanAmerican": "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander": "nativeHawaiianOrOtherPacificIslander",
    "white": "white",
}


# Names are not asked for in this dialect. Of whoever has one, the other is blank.
_NAMED = """CASE WHEN coalesce(u."givenName", u."familyName") IS NULL THEN u."username" ELSE u."{0}" END AS "{0}\""""
# Parents and guardians have no role at a school; they belong to those of their pupils.
_CONTACTS = """SELECT x."relationshipUserSourcedId" AS id, x."relationshipRole" AS relation, o."orgSourcedId" AS org,
            x.line FROM {relationships} x LEFT JOIN {roles} o ON o."userSourcedId" = x."userSourcedId" """


def _among(words: tuple[str, ...]) -> str:
    return ", ".join(literal(w) for w in words)


def _role(cell: str) -> str:
    """SQL: a role in the words of OneRoster 1.1. Whoever works for the school otherwise is an administrator there."""
    return (
        f"CASE WHEN {cell} IN ({_among(_STUDENTS)}) THEN 'student' WHEN {cell} IN ({_among(_TEACHERS)}) THEN 'teacher' "
        f"WHEN {cell} IN ({_among(_SAME)}) THEN {cell} WHEN {cell} IS NOT NULL THEN 'administrator' END"
    )


SCHEMA = Schema(
    name="sds-v2.1",
    title="Microsoft School Data Sync V2.1 CSV",
    version="v2.1",
    files=FILES,
    inputs=(
        Input(
            name="orgs",
            columns=same("sourcedId", "name", "type", "parentSourcedId"),
            required=("sourcedId", "name", "type"),
        ),
        Input(
            name="academicSessions",
            columns=same("sourcedId", "title", "type", "schoolYear", "startDate", "endDate"),
            required=("sourcedId", "title", "type", "schoolYear", "startDate", "endDate"),
            optional=True,
        ),
        Input(
            name="courses",
            columns=same("sourcedId", "orgSourcedId", "title", "code", "schoolYearSourcedId", "subject", "grade"),
            required=("sourcedId", "orgSourcedId", "title"),
            optional=True,
        ),
        Input(
            name="users",
            columns=same("sourcedId", "username", "givenName", "familyName", "email", "phone", "sms"),
            required=("sourcedId", "username"),
            skipped=("password", "activeDirectoryMatchId"),
        ),
        Input(
            name="roles",
            columns=same("userSourcedId", "orgSourcedId", "role", "grade", "isPrimary"),
            required=("userSourcedId", "orgSourcedId", "role"),
            skipped=("sessionSourcedId", "roleStartDate", "roleEndDate"),
        ),
        Input(
            name="classes",
            columns=same("sourcedId", "orgSourcedId", "title", "sessionSourcedIds", "courseSourcedId", "code"),
            required=("sourcedId", "orgSourcedId", "title"),
            optional=True,
        ),
        Input(
            name="enrollments",
            columns=same("classSourcedId", "userSourcedId", "role"),
            required=("classSourcedId", "userSourcedId", "role"),
            optional=True,
        ),
        Input(
            name="relationships",
            columns=same("userSourcedId", "relationshipUserSourcedId", "relationshipRole"),
            required=("userSourcedId", "relationshipUserSourcedId"),
            optional=True,
        ),
        Input(
            name="demographics",
            columns=same(
                *("userSourcedId", "sex", "birthDate", "birthCity", "birthState", "birthCountry", "ethnicityCodes"),
                "raceCodes",
            ),
            required=("userSourcedId",),
            optional=True,
        ),
    ),
    not_read=("userFlags",),
    outputs=(
        Output(
            kind="org",
            of=("orgs",),
            sql=f"""SELECT "sourcedId", "name", CASE WHEN "type" IN ({_among(_ORG_TYPES)}) THEN "type" ELSE 'school' END
            AS "type", "parentSourcedId", 'orgs.csv' AS file, line FROM {{orgs}}""",
        ),
        Output(
            kind="academicSession",
            of=("academicSessions",),
            sql=f"""SELECT "sourcedId", "title", CASE WHEN "type" IN ('gradingPeriod', 'semester', 'schoolYear', 'term')
            THEN "type" ELSE 'term' END AS "type", {date('"startDate"')} AS "startDate",
            {date('"endDate"')} AS "endDate", "schoolYear",
            'academicSessions.csv' AS file, line FROM {{academicSessions}}""",
        ),
        Output(
            kind="course",
            of=("courses",),
            sql="""SELECT "sourcedId", "title", "code" AS "courseCode", "orgSourcedId", "schoolYearSourcedId",
            "subject" AS "subjects", "grade" AS "grades", 'courses.csv' AS file, line FROM {courses}""",
        ),
        Output(
            kind="course",
            of=("classes",),
            sql="""SELECT 'course/' || "sourcedId" AS "sourcedId", "title", "orgSourcedId", 'classes.csv' AS file, line
            FROM {classes} WHERE "courseSourcedId" IS NULL AND "sourcedId" IS NOT NULL""",
        ),
        Output(
            kind="user",
            of=("users", "roles", "relationships"),
            joined={
                "roles": Joined(own='"sourcedId"', key='"userSourcedId"', order=_PRIMARY_FIRST),
                "relationships": Joined(own='"sourcedId"', key='"userSourcedId"'),
            },
            sql=f"""SELECT u."sourcedId", 'true' AS "enabledUser",
            coalesce(r.orgs, p.orgs) AS "orgSourcedIds",
            coalesce(r.role, p.role) AS "role", u."username", {_NAMED.format("givenName")},
            {_NAMED.format("familyName")}, u."email", u."phone", u."sms", r.grades AS "grades",
            a.agents AS "agentSourcedIds", 'users.csv' AS file, u.line FROM {{users}} u
            LEFT JOIN (SELECT "userSourcedId" AS id, {listed('"orgSourcedId"')} AS orgs, {listed('"grade"')} AS grades,
            arg_min({_role('"role"')}, {_PRIMARY_FIRST}) AS role
            FROM {{roles}} GROUP BY 1) r ON r.id = u."sourcedId"
            LEFT JOIN (SELECT "userSourcedId" AS id, {listed('"relationshipUserSourcedId"')} AS agents
            FROM {{relationships}} GROUP BY 1) a ON a.id = u."sourcedId"
            LEFT JOIN (SELECT id, {_role("min(relation)")} AS role, {listed("org")} AS orgs FROM ({_CONTACTS})
            GROUP BY 1) p ON p.id = u."sourcedId" """,
        ),
        Output(
            kind="class",
            of=("classes",),
            sql="""SELECT "sourcedId", "title",
            coalesce("courseSourcedId", 'course/' || "sourcedId") AS "courseSourcedId",
            "code" AS "classCode", 'scheduled' AS "classType", "orgSourcedId" AS "schoolSourcedId",
            "sessionSourcedIds" AS "termSourcedIds", 'classes.csv' AS file, line FROM {classes}""",
        ),
        Output(
            kind="enrollment",
            of=("enrollments", "classes"),
            joined={"classes": Joined(own='"classSourcedId"', key='"sourcedId"')},
            sql=f"""SELECT e."classSourcedId" || '/' || e."userSourcedId" || '/' || e."role" AS "sourcedId",
            e."classSourcedId", any_value(c."orgSourcedId") AS "schoolSourcedId", e."userSourcedId",
            any_value({_role('e."role"')}) AS "role", 'enrollments.csv' AS file, min(e.line) AS line
            FROM {{enrollments}} e LEFT JOIN {{classes}} c ON c."sourcedId" = e."classSourcedId"
            WHERE e."classSourcedId" IS NOT NULL AND e."userSourcedId" IS NOT NULL
            GROUP BY e."classSourcedId", e."userSourcedId", e."role" """,
        ),
        Output(
            kind="demographics",
            of=("demographics",),
            sql=f"""SELECT "userSourcedId" AS "sourcedId", {date('"birthDate"')} AS "birthDate",
            CASE WHEN "sex" IN ('male', 'female') THEN "sex" END AS "sex", "birthCity" AS "cityOfBirth",
            "birthState" AS "stateOfBirthAbbreviation", "birthCountry" AS "countryOfBirthCode", """
            + ", ".join(
                f'CASE WHEN contains("raceCodes", {literal(code)}) THEN \'true\' END AS "{name}"'
                for name, code in _RACES.items()
            )
            + """, CASE WHEN contains("ethnicityCodes", 'hispanicOrLatinoEthnicity') THEN 'true' END
            AS "hispanicOrLatinoEthnicity", 'demographics.csv' AS file, line FROM {demographics}""",
        ),
    ),
)
