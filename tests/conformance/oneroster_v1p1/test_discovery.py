"""School Passport's Discovery: a partner asks once and learns the credentials of every district."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.conformance.oneroster_v1p1 import wire

FIELDS = {
    *("districtName", "clientId", "clientSecret", "createdTimestamp", "lastDataProcessingCompletedTimestamp"),
    *("tokenUrl", "apiUrl", "districtGuid", "expiryDate"),
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")  # yyyy-MM-dd'T'HH:mm:ss.SSSXXX
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def address(provider):
    return provider.told["base_url"].rstrip("/") + "/datahub/services/vendor/onboarding/credentials"


@pytest.fixture
def partner_token(provider):
    if "partner_client_id" not in provider.told:
        pytest.skip("the demo tells no partner's credentials")
    login = wire.basic(provider.told["partner_client_id"], provider.told["partner_client_secret"])
    answer = wire.ask_for_token(provider.told["token_url"], headers=login, **GRANT)
    assert answer.status == 200, answer
    return answer.json["access_token"]


def test_discovery_lists_the_districts_of_the_partner(address, partner_token):
    answer = wire.call(address, headers={"Authorization": f"bearer {partner_token}"})
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    assert isinstance(answer.json, list)
    assert answer.json
    for district in answer.json:
        assert set(district) == FIELDS
        assert [name for name, value in district.items() if value is None] == ["expiryDate"]  # access without an end
        UUID(district["districtGuid"])
        for name in ("createdTimestamp", "lastDataProcessingCompletedTimestamp"):
            assert INSTANT.fullmatch(district[name]), (name, district[name])
            assert datetime.fromisoformat(district[name]) < datetime.fromtimestamp(wire.now() + 60, UTC)


def test_what_discovery_tells_is_enough_to_pull_the_district(provider, address, partner_token):
    known = []
    for district in wire.call(address, headers=wire.bearer(partner_token)).json:
        login = wire.basic(district["clientId"], district["clientSecret"])
        token = wire.ask_for_token(district["tokenUrl"], headers=login, **GRANT).json["access_token"]
        users = wire.call(f"{district['apiUrl']}/users?limit=1000", headers=wire.bearer(token))
        assert users.status == 200, users
        known += [each["sourcedId"] for each in users.json["users"]]
    assert set(provider.ids["users"].values()) <= set(known)


def test_the_credentials_are_those_of_the_district(provider, address, partner_token):
    told = wire.call(address, headers=wire.bearer(partner_token)).json
    mine = (provider.told["client_id"], provider.told["client_secret"])
    assert mine in [(each["clientId"], each["clientSecret"]) for each in told]


def test_a_district_token_does_not_open_discovery(provider, address):
    answer = wire.call(address, headers=wire.bearer(provider.token()))
    assert answer.status in {401, 403}, answer
    assert provider.told["client_secret"] not in answer.body.decode()


def test_discovery_needs_a_token(address):
    for headers in ({}, {"Authorization": "Bearer x"}):
        answer = wire.call(address, headers=headers)
        assert answer.status == 401, answer
        assert answer.headers["Content-Type"].partition(";")[0] == "application/json"


def test_a_partner_token_does_not_open_rosters(provider, partner_token):
    answer = wire.call(f"{provider.base}/users", headers=wire.bearer(partner_token))
    assert answer.status in {401, 403}, answer
    assert "users" not in answer.json


def test_a_partner_token_request_for_roster_scopes_opens_nothing(provider, partner_token):
    assert partner_token
    login = wire.basic(provider.told["partner_client_id"], provider.told["partner_client_secret"])
    scope = "https://purl.imsglobal.org/spec/or/v1p1/scope/roster.readonly"
    answer = wire.ask_for_token(provider.told["token_url"], headers=login, scope=scope, **GRANT)
    if answer.status == 200:
        token = answer.json["access_token"]
        assert wire.call(f"{provider.base}/users", headers=wire.bearer(token)).status in {401, 403}
    else:
        assert answer.json["error"] == "invalid_scope"
