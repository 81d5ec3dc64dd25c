"""From client id and secret to an access token, over HTTP, in every way that clients try it."""

import base64
import json
from dataclasses import replace
from urllib.parse import quote_plus, urlencode

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from oauthlib.oauth2 import BackendApplicationClient

from schoolpassport.kit import clock
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import DELETE, DEMOGRAPHICS, READING, ROSTER, ROSTER_CORE
from schoolpassport.partners.records import Bearer, PartnerBearer
from schoolpassport.rosterapi import tokens
from schoolpassport.rosterapi.authentication import Caller, caller, prove
from tests.support.partners import BY, integrated

urlpatterns = [path("datahub/oauth/token", tokens.token), path("oauth/token", tokens.token)]
ADDRESSES = ("/datahub/oauth/token", "/oauth/token")
ADDRESS = ADDRESSES[0]
FORM = "application/x-www-form-urlencoded"
ASKED = {"grant_type": "client_credentials"}


@pytest.fixture
def http():
    with override_settings(ROOT_URLCONF=__name__):
        yield Client()


@pytest.fixture
def app(district, now):
    return integrated(district.id, now)


def basic(client_id, secret, encode=str):
    return {"authorization": "Basic " + base64.b64encode(f"{encode(client_id)}:{encode(secret)}".encode()).decode()}


def shown(app):
    return app.credential.client_id, app.credential.client_secret


def ask(http, body=ASKED, *, address=ADDRESS, content_type=FORM, **more):
    body = urlencode(body) if isinstance(body, dict) else body
    return http.post(address, body, content_type=content_type, **more)


def everything_encoded(text):
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_client_gets_a_token_that_opens_its_integration(http, app, address):
    answer = ask(http, address=address, headers=basic(*shown(app)))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert (answer["Cache-Control"], answer["Pragma"]) == ("no-store", "no-cache")
    got = answer.json()
    assert got == {
        "access_token": got["access_token"],
        "token_type": "bearer",
        "expires_in": settings.ENVIRONMENT.token_seconds,
        "scope": " ".join(sorted(READING)),
    }
    request = RequestFactory().get("/", headers={"authorization": f"Bearer {got['access_token']}"})
    proved = prove(caller(request, now=clock.now()), now=clock.now())
    assert isinstance(proved, Bearer)
    assert (proved.district_id, proved.integration_id) == (app.district_id, app.integration.id)


@pytest.mark.parametrize(
    "way",
    [
        lambda i, s: {"headers": basic(i, s)},
        lambda i, s: {"headers": basic(i, s, quote_plus)},
        lambda i, s: {"headers": basic(i, s, everything_encoded)},
        lambda i, s: {"headers": {"authorization": basic(i, s)["authorization"].replace("Basic ", "basic   ")}},
        lambda i, s: {"headers": {"authorization": basic(i, s)["authorization"].rstrip("=")}},
        lambda i, s: {"headers": basic(i, s), "body": {**ASKED, "client_id": i, "client_secret": s}},
        lambda i, s: {"body": {**ASKED, "client_id": i, "client_secret": s}},
        lambda i, s: {"body": {**ASKED, "client_id": i, "client_secret": s}, "content_type": "text/plain"},
        lambda i, s: {
            "body": {**ASKED, "client_id": i, "client_secret": s},
            "headers": {"authorization": "Bearer old"},
        },
        lambda i, s: {"body": "", "address": f"{ADDRESS}?{urlencode({**ASKED, 'client_id': i, 'client_secret': s})}"},
        lambda i, s: {"address": f"{ADDRESS}?{urlencode({'client_id': i, 'client_secret': s})}"},
        lambda i, s: {
            "body": json.dumps({**ASKED, "client_id": i, "client_secret": s}),
            "content_type": "application/json",
        },
        lambda i, s: {"body": json.dumps(ASKED), "content_type": FORM, "headers": basic(i, s)},
        lambda i, s: {
            "body": json.dumps(ASKED),
            "content_type": "application/json; charset=utf-8",
            "headers": basic(i, s),
        },
    ],
)
def test_every_way_of_showing_the_secret_works(http, app, way):
    answer = ask(http, **way(*shown(app)))
    assert answer.status_code == 200, answer.content
    assert isinstance(queries.bearer(token=answer.json()["access_token"], now=clock.now()), Bearer)


def test_a_multipart_form_works(http, app):
    client_id, secret = shown(app)
    answer = http.post(ADDRESS, {**ASKED, "client_id": client_id, "client_secret": secret})
    assert answer.status_code == 200, answer.content


def test_a_client_that_is_not_ours_understands_the_answer(http, app):
    theirs = BackendApplicationClient(app.credential.client_id)
    body = theirs.prepare_request_body(
        scope=[ROSTER], include_client_id=True, client_secret=app.credential.client_secret
    )
    answer = ask(http, body)
    parsed = theirs.parse_request_body_response(answer.content.decode(), scope=[ROSTER])
    assert (parsed["token_type"].lower(), parsed["scope"]) == ("bearer", [ROSTER])


@pytest.mark.parametrize(
    ("scope", "got"),
    [
        (None, READING),
        ("", READING),
        ("  ", READING),
        (ROSTER, {ROSTER}),
        (f"{ROSTER_CORE} {DEMOGRAPHICS}", {ROSTER_CORE, DEMOGRAPHICS}),
        (f"{ROSTER} https://purl.imsglobal.org/spec/or/v1p1/scope/gradebook.delete", {ROSTER, DELETE}),
        (f"{ROSTER} https://purl.imsglobal.org/spec/or/v1p1/scope/gradebook.write", {ROSTER}),
    ],
)
def test_scopes_are_what_was_asked_for_as_far_as_it_can_be_had(http, app, scope, got):
    body = ASKED if scope is None else {**ASKED, "scope": scope}
    answer = ask(http, body, headers=basic(*shown(app))).json()
    assert answer["scope"] == " ".join(sorted(got))
    assert queries.bearer(token=answer["access_token"], now=clock.now()).scopes == got


def test_scopes_may_come_as_a_list(http, app):
    body = json.dumps({**ASKED, "scope": [ROSTER, DEMOGRAPHICS, 7]})
    answer = ask(http, body, content_type="application/json", headers=basic(*shown(app))).json()
    assert answer["scope"] == f"{DEMOGRAPHICS} {ROSTER}"


def test_a_scope_that_cannot_be_had_is_refused(http, app):
    answer = ask(http, {**ASKED, "scope": "resource.readonly"}, headers=basic(*shown(app)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_second_token_leaves_the_first_alone(http, app):
    first, second = (ask(http, headers=basic(*shown(app))).json()["access_token"] for _ in range(2))
    assert first != second
    assert [type(queries.bearer(token=each, now=clock.now())) for each in (first, second)] == [Bearer, Bearer]


def test_the_configured_lifetime_is_given(http, app):
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, token_seconds=61)):
        assert ask(http, headers=basic(*shown(app))).json()["expires_in"] == 61


def test_an_unknown_client_and_a_wrong_secret_get_the_same_answer(http, app):
    client_id, secret = shown(app)
    tries = [(client_id, secret[:-2]), (client_id[:-2], secret), ("nobody", secret), (client_id, ""), ("\0", "\0")]
    answers = [ask(http, headers=basic(*each)) for each in tries]
    answers += [ask(http, {**ASKED, "client_id": i, "client_secret": s}) for i, s in tries]
    assert {(each.status_code, each.content, tuple(sorted(each.items()))) for each in answers} == {
        (answers[0].status_code, answers[0].content, tuple(sorted(answers[0].items())))
    }
    assert answers[0].status_code == 401
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0]["WWW-Authenticate"] == 'Basic realm="School Passport", charset="UTF-8"'
    assert answers[0]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"authorization": "Digest username=x"},
    ],
)
def test_without_a_readable_secret_nobody_is_let_in(http, headers):
    answer = ask(http, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic ")


def test_the_holder_of_an_ended_credential_hears_why(http, app, now):
    actions.revoke_credential(client_id=app.credential.client_id, by=BY, now=now)
    answer = ask(http, headers=basic(*shown(app)))
    assert (answer.status_code, answer.json()) == (
        401,
        {"error": "invalid_client", "error_description": "This credential was revoked; get the new one."},
    )
    other = ask(http, headers=basic(app.credential.client_id, "wrong"))
    assert "revoked" not in other.json()["error_description"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"grant_type": "password", "username": "x"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({}, "invalid_request"),
        ("{", "invalid_request"),
        ("[]", "invalid_request"),
        ("[" * 50_000, "invalid_request"),
        ('{"grant_type": 7}', "invalid_request"),
        ("grant_type=client_credentials&x=" + "a" * tokens.LARGEST_BODY, "invalid_request"),
        ("a" * 3_000_000, "invalid_request"),
    ],
)
def test_what_is_no_proper_request_is_refused(http, app, body, error):
    answer = ask(http, body, headers=basic(*shown(app)))
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer["Cache-Control"] == "no-store"


def test_a_broken_multipart_form_is_refused(http, app):
    for kind, body in (
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=x", "--x\r\nbroken"),
        (f"{FORM}; charset=latin-1", "grant_type=%E9"),
    ):
        answer = ask(http, body, content_type=kind, headers=basic(*shown(app)))
        assert (answer.status_code, answer.json()["error"].partition("_")[0]) in {
            (400, "invalid"),
            (400, "unsupported"),
        }


@pytest.mark.parametrize("verb", ["get", "head", "put", "delete", "patch", "options"])
def test_other_methods_are_refused(http, app, verb):
    answer = getattr(http, verb)(ADDRESS, headers=basic(*shown(app)))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_partner_gets_its_own_kind_of_token(http, app, now):
    own = actions.issue_partner_credential(partner_id=app.partner.id, by=BY, now=now)
    answer = ask(http, {**ASKED, "scope": ROSTER}, headers=basic(own.client_id, own.client_secret)).json()
    assert answer == {
        "access_token": answer["access_token"],
        "token_type": "bearer",
        "expires_in": settings.ENVIRONMENT.token_seconds,
        "scope": "onboarding.readonly",
    }
    assert isinstance(queries.partner_bearer(token=answer["access_token"], now=clock.now()), PartnerBearer)
    request = RequestFactory().get("/", headers={"authorization": f"Bearer {answer['access_token']}"})
    assert not isinstance(caller(request, now=clock.now()), Caller)
