"""A view as standard files: what our own readers make of them is what the view holds, in full and by changes."""

import json
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from isal import isal_zlib

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue, stretches
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.actions import register_source
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from tests.support import partners
from tests.support.files import Desk, headers, rows, unpacked
from tests.support.modern import HEADERS_1P2, modern, used
from tests.support.nights import BY, Nights, nights
from tests.support.packages import HEADERS, Package, Row, class_, folder, small, user
from tests.support.sources import EASY

SHARED = ("org", "academicSession", "resource", "course", "user", "class", "enrollment", "demographics")
# What our reader of 1.2 keeps beside 1.1, and what it does not take from files.
BESIDE = ("roles",)
# What no file of a source told, and is in files that are made.
WORKED_OUT = (catalogue.SIS_ID, catalogue.PRIMARY_GRADE, "primaryOrg")
ODD_TEXTS = ["a,b", 'say "hi"', "one\ntwo", 'one\r\n"two", #3', "#1", "", None, "Zoë 王 \\N"]
Roster = dict[str, dict[str, dict[str, Any]]]
ODD = user(
    "p9", givenName='Zoë "Zo"', familyName="-O'Neil, 王", middleName="=1+1", userIds="{LDAP:zo},{LTI:7}", grades="07,KG"
)
ODD["metadata.locker"] = "9;b"


def uses(key: str, class_key: str, resource: str) -> Row:
    return {"sourcedId": key, "classSourcedId": class_key, "resourceSourcedId": resource}


def first() -> Package:
    return (
        small()
        .with_rows("resources", *({"sourcedId": b, "vendorResourceId": f"vendor-{b}"} for b in ("b1", "b2")))
        .with_rows("classResources", uses("x1", "k1", "b1"), uses("x2", "k2", "b2"))
        .with_rows("courseResources", {"sourcedId": "y1", "courseSourcedId": "alg", "resourceSourcedId": "b2"})
        .with_rows("users", ODD)
        .with_rows("classes", class_("k3", subjects="Art,Music", subjectCodes="05,06", periods="1,2"))
    )


def second() -> Package:
    """A pupil moves to the other school as an aide, a class and its seats go, somebody is new; a book changes hands."""
    return (
        first()
        .without("classResources", "x1", "x2")
        .with_rows("classResources", uses("x3", "k3", "b1"))
        .without("classes", "k2")
        .without("enrollments", "e5", "e6")
        .changed("users", "p3", orgSourcedIds="s2", role="aide")
        .with_rows("users", user("new"))
    )


def shared(sis: Nights, *without: str) -> Desk:
    made = partners.integrated(sis.district_id, sis.now)
    attributes = {
        kind: [a for a in names if f"{kind}.{a}" not in without and a not in WORKED_OUT]
        for kind, names in catalogue.everything(kinds=SHARED).items()
        if kind not in without
    }
    sharing.agree(
        district_id=sis.district_id,
        integration_id=made.integration.id,
        contents=Contents(attributes=attributes),
        by=BY,
        now=sis.now,
    )
    return Desk(sis.district_id, made.integration.id, sis.folder / "desk" / str(made.integration.id))


def a_district(folder: Path) -> Nights:
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name=f"Amber Valley {uuid4().hex}", now=now)
    made = nights(district_id=district.id, folder=folder, now=now)
    made.set_limits(**EASY, witnesses=1)
    made.done(first())
    return made


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Nights:
    """One district for all that is only looked at."""
    return a_district(tmp_path_factory.mktemp("sis"))


def told(found: Roster, names: dict[str, str]) -> Roster:
    """A roster with other names for its records; a name stands wherever a record is named."""

    def renamed(kind: str, name: str, value: Any) -> Any:
        if name == "status" or not KINDS[kind][name].is_reference or value is None:
            return value
        return [names[v] for v in value] if isinstance(value, list) else names[value]

    return {
        kind: {names[key]: {n: renamed(kind, n, v) for n, v in record.items()} for key, record in records.items()}
        for kind, records in found.items()
    }


def as_the_app_knows(sis: Nights) -> Roster:
    """The district's roster with GG4L IDs in the place of its own."""
    names = {key: str(id_) for ids in sis.all_ids().values() for key, id_ in ids.items()}
    return told(sis.everything(), names)


def importing(schema: str, sis: Nights, path: Path) -> Nights:
    district = tenancy.register_district(name=f"{schema} {sis.district_id}", now=sis.now)
    made = nights(district_id=district.id, folder=path, now=sis.now)
    made.source = register_source(district_id=district.id, name=schema, schema=schema, by=BY, now=sis.now)
    made.set_limits(**EASY, witnesses=1)
    return made


def _in_order(roster: Roster) -> Roster:
    """Lists that are gathered stand in the order of ids, which each district gives anew."""
    for kind in KINDS.values():
        for record in roster.get(kind.name, {}).values():
            record.update({f.name: sorted(record[f.name]) for f in kind.gathered if record.get(f.name)})
    return roster


def differences(other: Nights, sis: Nights) -> list[str]:
    """Where two rosters say something else: kind, record, attribute, both values."""
    seen = BESIDE if other.source.schema == "oneroster-1.2" else ()
    one, two = _in_order(other.everything()), _in_order(as_the_app_knows(sis))
    return [
        f"{kind} {key} {name}: {one[kind].get(key, {}).get(name)!r} and {two[kind].get(key, {}).get(name)!r}"
        for kind in (k.name for k in KINDS.values() if k.shared)
        for key in one[kind].keys() | two[kind].keys()
        for name in one[kind].get(key, {}).keys() | two[kind].get(key, {}).keys()
        if name not in seen and one[kind].get(key, {}).get(name) != two[kind].get(key, {}).get(name)
    ]


def test_every_file_has_the_headers_of_the_standard_in_their_order(sis):
    texts = shared(sis).texts(FORMATS["oneroster-1.1"])
    for file, text in texts.items():
        if file != "manifest.csv":
            standard = [h for h in headers(text) if not h.startswith("metadata.")]
            assert standard == HEADERS[file.removesuffix(".csv")]
            assert {(r["status"], r["dateLastModified"]) for r in rows(text)} == {("", "")}
    modes = {r["propertyName"]: r["value"] for r in rows(texts["manifest.csv"])}
    assert modes["oneroster.version"] == "1.1"
    assert {n.removeprefix("file.") for n in modes if n.startswith("file.")} == set(HEADERS)
    assert {n for n, mode in modes.items() if mode == "bulk"} == {f"file.{f.removesuffix('.csv')}" for f in texts} - {
        "file.manifest"
    }


def test_the_same_revision_gives_the_same_bytes(sis):
    desk = shared(sis)
    one, two = (desk.make(FORMATS["oneroster-1.1"]).files[0].path.read_bytes() for _ in range(2))
    assert one == two


def test_files_are_packed_with_little_effort_and_by_the_engine_for_it(sis):
    """Levels and engines begin to differ at some kilobytes; that is seen in the size."""
    (whole,) = shared(sis).make(FORMATS["oneroster-1.1"]).files
    with zipfile.ZipFile(whole.path) as package:
        sizes = {each.filename: each.compress_size for each in package.infolist()}
        texts = {name: package.read(name) for name in sizes}
    engines: tuple[tuple[Any, int], ...] = ((isal_zlib, 1), (isal_zlib, 3), (zlib, 1))
    packed = [{n: _packed(engine.compressobj(e, wbits=-15), t) for n, t in texts.items()} for engine, e in engines]
    assert [sizes == each for each in packed] == [True, False, False]


@pytest.mark.parametrize("name", ["oneroster-1.1", "oneroster-1.2"])
def test_files_that_the_database_writes_have_the_bytes_that_the_engine_makes_of_the_same_rows(sis, name, monkeypatch):
    monkeypatch.setattr(stretches, "DOCUMENTS", 3)
    monkeypatch.setattr(stretches, "LINES", 3)
    desk, format_ = shared(sis), FORMATS[name]
    without = replace(format_, files=tuple(replace(file, cells={}) for file in format_.files))
    for notes, finished in ((ODD_TEXTS, {"enrollment"}), ([{"a": [1, 2]}], set())):
        annotate(desk, notes)
        assert (desk.finished(format_), desk.finished(without)) == (finished, set())
        one, two = desk.make(format_), desk.make(without)
        assert unpacked(one) == unpacked(two)
        assert (one.rows, one.notes, one.digest) == (two.rows, two.notes, two.digest)
        assert any(note.startswith("enrollments.csv: classSourcedId is wanted") for note in one.notes)
        assert {r['metadata.a, "b"'] for r in rows(unpacked(one)["enrollments.csv"])} > {"a,b", 'say "hi"', "one two"}


@pytest.mark.parametrize("end", [r"\n", r"\r"])
def test_line_ends_in_documents_are_blanks_in_files(sis, end):
    desk = shared(sis)
    told = {r["familyName"] for r in rows(desk.texts(FORMATS["oneroster-1.1"])["users.csv"])}
    with scope.inside(desk.district_id), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sharing_user u SET doc = replace(doc, '\"familyName\":\"', '\"familyName\":\"a' || %s || 'b ') "
            "FROM sharing_view v WHERE v.number = u.view AND v.integration_id = %s",
            [end, desk.integration_id],
        )
    broken = {r["familyName"] for r in rows(desk.texts(FORMATS["oneroster-1.1"])["users.csv"])}
    assert broken == {f"a b {name}" for name in told}


def annotate(desk: Desk, notes: list[Any]) -> None:
    """More enrollments in this view, with whatever texts extensions and keys of a SIS can be."""
    of_view = "FROM sharing_enrollment e JOIN sharing_view v ON v.number = e.view WHERE v.integration_id = %s"
    same = "view, rev_from, rev_to, change, status, user_id, school_id, role"
    with scope.inside(desk.district_id), connection.cursor() as cursor:
        for place, note in enumerate(notes):
            metadata = json.dumps({'a, "b"': note, catalogue.SIS_ID: "its own", "#": "x"}) if note is not None else None
            cursor.execute(
                f"INSERT INTO sharing_enrollment (district_id, {same}, class_id, id, seq, sis_id, metadata) "
                f"SELECT e.district_id, {same}, CASE WHEN %s THEN class_id END, gen_random_uuid(), "
                f"(SELECT max(seq) + 1 {of_view}), %s, %s {of_view} LIMIT 1",
                [place > 0, desk.integration_id, note if place % 2 else None, metadata, desk.integration_id],
            )


def _packed(packer: Any, data: bytes) -> int:
    return len(packer.compress(data) + packer.flush())


def test_what_is_not_shared_is_in_no_file_and_what_the_standard_wants_is_named(sis):
    made = shared(sis, "user.email", "course").make(FORMATS["oneroster-1.1"])
    texts = unpacked(made)
    assert {r["email"] for r in rows(texts["users.csv"])} == {""}
    assert {r["courseSourcedId"] for r in rows(texts["classes.csv"])} == {""}
    assert "courses.csv" not in texts
    assert "t1@amber.example" not in "".join(texts.values())
    assert "t1@amber.example" in "".join(shared(sis).texts(FORMATS["oneroster-1.1"]).values())
    assert made.notes == (
        (
            "classes.csv: courseSourcedId is wanted by OneRoster 1.1 CSV, and 3 rows have none in what is shared; it stays "
            "blank. Share the attribute to fill it."
        ),
    )


def test_basic_roster_says_who_sits_where_with_whom(sis, tmp_path):
    other = importing("basic-roster", sis, tmp_path / "basic")
    texts = shared(sis).texts(FORMATS["basic-roster"])
    other.done(folder(tmp_path / "files", texts))
    ids = {str(id_): key for ids in sis.all_ids().values() for key, id_ in ids.items()}

    def name(key: str) -> str:
        return "/".join(ids.get(part, part) for part in key.split("/"))

    assert {name(k): {name(s) for s in r["orgs"]} for k, r in other.records("user").items()} == {
        "teacher/t1": {"school/s1"},
        "teacher/t2": {"school/s2"},
        "contact/g1": {"school/s1"},
        "student/p1": {"school/s1"},
        "student/p2": {"school/s1"},
        "student/p3": {"school/s1", "school/s2"},
        "student/p4": {"school/s2"},
        "student/p9": {"school/s1"},
    }
    assert {(name(r["class"]), name(r["user"]), r["role"]) for r in other.records("enrollment").values()} == {
        ("section/k1", "teacher/t1", "teacher"),
        *(("section/k1", f"student/{p}", "student") for p in ("p1", "p2", "p3")),
        ("section/k2", "teacher/t2", "teacher"),
        ("section/k2", "student/p4", "student"),
    }
    assert {name(k): r["birthDate"] for k, r in other.records("demographics").items()} == {
        "student/p1": "2012-05-17",
        "student/p4": "2012-05-17",
    }
    assert [r["agents"] for k, r in other.records("user").items() if name(k) == "student/p1"] == [
        [k for k in other.records("user") if name(k) == "contact/g1"]
    ]


def test_who_can_have_no_row_in_basic_roster_is_counted(sis):
    made = shared(sis, "user").make(FORMATS["basic-roster"])
    assert rows(unpacked(made)["enrollments.csv"]) == []
    nobody = "4 enrollments show no student or no class, because these are not shared; they have no row."
    assert made.notes == (f"enrollments.csv: {nobody}",)
    made = shared(sis, "org").make(FORMATS["basic-roster"])
    assert rows(unpacked(made)["students.csv"]) == []
    assert "students.csv: 5 people of these roles belong to no school that is shared; they have no row." in made.notes


def test_after_a_consent_has_ended_the_next_file_is_empty_and_a_delta_takes_everything_back(sis):
    desk = shared(sis)
    sharing.revoke(district_id=desk.district_id, integration_id=desk.integration_id, by=BY, now=sis.now)
    assert list(desk.texts(FORMATS["oneroster-1.1"])) == ["manifest.csv"]
    texts = desk.texts(FORMATS["oneroster-1.1"], since=1)
    assert {r["status"] for text in texts.values() for r in rows(text) if "status" in r} == {"tobedeleted"}
    assert len(rows(texts["users.csv"])) == 8
    assert "Zo" not in texts["users.csv"]


def test_what_people_use_comes_and_goes_in_a_file_of_1_2(tmp_path):
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name=f"Amber Valley {uuid4().hex}", now=now)
    sis = modern(district_id=district.id, folder=tmp_path / "sis", now=now)
    books = ({"sourcedId": b, "vendorResourceId": f"vendor-{b}"} for b in ("b1", "b2"))
    before = small().with_rows("resources", *books).with_rows("userResources", used("x1", "p1", "b1"))
    before = before.with_rows("userResources", used("x2", "p3", "b2"), used("x3", "p3", "b1"))
    after = before.without("userResources", "x1", "x3").without("users", "p3").without("enrollments", "e4")
    after = after.without("userResources", "x2").with_rows("userResources", used("x4", "t1", "b2"))
    sis.done(before)
    desk = shared(sis)
    ids = {key: str(id_) for ids in sis.all_ids().values() for key, id_ in ids.items()}
    assert "userResources.csv" not in desk.texts(FORMATS["oneroster-1.1"])
    full = desk.make(FORMATS["oneroster-1.2"])
    text = unpacked(full)["userResources.csv"]
    assert headers(text) == HEADERS_1P2["userResources"]

    def listed(text: str) -> set[tuple[str, str, str]]:
        return {(r["userSourcedId"], r["resourceSourcedId"], r["status"]) for r in rows(text)}

    named = {(user, book): (ids[user], ids[book]) for user in ("p1", "p3", "t1") for book in ("b1", "b2")}
    assert listed(text) == {(*named[pair], "") for pair in (("p1", "b1"), ("p3", "b1"), ("p3", "b2"))}
    other = importing("oneroster-1.2", sis, tmp_path / "other")
    other.done(full.files[0].path)
    assert differences(other, sis) == []
    sis.now += timedelta(days=1)
    sis.done(after)
    change = desk.make(FORMATS["oneroster-1.2"], since=1)
    gone = {(*named[pair], "tobedeleted") for pair in (("p1", "b1"), ("p3", "b1"), ("p3", "b2"))}
    assert listed(unpacked(change)["userResources.csv"]) == {*gone, (*named["t1", "b2"], "active")}
    other.done(change.files[0].path)
    assert differences(other, sis) == []


def test_districts_that_import_the_files_have_the_same_records_also_by_deltas(tmp_path):
    sis = a_district(tmp_path / "sis")
    desk, others = shared(sis), {}
    for name in ("oneroster-1.1", "oneroster-1.2"):
        others[name] = importing(name, sis, tmp_path / name)
        others[name].done(desk.make(FORMATS[name]).files[0].path)
        assert differences(others[name], sis) == []
    sis.now += timedelta(days=1)
    sis.done(second())
    counts = {"users.csv": 2, "classes.csv": 3, "classResources.csv": 3, "enrollments.csv": 2}
    for name, more in (("oneroster-1.1", {}), ("oneroster-1.2", {"roles.csv": 3})):
        delta = desk.make(FORMATS[name], since=1)
        assert {f: len(rows(t)) for f, t in unpacked(delta).items() if f != "manifest.csv"} == counts | more
        others[name].done(delta.files[0].path)
        assert differences(others[name], sis) == []
