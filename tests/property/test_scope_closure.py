"""Random consents on one district: nothing in a view points outside of it, and nothing tells what was not shared.

``CONSENTS=10000`` tries more of them than every run of the tests affords, ``CONSENTS_SEED`` others.
"""

import json
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schoolpassport.delivery import custom
from schoolpassport.delivery.formats import FORMATS
from schoolpassport.partners.actions import integrate
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing import contents as judging
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.queries import view_for
from schoolpassport.sharing.records import Contents, Fault, PageRequest, Selection, Unanswerable
from schoolpassport.tenancy.actions import register_district
from tests.support import partners, random_consents
from tests.support.amount import amount
from tests.support.files import Desk, Rows, of, together
from tests.support.modern import modern, profile
from tests.support.nights import BY, Nights, nights
from tests.support.packages import Package, class_, course, demographics, enrollment, org, session, user
from tests.support.views import Seen, View

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
KINDS_HERE = ("org", "academicSession", "course", "user", "class", "enrollment", "demographics")
ORIGINAL = re.compile(r"(?:Zq|zq-)[0-9a-z-]+|\+1202555\d{4}|19[0-9]{2}-[0-9]{2}-[0-9]{2}", re.IGNORECASE)
MODERN = ("preferredGivenName", "preferredMiddleName", "preferredFamilyName", "pronouns", "userMasterIdentifier")
TEXTS = ("username", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone")
HOW_MANY = amount("CONSENTS", 60)
SEED = os.environ.get("CONSENTS_SEED", "1")


def pupil(number: int) -> dict[str, str]:
    """Somebody of whom every value is seen nowhere else."""
    schools = [("s1",), ("s2",), ("s3",), ("s1", "s2"), ("d1",), ("s2", "s3")][number % 6]
    said = {name: f"Zq{name}-{number}" for name in TEXTS}
    said |= {
        "email": f"zqmail-{number}@birch.example",
        "sms": f"+120255501{number:02d}",
        "phone": f"+120255502{number:02d}",
    }
    return user(
        f"zq-u{number}", orgSourcedIds=",".join(schools), role=["student", "teacher", "guardian"][number % 3]
    ) | {
        **said,
        "userIds": f"{{System:Zqid-{number}}}",
        "grades": "07" if number % 2 else "08",
        "agentSourcedIds": ",".join(f"zq-u{n}" for n in range(number % 4)),
        "metadata.house": "Red" if number % 2 else "Blue",
        "metadata.note": f"Zqnote-{number}",
    }


def everybody() -> Package:
    people, classes = range(14), range(6)
    return Package(
        {
            "orgs": (
                org("d1", name="Birch", type="district", parentSourcedId=""),
                *(org(f"s{n}", name=name) for n, name in enumerate(["North", "South", "North"], 1)),
            ),
            "academicSessions": (
                session("year", title="A", type="schoolYear"),
                session("t1", title="A", parentSourcedId="year"),
                session("t2", title="B", parentSourcedId="year"),
            ),
            "courses": tuple(
                course(f"c{n}", title=["Art", "Music"][n % 2], orgSourcedId=["d1", "s1", "s2"][n % 3], grades=g)
                for n, g in enumerate(["07", "", "08"])
            ),
            "users": tuple(pupil(n) for n in people),
            "classes": tuple(
                class_(
                    f"k{n}",
                    title=["Red", "Blue"][n % 2],
                    courseSourcedId=f"c{n % 3}",
                    schoolSourcedId=f"s{n % 3 + 1}",
                    termSourcedIds="t1,t2" if n % 2 else "t2",
                )
                for n in classes
            ),
            "enrollments": tuple(
                enrollment(
                    f"zq-e{n}-{k}",
                    userSourcedId=f"zq-u{n}",
                    classSourcedId=f"k{k}",
                    schoolSourcedId=f"s{k % 3 + 1}",
                    role="student" if n % 3 else "teacher",
                )
                for n in people
                for k in {n % 6, (n * 5 + 1) % 6}
            ),
            "demographics": tuple(
                demographics(
                    f"zq-u{n}",
                    birthDate=str(date(1990, 1, 2) + timedelta(days=n * 37)),
                    sex="male" if n % 2 else "female",
                    cityOfBirth=f"Zqcity-{n}",
                )
                for n in people
                if n % 3
            ),
        }
    )


def everybody_and_more() -> Package:
    """With what only OneRoster 1.2 can tell."""
    package = everybody()
    for n, row in enumerate(package.rows["users"]):
        more = {name: f"Zq{name.lower()}-{n}" for name in MODERN}
        home = row["orgSourcedIds"].split(",")[-1]
        package = package.changed("users", row["sourcedId"], **more, primaryOrgSourcedId=home)
        package = package.with_rows(
            "userProfiles", profile(f"zq-pr{n}", f"zq-u{n}", username=f"Zqlogin-{n}", description=f"Zqabout-{n}")
        )
    return package


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Nights:
    district = register_district(name=f"Birch Hollow {uuid4()}", now=NOW)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("closure"), now=NOW)
    made.done(everybody())
    return made


def agreed(sis: Nights, count: int, seed: str) -> Iterator[tuple[View, Contents]]:
    """Consent after consent, most of them with an application that had none; every tenth view narrows or widens."""
    dice = random.Random(seed)
    schools = list(sis.ids("org").values())
    partner, integration_id = partners.a_partner(NOW), UUID(int=0)
    for number in range(count):
        if number % 10 != 9:
            application = partners.an_application(partner, NOW)
            integration_id = integrate(district_id=sis.district_id, application_id=application.id, by=BY, now=NOW).id
        wanted = random_consents.contents(dice, kinds=KINDS_HERE, schools=schools)
        sharing.agree(district_id=sis.district_id, integration_id=integration_id, contents=wanted, by=BY, now=NOW)
        yield View(sis.district_id, integration_id), judging.checked(wanted)


def references(row: Seen) -> Iterator[tuple[str, UUID]]:
    for value in (row.doc or {}).values():
        yield from (
            (ref["type"], UUID(ref["sourcedId"]))
            for ref in (value if isinstance(value, list) else [value])
            if isinstance(ref, dict) and "href" in ref
        )
    yield from (("org", UUID(role["org"])) for role in (row.doc or {}).get("metadata", {}).get("gg4l.roles", ()))
    for field in KINDS[row.kind].fields:
        if field.is_reference and (held := row.columns.get(field.column)):
            yield from ((field.target, id_) for id_ in (held if field.many else [held]))


Known = dict[str, set[str]]


def originals(sis: Nights) -> Known:
    """Each value that says whose it is, lower case, and the attributes that hold it."""
    known: Known = defaultdict(set)
    for kind, records in sis.everything().items():
        for key, record in records.items():
            known[key.lower()].add(f"{kind}.{SIS_ID}")
            for name in (f.name for f in KINDS[kind].fields if not f.is_reference):
                for found in ORIGINAL.findall(json.dumps(record.get(name))):
                    known[found.lower()].add(f"{kind}.{name}")
    return known


def told(row: Seen) -> str:
    return json.dumps([row.doc, row.columns], default=str)


def leaks(rows: list[Seen], contents: Contents, known: Known) -> set[tuple[str, str]]:
    """Values that a view holds, in whatever column or document, and must not."""
    shown = {f"{kind}.{name}" for kind, names in contents.attributes.items() for name in names} - contents.masks.keys()
    found = {(value.lower(), row.kind) for row in rows for value in ORIGINAL.findall(told(row))}
    return {(value, kind) for value, kind in found if known.get(value, shown) and not known.get(value, shown) & shown}


def dangling(rows: list[Seen]) -> set[tuple[str, UUID]]:
    active = {(row.kind, row.id) for row in rows if row.status == "active"}
    return {ref for row in rows if row.status == "active" for ref in references(row)} - active


def test_nothing_dangles_and_nothing_leaks_whatever_is_agreed(sis):
    known = originals(sis)
    rows_seen = 0
    for view, contents in agreed(sis, HOW_MANY, f"closure {SEED}"):
        rows = list(view.rows(*KINDS_HERE).values())
        assert dangling(rows) == set(), contents
        assert leaks(rows, contents, known) == set(), contents
        rows_seen += len(rows)
    assert rows_seen > HOW_MANY * 20


def test_nothing_leaks_of_what_newer_sources_tell(tmp_path_factory):
    """Preferred names, pronouns, primary schools and accounts elsewhere; a masked name does not come by a preferred one."""
    district = register_district(name=f"Cedar Hollow {uuid4()}", now=NOW)
    sis = modern(district_id=district.id, folder=tmp_path_factory.mktemp("newer"), now=NOW)
    sis.done(everybody_and_more())
    known, seen, places = originals(sis), set(), set()
    for view, contents in agreed(sis, max(12, HOW_MANY // 3), f"newer {SEED}"):
        rows = list(view.rows(*KINDS_HERE).values())
        assert dangling(rows) == set(), contents
        assert leaks(rows, contents, known) == set(), contents
        seen |= {value.lower() for row in rows for value in ORIGINAL.findall(told(row))}
        places |= {len(row.doc["metadata"]["gg4l.roles"]) for row in rows if "gg4l.roles" in told(row) and row.doc}
    assert places == {1, 2}, "of who is at two schools, views tell of both, or of one"
    for begins in (*(f"zq{name.lower()}-" for name in MODERN), "zqlogin-", "zqabout-"):
        assert any(value.startswith(begins) for value in seen), begins


def test_the_checks_see_what_leaks_and_what_dangles(sis):
    """Had the consent not shared what it did, or masked it, or had a class not been there."""
    known = originals(sis)
    whole = Contents(attributes=catalogue.everything(kinds=KINDS_HERE))
    made = partners.integrated(sis.district_id, NOW).integration.id
    sharing.agree(district_id=sis.district_id, integration_id=made, contents=whole, by=BY, now=NOW)
    rows = list(View(sis.district_id, made).rows(*KINDS_HERE).values())
    assert leaks(rows, whole, known) == dangling(rows) == set()
    assert len(leaks(rows, replace(whole, masks={"user.email": "alias"}), known)) == 14
    fewer = {k: [n for n in names if n != "metadata"] for k, names in whole.attributes.items()}
    assert len(leaks(rows, replace(whole, attributes=fewer), known)) == 14
    assert {kind for kind, _ in dangling([r for r in rows if r.kind != "class"])} == {"class"}


# --------------------------------------------------------------------------------------------------------------- files

OWN = """
files:
  - file: seats.csv
    rows: enrollment
    where: {attribute: user.email, is: not empty}
    columns:
      - {header: userSourcedId, from: user.sourcedId}
      - {header: Mail, from: user.email}
      - {header: House, from: user.metadata.note}
      - {header: Born, from: user.demographics.birthDate}
      - {header: Teachers, from: class.teachers.username}
      - {header: Id, do: [{do: template, text: "{metadata.gg4l.sisId}/{user.identifier}"}]}
"""
EVERY_FILE = together(*FORMATS.values(), custom.read(OWN, name="own", today=NOW.date()))
POINTS_TO = {  # header → file of the same format
    **dict.fromkeys(("orgSourcedId", "orgSourcedIds", "primaryOrgSourcedId", "schoolSourcedId"), "orgs.csv"),
    **dict.fromkeys(("userSourcedId", "agentSourcedIds"), "users.csv"),
    **dict.fromkeys(("termSourcedIds", "schoolYearSourcedId"), "academicSessions.csv"),
    "courseSourcedId": "courses.csv",
    "classSourcedId": "classes.csv",
    "School_id": "schools.csv",
    "Section_id": "sections.csv",
}


def pointed(files: dict[str, Rows]) -> Iterator[tuple[str, str]]:
    """File and id of everything that a row of OneRoster's files, or of Basic Roster's, names."""
    for file, lines in files.items():
        for header in lines[0] if lines else ():
            target = file if header == "parentSourcedId" else POINTS_TO.get(header)
            if target is not None:
                yield from ((target, id_) for line in lines for id_ in line[header].split(",") if id_)


def astray(files: dict[str, Rows]) -> set[tuple[str, str]]:
    names = {"schools.csv": "School_id", "sections.csv": "Section_id"}
    there = {
        (file, line[names.get(file, "sourcedId")])
        for file, lines in files.items()
        for line in lines
        if file in names or "sourcedId" in line
    }
    return set(pointed(files)) - there


@settings(max_examples=max(5, HOW_MANY // 20), deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_files_hold_what_is_allowed_and_point_to_nothing_else(sis, tmp_path_factory, dice):
    known = originals(sis)
    wanted = random_consents.contents(dice, kinds=KINDS_HERE, schools=list(sis.ids("org").values()))
    app = partners.integrated(sis.district_id, NOW).integration.id
    sharing.agree(district_id=sis.district_id, integration_id=app, contents=wanted, by=BY, now=NOW)
    contents = judging.checked(wanted)
    shown = {f"{kind}.{name}" for kind, names in contents.attributes.items() for name in names} - contents.masks.keys()
    texts = Desk(sis.district_id, app, tmp_path_factory.mktemp("files") / "made").texts(EVERY_FILE)
    for file, text in texts.items():
        values = {value.lower() for value in ORIGINAL.findall(text)}
        assert {value for value in values if known.get(value) and not known[value] & shown} == set(), file
    for format_ in FORMATS:
        assert astray(of(format_, texts)) == set(), format_
    people = {line["sourcedId"] for line in of("oneroster-1.1", texts).get("users.csv", [])}
    told = {line["userSourcedId"] for line in of("own", texts)["seats.csv"]}
    assert told <= people
    if {"user", "org"} <= contents.attributes.keys() and not contents.filters and contents.schools is None:
        assert len(people) == 14, "there is what could have leaked"


# ------------------------------------------------------------------------------------------------------------- probing


def asked(sis: Nights, view: View, kind: str, **how: Any) -> Any:
    reader = view_for(district_id=sis.district_id, integration_id=view.integration_id, base="", now=NOW)
    return reader.page(PageRequest(Selection(Collection(Subset(kind)), **how), limit=1000, offset=0))


def documents(page: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(b"[" + page.documents + b"]")
    return found


def shown(document: dict[str, Any], path: str) -> str | None:
    if path.startswith("metadata."):
        return document.get("metadata", {}).get(path.removeprefix("metadata."))
    return document.get(path)


PROBED = {
    "user": (*TEXTS, f"metadata.{SIS_ID}", "metadata.note"),
    "demographics": ("birthDate", "sex", "cityOfBirth"),
    "enrollment": (f"metadata.{SIS_ID}",),
}


def is_hidden(contents: Contents, kind: str, path: str) -> bool:
    """Extensions have names of the district's own: where they are shown, any can be asked about."""
    name, _, key = path.partition(".")
    own = {SIS_ID} if key == SIS_ID else set()
    return not ({name} | own) & set(contents.attributes[kind])


def real(sis: Nights, kind: str, path: str) -> list[str]:
    """What the roster says: what somebody who guesses would guess."""
    records = sis.everything()[kind]
    if path == f"metadata.{SIS_ID}":
        return sorted(records)
    return sorted({str(v) for r in records.values() if (v := shown(r, path))})


def probe(sis: Nights, view: View, contents: Contents, kind: str, path: str, dice: random.Random) -> None:
    """Whatever is asked about an attribute, the answer follows from the documents that are shown anyway."""
    page = asked(sis, view, kind)
    seen = [d for d in documents(page) if d["status"] == "active"]
    assert page.total == len(documents(page))
    guesses = [dice.choice(real(sis, kind, path)), *(v for d in seen[:1] if (v := shown(d, path)))]
    if is_hidden(contents, kind, path):
        for guess in guesses:
            with pytest.raises(Unanswerable):
                asked(sis, view, kind, filter=f"{path}='{guess}'")
        assert [n.fault for n in asked(sis, view, kind, sort=path).notices] == [Fault.UNKNOWN_SORT]
        return
    for guess in guesses:
        for predicate in ("=", "~", ">", "!="):
            found = asked(sis, view, kind, filter=f"{path}{predicate}'{guess}' AND status='active'")
            wanted = [d["sourcedId"] for d in seen if fits(shown(d, path), predicate, guess)]
            assert [d["sourcedId"] for d in documents(found)] == wanted, (path, predicate, guess)
            assert found.total == len(wanted)
    ordered = documents(asked(sis, view, kind, sort=path, filter="status='active'"))
    key = lambda d: (shown(d, path) is None, shown(d, path) or "", d["sourcedId"])  # noqa: E731 (used twice, here)
    assert ordered == sorted(seen, key=key), path


def fits(value: str | None, predicate: str, guess: str) -> bool:
    if value is None:
        return predicate == "!="
    value, guess = value.lower(), guess.lower()
    return {"=": value == guess, "!=": value != guess, "~": guess in value, ">": value > guess}[predicate]


def test_what_is_hidden_or_masked_cannot_be_found_out_by_asking(sis):
    dice = random.Random("probing")
    for view, contents in agreed(sis, max(4, HOW_MANY // 100), f"probing {SEED}"):
        for kind, paths in PROBED.items():
            if kind in contents.attributes:
                for path in paths:
                    probe(sis, view, contents, kind, path, dice)
