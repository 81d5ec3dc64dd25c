"""Basic Roster, the “Clever-like” CSV: schools, students, teachers, sections, enrollments, staff.

Active records only, the whole truth each time. Ids are unique within one file only, so a record's key begins with what
it is. A student or teacher at several schools has a row for each of them.
"""

from schoolpassport.kit.columns import literal
from schoolpassport.sources.schemas.canonical import FILES, date, earliest, listed
from schoolpassport.sources.schemas.shape import Input, Output, Schema, same

_TERM = "coalesce(\"Term_name\", 'year {year}')"
_COURSE = '\'course/\' || "School_id" || \'/\' || coalesce("Course_number", "Course_name", "Name", "Section_id")'
_AT_SCHOOL = "'school/' || \"School_id\""
_SEX = "CASE lower(left(\"Gender\", 1)) WHEN 'f' THEN 'female' WHEN 'm' THEN 'male' END"
_HISPANIC = "CASE lower(left(\"Hispanic_Latino\", 1)) WHEN 'y' THEN 'true' WHEN 'n' THEN 'false' END"
_TEACHERS = ("Teacher_id", *(f"Teacher_{n}_id" for n in range(2, 11)))
# A contact without an id is known by e-mail and name together, or by name beside one pupil: a name alone says too
# little, and an e-mail may be shared by two parents. Commas part ids in a list of them.
_CONTACT = (
    '\'contact/\' || coalesce("Contact_sis_id", replace(lower(CASE WHEN "Contact_email" IS NOT NULL '
    "THEN \"Contact_email\" ELSE \"Student_id\" END || '/' || \"Contact_name\"), ',', ';'))"
)
_TOLD = '"Contact_name" IS NOT NULL'
_RELATION = 'lower(coalesce("Contact_relationship", "Contact_type", \'\'))'
_CONTACT_ROLE = (
    f"CASE WHEN regexp_matches({_RELATION}, 'grand|aunt|uncle|sister|brother|sibling|cousin|relative') THEN 'relative' "
    f"WHEN regexp_matches({_RELATION}, 'mother|father|parent|mom|dad') THEN 'parent' ELSE 'guardian' END"
)
_MOBILE = "regexp_matches(lower(\"Contact_phone_type\"), 'cell|mobile')"
_GIVEN = (
    "CASE WHEN contains(\"Contact_name\", ',') THEN trim(split_part(\"Contact_name\", ',', 2)) "
    "ELSE trim(regexp_extract(\"Contact_name\", '^(.*\\S)\\s+\\S+$', 1)) END"
)
_FAMILY = (
    "CASE WHEN contains(\"Contact_name\", ',') THEN trim(split_part(\"Contact_name\", ',', 1)) "
    "ELSE trim(regexp_extract(\"Contact_name\", '(\\S+)$', 1)) END"
)


def _people(name: str, of: str, role: str, more: str) -> Output:
    """A person has a row for each school; what is said of him elsewhere than in the first is not asked."""
    given = f"{of}_id"
    return Output(
        kind="user",
        of=(name,),
        sql=f"""SELECT {literal(of.lower())} || '/' || "{given}" AS "sourcedId", 'true' AS "enabledUser",
            {listed(_AT_SCHOOL)} AS "orgSourcedIds", {role} AS "role",
            {earliest('coalesce("Username", "Email", "' + given + '")')} AS "username",
            {earliest('"First_name"')} AS "givenName", {earliest('"Last_name"')} AS "familyName",
            {earliest('"Email"')} AS "email", {more}, {literal(name + ".csv")} AS file, min(line) AS line
            FROM {{{name}}} WHERE "{given}" IS NOT NULL GROUP BY "{given}" """,
    )


SCHEMA = Schema(
    name="basic-roster",
    title="Basic Roster CSV",
    version="basic",
    names_by_id=True,
    files=FILES,
    inputs=(
        Input(
            name="schools",
            columns=same(
                *("School_id", "School_name", "School_number", "State_id", "Low_grade", "High_grade", "Principal"),
                *("Principal_email", "School_address", "School_city", "School_state", "School_zip", "School_phone"),
            ),
            required=("School_id", "School_name"),
        ),
        Input(
            name="students",
            columns=same(
                *("School_id", "Student_id", "Student_number", "State_id", "Last_name", "Middle_name", "First_name"),
                *("Grade", "Gender", "Race", "Hispanic_Latino", "Username"),
                *("Contact_relationship", "Contact_type", "Contact_name", "Contact_phone", "Contact_phone_type"),
                *("Contact_email", "Contact_sis_id"),
            )
            | {"DOB": ("DOB", "Birthdate", "Birth_date"), "Email": ("Student_email", "Email")},
            required=("School_id", "Student_id", "Last_name", "First_name"),
            skipped=(
                *("Password", "ELL_status", "Frl_status", "IEP_status", "Student_street", "Student_city"),
                *("Student_state", "Student_zip", "Home_language", "Graduation_year", "Weighted_GPA", "Unweighted_GPA"),
                *("Section_504_status", "Gifted_status"),
            ),
        ),
        Input(
            name="teachers",
            columns=same(
                *("School_id", "Teacher_id", "Teacher_number", "First_name", "Middle_name", "Last_name", "Title"),
                "Username",
            )
            | {"State_id": ("State_teacher_id", "State_id"), "Email": ("Teacher_email", "Email")},
            required=("School_id", "Teacher_id", "Last_name", "First_name"),
            skipped=("Password",),
        ),
        Input(
            name="sections",
            columns=same(
                *("School_id", "Section_id", *_TEACHERS, "Name", "Section_number", "Grade", "Course_name"),
                *("Course_number", "Period", "Subject", "Term_name", "Term_start", "Term_end"),
            ),
            required=("School_id", "Section_id"),
            skipped=("Course_description",),
        ),
        Input(
            name="enrollments",
            columns=same("School_id", "Section_id", "Student_id"),
            required=("School_id", "Section_id", "Student_id"),
        ),
        Input(
            name="staff",
            columns=same("School_id", "Staff_id", "First_name", "Last_name", "Department", "Title", "Username", "Role")
            | {"Email": ("Staff_email", "Email")},
            required=("School_id", "Staff_id", "Last_name", "First_name"),
            optional=True,
            skipped=("Password",),
        ),
    ),
    outputs=(
        Output(
            kind="org",
            of=("schools",),
            sql=f"""SELECT 'school/' || "School_id" AS "sourcedId", {earliest('"School_name"')} AS "name",
            'school' AS "type", {earliest('coalesce("State_id", "School_number", "School_id")')} AS "identifier",
            'schools.csv' AS file, min(line) AS line FROM {{schools}} WHERE "School_id" IS NOT NULL
            GROUP BY "School_id" """,
        ),
        Output(
            kind="academicSession",
            of=("sections",),
            sql=f"""SELECT 'term/' || {_TERM} AS "sourcedId", {_TERM} AS "title", 'term' AS "type",
            min(coalesce({date('"Term_start"')}, '{{year}}'::INTEGER - 1 || '-07-01')) AS "startDate",
            max(coalesce({date('"Term_end"')}, '{{year}}-07-01')) AS "endDate",
            left(max(coalesce({date('"Term_end"')}, '{{year}}-06-30')), 4) AS "schoolYear",
            'sections.csv' AS file, min(line) AS line FROM {{sections}} GROUP BY {_TERM}""",
        ),
        Output(
            kind="course",
            of=("sections",),
            sql=f"""SELECT {_COURSE} AS "sourcedId",
            {earliest('coalesce("Course_name", "Course_number", "Name", "Section_id")')} AS "title",
            {earliest('"Course_number"')} AS "courseCode", {earliest(_AT_SCHOOL)} AS "orgSourcedId",
            {listed('"Subject"')} AS "subjects", 'sections.csv' AS file, min(line) AS line
            FROM {{sections}} WHERE "School_id" IS NOT NULL GROUP BY {_COURSE}""",
        ),
        _people(
            "students",
            "Student",
            "'student'",
            f"""{earliest('"Middle_name"')} AS "middleName", {listed('"Grade"')} AS "grades",
            {earliest('coalesce("State_id", "Student_number", "Student_id")')} AS "identifier",
            {listed(f"CASE WHEN {_TOLD} THEN {_CONTACT} END")} AS "agentSourcedIds" """,
        ),
        Output(
            kind="user",
            of=("students",),
            sql=f"""SELECT {_CONTACT} AS "sourcedId", 'true' AS "enabledUser",
            {listed(_AT_SCHOOL)} AS "orgSourcedIds", {earliest(_CONTACT_ROLE)} AS "role",
            {earliest(f'coalesce("Contact_email", {_CONTACT})')} AS "username",
            {earliest(_GIVEN)} AS "givenName", {earliest(_FAMILY)} AS "familyName",
            {earliest('"Contact_email"')} AS "email",
            {earliest(f'CASE WHEN {_MOBILE} THEN "Contact_phone" END')} AS "sms",
            {earliest(f'CASE WHEN {_MOBILE} IS NOT TRUE THEN "Contact_phone" END')} AS "phone",
            'students.csv' AS file, min(line) AS line FROM {{students}} WHERE {_TOLD} AND "Student_id" IS NOT NULL
            GROUP BY {_CONTACT}""",
        ),
        _people(
            "teachers",
            "Teacher",
            "'teacher'",
            f"""{earliest('"Middle_name"')} AS "middleName",
            {earliest('coalesce("State_id", "Teacher_number", "Teacher_id")')} AS "identifier" """,
        ),
        _people("staff", "Staff", "'administrator'", f"""{earliest('"Staff_id"')} AS "identifier" """),
        Output(
            kind="class",
            of=("sections",),
            sql=f"""SELECT 'section/' || "Section_id" AS "sourcedId",
            coalesce("Name", concat_ws(' ', "Course_name", "Section_number"), "Section_id") AS "title",
            "Grade" AS "grades", {_COURSE} AS "courseSourcedId", "Section_number" AS "classCode",
            'scheduled' AS "classType", 'school/' || "School_id" AS "schoolSourcedId",
            'term/' || {_TERM} AS "termSourcedIds", "Subject" AS "subjects", "Period" AS "periods",
            'sections.csv' AS file, line FROM {{sections}} WHERE "Section_id" IS NOT NULL""",
        ),
        Output(
            kind="enrollment",
            of=("enrollments",),
            sql="""SELECT 'seat/' || "Section_id" || '/' || "Student_id" AS "sourcedId",
            'section/' || "Section_id" AS "classSourcedId", 'school/' || "School_id" AS "schoolSourcedId",
            'student/' || "Student_id" AS "userSourcedId", 'student' AS "role",
            'enrollments.csv' AS file, min(line) AS line FROM {enrollments}
            WHERE "Section_id" IS NOT NULL AND "Student_id" IS NOT NULL
            GROUP BY "School_id", "Section_id", "Student_id" """,
        ),
        Output(
            kind="enrollment",
            of=("sections",),
            sql="""SELECT 'lead/' || "Section_id" || '/' || teacher AS "sourcedId",
            'section/' || "Section_id" AS "classSourcedId", 'school/' || "School_id" AS "schoolSourcedId",
            'teacher/' || teacher AS "userSourcedId", 'teacher' AS "role", min(place) = 1 AS "primary",
            'sections.csv' AS file, min(line) AS line
            FROM (SELECT *, unnest(teachers) AS teacher, generate_subscripts(teachers, 1) AS place FROM (
            SELECT "School_id", "Section_id", line, ["""
            + ", ".join(f'"{t}"' for t in _TEACHERS)
            + """] AS teachers FROM {sections})) WHERE teacher IS NOT NULL AND "Section_id" IS NOT NULL
            GROUP BY "School_id", "Section_id", teacher""",
        ),
        Output(
            kind="demographics",
            of=("students",),
            sql=f"""SELECT 'student/' || "Student_id" AS "sourcedId",
            {earliest(date('"DOB"'))} AS "birthDate",
            {earliest(_SEX)} AS "sex",
            {earliest(_HISPANIC)}
            AS "hispanicOrLatinoEthnicity", 'students.csv' AS file, min(line) AS line
            FROM {{students}} WHERE "Student_id" IS NOT NULL
            AND coalesce("DOB", "Gender", "Hispanic_Latino") IS NOT NULL GROUP BY "Student_id" """,
        ),
    ),
)
