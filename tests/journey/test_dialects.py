"""Packages of other dialects than OneRoster 1.1: what comes out of vendors' own samples, and of damaged ones."""

import csv
from pathlib import Path

import pytest

from schoolpassport.sources.actions import register_source, set_shaping
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import people
from tests.support.nights import BY, Nights
from tests.support.packages import folder

DATA = Path(__file__).parent.parent / "data"
SAMPLES = {"sds-v1": DATA / "sds-v1-100-users", "sds-v2.1": DATA / "sds-v2.1"}

BASIC = {
    "schools.csv": "School_id,School_name,School_number\n1,Amber Primary,01\n2,Birch High,02\n",
    "students.csv": "School_id,Student_id,Last_name,First_name,Grade,DOB,Gender,Student_email\n"
    "1,100,Klein,Ora,03,5/17/2017,F,ora@amber.example\n"
    "1,101,Moss,Ian,04,2016-01-02,M,\n"
    "2,101,Moss,Ian,04,2016-01-02,M,\n",
    "teachers.csv": "School_id,Teacher_id,Last_name,First_name,Teacher_email\n1,100,Reed,Ann,ann@amber.example\n2,7,Lind,Bo,\n",
    "sections.csv": "School_id,Section_id,Teacher_id,Teacher_2_id,Name,Course_name,Term_name,Term_start,Term_end\n"
    "1,900,100,,Maths 3,Maths,Autumn,8/20/2026,12/18/2026\n"
    "2,901,7,100,Art,Art,Autumn,8/20/2026,12/18/2026\n",
    "enrollments.csv": "School_id,Section_id,Student_id\n1,900,100\n1,900,101\n2,901,101\n",
    "staff.csv": "School_id,Staff_id,Last_name,First_name\n1,55,Vale,Kit\n",
}

ONEROSTER_1P2 = {
    "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n"
    + "".join(
        f"file.{n},bulk\n" for n in ("orgs", "academicSessions", "courses", "classes", "users", "roles", "enrollments")
    ),
    "orgs.csv": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\ns1,,,Amber Primary,school,01,\n",
    "academicSessions.csv": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
    "y,,,Year,schoolYear,2026-08-01,2027-07-01,,2027\n",
    "courses.csv": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes\n"
    "c1,,,y,Maths,,,s1,,\n",
    "classes.csv": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,"
    "schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods\nk1,,,Maths 3,,c1,,scheduled,,s1,y,,,\n",
    "users.csv": "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,"
    "preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\n"
    "u1,,,true,ora,,Ora,Klein,,,,,,,03,,M1,Oz,,,s1,she/her\nu2,,,true,,,Ann,Reed,,,ann@amber.example,,,,,,,,,,,\n",
    "roles.csv": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n"
    "r1,,,u1,primary,student,,,s1,\nr2,,,u2,secondary,teacher,,,s1,\nr3,,,u2,primary,principal,,,s1,\n",
    "enrollments.csv": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
    "e1,,,k1,s1,u1,student,,,\n",
}

GIVEN = {"givenname", "firstname"}
DIRECTORY = {
    "accounts.csv": "id,dn,username,mail,givenName,sn,displayName,employeeNumber,department,telephone,enabled\n"
    "a1,cn=1,ora,ora@amber.example,Ora,Klein,Ora Klein,100,,,true\n"
}


def source(district, tmp_path, now, schema):
    made = register_source(district_id=district.id, name=schema, schema=schema, by=BY, now=now)
    nights = Nights(district.id, made, tmp_path, now)
    nights.set_limits(witnesses=1)
    return nights


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def standing(sis):
    return {kind: len(records) for kind, records in sis.everything().items() if records}


def test_every_dialect_that_is_translated_has_a_package_here():
    here = {"basic-roster", "oneroster-1.2", "directory", *SAMPLES}
    assert {name for name, schema in SCHEMAS.items() if schema.inputs} == here


def test_the_sample_of_sds_v1_goes_in_whole(district, tmp_path, now):
    sis = source(district, tmp_path, now, "sds-v1")
    sis.done(SAMPLES["sds-v1"])
    files = {name: rows(SAMPLES["sds-v1"] / f"{name}.csv") for name in ("School", "Student", "Teacher", "Section")}
    seats = {
        (name, r["Section SIS ID"], r["SIS ID"])
        for name in ("StudentEnrollment", "TeacherRoster")
        for r in rows(SAMPLES["sds-v1"] / f"{name}.csv")
    }
    counts = standing(sis)
    assert counts["org"] == len(files["School"])
    assert counts["user"] == len({r["SIS ID"] for r in files["Student"]}) + len({r["SIS ID"] for r in files["Teacher"]})
    assert counts["class"] == len(files["Section"])
    assert counts["enrollment"] == len(seats)
    klein = sis.records("user")["student/13001"]
    assert (klein["givenName"], klein["familyName"], klein["role"], klein["orgs"]) == (
        "Ora",
        "Klein",
        "student",
        ["school/10001"],
    )
    assert sis.records("demographics")["student/13001"]["birthDate"] == "2000-04-02"


def test_the_sample_of_sds_v2p1_goes_in(district, tmp_path, now):
    sis = source(district, tmp_path, now, "sds-v2.1")
    run = sis.done(SAMPLES["sds-v2.1"])
    roles = {r["userSourcedId"] for r in rows(SAMPLES["sds-v2.1"] / "roles.csv")}
    users = {r["sourcedId"] for r in rows(SAMPLES["sds-v2.1"] / "users.csv")}
    contacts = {r["relationshipUserSourcedId"] for r in rows(SAMPLES["sds-v2.1"] / "relationships.csv")}
    assert (set(sis.records("user")), contacts - roles) == (users & (roles | contacts), {"114002", "114005"})
    assert sis.findings(run, "error") == set()
    guardian = sis.records("user")["114002"]  # they have no role at a school in this dialect, but their pupils have
    assert (guardian["role"], guardian["orgs"]) == ("guardian", ["110003"])
    assert sis.records("user")["114001"]["agents"] == ["114002"]
    jack = sis.records("user")["114001"]
    assert (jack["role"], jack["orgs"], jack["grades"]) == ("student", ["110003"], ["10"])


def test_a_basic_roster_goes_in(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    assert standing(sis) == {
        "org": 2,
        "academicSession": 1,
        "course": 2,
        "user": 5,
        "class": 2,
        "enrollment": 6,
        "demographics": 2,
    }
    moss = sis.records("user")["student/101"]
    assert (moss["orgs"], moss["role"], moss["grades"]) == (["school/1", "school/2"], "student", ["04"])
    assert sis.records("user")["teacher/100"]["familyName"] == "Reed"  # another than student 100
    assert sis.records("demographics")["student/100"]["birthDate"] == "2017-05-17"
    leads = {k: r["primary"] for k, r in sis.records("enrollment").items() if r["role"] == "teacher"}
    assert leads == {"lead/900/100": True, "lead/901/7": True, "lead/901/100": False}


def test_a_oneroster_1p2_package_goes_in(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    sis.done(ONEROSTER_1P2)
    people = sis.records("user")
    assert {k: (u["role"], u["orgs"], u["username"]) for k, u in people.items()} == {
        "u1": ("student", ["s1"], "ora"),
        "u2": ("administrator", ["s1"], "ann@amber.example"),
    }
    ora = people["u1"]
    assert (ora["preferredFirstName"], ora["pronouns"], ora["userMasterIdentifier"]) == ("Oz", "she/her", "M1")
    assert [r["role"] for r in people["u2"]["roles"]] == ["principal", "teacher"]  # the primary one first


def with_columns(text: str, **columns: tuple[str, ...]) -> str:
    head, *lines = text.splitlines()
    more = zip(*columns.values(), strict=True)
    named = [f"metadata.{name}" for name in columns]
    return "".join(f"{','.join((line, *cells))}\n" for line, cells in zip((head, *lines), (named, *more), strict=True))


def test_extensions_of_a_oneroster_1p2_package_are_kept(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    extended = with_columns(ONEROSTER_1P2["users.csv"], House=("Red", ""), a_b=("1", "3"), ab=("2", ""))
    run = sis.done({**ONEROSTER_1P2, "users.csv": extended})
    people = sis.records("user")
    assert people["u1"]["metadata"] == {"House": "Red", "a_b": "1", "ab": "2"}
    assert people["u2"]["metadata"] == {"a_b": "3"}
    assert "unknown column" not in {place.rule for place in sis.findings(run, "warning")}
    sis.done({**ONEROSTER_1P2, "users.csv": extended.replace("Red", "Blue")})
    assert sis.records("user")["u1"]["metadata"]["House"] == "Blue"
    twice = with_columns(ONEROSTER_1P2["users.csv"], House=("Red", ""), hOUSE=("Blue", ""))
    assert "has the column “metadata.house” twice" in sis.run({**ONEROSTER_1P2, "users.csv": twice}).message


def test_a_column_of_the_sources_own_that_is_called_like_one_of_ours_speaks_where_ours_is_blank(
    district, tmp_path, now
):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    sis.done(
        {
            **ONEROSTER_1P2,
            "manifest.csv": ONEROSTER_1P2["manifest.csv"] + "file.categories,bulk\n",
            "categories.csv": "sourcedId,status,dateLastModified,title,weight,metadata.oneroster.1p2.weight,metadata.a\n"
            "hw,,,Homework,,0.5,x\nquiz,,,Quiz,0.25,0.75,\n",
        }
    )
    assert {key: r["metadata"] for key, r in sis.records("category").items()} == {
        "hw": {"oneroster.1p2.weight": 0.5, "a": "x"},
        "quiz": {"oneroster.1p2.weight": 0.25},
    }


def test_a_1p2_package_for_a_1p1_source_is_refused_with_the_reason(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.1")
    run = sis.run(ONEROSTER_1P2)
    assert run.state == "refused"
    assert "manifest.csv says OneRoster 1.2; this source is set to OneRoster 1.1 CSV." in run.message


@pytest.mark.parametrize("package", [BASIC, ONEROSTER_1P2], ids=["basic-roster", "oneroster-1.2"])
def test_the_same_again_in_another_order_and_dress_is_no_change(district, tmp_path, now, package):
    sis = source(district, tmp_path, now, "basic-roster" if package is BASIC else "oneroster-1.2")
    sis.done(package)
    dressed = {name: "\ufeff" + text.replace("\n", "\r\n") for name, text in package.items()}
    assert sis.run(dressed).state == "unchanged"
    shuffled = {name: _turned(text) for name, text in package.items()}
    assert sis.run(shuffled).state == "unchanged"
    assert sis.revision() == 1


def _turned(text: str) -> str:
    """Columns from right to left."""
    return (
        "".join(",".join(reversed(line.split(","))) + "\n" for line in text.splitlines())
        if '"' not in text and not text.startswith("propertyName")
        else text
    )


BREAKABLE = {
    "sds-v1": ({n.name: n.read_text(encoding="utf-8-sig") for n in SAMPLES["sds-v1"].glob("*.csv")}, "Student.csv"),
    "sds-v2.1": ({n.name: n.read_text(encoding="utf-8-sig") for n in SAMPLES["sds-v2.1"].glob("*.csv")}, "users.csv"),
    "basic-roster": (BASIC, "students.csv"),
    "oneroster-1.2": (ONEROSTER_1P2, "users.csv"),
    "directory": (DIRECTORY, "accounts.csv"),
}


@pytest.mark.parametrize("schema", BREAKABLE)
def test_a_line_break_within_a_cell_is_a_blank(district, tmp_path, now, schema):
    package, name = BREAKABLE[schema]
    header, first, *rest = package[name].splitlines()
    (cells,) = csv.reader([first])
    place = next(n for n, h in enumerate(header.split(",")) if h.casefold().replace("_", "").replace(" ", "") in GIVEN)
    sis = source(district, tmp_path, now, schema)
    run = sis.run({**package, name: "\n".join([header, broken(cells, place), *rest]) + "\n"})
    assert run.state in {"done", "unchanged"}, sis.sentences(run)  # a directory only adds to what others tell of
    there = {u["givenName"] for u in sis.records("user").values()}
    assert f"{cells[place]} Zoe" in there or schema == "directory"


def broken(cells, place):
    return ",".join('"' + (c + "\r\n\nZoe" * (n == place)) + '"' for n, c in enumerate(cells))


def test_headers_may_be_written_as_vendors_write_them(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    shouted = {
        name: text.split("\n", 1)[0].upper().replace("_", " ") + "\n" + text.split("\n", 1)[1]
        for name, text in BASIC.items()
    }
    sis.done(shouted)
    assert standing(sis)["user"] == 5


def test_a_finding_names_the_file_and_line_that_were_sent(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    damaged = {**BASIC, "teachers.csv": BASIC["teachers.csv"] + "\n1,8,,,\n1,9,Only\n"}
    run = sis.done(damaged)
    assert {(f.file, f.line, f.rule) for f in sis.findings(run, "error")} >= {
        ("teachers.csv", 5, "missing value"),
        ("teachers.csv", 6, "unreadable line"),
    }
    assert sis.active("user") == {"student/100", "student/101", "teacher/100", "teacher/7", "staff/55"}


def test_sentences_that_name_other_lines_name_those_that_were_sent(district, other_district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    twice = {
        **BASIC,
        "sections.csv": BASIC["sections.csv"] + "\n1,900,100,,Maths again,Maths,Autumn,8/20/2026,12/18/2026\n",
    }
    run = sis.done(twice)
    assert (
        "sourcedId “section/900” stands in 2 rows that differ (lines 2, 5); none of them was taken."
    ) in sis.sentences(run)
    lost = {**BASIC, "students.csv": BASIC["students.csv"].replace("1,100,Klein,Ora", "1,100,,")}
    other = source(other_district, tmp_path / "other", now, "basic-roster")
    told = other.sentences(other.run(lost))
    assert any("that user was left out (its own row is line 2 of students.csv)" in sentence for sentence in told), told


def test_contacts_of_a_basic_roster_become_people_and_their_children_know_them(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    header = "School_id,Student_id,Last_name,First_name,Grade,Contact_relationship,Contact_name,Contact_phone,Contact_phone_type,Contact_email,Contact_sis_id\n"
    students = (
        header + "1,100,Klein,Ora,03,Mother,Kim Klein,212-555-0142,Cell,kim@amber.example,77\n"
        '1,100,Klein,Ora,03,Legal Guardian,"Moss, Lee Ann",212-555-0143,Home,lee@amber.example,\n'
        "1,101,Moss,Ian,04,mother,Kim Klein,,,kim@amber.example,77\n"
        "2,101,Moss,Ian,04,Grandfather,Max Reed,212-555-0144,Work,,\n"
        "2,102,Reed,Ada,04,,,,,,\n"
    )
    sis.done({**BASIC, "students.csv": students})
    people = sis.records("user")
    told = {
        k: (u["givenName"], u["familyName"], u["role"], u["orgs"], u["email"], u["phone"], u["sms"])
        for k, u in people.items()
        if k.startswith("contact/")
    }
    assert told == {
        "contact/77": ("Kim", "Klein", "parent", ["school/1"], "kim@amber.example", None, "212-555-0142"),
        "contact/lee@amber.example/moss; lee ann": (
            *("Lee Ann", "Moss", "guardian", ["school/1"], "lee@amber.example", "212-555-0143", None),
        ),
        "contact/101/max reed": ("Max", "Reed", "relative", ["school/2"], None, "212-555-0144", None),
    }
    assert people["student/100"]["agents"] == ["contact/77", "contact/lee@amber.example/moss; lee ann"]
    assert people["student/101"]["agents"] == ["contact/77", "contact/101/max reed"]
    assert people["student/102"]["agents"] is None


def test_where_a_line_cannot_be_read_nobody_of_its_kind_is_removed(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    fewer = {**BASIC, "students.csv": "".join(BASIC["students.csv"].splitlines(keepends=True)[:2])}
    broken = {**fewer, "teachers.csv": BASIC["teachers.csv"] + "1,9,Only\n"}
    sis.run(broken)
    assert "student/101" in sis.active("user")
    sis.run(fewer)  # the control: without the broken line it is a removal
    assert "student/101" not in sis.active("user")


def test_a_file_that_came_before_and_does_not_come_removes_nobody(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    without = {name: text for name, text in BASIC.items() if name != "staff.csv"}
    for mail in ("", "bo@amber.example", "bo.lind@amber.example"):  # night after night
        run = sis.run({**without, "teachers.csv": BASIC["teachers.csv"].replace("Bo,\n", f"Bo,{mail}\n")})
        assert "staff/55" in sis.active("user")
        assert "file did not come" in {f.rule for f in sis.findings(run)}
    sis.run({**BASIC, "staff.csv": "School_id,Staff_id,Last_name,First_name\n"})
    assert "staff/55" not in sis.active("user")
    assert "file did not come" not in {f.rule for f in sis.findings(sis.run(without))}


TWO = "School_id,Teacher_id,Last_name,First_name,Teacher_email\n1,100,Reed,Ann,ann@amber.example\n"


@pytest.mark.parametrize(("end", "taken"), [("\n", True), ("", False)])
def test_the_last_line_of_a_file_that_does_not_end_as_it_did_is_not_taken_and_nobody_goes(
    district, tmp_path, now, end, taken
):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    run = sis.run({**BASIC, "teachers.csv": TWO[: -len("ple\n")] + end})
    teacher = sis.records("user")["teacher/100"]
    assert (teacher["email"], "teacher/7" in sis.archived("user")) == (
        ("ann@amber.exam", True) if taken else ("ann@amber.example", False)
    )
    assert (("teachers.csv", 2) in {(f.file, f.line) for f in sis.findings(run, "error")}) is not taken


def test_a_file_with_other_columns_is_no_witness_on_its_first_night(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    widened = "".join(f"{line},{cell}\n" for line, cell in zip(TWO.splitlines(), ("Title", "Dr"), strict=True))
    sis.run({**BASIC, "teachers.csv": widened})
    assert "teacher/7" in sis.waiting("user")
    sis.run({**BASIC, "teachers.csv": widened.replace("Dr", "Prof")})
    assert "teacher/7" in sis.archived("user")


def test_a_file_with_fewer_rows_than_its_manifest_announces_is_no_witness(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    sis.done(ONEROSTER_1P2)
    fewer = {
        name: "".join(text.splitlines(keepends=True)[:2]) for name, text in ONEROSTER_1P2.items() if name == "users.csv"
    }
    said = ONEROSTER_1P2["manifest.csv"]
    run = sis.run({**ONEROSTER_1P2, **fewer, "manifest.csv": said + "count.users,2\n"})
    assert (sis.waiting("user"), sis.archived("user")) == ({"u2"}, set())
    assert "users.csv has 1 rows that can be read, and manifest.csv announces 2." in sis.sentences(run)
    sis.run({**ONEROSTER_1P2, **fewer, "manifest.csv": said + "count.users,1\n"})
    assert sis.archived("user") == {"u2"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sections.csv": None}, "The package has no sections.csv, which Basic Roster CSV requires."),
        (
            {"students.csv": "School_id,Student_id,First_name\n1,2,Ada\n"},
            "students.csv has no column “Last_name”, which is required.",
        ),
        ({"schools.csv": ""}, "schools.csv is empty; it needs at least its header line."),
        ({"schools.csv": b"\xff\xfeS\x00c\x00"}, "schools.csv is not UTF-8 (it looks like UTF-16). Save it as UTF-8."),
    ],
)
def test_what_a_dialect_cannot_do_without_is_named(district, tmp_path, now, change, sentence):
    sis = source(district, tmp_path, now, "basic-roster")
    package = {name: text for name, text in {**BASIC, **change}.items() if text is not None}
    run = sis.run(folder(tmp_path / "damaged", package))
    assert run.state == "refused"
    assert sentence in run.message


def test_why_a_record_says_something_names_the_file_and_line_that_were_sent(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    for kind, key, attribute, file in (
        ("user", "student/101", "familyName", "students.csv"),
        ("user", "teacher/100", "givenName", "teachers.csv"),
    ):
        told = people.why(district_id=sis.district_id, kind=kind, id=sis.ids(kind)[key], attribute=attribute)
        number = key.partition("/")[2]
        lines = {n for n, row in enumerate(csv.reader(BASIC[file].splitlines()), 1) if number in row}
        assert told.file == file
        assert told.lineage.line in lines


def test_an_attribute_is_fed_by_any_column_of_a_vendors_file_and_its_name_is_the_vendors(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    feeds = {
        "user": [
            {"to": "metadata.language", "from": "Home_language"},  # known, and read by nobody otherwise
            {"to": "metadata.house", "from": "House of the pupil"},  # known to nobody
            {"to": "middleName", "from": "Last_name"},  # read for something else, too
        ]
    }
    set_shaping(
        district_id=district.id, source_id=sis.source.id, subject="attributes", content=feeds, by=BY, now=sis.now
    )
    head, *lines = BASIC["students.csv"].splitlines()
    cells = ("Home_language,House of the pupil", "es,Red", ",Blue", ",Blue")
    students = "".join(f"{line},{more}\n" for line, more in zip((head, *lines), cells, strict=True))
    run = sis.done({**BASIC, "students.csv": students})
    told = {key: (r["middleName"], r["metadata"]) for key, r in sis.records("user").items() if key in FED}
    assert told == FED
    assert "unknown column" not in {f.rule for f in sis.findings(run)}
    sis.done({**BASIC, "students.csv": students.replace("es,Red", "fr,Red")})
    assert sis.records("user")["student/100"]["metadata"]["language"] == "fr"


def test_a_column_that_is_not_there_is_missed_in_the_file_that_was_sent(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    feeds = {"org": [{"to": "identifier", "from": "Code"}], "user": [{"to": "phone", "from": "Telephone"}]}
    set_shaping(
        district_id=district.id, source_id=sis.source.id, subject="attributes", content=feeds, by=BY, now=sis.now
    )
    run = sis.done(BASIC)
    people_ = "students.csv, teachers.csv or staff.csv"
    assert {(f.file, f.column) for f in sis.findings(run) if f.rule == "missing column"} == {
        ("schools.csv", "Code"),
        (people_, "Telephone"),
    }
    missed = "has no column “Telephone”, which is mapped to “phone”; its values count as blank."
    assert f"{people_} {missed}" in sis.sentences(run)


FED = {
    "student/100": ("Klein", {"language": "es", "house": "Red"}),
    "student/101": ("Moss", {"house": "Blue"}),
    "teacher/7": ("Lind", None),
}


def test_a_prefix_stands_before_the_orgs_of_roles_too(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    set_shaping(
        district_id=district.id,
        source_id=sis.source.id,
        subject="prefix",
        content={"prefix": "lincoln-"},
        by=BY,
        now=sis.now,
    )
    sis.done(ONEROSTER_1P2)
    person = sis.records("user")["lincoln-u2"]
    assert [role["org"] for role in person["roles"]] == [str(sis.ids("org")["lincoln-s1"])] * 2


def _beside(text: str, header: str, *cells: str) -> str:
    """The table with one more column."""
    return "".join(f"{line},{cell}\n" for line, cell in zip(text.splitlines(), (header, *cells), strict=True))


JOINED = {
    **{name: text for name, text in ONEROSTER_1P2.items() if name != "enrollments.csv"},
    "manifest.csv": ONEROSTER_1P2["manifest.csv"].replace("file.enrollments", "file.userProfiles"),
    "roles.csv": ONEROSTER_1P2["roles.csv"]
    .replace("student,,,s1", "student,2026-08-20,,s1")
    .replace("teacher,,,s1", "teacher,2025-08-01,,s1")
    .replace("principal,,,s1", "principal,2026-08-01,,s1"),
    "userProfiles.csv": _beside(
        "sourcedId,status,dateLastModified,userSourcedId,profileType,vendorId,applicationId,description,credentialType,"
        "username,password\nf1,,,u1,lms,v,,,,ora,Tulip-9\nf2,tobedeleted,,u2,lms,v,,,,ann,\n",
        *("Desk", "D-1", "D-2"),
    ),
}
SDS_V1 = {
    "School.csv": "SIS ID,Name\n1,Amber\n",
    "Section.csv": "SIS ID,School SIS ID,Section Name,Periods\n11,1,Maths,3\n12,1,Art,\n",
    "Student.csv": "SIS ID,School SIS ID,First Name,Last Name\n101,1,Ora,Klein\n",
    "Teacher.csv": "SIS ID,School SIS ID,First Name,Last Name\n7,1,Ann,Reed\n",
    "StudentEnrollment.csv": "Section SIS ID,SIS ID\n11,101\n12,101\n",
    "TeacherRoster.csv": "Section SIS ID,SIS ID\n11,7\n",
}


def test_columns_of_files_that_are_joined_feed_attributes_too(district, tmp_path, now):
    sis = source(district, tmp_path, now, "oneroster-1.2")
    feeds = {
        "user": [
            {"to": "metadata.since", "from": "beginDate"},  # of roles.csv, of the primary one first
            {"to": "metadata.desk", "from": "Desk"},  # known to nobody, of userProfiles.csv
            {"to": "metadata.own", "from": "userSourcedId"},  # of both: the first file counts
            {"to": "metadata.mail", "from": "email"},  # of users.csv itself
            {"to": "metadata.secret", "from": "password"},  # is never read
        ]
    }
    set_shaping(
        district_id=district.id, source_id=sis.source.id, subject="attributes", content=feeds, by=BY, now=sis.now
    )
    sis.done(JOINED)
    told = {key: r["metadata"] for key, r in sis.records("user").items()}
    assert told == {
        "u1": {"since": "2026-08-20", "desk": "D-1", "own": "u1"},
        "u2": {"since": "2026-08-01", "own": "u2", "mail": "ann@amber.example"},
    }
    sis.done({**JOINED, "userProfiles.csv": JOINED["userProfiles.csv"].replace("D-1", "D-7")})
    assert sis.records("user")["u1"]["metadata"]["desk"] == "D-7"


def test_a_column_of_a_section_feeds_the_enrollments_in_it(district, tmp_path, now):
    sis = source(district, tmp_path, now, "sds-v1")
    feeds = {"enrollment": [{"to": "metadata.periods", "from": "Periods"}, {"to": "metadata.id", "from": "SIS ID"}]}
    set_shaping(
        district_id=district.id, source_id=sis.source.id, subject="attributes", content=feeds, by=BY, now=sis.now
    )
    sis.done(SDS_V1)
    told = {key: r["metadata"] for key, r in sis.records("enrollment").items()}
    assert told == {
        "student/11/101": {"periods": "3", "id": "101"},
        "teacher/11/7": {"periods": "3", "id": "7"},
        "student/12/101": {"id": "101"},
    }


def test_a_file_that_must_come_and_lost_all_its_rows_holds_the_run(district, tmp_path, now):
    sis = source(district, tmp_path, now, "basic-roster")
    sis.done(BASIC)
    held = sis.run({**BASIC, "students.csv": BASIC["students.csv"].splitlines()[0] + "\n"})
    assert held.state == "held"
    assert held.message.startswith("students.csv has nothing below its header, and had rows before.")
