"""One day of an invented district, read by a reader that knows only the standard."""

import ast
import hashlib
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from schoolpassport.demo import generator
from schoolpassport.demo.generator import Size, write_day
from schoolpassport.demo.generator.engine import session
from tests.unit.demo.plain_reader import FILES, header, inspect, many, read

HEADERS = {
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
    "courses": (
        "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,"
        "subjectCodes"
    ),
    "classes": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
        "termSourcedIds,subjects,subjectCodes,periods"
    ),
    "users": (
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,"
        "middleName,identifier,email,sms,phone,agentSourcedIds,grades,password"
    ),
    "enrollments": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate"
    ),
    "demographics": (
        "sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,"
        "nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,"
        "countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus"
    ),
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    write_day(folder=folder, seed=7, size=Size.small(), trouble=False)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_seed_size_and_day_give_the_same_bytes(tmp_path):
    for day in (1, 3):
        for name in ("one", "two"):
            write_day(folder=tmp_path / f"{name}{day}", seed=7, size=Size.small(), day=day)
        assert digests(tmp_path / f"one{day}") == digests(tmp_path / f"two{day}")


def test_another_seed_gives_other_people(tmp_path, clean):
    write_day(folder=tmp_path, seed=8, size=Size.small(), trouble=False)
    assert digests(tmp_path)["users.csv"] != digests(clean)["users.csv"]
    assert digests(tmp_path)["academicSessions.csv"] == digests(clean)["academicSessions.csv"]


def test_chance_is_md5_and_so_the_same_in_every_version_of_duckdb():
    with session({"seed": "7", "day": 1}) as db:
        drawn = db.execute("SELECT pick('given', 12, 1000)").fetchall()
    digest = hashlib.md5(b"7:given:12", usedforsecurity=False).digest()
    assert drawn == [(int.from_bytes(digest[8:], "little") % 1000,)]


def test_headers_are_those_of_the_standard_in_its_order(clean):
    assert {file: header(clean, file) for file in FILES} == HEADERS


def test_metadata_columns_come_with_trouble_at_the_right(tmp_path):
    facts = write_day(folder=tmp_path, seed=7, size=Size.small())
    more = facts.trouble.metadata_columns
    assert more == {"users": ("metadata.locker", "metadata.busRoute"), "classes": ("metadata.bellSchedule",)}
    assert {file: header(tmp_path, file) for file in FILES} == {
        file: ",".join((HEADERS[file], *more.get(file, ()))) for file in FILES
    }
    assert any(row["metadata.locker"] for row in read(tmp_path, "users"))


def test_the_manifest_names_thirteen_files_and_tells_the_truth_about_them(clean):
    lines = (clean / "manifest.csv").read_text(encoding="utf-8").splitlines()
    manifest = dict(line.split(",") for line in lines)
    files = {name.removeprefix("file."): mode for name, mode in manifest.items() if name.startswith("file.")}
    assert len(files) == 13
    assert set(files.values()) == {"bulk", "absent"}
    assert {f"{name}.csv" for name, mode in files.items() if mode == "bulk"} == {
        path.name for path in clean.iterdir()
    } - {"manifest.csv"}
    assert (manifest["propertyName"], manifest["manifest.version"], manifest["oneroster.version"]) == (
        "value",
        "1.0",
        "1.1",
    )


def test_lines_end_with_lf_only_and_bulk_rows_leave_status_and_time_blank(clean):
    for file in FILES:
        assert b"\r" not in (clean / f"{file}.csv").read_bytes()
        assert {(row["status"], row["dateLastModified"]) for row in read(clean, file)} == {("", "")}


def test_without_trouble_nothing_is_wrong_and_every_reference_resolves(clean):
    assert inspect(clean).findings == []


@pytest.mark.parametrize(
    "size", [Size.small(), Size.demo(), Size.of(users=3_000, classes=300, enrollments=18_000)], ids=repr
)
def test_the_counts_asked_for_are_met_exactly(size, tmp_path):
    facts = write_day(folder=tmp_path, seed=3, size=size, trouble=False)
    found = {file: len(read(tmp_path, file)) for file in FILES}
    assert found["users"] == size.users
    assert found["classes"] == size.classes
    assert found["enrollments"] == size.enrollments
    assert found["demographics"] == size.students
    assert found["orgs"] == size.schools + 1
    assert facts.rows == facts.accepted == found


def test_the_bench_shape_has_the_users_asked_for():
    assert Size.of(users=200_000, classes=20_000, enrollments=1_200_000).users == 200_000


def test_few_classes_are_shared_by_several_grades(tmp_path):
    size = Size(schools=3, students=300, teachers=9, staff=4, guardians=60, classes=24, enrollments=1_800)
    write_day(folder=tmp_path, seed=3, size=size, trouble=False)
    assert inspect(tmp_path).findings == []
    assert max(len(many(row["grades"])) for row in read(tmp_path, "classes")) == 6


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"schools": 2}, "3 schools"),
        ({"students": 20}, "10 students"),
        ({"teachers": 2}, "one teacher"),
        ({"guardians": 400}, "more guardians"),
        ({"enrollments": 450}, "teacher's enrollment"),
        ({"classes": 20}, "need 24 classes"),
    ],
)
def test_a_size_that_cannot_be_is_refused(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        Size(
            **{
                "schools": 3,
                "students": 390,
                "teachers": 30,
                "staff": 6,
                "guardians": 174,
                "classes": 100,
                "enrollments": 2_830,
                **changed,
            }
        )


def test_a_student_is_in_one_class_per_period_of_the_own_school_and_grade(clean):
    classes = inspect(clean).accepted("classes")
    users = inspect(clean).accepted("users")
    seats = defaultdict(list)
    for row in read(clean, "enrollments"):
        taken = classes[row["classSourcedId"]]
        assert row["schoolSourcedId"] == taken["schoolSourcedId"]
        assert row["schoolSourcedId"] in many(users[row["userSourcedId"]]["orgSourcedIds"])
        if row["role"] == "student":
            seats[row["userSourcedId"]].append(taken["periods"].split(",")[0])
            assert users[row["userSourcedId"]]["grades"] in many(taken["grades"])
    assert len(seats) == Size.small().students
    assert all(len(set(periods)) == len(periods) and "0" in periods for periods in seats.values())


def test_each_class_has_one_primary_teacher_and_pupils_like_its_neighbours(clean):
    teachers, pupils = Counter(), Counter()
    for row in read(clean, "enrollments"):
        (teachers if row["role"] == "teacher" else pupils)[row["classSourcedId"]] += 1
        assert (row["role"] == "teacher") == (row["primary"] == "true")
    everyone = {row["sourcedId"] for row in read(clean, "classes")}
    assert teachers == dict.fromkeys(everyone, 1)
    assert set(pupils) == everyone
    assert max(pupils.values()) <= 36


def test_every_teacher_has_a_class_and_none_has_all_of_a_school(clean):
    taught = Counter(row["userSourcedId"] for row in read(clean, "enrollments") if row["role"] == "teacher")
    assert set(taught) == {row["sourcedId"] for row in read(clean, "users") if row["role"] == "teacher"}
    assert max(taught.values()) <= 6


def test_guardians_are_agents_of_students_with_whom_they_share_a_school(clean):
    users = inspect(clean).accepted("users")
    wards = defaultdict(set)
    for user in users.values():
        for agent in many(user["agentSourcedIds"]):
            assert user["role"] == "student"
            wards[agent] |= set(many(user["orgSourcedIds"]))
    assert {u for u, row in users.items() if row["role"] in {"parent", "guardian", "relative"}} == set(wards)
    assert all(many(users[agent]["orgSourcedIds"]) == sorted(schools) for agent, schools in wards.items())


def test_names_come_from_many_scripts_and_addresses_reach_nobody(tmp_path):
    write_day(folder=tmp_path, seed=7, size=Size.demo(), trouble=False)
    users = read(tmp_path, "users")
    names = "".join(row["givenName"] + row["familyName"] for row in users)
    for first, last in (("\u0600", "\u06ff"), ("\u0400", "\u04ff"), ("\u4e00", "\u9fff"), ("\uac00", "\ud7af")):
        assert any(first <= letter <= last for letter in names)
    assert {"'", "-", " ", "é", "ł", "ø"} <= set(names)
    assert any(row["givenName"] == row["familyName"] for row in users)
    assert all(row["email"].isascii() and row["email"].endswith(".example") for row in users)
    assert len({row["email"] for row in users}) == len(users)
    assert {row["password"] for row in users} == {""}


def test_the_district_is_called_as_asked_also_with_a_comma(tmp_path):
    facts = write_day(folder=tmp_path, seed=7, size=Size.small(), district_name='Señal, "West" Schools')
    assert read(tmp_path, "orgs")[0]["name"] == 'Señal, "West" Schools'
    assert 'source.systemName,"Señal, ""West"" Schools SIS"\n' in (tmp_path / "manifest.csv").read_text("utf-8")
    assert facts.teacher_email.endswith("@senalwest.example")


def test_the_teacher_named_in_the_facts_has_a_class(tmp_path):
    for day in (1, 2):
        facts = write_day(folder=tmp_path / str(day), seed=7, size=Size.small(), day=day)
        [teacher] = [row for row in read(tmp_path / str(day), "users") if row["email"] == facts.teacher_email]
        assert teacher["role"] == "teacher"
        assert any(row["userSourcedId"] == teacher["sourcedId"] for row in read(tmp_path / str(day), "enrollments"))


def test_the_generator_needs_nothing_but_the_standard_library_and_duckdb():
    found = set()
    for path in Path(generator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    outside = {name for name in found if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in outside if not name.startswith("schoolpassport.demo.generator")} == {"duckdb"}
