"""What OneRoster 1.2 sources say of people beside 1.1, on its way to whoever may have it: by API, in files, or not."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue, disclosures
from schoolpassport.sharing.models import Consent, View
from schoolpassport.sharing.records import Contents
from schoolpassport.sharing.shortids import short_of
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from tests.support.files import Desk, rows
from tests.support.modern import Modern, modern, profile
from tests.support.nights import BY, nights
from tests.support.packages import Package, small, user
from tests.support.partners import integrated
from tests.support.readers import Reader

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
V1P1, V1P2, NATIVE = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2", "/datahub/services/v1"
EXPLICIT = ("pronouns", "userProfiles")
LOGIN = {"profileId": "https://lms.example/p5", "profileType": "LMS", "vendorId": "v"}


def first() -> Package:
    """p5 is at both schools and at home in the second; p6 says nothing of a home; p7 claims one that is not theirs."""
    return (
        small()
        .with_rows(
            "users",
            user("p5", orgSourcedIds="d1,s1,s2", primaryOrgSourcedId="s2", pronouns="they/them", grades="08,07")
            | {"preferredGivenName": "Pip", "preferredMiddleName": "Q", "preferredFamilyName": "Pell"},
            user("p6", orgSourcedIds="d1,s2,s1", grades="07"),
            user("p7", orgSourcedIds="s1", primaryOrgSourcedId="s2"),
            user("b1", role="administrator", orgSourcedIds="s1,s2"),
        )
        .with_rows("userProfiles", profile(LOGIN["profileId"], "p5", credentialType="ldap", username="pip.pell"))
    )


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Modern:
    district = tenancy.register_district(name=f"Amber Valley {uuid4().hex}", now=NOW)
    made = modern(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=NOW)
    made.done(first())
    return made


def app(sis: Modern, *named: str, schools: tuple[str, ...] = (), **more: Any) -> Reader:
    made = integrated(sis.district_id, clock.now())
    attributes = catalogue.everything()
    attributes["user"] += named
    ids = sis.ids("org")
    wanted = Contents(attributes=attributes, schools=[ids[s] for s in schools] or None, **more)
    sharing.agree(district_id=sis.district_id, integration_id=made.integration.id, contents=wanted, by=BY, now=NOW)
    return Reader(made, None, made.token(clock.now()))


def person(reader: Reader, sis: Modern, key: str, base: str = V1P1) -> dict[str, Any]:
    found: dict[str, Any] = reader.json(f"{base}/users/{sis.ids('user')[key]}")["user"]
    return found


def school_of(reader: Reader, sis: Modern, key: str) -> str | None:
    """The key of the primary school, by both versions."""
    named = person(reader, sis, key).get("primarySchool")
    again = person(reader, sis, key, V1P2).get("primaryOrg")
    assert (named or {}).get("sourcedId") == (again or {}).get("sourcedId")
    keys = {str(id_): key for key, id_ in sis.ids("org").items()}
    return keys[named["sourcedId"]] if named else None


# ------------------------------------------------------------------------------------------------------- in every dialect


def test_1_1_has_extensions_for_it_and_1_2_properties(sis):
    reader = app(sis, *EXPLICIT)
    older, newer = person(reader, sis, "p5"), person(reader, sis, "p5", V1P2)
    told = {"credentialType": "ldap", "username": "pip.pell"}
    assert len(older["metadata"].pop("gg4l.roles")) == 3  # see test_roles
    assert older["metadata"] == {
        "gg4l.sisId": "p5",
        "gg4l.primaryGrade": "08",
        "gg4l.preferredFirstName": "Pip",
        "gg4l.preferredMiddleName": "Q",
        "gg4l.preferredLastName": "Pell",
        "gg4l.pronouns": "they/them",
        "gg4l.userProfiles": [{**LOGIN, **told}],
    }
    assert newer["metadata"] == {"gg4l.sisId": "p5", "gg4l.primaryGrade": "08"}
    assert [newer[f"preferred{part}Name"] for part in ("First", "Middle", "Last")] == ["Pip", "Q", "Pell"]
    assert newer["pronouns"] == "they/them"
    assert newer["userProfiles"] == [{**LOGIN, "credentials": [{"type": "ldap", "username": "pip.pell"}]}]
    assert newer["primaryOrg"]["href"].endswith(f"{V1P2}/orgs/{newer['primaryOrg']['sourcedId']}")
    assert "primarySchool" not in newer


def test_the_other_dialects_name_it_where_they_have_a_name(sis):
    reader, id_ = app(sis), sis.ids("user")["p5"]
    names = {"first": "Pip", "middle": "Q", "last": "Pell"}
    home = str(sis.ids("org")["s2"])
    native = reader.json(f"{NATIVE}/students/{id_}")["data"]
    assert (native["preferred_name"], native["school"], native["grade"]) == (names, home, "8")
    (school,) = reader.all(f"/v3.0/users/{short_of([id_], district_id=sis.district_id)[id_]}/schools?primary=true")
    assert school["name"] == "School s2"
    (clever,) = (each for each in reader.all("/v3.1/users") if each["name"]["first"] == "Given-p5")
    assert (clever["roles"]["student"]["preferred_name"], clever["roles"]["student"]["grade"]) == (names, "8")


def test_it_can_be_asked_for_as_it_is_called(sis):
    reader, id_ = app(sis, *EXPLICIT), str(sis.ids("user")["p5"])
    for asked in (
        f"{V1P2}/users?filter=preferredFirstName='pip'&fields=sourcedId,pronouns",
        f"{V1P2}/users?filter=pronouns='they/them' AND preferredLastName='Pell'".replace(" ", "%20"),
        f"{V1P2}/students?filter=primaryOrg.sourcedId='{sis.ids('org')['s2']}'%20AND%20preferredMiddleName='Q'",
        f"{V1P1}/users?filter=metadata.gg4l.pronouns='they/them'",
        f"{V1P1}/users?filter=primarySchool.sourcedId='{sis.ids('org')['s2']}'%20AND%20metadata.gg4l.primaryGrade='08'",
    ):
        assert [each["sourcedId"] for each in reader.json(asked)["users"]] == [id_], asked
    assert app(sis).get(f"{V1P2}/users?filter=pronouns='they/them'").status == 200, "of shared extensions nobody knows"
    narrow = app(sis, masks={"user.metadata": "drop", "user.gg4l.sisId": "drop"})
    assert narrow.get(f"{V1P1}/users?filter=metadata.gg4l.pronouns='they/them'").status == 400


def test_files_of_1_2_say_it_again(sis, tmp_path):
    reader = app(sis, *EXPLICIT)
    made = Desk(sis.district_id, reader.integrated.integration.id, tmp_path).texts(FORMATS["oneroster-1.2"])
    names = {str(id_): key for kind in ("user", "org") for key, id_ in sis.ids(kind).items()}
    (told,) = (row for row in rows(made["users.csv"]) if names[row["sourcedId"]] == "p5")
    assert [told[f"preferred{part}Name"] for part in ("Given", "Middle", "Family")] == ["Pip", "Q", "Pell"]
    assert (told["pronouns"], names[told["primaryOrgSourcedId"]]) == ("they/them", "s2")
    assert {header for header in told if header.startswith("metadata.")} == {
        *("metadata.gg4l.sisId", "metadata.gg4l.primaryGrade")
    }
    (account,) = rows(made["userProfiles.csv"])
    assert names[account.pop("userSourcedId")] == "p5"
    assert {name: value for name, value in account.items() if value} == {
        "sourcedId": LOGIN["profileId"],
        "profileType": "LMS",
        "vendorId": "v",
        "credentialType": "ldap",
        "username": "pip.pell",
    }


def test_an_account_that_is_gone_is_told_in_the_changes(tmp_path):
    district = tenancy.register_district(name=f"Cedar {uuid4().hex}", now=NOW)
    sis = modern(district_id=district.id, folder=tmp_path / "sis", now=NOW)
    other = profile("https://lib.example/p5", "p5", username="pell")
    sis.done(first().with_rows("userProfiles", other))
    desk = Desk(district.id, app(sis, *EXPLICIT).integrated.integration.id, tmp_path / "desk")
    assert len(rows(desk.texts(FORMATS["oneroster-1.2"])["userProfiles.csv"])) == 2
    sis.done(first())
    (kept, gone) = rows(desk.texts(FORMATS["oneroster-1.2"], since=1)["userProfiles.csv"])[::-1]
    assert [(each["sourcedId"], each["status"], each["username"]) for each in (kept, gone)] == [
        (LOGIN["profileId"], "active", "pip.pell"),
        ("https://lib.example/p5", "tobedeleted", "pell"),
    ]


# ---------------------------------------------------------------------------------------------------- the primary school


def test_the_primary_school_is_the_one_that_is_named_among_theirs_else_the_first(sis):
    whole = app(sis)
    assert {key: school_of(whole, sis, key) for key in ("p5", "p6", "p7", "b1")} == {
        "p5": "s2",
        "p6": "s2",
        "p7": "s1",
        "b1": None,  # who is no student or teacher has one only if a source says so
    }


def test_a_school_that_is_not_shared_is_never_the_primary_one(sis):
    narrow = app(sis, schools=("s1",))
    assert {key: school_of(narrow, sis, key) for key in ("p5", "p6", "p7")} == dict.fromkeys(("p5", "p6", "p7"), "s1")
    assert str(sis.ids("org")["s2"]) not in narrow.get(f"{V1P1}/users").body.decode()


def test_what_becomes_a_school_or_none_changes_the_primary_school(tmp_path):
    district = tenancy.register_district(name=f"Birch {uuid4().hex}", now=NOW)
    sis = modern(district_id=district.id, folder=tmp_path, now=NOW)
    sis.done(first())
    reader = app(sis)
    assert school_of(reader, sis, "p5") == "s2"
    sis.done(first().changed("orgs", "s2", type="department"))
    assert (school_of(reader, sis, "p5"), school_of(reader, sis, "p6")) == ("s1", "s1")


# --------------------------------------------------------------------------------------------------------- who gets what


def test_what_is_sensitive_is_shared_only_by_name(sis):
    assert not {"gg4l.pronouns", "gg4l.userProfiles"} & set(person(app(sis), sis, "p5")["metadata"])


def test_a_masked_name_does_not_come_by_the_preferred_one_nor_a_login_by_an_account(sis):
    masks = {"user.givenName": "initial", "user.familyName": "invented-name", "user.username": "pseudonym"}
    reader = app(sis, *EXPLICIT, masks={**masks, "user.grades": "drop"})
    shown = person(reader, sis, "p5")["metadata"]
    assert shown["gg4l.preferredFirstName"] == "P***"
    assert shown["gg4l.preferredLastName"] not in {"Pell", person(reader, sis, "p5")["familyName"]}
    assert shown["gg4l.preferredMiddleName"] == "Q", "the middle name is not masked"
    assert not {"gg4l.userProfiles", "gg4l.primaryGrade"} & set(shown)
    for path in (
        f"{V1P1}/users",
        f"{V1P2}/users",
        f"{NATIVE}/students",
        "/v3.1/users",
        "/datahub/services/view/export",
    ):
        body = reader.get(path).body
        assert b"Given-p6" not in body, "the control: names are masked at all"
        assert not any(told in body for told in (b"Pip", b"Pell", b"pip.pell")), path


def test_a_source_cannot_pass_off_its_own_extension_as_an_attribute(district, tmp_path):
    sis = nights(district_id=district.id, folder=tmp_path, now=NOW)
    told = {"metadata.gg4l.pronouns": "x/y", "metadata.gg4l.primaryGrade": "07", "metadata.house": "Red"}
    sis.done(small().with_rows("users", user("p5", grades="08,07") | told))
    assert person(app(sis), sis, "p5")["metadata"] == {
        "gg4l.sisId": "p5",
        "gg4l.primaryGrade": "07",
        "house": "Red",  # one of the grades, so it is believed
    }
    sis.done(small().with_rows("users", user("p5", grades="08,09") | told))
    assert person(app(sis, "pronouns"), sis, "p5")["metadata"]["gg4l.primaryGrade"] == "08"
    assert "gg4l.pronouns" not in person(app(sis, "pronouns"), sis, "p5")["metadata"]


def test_a_consent_of_an_earlier_edition_is_not_widened(sis):
    reader = app(sis, *EXPLICIT)
    integration = reader.integrated.integration.id
    with scope.inside(sis.district_id):
        mine = {"district_id": sis.district_id, "integration_id": integration}
        Consent.objects.filter(**mine).update(edition=1)
        View.objects.filter(**mine).update(projected_consent_id=None)
    assert "gg4l.pronouns" in person(reader, sis, "p5")["metadata"], "the control"
    sis.done(first().changed("users", "p5", middleName="Rue"))
    shown = person(reader, sis, "p5")
    assert (shown["middleName"], shown["metadata"]) == ("Rue", {"gg4l.sisId": "p5"})
    assert "primarySchool" not in shown


def test_the_ledger_of_disclosures_tells_it_by_name(sis):
    reader = app(sis, *EXPLICIT)
    reader.json(f"{V1P1}/users?fields=sourcedId,metadata,primarySchool")
    with scope.inside(sis.district_id):
        found = disclosures.of_person(district_id=sis.district_id, id=sis.ids("user")["p5"])
    (mine,) = (f for f in found if f.integration_id == reader.integrated.integration.id and f.kind == "user")
    assert set(mine.fields) == {
        *("gg4l.sisId", "primaryOrg", "gg4l.primaryGrade", "preferredFirstName", "preferredMiddleName"),
        *("preferredLastName", "pronouns", "userProfiles", "roles"),
    }
