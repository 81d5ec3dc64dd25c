"""Microsoft School Data Sync, CSV of version 1: School, Section, Student, Teacher and who is in which section."""

from schoolpassport.kit.columns import literal
from schoolpassport.sources.schemas.canonical import FILES, date, earliest, listed
from schoolpassport.sources.schemas.shape import Input, Joined, Output, Schema

_ID, _SCHOOL = ("SIS ID",), ("School SIS ID",)


def _people(name: str, of: str) -> Output:
    return Output(
        kind="user",
        of=(name,),
        sql=f"""SELECT {literal(of)} || '/' || id AS "sourcedId",
        {earliest("CASE WHEN lower(status) IN ('inactive', 'deleted') THEN 'false' ELSE 'true' END")} AS "enabledUser",
        {listed("'school/' || school")} AS "orgSourcedIds", {literal(of)} AS "role",
        {earliest("coalesce(username, email, id)")} AS "username", {earliest("given")} AS "givenName",
        {earliest("family")} AS "familyName", {earliest("middle")} AS "middleName", {earliest("email")} AS "email",
        {earliest("coalesce(number, id)")} AS "identifier", {listed("grade")} AS "grades",
        {literal(name + ".csv")} AS file, min(line) AS line FROM {{{name}}} WHERE id IS NOT NULL GROUP BY id""",
    )


def _person(name: str, number: str, *more: str) -> Input:
    return Input(
        name=name,
        columns={
            "id": _ID,
            "school": _SCHOOL,
            "given": ("First Name",),
            "family": ("Last Name",),
            "middle": ("Middle Name",),
            "username": ("Username",),
            "email": ("Secondary Email",),
            "number": (number,),
            "status": ("Status",),
            "grade": ("Grade",),
            "birth": ("Birthdate",),
        },
        required=("id", "school", "given", "family"),
        skipped=("Password", "State ID", *more),
    )


def _seats(name: str, of: str) -> Output:
    return Output(
        kind="enrollment",
        of=(name, "Section"),
        joined={"Section": Joined(own="section", key="id")},
        sql=f"""SELECT {literal(of)} || '/' || e.section || '/' || e.person AS "sourcedId",
        'section/' || e.section AS "classSourcedId", 'school/' || any_value(s.school) AS "schoolSourcedId",
        {literal(of)} || '/' || e.person AS "userSourcedId",
        {literal(of)} AS "role", {literal(name + ".csv")} AS file, min(e.line) AS line
        FROM {{{name}}} e LEFT JOIN {{Section}} s ON s.id = e.section
        WHERE e.section IS NOT NULL AND e.person IS NOT NULL GROUP BY e.section, e.person""",
    )


_TERM = "coalesce(term, term_name, 'year {year}')"
_COURSE = "coalesce(course, course_number, course_name, name, id)"

SCHEMA = Schema(
    name="sds-v1",
    title="Microsoft School Data Sync V1 CSV",
    version="v1",
    names_by_id=True,
    files=FILES,
    inputs=(
        Input(
            name="School",
            columns={"id": _ID, "name": ("Name",), "number": ("School Number",)},
            required=("id", "name"),
            skipped=(
                *("School NCES_ID", "State ID", "Grade Low", "Grade High", "Principal SIS ID", "Principal Name"),
                *("Principal Secondary Email", "Address", "City", "State", "Country", "Zip", "Phone", "Zone"),
            ),
        ),
        Input(
            name="Section",
            columns={
                "id": _ID,
                "school": _SCHOOL,
                "name": ("Section Name",),
                "number": ("Section Number",),
                "term": ("Term SIS ID",),
                "term_name": ("Term Name",),
                "term_start": ("Term StartDate",),
                "term_end": ("Term EndDate",),
                "course": ("Course SIS ID",),
                "course_name": ("Course Name",),
                "course_number": ("Course Number",),
                "subject": ("Course Subject",),
                "periods": ("Periods",),
            },
            required=("id", "school", "name"),
            skipped=("Course Description", "Status"),
        ),
        _person("Student", "Student Number", "Graduation Year"),
        _person("Teacher", "Teacher Number", "Title", "Qualification"),
        Input(
            name="StudentEnrollment",
            columns={"section": ("Section SIS ID",), "person": _ID},
            required=("section", "person"),
        ),
        Input(
            name="TeacherRoster",
            columns={"section": ("Section SIS ID",), "person": _ID},
            required=("section", "person"),
        ),
    ),
    outputs=(
        Output(
            kind="org",
            of=("School",),
            sql="""SELECT 'school/' || id AS "sourcedId", name AS "name", 'school' AS "type",
            coalesce(number, id) AS "identifier", 'School.csv' AS file, line FROM {School} WHERE id IS NOT NULL""",
        ),
        Output(
            kind="academicSession",
            of=("Section",),
            sql=f"""SELECT 'term/' || {_TERM} AS "sourcedId", 'term' AS "type",
            {earliest("coalesce(term_name, " + _TERM + ")")} AS "title",
            min(coalesce({date("term_start")}, '{{year}}'::INTEGER - 1 || '-07-01')) AS "startDate",
            max(coalesce({date("term_end")}, '{{year}}-07-01')) AS "endDate",
            left(max(coalesce({date("term_end")}, '{{year}}-06-30')), 4) AS "schoolYear",
            'Section.csv' AS file, min(line) AS line FROM {{Section}} GROUP BY {_TERM}""",
        ),
        Output(
            kind="course",
            of=("Section",),
            sql=f"""SELECT 'course/' || school || '/' || {_COURSE} AS "sourcedId",
            {earliest("coalesce(course_name, course_number, name)")} AS "title",
            {earliest("course_number")} AS "courseCode", 'school/' || school AS "orgSourcedId",
            {listed("subject")} AS "subjects", 'Section.csv' AS file, min(line) AS line
            FROM {{Section}} WHERE school IS NOT NULL GROUP BY school, {_COURSE}""",
        ),
        _people("Student", "student"),
        _people("Teacher", "teacher"),
        Output(
            kind="class",
            of=("Section",),
            sql=f"""SELECT 'section/' || id AS "sourcedId", name AS "title",
            'course/' || school || '/' || {_COURSE} AS "courseSourcedId", number AS "classCode",
            'scheduled' AS "classType", 'school/' || school AS "schoolSourcedId",
            'term/' || {_TERM} AS "termSourcedIds",
            subject AS "subjects", periods AS "periods", 'Section.csv' AS file, line
            FROM {{Section}} WHERE id IS NOT NULL""",
        ),
        _seats("StudentEnrollment", "student"),
        _seats("TeacherRoster", "teacher"),
        Output(
            kind="demographics",
            of=("Student",),
            sql=f"""SELECT 'student/' || id AS "sourcedId", {earliest(date("birth"))} AS "birthDate",
            'Student.csv' AS file, min(line) AS line FROM {{Student}} WHERE id IS NOT NULL AND birth IS NOT NULL
            GROUP BY id""",
        ),
    ),
)
