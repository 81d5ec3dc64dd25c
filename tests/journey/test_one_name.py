"""People who have one name only: taken, served by every dialect with the other name empty, and told of in a finding."""

import json
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.cli.commands import formats as formats_command
from schoolpassport.delivery import custom
from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.quality import actions as quality
from schoolpassport.quality import queries
from schoolpassport.rosterapi import wsgi as shortcut
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import lacking, shortids
from schoolpassport.sharing.catalogue import everything
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.actions import register_source, set_shaping
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.connectors.shape import Given
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope
from tests.support import lookup, wsgi
from tests.support import oneroster_provider as fake
from tests.support.files import Desk, rows
from tests.support.nights import BY, Nights, Place, nights
from tests.support.packages import small, user
from tests.support.partners import Integrated, integrated
from tests.support.sources import accounts, several

APPLICATION = shortcut.before(WSGIHandler())
KINDS = ("org", "academicSession", "course", "user", "class", "enrollment")
NAMES = {
    "p1": ("Suharto", ""),
    "p2": ("", "王小明"),
    "p3": ("أحمد", ""),
    "t1": ("", "नरेन्द्र"),
    "g1": ("Ἀριστοτέλης", ""),
}
REST = CONNECTORS["oneroster-rest"]
ONE, MISSING = "one name only", "missing value"


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def told():
    """The small district, in which five have one name and one has none."""
    package = small().with_rows("users", user("none", givenName="", familyName=" "))
    for key, (given, family) in NAMES.items():
        package = package.changed("users", key, givenName=given, familyName=family)
    return package


def names(sis: Nights, *keys: str) -> dict[str, tuple[str, str]]:
    return {k: (r["givenName"], r["familyName"]) for k, r in sis.records("user").items() if not keys or k in keys}


def standing(sis: Nights, rule: str = ONE) -> dict[str, str]:
    with scope.inside(sis.district_id):
        found = queries.standing(district_id=sis.district_id)
    return {s.key: s.sentence for s in found if s.rule == rule}


def sharing_with(sis: Nights, **masks: str) -> Integrated:
    made = integrated(sis.district_id, clock.now())
    sharing.agree(
        district_id=sis.district_id,
        integration_id=made.integration.id,
        contents=Contents(
            attributes=everything(kinds=KINDS), masks={f"user.{name}": mask for name, mask in masks.items()}
        ),
        by=BY,
        now=sis.now,
    )
    return made


class Reads:
    """What an application is told of people by each dialect."""

    def __init__(self, app: Integrated) -> None:
        self.app, self.token = app, app.token(clock.now())

    def json(self, path: str) -> dict:
        answer = wsgi.call(APPLICATION, path, Authorization=f"Bearer {self.token}", Accept="application/json")
        assert answer.status == 200, (path, answer)
        return json.loads(answer.body)

    def of(self, id_: UUID, plural: str) -> dict[str, tuple[str, str]]:
        short = shortids.short_of([id_], district_id=self.app.district_id)[id_]
        documents = {
            "1.1": self.json(f"/ims/oneroster/v1p1/users/{id_}")["user"],
            "1.2": self.json(f"/ims/oneroster/rostering/v1p2/users/{id_}")["user"],
        }
        objects = {
            "native": self.json(f"/datahub/services/v1/{plural}/{id_}")["data"]["name"],
            "clever": self.json(f"/v3.0/users/{short}")["data"]["name"],
        }
        return {
            **{dialect: (d["givenName"], d["familyName"]) for dialect, d in documents.items()},
            **{dialect: (o["first"], o["last"]) for dialect, o in objects.items()},
        }


def test_one_name_is_taken_told_of_once_and_mended_the_next_night_under_the_same_id(sis):
    run = sis.done(told())
    assert names(sis, *NAMES) == NAMES
    assert "none" not in sis.ids("user")
    assert sis.findings(run) == {Place("users.csv", 9, column, MISSING) for column in ("givenName", "familyName")}
    assert set(standing(sis)) == set(NAMES)
    assert standing(sis)["p1"].startswith("Suharto has one name only.")
    before, revision = sis.ids("user"), sis.revision()

    # Nothing is new where nothing is said anew; of one more pupil, nothing but that is.
    again = sis.run(told().with_rows("academicSessions", {**told().rows["academicSessions"][1], "sourcedId": "spring"}))
    assert (sis.revision(), sis.statistics(again)["user"]) == (revision + 1, {"unchanged": 7, "rejected": 1})
    assert set(standing(sis)) == set(NAMES)

    mended = told().changed("users", "p1", familyName="Widodo").changed("users", "p2", givenName="Min")
    mended = mended.changed("users", "none", givenName="Nobody's")
    run = sis.done(mended)
    assert sis.statistics(run)["user"] == {"added": 1, "updated": 2, "unchanged": 5}
    assert names(sis, "p1", "p2", "none") == {
        "p1": ("Suharto", "Widodo"),
        "p2": ("Min", "王小明"),
        "none": ("Nobody's", ""),
    }
    assert {k: id_ for k, id_ in sis.ids("user").items() if k != "none"} == before
    assert set(standing(sis)) == {"p3", "t1", "g1", "none"}


def test_every_dialect_and_file_serves_it_with_the_other_name_empty(sis):
    sis.done(told())
    app, ids = sharing_with(sis), sis.ids("user")
    reads = Reads(app)
    for key, plural in (("p1", "students"), ("p2", "students"), ("t1", "teachers")):
        assert set(reads.of(ids[key], plural).values()) == {NAMES[key]}
    for name in ("oneroster-1.1", "oneroster-1.2"):
        made = Desk(sis.district_id, app.integration.id, sis.folder / name)
        served = {
            row["sourcedId"]: (row["givenName"], row["familyName"])
            for row in rows(made.texts(FORMATS[name])["users.csv"])
        }
        assert {key: served[str(ids[key])] for key in NAMES} == NAMES
        notes = [note for note in made.make(FORMATS[name]).notes if "Name" in note]
        assert [note[: note.index(" is wanted")] for note in notes] == ["users.csv: givenName", "users.csv: familyName"]
        assert {note.rpartition(";")[2] for note in notes} == {" it stays blank. These people have one name only."}
    basic = Desk(sis.district_id, app.integration.id, sis.folder / "basic").texts(FORMATS["basic-roster"])
    pupils = {row["Student_id"]: row for row in rows(basic["students.csv"])}
    assert (pupils[str(ids["p2"])]["First_name"], pupils[str(ids["p2"])]["Last_name"]) == NAMES["p2"]
    assert pupils[str(ids["p1"])]["Contact_name"] == "Ἀριστοτέλης"


def test_masks_leave_an_empty_name_empty(sis):
    sis.done(told())
    ids = sis.ids("user")
    by_initial = Reads(sharing_with(sis, givenName="initial", familyName="initial"))
    assert set(by_initial.of(ids["p1"], "students").values()) == {("S***", "")}
    invented = Reads(sharing_with(sis, givenName="invented-name", familyName="invented-name"))
    ((given, family),) = set(invented.of(ids["p2"], "students").values())
    assert (given, bool(family)) == ("", True)


def test_an_application_that_skips_whoever_lacks_a_name_does_not_see_them(sis):
    sis.done(told())
    app = integrated(sis.district_id, clock.now())
    reporting = {"attributes": {"user.familyName": {"missing": "report"}, "user.givenName": {"missing": "skip"}}}
    sharing.require(application_id=app.application.id, content=reporting, by=BY, now=sis.now)
    sharing.agree(
        district_id=sis.district_id,
        integration_id=app.integration.id,
        contents=Contents(attributes=everything(kinds=KINDS)),
        by=BY,
        now=sis.now,
    )
    with scope.inside(sis.district_id):
        found = lacking.of_integration(district_id=sis.district_id, integration_id=app.integration.id, examples=9)
    ids = sis.ids("user")
    assert {(lack.about, str(lack.result)): set(lack.examples) for lack in found} == {
        ("user.givenName", "Skipped"): {ids["p2"], ids["t1"]},
        ("user.familyName", "Error"): {ids["p1"], ids["p3"], ids["g1"]},
    }


def test_a_district_can_leave_them_out_by_the_rule(sis):
    quality.set_rules(district_id=sis.district_id, content={"shelf": {ONE: {"severity": "skip"}}}, by=BY, now=sis.now)
    run = sis.done(small().changed("users", "g1", familyName=""))
    assert "g1" not in sis.ids("user")
    assert Place("users.csv", 4, "", ONE) in sis.findings(run, "skip")


# ---------------------------------------------------------------------------------------------------------- dialects


SDS = {
    "orgs.csv": "sourcedId,name,type\ns1,Amber Primary,school\n",
    "users.csv": "sourcedId,username,givenName,familyName\n1,su@amber.example,Suharto,\n2,wang@amber.example,,王\n"
    "3,who@amber.example,,\n",
    "roles.csv": "userSourcedId,orgSourcedId,role\n1,s1,student\n2,s1,student\n3,s1,student\n",
}
SDS_V1 = {
    "School.csv": "SIS ID,Name\n1,Amber\n",
    "Section.csv": "SIS ID,School SIS ID,Section Name\n11,1,Maths\n",
    "Student.csv": "SIS ID,School SIS ID,First Name,Last Name\n1,1,Suharto,\n2,1,,王\n3,1, ,\n",
    "Teacher.csv": "SIS ID,School SIS ID,First Name,Last Name\n7,1,,नरेन्द्र\n",
    "StudentEnrollment.csv": "Section SIS ID,SIS ID\n11,1\n",
    "TeacherRoster.csv": "Section SIS ID,SIS ID\n11,7\n",
}
ONEROSTER_1P2 = {
    "manifest.csv": "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n"
    "file.orgs,bulk\nfile.users,bulk\nfile.roles,bulk\n",
    "orgs.csv": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\ns1,,,Amber,school,,\n",
    "users.csv": "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName\n"
    "1,,,true,su,Suharto,\n2,,,true,wang,,王\n3,,,true,who,,\n",
    "roles.csv": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,orgSourcedId\n"
    "r1,,,1,primary,student,s1\nr2,,,2,primary,teacher,s1\nr3,,,3,primary,student,s1\n",
}
BASIC = {
    "schools.csv": "School_id,School_name,School_number\n1,Amber Primary,01\n",
    "students.csv": "School_id,Student_id,Last_name,First_name,Contact_name,Contact_relationship,Contact_sis_id\n"
    "1,1,,Suharto,Björk,Mother,c1\n1,2,王,,,,\n",
    "teachers.csv": "School_id,Teacher_id,Last_name,First_name\n1,7,Lind,Bo\n",
    "sections.csv": "School_id,Section_id,Teacher_id,Name\n1,900,7,Maths\n",
    "enrollments.csv": "School_id,Section_id,Student_id\n1,900,1\n",
}


@pytest.mark.parametrize(
    ("schema", "files", "expected"),
    [
        ("sds-v2.1", SDS, {"1": ("Suharto", ""), "2": ("", "王"), "3": ("who@amber.example", "who@amber.example")}),
        ("basic-roster", BASIC, {"student/1": ("Suharto", ""), "student/2": ("", "王")}),
        ("sds-v1", SDS_V1, {"student/1": ("Suharto", ""), "student/2": ("", "王"), "teacher/7": ("", "नरेन्द्र")}),
        ("oneroster-1.2", ONEROSTER_1P2, {"1": ("Suharto", ""), "2": ("", "王")}),
    ],
)
def test_other_dialects_bring_one_name_as_well(district, tmp_path, now, schema, files, expected):
    source = register_source(district_id=district.id, name=schema, schema=schema, by=BY, now=now)
    sis = Nights(district.id, source, tmp_path, now)
    run = sis.done(files)
    assert names(sis, *expected) == expected
    if schema in {"sds-v1", "oneroster-1.2"}:  # who has neither is nobody
        assert names(sis).keys() - expected.keys() == set()
        assert {p.column for p in sis.findings(run) if p.rule == MISSING} == {"givenName", "familyName"}
    else:
        assert MISSING not in {p.rule for p in sis.findings(run)}


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("nulls", [False, True])
def test_an_api_brings_one_name_as_well(district, tmp_path, now, version, nulls):
    """Whether the other name is null, or not there."""
    schema = f"oneroster-{version}"
    source = register_source(district_id=district.id, name="SIS", schema=schema, by=BY, now=now)
    serves = {"1.1": fake.provider, "1.2": fake.provider_1p2}[version]
    with fake.serving(serves(told(), fake.Quirks(nulls=nulls))) as made:
        asked = Given(
            values=REST.filled(made.settings()),
            secrets={"client_secret": fake.SECRET},
            now=now,
            schema=schema,
            policy=Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers),
        )
        (tmp_path / "package").mkdir()
        REST.collect(asked, tmp_path / "package", lambda _: None)
    sis = Nights(district.id, source, tmp_path, now)
    sis.done(tmp_path / "package")
    assert names(sis, *NAMES) == NAMES
    assert "none" not in sis.ids("user")
    assert set(standing(sis)) == set(NAMES)


# ----------------------------------------------------------------------------------------------------- own formats


OWN = """
files:
  - file: people.csv
    rows: user
    order: [username]
    columns:
      - {header: Login, from: username}
      - {header: All or nothing, do: [{do: template, text: "{familyName}, {givenName}"}]}
      - {header: What there is, do: [{do: join, attributes: [familyName, givenName], with: ", "}]}
      - {header: Mail, do: [{do: template, text: "{givenName}.{familyName}@amber.example"}]}
"""


def test_a_template_says_nothing_of_one_name_and_join_what_there_is_and_who_checks_a_format_is_told(sis, tmp_path):
    sis.done(told())
    app = sharing_with(sis)
    format_ = custom.read(OWN, name="own", today=sis.now.date())
    made = {
        row["Login"]: row
        for row in rows(Desk(sis.district_id, app.integration.id, tmp_path).texts(format_)["people.csv"])
    }
    columns = ("All or nothing", "What there is", "Mail")
    assert {key: tuple(made[key][c] for c in columns) for key in ("p1", "p2", "p4")} == {
        "p1": ("", "Suharto", ""),
        "p2": ("", "王小明", ""),
        "p4": ("Family-p4, Given-p4", "Family-p4, Given-p4", "Given-p4.Family-p4@amber.example"),
    }
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    checked = CliRunner().invoke(formats_command.command, ["check", str(tmp_path / "own.yaml")]).output.splitlines()
    assert [line for line in checked if "blank" in line] == list(format_.hints)
    (hint,) = format_.hints
    assert hint == (
        "In file 1 (people.csv), column 2 (All or nothing): where one of familyName, givenName is blank, “{familyName}, "
        "{givenName}” gives no value at all, as for people who have one name only. To leave out what is blank, write "
        '{do: join, attributes: [familyName, givenName], with: ", "} instead.'
    )


def test_who_sets_a_template_for_a_source_is_told_as_well(sis):
    steps = {"user": {"username": [{"do": "template", "text": "{givenName}.{familyName}"}], "email": [{"do": "trim"}]}}
    saved = set_shaping(
        district_id=sis.district_id, source_id=sis.source.id, subject="transforms", content=steps, by=BY, now=sis.now
    )
    (warning,) = saved.warnings
    assert warning.startswith("In transforms, user, username, step 1: where one of givenName, familyName is blank")


# -------------------------------------------------------------------------------------------------------- who is who


def test_a_directory_may_say_the_other_name_and_takes_it_back(district, tmp_path, now):
    """What a record is empty of is said by nobody, so that the next in the order of sources may say it."""
    both = several(district_id=district.id, folder=tmp_path, now=now)
    both.sis.done(small().changed("users", "p1", identifier="N-1", email="su@amber.example", familyName=""))
    directory = both.more("Directory", SourceRole.ENRICHMENT)
    account = {"sourcedId": "a1", "givenName": "Given-p1", "email": "su@amber.example", "phone": "+12035550142"}
    p1 = both.sis.ids("user")["p1"]
    directory.done(accounts({**account, "familyName": ""}, {"sourcedId": "a2", "email": "x@amber.example"}))
    assert (both.record(p1)["family_name"], both.links(p1)) == (
        "",
        {("p1", "first seen", False), ("a1", "matched", False)},
    )
    directory.done(accounts({**account, "familyName": "Widodo"}, {"sourcedId": "a2", "email": "x@amber.example"}))
    assert both.record(p1)["family_name"] == "Widodo"
    directory.done(accounts({**account, "familyName": ""}, {"sourcedId": "a2", "email": "x@amber.example"}))
    assert both.record(p1)["family_name"] == ""
    keep = {"user": [{"attribute": "familyName", "source": "Directory", "rule": "keep"}]}
    both.decide("masters", keep)
    directory.done(accounts({**account, "familyName": "Kept"}, {"sourcedId": "a2", "email": "x@amber.example"}))
    assert both.record(p1)["family_name"] == "Kept"


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        (("Suharto", "Widodo"), ("Suharto", "Widodo"), True),  # the control
        (("Suharto", ""), ("Suharto", ""), False),  # a blank name agrees with nothing
        (("Suharto", ""), ("Suharto", "Widodo"), False),
    ],
)
def test_a_blank_name_is_no_evidence_for_one_person(district, tmp_path, now, here, there, same):
    both = several(district_id=district.id, folder=tmp_path, now=now)
    numbered = {"identifier": "N-1"}
    both.sis.done(small().changed("users", "p1", **numbered, givenName=here[0], familyName=here[1]))
    other = both.more("Other SIS")
    theirs = user("x1", **numbered, givenName=there[0], familyName=there[1])
    other.done(small().without("users", "p1").without("enrollments", "e2").with_rows("users", theirs))
    assert (other.ids("user")["x1"] in set(both.sis.ids("user").values())) == same


@pytest.mark.parametrize(
    ("before", "after", "another"),
    [
        (("Suharto", ""), ("Mia", "Meyer"), True),
        (("Mia", "Meyer"), ("", "王"), True),
        (("Suharto", ""), ("أحمد", ""), True),
        (("Suharto", ""), ("Suharto", "Widodo"), False),  # the other name is filled in
        (("Suharto", ""), ("", "Suharto"), False),  # in the other column
        (("Mia", "Meyer"), ("Meyer", ""), False),
    ],
)
def test_an_id_that_passes_to_another_is_noticed_where_one_of_the_two_has_one_name(sis, before, after, another):
    package = small().changed("users", "p1", givenName=before[0], familyName=before[1])
    sis.done(package)
    passed = package.changed("users", "p1", givenName=after[0], familyName=after[1], grades="02")
    run = sis.run(passed.changed("demographics", "p1", birthDate="2001-02-03"))
    assert ("id of another" in {p.rule for p in sis.findings(run)}) == another
