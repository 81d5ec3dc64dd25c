"""Who is what, where and since when, as OneRoster 1.2 sources tell it: on its way to whoever may have it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.models import Consent, View
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from tests.support.files import Desk, rows
from tests.support.modern import Modern, modern, profile, role
from tests.support.nights import BY
from tests.support.packages import Package, small, user
from tests.support.partners import integrated
from tests.support.readers import Reader

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
V1P1, V1P2 = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2"
LOGIN = "https://lms.example/m1"


def first() -> Package:
    """m1 teaches at one school, looks after pupils there, and runs the other for a year; m2 has one role at two."""
    return (
        small()
        .with_rows(
            "users", user("m1", role="teacher", orgSourcedIds="s1"), user("m2", role="teacher", orgSourcedIds="s2,s1")
        )
        .with_rows("userProfiles", profile(LOGIN, "m1", username="em"))
        .with_rows(
            "roles",
            role("r1", "m1", "s1", "counselor", roleType="secondary", beginDate="2026-09-01", endDate="some day"),
            role("r2", "m1", "s2", "principal", roleType="secondary", beginDate="2026-09-01", endDate="2027-07-31")
            | {"userProfileSourcedId": LOGIN},
            role("r3", "m1", "nowhere", "proctor"),
            role("r4", "m1", "s2", "aide", status="tobedeleted"),
        )
    )


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Modern:
    return a_district(tmp_path_factory.mktemp("sis"))


def a_district(folder) -> Modern:
    made = modern(
        district_id=tenancy.register_district(name=f"Dogwood {uuid4().hex}", now=NOW).id, folder=folder, now=NOW
    )
    made.done(first())
    return made


def app(sis: Modern, *named: str, schools: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Reader:
    made, ids, attributes = integrated(sis.district_id, clock.now()), sis.ids("org"), catalogue.everything()
    attributes["user"] = [*(n for n in attributes["user"] if n not in without), *named]
    wanted = Contents(attributes=attributes, schools=[ids[s] for s in schools] or None)
    sharing.agree(district_id=sis.district_id, integration_id=made.integration.id, contents=wanted, by=BY, now=NOW)
    return Reader(made, None, made.token(clock.now()))


def keys(sis: Modern) -> dict[str, str]:
    return {str(id_): key for kind in ("user", "org") for key, id_ in sis.ids(kind).items()}


def told(reader: Reader, sis: Modern, key: str) -> list[dict[str, Any]]:
    """By 1.2, with the source's names for orgs."""
    found = reader.json(f"{V1P2}/users/{sis.ids('user')[key]}")["user"]
    for each in found["roles"]:
        assert each["org"]["href"].endswith(f"{V1P2}/orgs/{each['org']['sourcedId']}")
        each["org"] = keys(sis)[each["org"]["sourcedId"]]
    return found["roles"]


def beside(reader: Reader, sis: Modern, key: str) -> list[tuple[str, str]]:
    """By 1.1: role and org."""
    document = reader.json(f"{V1P1}/users/{sis.ids('user')[key]}")["user"]
    return [(each["role"], keys(sis)[each["org"]]) for each in document["metadata"].get("gg4l.roles", ())]


TEACHES = {"roleType": "primary", "role": "teacher", "org": "s1"}
HELPS = {"roleType": "secondary", "role": "counselor", "org": "s1", "beginDate": "2026-09-01"}
RUNS = {"roleType": "secondary", "role": "principal", "org": "s2", "beginDate": "2026-09-01", "endDate": "2027-07-31"}


def test_each_role_is_told_with_its_school_and_its_dates(sis):
    reader = app(sis)
    assert told(reader, sis, "m1") == [TEACHES, HELPS, RUNS]
    assert beside(reader, sis, "m1") == [("teacher", "s1"), ("counselor", "s1"), ("principal", "s2")]
    assert [(each["roleType"], each["org"]) for each in told(reader, sis, "m2")] == [
        ("primary", "s2"),
        ("secondary", "s1"),
    ]
    assert told(app(sis, "userProfiles"), sis, "m1") == [TEACHES, HELPS, {**RUNS, "userProfile": LOGIN}]


def test_what_cannot_be_a_date_or_leads_nowhere_is_reported(tmp_path):
    sis = modern(
        district_id=tenancy.register_district(name=f"Elder {uuid4().hex}", now=NOW).id, folder=tmp_path, now=NOW
    )
    run = sis.done(first())
    found = {(place.column, place.rule) for place in sis.findings(run, "warning")}
    assert found >= {("roles", "bad value"), ("orgSourcedIds", "dangling reference")}


def test_a_role_at_a_school_outside_the_view_is_not_told(sis):
    reader = app(sis, schools=("s1",))
    assert told(reader, sis, "m1") == [TEACHES, HELPS]
    everything = reader.get(f"{V1P1}/users").body + reader.get(f"{V1P2}/users").body
    assert str(sis.ids("org")["s2"]).encode() not in everything
    assert b"principal" not in everything
    assert b"principal" in app(sis).get(f"{V1P2}/users").body, "the control"


def test_who_does_not_share_them_shares_one_role_at_each_school(sis):
    reader = app(sis, without=("roles",))
    assert told(reader, sis, "m1") == [TEACHES, {"roleType": "secondary", "role": "teacher", "org": "s2"}]
    assert beside(reader, sis, "m1") == []


def test_an_earlier_consent_that_names_them_is_not_widened(sis):
    reader = app(sis)
    assert beside(reader, sis, "m1")
    with scope.inside(sis.district_id):
        mine = {"district_id": sis.district_id, "integration_id": reader.integrated.integration.id}
        Consent.objects.filter(**mine).update(edition=2)
        View.objects.filter(**mine).update(projected_consent_id=None)
    sis.done(first().changed("users", "m1", middleName="Rue"))
    assert beside(reader, sis, "m1") == []
    assert b"principal" not in reader.get(f"{V1P2}/users").body
    sis.done(first())


def test_a_filter_knows_the_first_role_and_no_part_of_the_others(sis):
    reader, m1 = app(sis), str(sis.ids("user")["m1"])
    found = reader.json(
        f"{V1P2}/users?filter=roles.role='teacher'%20AND%20roles.org.sourcedId~'{sis.ids('org')['s2']}'"
    )
    assert m1 in {each["sourcedId"] for each in found["users"]}
    assert reader.get(f"{V1P2}/users?filter=roles.beginDate='2026-09-01'").status == 400


# ---------------------------------------------------------------------------------------------------------------- files

Line = tuple[str, ...]


def lines(sis: Modern, text: str, key: str = "m1") -> list[Line]:
    named = keys(sis)
    return [
        (row["status"], row["roleType"], row["role"], named[row["orgSourcedId"]], row["beginDate"], row["endDate"])
        for row in rows(text)
        if named[row["userSourcedId"]] == key
    ]


def test_files_of_1_2_say_them_again_and_what_is_no_role_any_more(tmp_path):
    sis = a_district(tmp_path / "sis")
    desk = Desk(sis.district_id, app(sis, "userProfiles").integrated.integration.id, tmp_path / "desk")
    whole = desk.texts(FORMATS["oneroster-1.2"])["roles.csv"]
    assert lines(sis, whole) == [
        ("", "primary", "teacher", "s1", "", ""),
        ("", "secondary", "counselor", "s1", "2026-09-01", ""),
        ("", "secondary", "principal", "s2", "2026-09-01", "2027-07-31"),
    ]
    ids = [row["sourcedId"] for row in rows(whole)]
    assert len(ids) == len(set(ids))
    assert [row["userProfileSourcedId"] for row in rows(whole) if row["role"] == "principal"] == [LOGIN]
    sis.done(first().without("roles", "r2", "r3"))
    assert sorted(lines(sis, desk.texts(FORMATS["oneroster-1.2"], since=1)["roles.csv"])) == [
        ("active", "primary", "teacher", "s1", "", ""),
        ("active", "secondary", "counselor", "s1", "2026-09-01", ""),
        ("tobedeleted", "secondary", "principal", "s2", "2026-09-01", "2027-07-31"),
    ]
