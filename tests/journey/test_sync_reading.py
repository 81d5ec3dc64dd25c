"""Packages as they really come: zipped or not, with BOM, in any order, with columns of their own."""

import random
from pathlib import Path

import pytest

from tests.support import packages
from tests.support.nights import Nights, nights
from tests.support.packages import HEADERS, small, user

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def shuffled_columns(text: str, seed: int) -> str:
    """The same table with its columns in another order."""
    lines = [line.split(",") for line in text.splitlines()]
    order = list(range(len(lines[0])))
    random.Random(seed).shuffle(order)
    return "".join(",".join(line[i] for i in order) + "\n" for line in lines)


def test_every_value_of_a_package_arrives_where_it_belongs(sis):
    sis.done(
        small()
        .with_rows("categories", {"sourcedId": "cat", "title": "Homework"})
        .with_rows(
            "resources",
            {
                "sourcedId": "res",
                "vendorResourceId": "v-1",
                "title": "Atlas",
                "roles": "student,teacher",
                "importance": "primary",
                "vendorId": "v",
                "applicationId": "a",
            },
        )
        .with_rows(
            "lineItems",
            {
                "sourcedId": "li",
                "title": "Quiz",
                "description": "One, two\\three",
                "assignDate": "2026-09-02T00:00:00.000Z",
                "dueDate": "2026-09-09T12:30:00.5+02:00",
                "classSourcedId": "k1",
                "categorySourcedId": "cat",
                "gradingPeriodSourcedId": "autumn",
                "resultValueMin": "0",
                "resultValueMax": "87.5",
            },
        )
        .with_rows(
            "results",
            {
                "sourcedId": "r1",
                "lineItemSourcedId": "li",
                "studentSourcedId": "p1",
                "scoreStatus": "fully graded",
                "score": "300",
                "scoreDate": "2026-09-10",
                "comment": 'said "well done"',
            },
        )
        .with_rows(
            "users",
            user(
                "full",
                enabledUser="false",
                orgSourcedIds="s2,d1",
                role="guardian",
                userIds="{LDAP:full},{LTI:47:11}",
                givenName="Zoë 🦉",
                familyName="=O'Brien-\\N",
                middleName="de la",
                identifier="0007",
                email="full@amber.example",
                sms="+1 555 0101",
                phone="555",
                agentSourcedIds="t1,g1",
                grades="07,KG",
            )
            | {"metadata.house": "Red", "metadata.locker": ""},
        )
    )
    assert sis.records("user")["full"] == {
        "status": "active",
        "username": "full",
        "userIds": [{"type": "LDAP", "identifier": "full"}, {"type": "LTI", "identifier": "47:11"}],
        "enabledUser": False,
        "givenName": "Zoë 🦉",
        "familyName": "=O'Brien-\\N",
        "middleName": "de la",
        "role": "guardian",
        "identifier": "0007",
        "email": "full@amber.example",
        "sms": "+1 555 0101",
        "phone": "555",
        "agents": ["t1", "g1"],
        "orgs": ["s2", "d1"],
        "grades": ["07", "KG"],
        "userMasterIdentifier": None,
        "preferredFirstName": None,
        "preferredMiddleName": None,
        "preferredLastName": None,
        "pronouns": None,
        "primaryOrg": None,
        "roles": None,
        "userProfiles": None,
        "resources": None,
        "metadata": {"house": "Red"},
    }
    assert sis.records("lineItem")["li"] == {
        "status": "active",
        "title": "Quiz",
        "description": "One, two\\three",
        "assignDate": "2026-09-02T00:00:00+00:00",
        "dueDate": "2026-09-09T10:30:00.500000+00:00",
        "class": "k1",
        "category": "cat",
        "gradingPeriod": "autumn",
        "resultValueMin": 0.0,
        "resultValueMax": 87.5,
        "scoreScale": None,
        "metadata": None,
    }
    assert sis.records("result")["r1"] == {
        "status": "active",
        "lineItem": "li",
        "student": "p1",
        "scoreStatus": "fully graded",
        "score": 300.0,
        "scoreDate": "2026-09-10",
        "comment": 'said "well done"',
        "scoreScale": None,
        "metadata": None,
    }
    assert sis.records("resource")["res"] == {
        "status": "active",
        "title": "Atlas",
        "roles": ["student", "teacher"],
        "importance": "primary",
        "vendorResourceId": "v-1",
        "vendorId": "v",
        "applicationId": "a",
        "metadata": None,
    }
    assert sis.records("enrollment")["e4"] == {
        "status": "active",
        "user": "p3",
        "class": "k1",
        "school": "s1",
        "role": "student",
        "primary": None,
        "beginDate": "2026-08-15",
        "endDate": None,
        "metadata": None,
    }
    assert sis.records("academicSession")["autumn"] == {
        "status": "active",
        "title": "Session autumn",
        "type": "term",
        "startDate": "2026-08-15",
        "endDate": "2026-12-20",
        "parent": "year",
        "schoolYear": "2027",
        "metadata": None,
    }


def test_demographics_carry_the_id_of_their_user(sis):
    sis.done(small())
    users = sis.ids("user")
    assert sis.ids("demographics") == {"p1": users["p1"], "p4": users["p4"]}


def test_a_zip_and_a_folder_say_the_same(sis, tmp_path):
    sis.done(packages.zipped(tmp_path / "first.zip", small()))
    assert sis.active("user") == {"t1", "t2", "g1", "p1", "p2", "p3", "p4"}
    again = sis.run(small())
    assert (again.state, sis.revision()) == ("unchanged", 1)


def test_bom_line_ends_quotes_spaces_and_the_order_of_columns_do_not_matter(sis):
    """Each of these is another way to write the very same package, so none of them makes a revision."""
    plain = small().texts()
    sis.done(small())
    before = sis.everything()
    dressed = {
        name: BOM + shuffled_columns(text, seed=number).replace("\n", "\r\n").encode()
        for number, (name, text) in enumerate(plain.items())
        if name not in {"manifest.csv", "users.csv"}
    }
    dressed["manifest.csv"] = BOM + plain["manifest.csv"].replace("\n", "\r\n").encode()
    quoted = ["".join(f'"{cell}",' for cell in line.split(","))[:-1] for line in HEADERS_AND_ORGS(plain)]
    dressed["orgs.csv"] = "\n".join(quoted).encode()  # and no line end at the end of the file
    dressed["users.csv"] = plain["users.csv"].replace("Given-p2", "  Given-p2 ").encode()
    run = sis.run(dressed)
    assert (run.state, sis.findings(run), sis.revision()) == ("unchanged", set(), 1)
    assert sis.everything() == before


def HEADERS_AND_ORGS(plain: dict[str, str]) -> list[str]:
    return plain["orgs.csv"].splitlines()


def test_columns_in_another_order_are_read_by_their_names_on_the_first_night_too(sis):
    plain = small().texts()
    files = {name: shuffled_columns(text, seed=1) if name == "orgs.csv" else text for name, text in plain.items()}
    sis.done(files)
    assert sis.records("org")["s1"] == {
        "status": "active",
        "name": "School s1",
        "type": "school",
        "identifier": None,
        "parent": "d1",
        "metadata": None,
    }


def test_own_columns_are_kept_under_metadata_and_a_change_of_one_is_a_change(sis):
    named = small().changed("users", "p1", **{"metadata.house": "Red", "metadata.bus line": "7"})
    sis.done(named)
    assert sis.records("user")["p1"]["metadata"] == {"house": "Red", "bus line": "7"}
    assert sis.records("user")["p2"]["metadata"] is None
    sis.done(named.changed("users", "p1", **{"metadata.house": "Blue"}))
    assert sis.records("user")["p1"]["metadata"] == {"house": "Blue", "bus line": "7"}


@pytest.mark.parametrize("status", ["", "active"])
@pytest.mark.parametrize("stamp", ["", packages.STAMP])
def test_status_and_stamp_may_be_blank_or_filled_in_bulk(sis, status, stamp):
    filled = packages.Package(
        {
            file: tuple({**row, "status": status, "dateLastModified": stamp} for row in rows)
            for file, rows in small().rows.items()
        }
    )
    run = sis.done(filled)
    assert sis.findings(run) == set()
    assert sis.active("enrollment") == {"e1", "e2", "e3", "e4", "e5", "e6"}


def test_headers_of_oneroster_1_0_are_refused_with_the_name_of_the_column_expected(sis):
    texts = small().texts()
    texts["users.csv"] = texts["users.csv"].replace("userIds", "userId", 1)
    texts["demographics.csv"] = (
        texts["demographics.csv"].replace("sourcedId", "userSourcedId", 1).replace("birthDate", "birthdate", 1)
    )
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("refused", 0)
    told = {(p.file, p.column) for p in sis.findings(run, "error")}
    assert told == {("users.csv", "userId"), ("demographics.csv", "userSourcedId"), ("demographics.csv", "birthdate")}
    for old, new in (("userId", "userIds"), ("userSourcedId", "sourcedId"), ("birthdate", "birthDate")):
        assert any(f"“{old}”" in s and f"“{new}”" in s for s in sis.sentences(run)), old
        assert f"“{new}”" in run.message


def test_names_of_columns_are_case_sensitive(sis):
    texts = small().texts()
    texts["orgs.csv"] = texts["orgs.csv"].replace("sourcedId,", "SourcedID,", 1)
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("refused", 0)
    assert "“sourcedId”" in run.message


def test_a_missing_file_breaks_the_package(sis):
    sis.done(small())
    texts = small().changed("orgs", "s1", name="Renamed").texts()
    del texts["enrollments.csv"]
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("refused", 1)
    assert "enrollments.csv" in run.message
    assert {p.file for p in sis.findings(run, "error")} == {"enrollments.csv"}


@pytest.mark.parametrize(("file", "column"), [("users", "sourcedId"), ("users", "orgSourcedIds"), ("classes", "title")])
def test_a_missing_required_column_breaks_the_package_and_is_named(sis, file, column):
    headers = [h for h in HEADERS[file] if h != column]
    texts = small().texts()
    rows = [{k: v for k, v in row.items() if k != column} for row in small().rows[file]]
    texts[f"{file}.csv"] = packages.table(rows, headers)
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("refused", 0)
    assert f"“{column}”" in run.message
    assert {(p.file, p.column) for p in sis.findings(run, "error")} == {(f"{file}.csv", column)}


def test_a_missing_optional_column_counts_as_blank_and_is_said(sis):
    sis.done(small())
    texts = small().texts()
    headers = [h for h in HEADERS["users"] if h != "middleName"]
    texts["users.csv"] = packages.table(small().rows["users"], headers)
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("unchanged", 1)
    assert {(p.file, p.column) for p in sis.findings(run)} == {("users.csv", "middleName")}


def test_structural_problems_are_told_all_at_once(sis):
    texts = small().texts()
    del texts["enrollments.csv"]
    texts["orgs.csv"] = texts["orgs.csv"].replace("name", "nmae", 1)
    texts["classes.csv"] = texts["classes.csv"].replace("title", "", 1)
    run = sis.run(texts)
    assert run.state == "refused"
    assert {p.file for p in sis.findings(run, "error")} == {"enrollments.csv", "orgs.csv", "classes.csv"}


def test_a_file_declared_without_rows_breaks_the_package(sis):
    """Whoever has no classes declares the file absent; a table with nothing but its header is a broken export."""
    sis.done(small())
    texts = small().texts()
    texts["classes.csv"] = packages.table([], HEADERS["classes"])
    run = sis.run(texts)
    assert (run.state, sis.active("class")) == ("refused", {"k1", "k2"})
    assert "classes.csv" in run.message


def test_a_column_twice_breaks_the_package(sis):
    texts = small().texts()
    texts["orgs.csv"] = texts["orgs.csv"].replace("identifier", "name", 1)
    run = sis.run(texts)
    assert (run.state, sis.revision()) == ("refused", 0)
    assert "“name” twice" in run.message


@pytest.mark.parametrize("stranger", ["shoeSize", "Email", ""])
def test_a_column_the_standard_does_not_know_is_left_aside_and_said(sis, stranger):
    """Also one that differs from a known column in case only, and the nameless one that a trailing comma makes."""
    texts = small().texts()
    head, *lines = texts["users.csv"].splitlines()
    texts["users.csv"] = "\n".join([f"{head},{stranger}", *(f"{line},x" for line in lines)])
    run = sis.done(texts)
    assert {(p.file, p.column) for p in sis.findings(run)} == {("users.csv", stranger)}
    assert sis.records("user")["t1"]["email"] == "t1@amber.example"
    assert sis.records("user")["t1"]["metadata"] is None


def test_own_columns_may_differ_in_case_only(sis):
    sis.done(small().changed("users", "p1", **{"metadata.house": "Red", "metadata.House": "Blue"}))
    assert sis.records("user")["p1"]["metadata"] == {"house": "Red", "House": "Blue"}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("propertyName;value\nfile.users;bulk\n", "propertyName,value"),
        (packages.manifest({"users": "whole"}), "file.users"),
        (packages.manifest({"users": "bulk"}, version="1.2"), "1.2"),
    ],
)
def test_a_manifest_that_makes_no_sense_breaks_the_package(sis, said, named):
    run = sis.run(small().texts() | {"manifest.csv": said})
    assert (run.state, sis.revision()) == ("refused", 0)
    assert named in run.message


def test_a_manifest_version_without_its_point_is_what_spreadsheets_make(sis):
    texts = small().texts()
    texts["manifest.csv"] = texts["manifest.csv"].replace("manifest.version,1.0", "manifest.version,1")
    sis.done(texts)


def test_utf_16_is_refused_by_its_name(sis):
    texts = dict(small().texts())
    run = sis.run(texts | {"orgs.csv": texts["orgs.csv"].encode("utf-16")})
    assert (run.state, sis.revision()) == ("refused", 0)
    assert "UTF-8" in run.message
    assert "orgs.csv" in run.message


def test_a_package_of_nothing_but_a_manifest_changes_nothing(sis):
    sis.done(small())
    before = sis.everything()
    run = sis.run({"manifest.csv": packages.manifest({})})
    assert (run.state, sis.revision()) == ("unchanged", 1)
    assert sis.everything() == before


def test_passwords_are_read_past_and_kept_nowhere(sis, database):
    sis.done(small().changed("users", "p1", password="Hunter2-canary"))
    with database.as_owner() as connection:
        connection.execute("SELECT set_config('sp.district', %s, true)", [str(sis.district_id)])
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            found = connection.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%Hunter2-canary%"]
            ).fetchone()
            assert found == (0,), table
    assert not [p for p in database.data_dir.rglob("*.csv") if b"Hunter2-canary" in p.read_bytes()]


def hostile(path: Path) -> Path:
    return packages.zipped(path, {**small().texts(), "../users.csv": "x"})


def in_a_folder(path: Path) -> Path:
    return packages.zipped(path, {f"export/{name}": text for name, text in small().texts().items()})


def nested(path: Path) -> Path:
    inner = packages.zipped(path.with_name("inner.zip"), small())
    return packages.zipped(path, {**small().texts(), "users.zip": inner.read_bytes()})


def no_zip(path: Path) -> Path:
    path.write_text("<html>Log in to your SIS</html>", encoding="utf-8")
    return path


@pytest.mark.parametrize("build", [hostile, in_a_folder, nested, no_zip])
def test_a_package_that_cannot_be_trusted_is_refused_and_says_why(sis, tmp_path, build):
    sis.done(small())
    run = sis.run(build(tmp_path / "package.zip"))
    assert (run.state, sis.revision()) == ("refused", 1)
    assert "package.zip" in run.message
    assert run.finished_at is not None


def test_a_package_that_is_not_there_is_refused(sis, tmp_path):
    run = sis.run(tmp_path / "nowhere.zip")
    assert (run.state, sis.revision()) == ("refused", 0)
    assert "nowhere.zip" in run.message


def test_nothing_of_a_package_stays_in_plain_on_the_disk_after_its_run(sis, database, tmp_path):
    sis.done(small())
    sis.run(small().changed("users", "p1", role="wizard"))
    sis.run(no_zip(tmp_path / "package.zip"))
    for place in ("work", "packages"):
        left = database.data_dir / place / str(sis.district_id)
        assert not left.is_dir() or not list(left.iterdir()), place
