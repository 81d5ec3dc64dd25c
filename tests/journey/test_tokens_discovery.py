"""A partner asks which districts it may connect to, and connects with what it hears."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path

from schoolpassport.kit import clock
from schoolpassport.partners import actions, queries
from schoolpassport.partners.records import Bearer
from schoolpassport.rosterapi import tokens
from schoolpassport.rosterapi.vendor import discovery
from tests.support.partners import BY, HOUR, a_partner, a_partner_token, integrated

urlpatterns = [
    path("datahub/oauth/token", tokens.token),
    path("datahub/services/vendor/onboarding/credentials", discovery.credentials),
]
ADDRESS = "/datahub/services/vendor/onboarding/credentials"
LATER = datetime(2026, 9, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture
def http():
    with override_settings(ROOT_URLCONF=__name__):
        yield Client()


@pytest.fixture
def partner(now):
    return a_partner(now)


def ask(http, token, scheme="Bearer"):
    return http.get(ADDRESS, headers={"authorization": f"{scheme} {token}"})


def discovered(http, partner):
    answer = ask(http, a_partner_token(partner, clock.now()))
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_partner_hears_of_each_district_what_it_needs_to_connect(http, partner, district, other_district, now):
    here, there = integrated(district.id, now, partner), integrated(other_district.id, now + HOUR, partner)
    stranger = integrated(district.id, now)
    end = clock.now() + timedelta(days=30)
    its = {"district_id": district.id, "integration_id": here.integration.id, "by": BY}
    actions.note_data_completed(**its, now=LATER)
    actions.limit_integration(**its, expires_at=end, now=now)
    answer = ask(http, a_partner_token(partner, clock.now()), scheme="bearer")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/json", "no-store")
    assert answer.json() == [
        {
            "districtName": district.name,
            "clientId": here.credential.client_id,
            "clientSecret": here.credential.client_secret,
            "createdTimestamp": "2026-09-01T06:00:00.000Z",
            "lastDataProcessingCompletedTimestamp": "2026-09-02T03:04:05.678Z",
            "tokenUrl": "http://testserver/datahub/oauth/token",
            "apiUrl": "http://testserver/datahub/services/ims/oneroster/v1p1",
            "districtGuid": str(district.id),
            "expiryDate": end.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
        {
            "districtName": other_district.name,
            "clientId": there.credential.client_id,
            "clientSecret": there.credential.client_secret,
            "createdTimestamp": "2026-09-01T07:00:00.000Z",
            "lastDataProcessingCompletedTimestamp": None,
            "tokenUrl": "http://testserver/datahub/oauth/token",
            "apiUrl": "http://testserver/datahub/services/ims/oneroster/v1p1",
            "districtGuid": str(other_district.id),
            "expiryDate": None,
        },
    ]
    assert stranger.credential.client_id not in answer.content.decode()
    assert [each["clientId"] for each in discovered(http, stranger.partner)] == [stranger.credential.client_id]


def test_what_is_discovered_opens_the_district(http, partner, district, now):
    integrated(district.id, now, partner)
    (found,) = discovered(http, partner)
    pair = base64.b64encode(f"{found['clientId']}:{found['clientSecret']}".encode()).decode()
    answer = http.post(
        found["tokenUrl"].removeprefix("http://testserver"),
        "grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
        headers={"authorization": f"Basic {pair}"},
    )
    bearer = queries.bearer(token=answer.json()["access_token"], now=clock.now())
    assert isinstance(bearer, Bearer)
    assert str(bearer.district_id) == found["districtGuid"]


def test_the_newest_credential_that_holds_is_told(http, partner, district, now):
    app = integrated(district.id, now, partner)
    new = actions.rotate(client_id=app.credential.client_id, overlap=timedelta(days=3650), by=BY, now=now + HOUR)
    assert [each["clientId"] for each in discovered(http, partner)] == [new.client_id]
    actions.revoke_credential(client_id=new.client_id, by=BY, now=now)
    assert [each["clientId"] for each in discovered(http, partner)] == [app.credential.client_id]
    actions.revoke_credential(client_id=app.credential.client_id, by=BY, now=now)
    assert discovered(http, partner) == []


def test_integrations_that_ended_or_expired_are_not_told(http, partner, district, now):
    ended, expired, active = (integrated(district.id, now, partner) for _ in range(3))
    actions.end_integration(district_id=district.id, integration_id=ended.integration.id, by=BY, now=now)
    actions.limit_integration(
        district_id=district.id, integration_id=expired.integration.id, expires_at=clock.now(), by=BY, now=now
    )
    assert [each["clientId"] for each in discovered(http, partner)] == [active.credential.client_id]


def test_a_partner_without_integrations_hears_an_empty_list(http, partner):
    assert discovered(http, partner) == []


def test_addresses_are_those_of_the_configured_public_url(http, partner, district, now):
    integrated(district.id, now, partner)
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, public_url="https://passport.example/sp")):
        (found,) = discovered(http, partner)
    assert (found["tokenUrl"], found["apiUrl"]) == (
        "https://passport.example/sp/datahub/oauth/token",
        "https://passport.example/sp/datahub/services/ims/oneroster/v1p1",
    )


def test_a_districts_token_is_forbidden(http, district, now):
    app = integrated(district.id, now)
    answer = ask(http, app.token(clock.now()))
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert app.credential.client_secret not in answer.content.decode()


def test_without_a_token_that_holds_there_is_no_answer(http, partner, district, now):
    expired = a_partner_token(partner, clock.now() - 2 * HOUR)
    expired_districts = integrated(district.id, now).token(clock.now() - 2 * HOUR)
    for headers in (
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer spq_x"},
        {"authorization": f"Basic {a_partner_token(partner, clock.now())}"},
        {"authorization": f"Bearer {expired}"},
        {"authorization": f"Bearer {expired_districts}"},
    ):
        answer = http.get(ADDRESS, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), headers
        assert answer["WWW-Authenticate"].startswith('Bearer realm="School Passport"')


def test_a_revoked_partner_token_is_dead_at_once(http, partner):
    token = a_partner_token(partner, clock.now())
    actions.revoke_token(token=token, by=BY, now=clock.now())
    assert ask(http, token).status_code == 401


@pytest.mark.parametrize("verb", ["post", "put", "delete", "patch"])
def test_other_methods_are_refused(http, verb):
    answer = getattr(http, verb)(ADDRESS)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_one_district_or_three_take_the_same_statements(http, partner, district, now):
    counts = []
    for more in (1, 2):
        for _ in range(more):
            integrated(district.id, now, partner)
        token = a_partner_token(partner, clock.now())
        with CaptureQueriesContext(connection) as seen:
            assert len(ask(http, token).json()) == {1: 1, 2: 3}[more]
        counts.append(len(seen))
    assert counts[0] == counts[1]
