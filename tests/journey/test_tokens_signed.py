"""Who sends a request, as read from its Authorization header: signed requests as they come over HTTP."""

from dataclasses import replace

import pytest
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.test import RequestFactory, override_settings
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as SigningClient

from schoolpassport.partners.contract import READING, WRITING
from schoolpassport.partners.records import Bearer, Reason, Refused
from schoolpassport.rosterapi.authentication import Caller, caller, challenge, prove
from tests.support.partners import HOUR, a_partner_token, integrated

USERS = "/ims/oneroster/v1p1/users?filter=familyName%3D%27Nu%C3%B1ez%27&limit=5"


@pytest.fixture
def app(district, now):
    return integrated(district.id, now)


def authorization(app, url, now, method=SIGNATURE_HMAC_SHA256, verb="GET"):
    client = SigningClient(
        app.credential.client_id,
        client_secret=app.credential.client_secret,
        signature_method=method,
        timestamp=str(int(now.timestamp())),
    )
    return {"authorization": client.sign(url, http_method=verb)[1]["Authorization"]}


def public(url):
    return override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, public_url=url))


def reason(answer) -> Reason:
    assert isinstance(answer, Refused)
    return answer.reason


@pytest.mark.parametrize("method", [SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256])
@pytest.mark.parametrize("host", ["api.example", "api.example:8000", "api.example:80", "127.0.0.1:8000"])
def test_a_signed_request_names_its_caller_who_is_proved_already(app, now, method, host):
    signed = authorization(app, f"http://{host}{USERS}", now, method)
    who = caller(RequestFactory().get(USERS, headers={**signed, "host": host}), now=now)
    assert isinstance(who, Caller)
    assert isinstance(who.proved, Bearer)
    assert (who.district_id, who.proved.integration_id, who.proved.scopes) == (
        app.district_id,
        app.integration.id,
        READING | WRITING,
    )
    assert who.token_digest == who.proved.token_digest
    assert prove(who, now=now) is who.proved


def test_behind_a_proxy_the_configured_address_is_what_was_signed(app, now):
    signed = authorization(app, f"https://passport.example/sp{USERS}", now)
    request = RequestFactory().get(USERS, headers={**signed, "host": "10.0.0.7:8000"})
    assert reason(caller(request, now=now)) is Reason.UNKNOWN
    with public("https://passport.example/sp"):
        assert isinstance(caller(request, now=now), Caller)


def test_a_path_that_must_be_encoded_is_signed_as_the_client_wrote_it(app, now):
    path = "/ims/oneroster/v1p1/users/a%20%C3%B1"
    signed = authorization(app, f"http://testserver{path}", now)
    assert isinstance(caller(RequestFactory().get(path, headers=signed), now=now), Caller)


def test_a_query_that_a_client_did_not_encode_is_read_as_utf_8(app, now):
    signed = authorization(app, "http://testserver/users?filter=familyName%3D%27Nu%C3%B1ez%27", now)
    as_wsgi_has_it = "filter=familyName='Nuñez'".encode().decode("latin-1")
    request = RequestFactory().get("/users", headers=signed)
    request.META["QUERY_STRING"] = as_wsgi_has_it
    assert isinstance(caller(request, now=now), Caller)


def test_a_head_request_is_read_too(app, now):
    signed = authorization(app, f"http://testserver{USERS}", now, verb="HEAD")
    assert isinstance(caller(RequestFactory().head(USERS, headers=signed), now=now), Caller)


def test_a_changed_or_repeated_request_is_refused(app, now):
    signed = authorization(app, f"http://testserver{USERS}", now)
    assert reason(caller(RequestFactory().get(f"{USERS}0", headers=signed), now=now)) is Reason.UNKNOWN
    assert isinstance(caller(RequestFactory().get(USERS, headers=signed), now=now), Caller)
    assert reason(caller(RequestFactory().get(USERS, headers=signed), now=now)) is Reason.REPLAYED


def test_a_bearer_token_is_only_read_and_proved_later(app, now):
    token = app.token(now)
    for header in (f"Bearer {token}", f"bearer  {token} ", f"BEARER {token}"):
        who = caller(RequestFactory().get(USERS, headers={"authorization": header}), now=now)
        assert isinstance(who, Caller)
        assert (who.district_id, who.proved) == (app.district_id, None)
        proved = prove(who, now=now)
        assert isinstance(proved, Bearer)
        assert proved.token_digest == who.token_digest
        assert reason(prove(who, now=now + HOUR)) is Reason.TOKEN_EXPIRED


def test_who_shows_nothing_or_something_else_is_refused(app, now):
    own = a_partner_token(app.partner, now)
    for header, why in (
        ("", Reason.MISSING),
        (" ", Reason.MISSING),
        ("Bearer", Reason.UNKNOWN),
        ("Bearer something", Reason.UNKNOWN),
        (f"Bearer {own}", Reason.WRONG_KIND),
        ("Basic eDp5", Reason.MALFORMED),
        ("OAuth oauth_nonce=1", Reason.MALFORMED),
        ("OAuth", Reason.MALFORMED),
    ):
        refused = caller(RequestFactory().get(USERS, headers={"authorization": header}), now=now)
        assert reason(refused) is why, header
        assert challenge(refused).startswith('Bearer realm="School Passport"')
        assert ('error="invalid_token"' in challenge(refused)) is (why is not Reason.MISSING)
        assert challenge(refused).isascii()


def test_a_host_that_is_none_is_refused(app, now):
    signed = authorization(app, f"http://testserver{USERS}", now)
    with pytest.raises(DisallowedHost):
        caller(RequestFactory().get(USERS, headers={**signed, "host": "a b"}), now=now)
    far = RequestFactory().get(USERS, headers={**signed, "host": "testserver:99999"})
    assert reason(caller(far, now=now)) is Reason.MALFORMED
