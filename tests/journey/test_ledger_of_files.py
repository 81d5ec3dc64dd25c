"""What stands in the ledger of readings after a delivery: just the attributes that the format's files are made of."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schoolpassport.delivery import actions
from schoolpassport.delivery.records import Plan
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import agreements, catalogue
from schoolpassport.sharing.models import Reading
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from tests.support import partners
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small

OWN = """
files:
  - file: pupils.csv
    rows: user
    where: {attribute: role, is: equals, value: student}
    columns:
      - {header: Name, do: [{do: template, text: "{familyName}, {givenName}"}]}
      - {header: Born, from: demographics.birthDate}
      - {header: Id, from: metadata.gg4l.sisId}
  - file: classes.csv
    rows: class
    columns: [{header: Title, from: title}, {header: Mail, from: teacher.email}]
"""
Lines = dict[tuple[str, bool], set[str]]  # kind, whether only a part of its records → attributes


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Nights:
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name=f"Amber Valley {uuid4()}", now=now)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=now)
    made.done(small())
    return made


@pytest.fixture
def app(sis):
    """Everything is shared with it, so that anything could have been read."""
    made = partners.integrated(sis.district_id, sis.now).integration.id
    whole = catalogue.everything(kinds=tuple(catalogue.CATALOGUE))
    about = {"district_id": sis.district_id, "integration_id": made}
    sharing.agree(**about, contents=Contents(attributes=whole), by=BY, now=sis.now)
    actions.save_format(**about, name="own", content=OWN, by=BY, now=sis.now)
    return made


def delivered(sis: Nights, app, format_: str) -> Lines:
    name = f"{format_}-{app.hex[-6:]}"
    plan = Plan(name=name, format=format_, transport="managed")
    about = {"district_id": sis.district_id, "by": BY, "now": sis.now}
    delivery = actions.add_delivery(**about, integration_id=app, plan=plan)
    asked = actions.ask(**about, name=name)
    sent = actions.send(district_id=sis.district_id, delivery_id=delivery.id, number=asked.number, now=sis.now)
    assert sent.state == "sent"
    with scope.inside(sis.district_id):
        return {(line.kind, line.part): set(line.fields) for line in Reading.objects.filter(integration_id=app)}


def known(sis: Nights, app, who: str) -> dict[str, tuple[str, set[str]]]:
    """Of a person, by kind: how certainly something was read, and which attributes."""
    found = agreements.disclosed(district_id=sis.district_id, id=sis.ids("user")[who])
    return {d.kind: (d.certainty, set(d.fields)) for d in found if d.integration_id == app}


SEATS = {"class", "user", "role"}
IN_1P1 = {"role", "orgs", "agents", "grades", "identifier", "sms", "phone", "userIds", "enabledUser"}
IN_1P2 = {
    "userMasterIdentifier",
    "primaryOrg",
    "pronouns",
    "roles",
    *(f"preferred{n}Name" for n in ("First", "Middle", "Last")),
}
NAMES = {"username", "givenName", "familyName", "middleName", "email"}
EXTENSIONS = {"metadata", "gg4l.sisId", "gg4l.primaryGrade"}


@pytest.mark.parametrize(
    ("format_", "users", "some_users"),
    [
        ("oneroster-1.1", NAMES | IN_1P1 | EXTENSIONS | IN_1P2 - {"primaryOrg"} | {"userProfiles"}, None),
        ("oneroster-1.2", NAMES | IN_1P1 | IN_1P2 | EXTENSIONS, {"resources", "userProfiles"}),
        (
            "basic-roster",
            None,
            NAMES | {"role", "orgs", "agents", "grades", "identifier", "sms", "phone"} | {"gg4l.primaryGrade"},
        ),
        ("own", None, {"role", "familyName", "givenName", "gg4l.sisId", "email"}),
    ],
)
def test_a_delivery_notes_the_attributes_its_files_are_made_of(sis, app, format_, users, some_users):
    lines = delivered(sis, app, format_)
    assert (lines.get(("user", False)), lines.get(("user", True))) == (users, some_users)


def test_what_is_looked_up_or_chosen_is_noted_as_of_some(sis, app):
    assert delivered(sis, app, "own") == {
        ("user", True): {"role", "familyName", "givenName", "gg4l.sisId", "email"},
        ("demographics", True): {"birthDate"},
        ("class", False): {"title"},
        ("enrollment", True): SEATS | {"primary"},
    }


def test_of_a_person_the_ledger_tells_what_the_files_can_have_said(sis, app):
    delivered(sis, app, "own")
    assert known(sis, app, "p1") == {
        "user": ("may have been read", {"role", "familyName", "givenName", "gg4l.sisId"}),  # p1 has no e-mail
        "demographics": ("may have been read", {"birthDate"}),
        "enrollment": ("may have been read", SEATS),
    }
    assert known(sis, app, "t1")["user"][1] == {"role", "familyName", "givenName", "gg4l.sisId", "email"}


def test_the_ledger_tells_more_where_more_was_in_the_files(sis, app):
    """The control: the same person, the same consent, another format."""
    delivered(sis, app, "oneroster-1.1")
    certainty, fields = known(sis, app, "p1")["user"]
    assert (certainty, {"username", "orgs", "gg4l.sisId", "enabledUser"} <= fields) == ("read", True)
    assert known(sis, app, "p1")["enrollment"] == ("read", {"class", "user", "school", "role", "gg4l.sisId"})


def test_what_is_shared_only_after_a_delivery_was_not_in_it(sis, app):
    about = {"district_id": sis.district_id, "integration_id": app, "by": BY, "now": sis.now}
    whole = catalogue.everything(kinds=tuple(catalogue.CATALOGUE))
    narrow = {**whole, "user": [name for name in whole["user"] if name != "email"]}
    sharing.agree(**about, contents=Contents(attributes=narrow))
    delivered(sis, app, "own")
    sharing.agree(**about, contents=Contents(attributes=whole))
    assert known(sis, app, "t1")["user"][1] == {"role", "familyName", "givenName", "gg4l.sisId"}
