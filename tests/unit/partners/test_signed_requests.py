"""OAuth 1.0a, two-legged (RFC 5849). The signatures come from a client that is not ours."""

import threading
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from django.db import connection
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_PLAINTEXT
from oauthlib.oauth1 import Client as SigningClient

from schoolpassport.kit.ids import short
from schoolpassport.partners import actions
from schoolpassport.partners.contract import ROSTERING
from schoolpassport.partners.models import Nonce
from schoolpassport.partners.records import Bearer, Reason, Refused, SignedRequest
from schoolpassport.tenancy import scope
from tests.support.partners import BY, HOUR

USERS = "https://passport.example/ims/oneroster/v1p1/users"
SECOND = timedelta(seconds=1)


def signed(  # what a client sends
    app, at, *, query="limit=10&offset=20", method=SIGNATURE_HMAC_SHA256, verb="GET", url=USERS, nonce=None, **changes
):
    client = SigningClient(
        changes.get("client_id", app.credential.client_id),
        client_secret=changes.get("client_secret", app.credential.client_secret),
        signature_method=method,
        timestamp=str(int(at.timestamp())),
        nonce=nonce,
    )
    _, headers, _ = client.sign(f"{url}?{query}" if query else url, http_method=verb)
    return SignedRequest(method=verb, url=url, query=query, authorization=headers["Authorization"])


def accept(request, now):
    return actions.accept_signed(request=request, scopes=ROSTERING, now=now)


def reason(answer) -> Reason:
    assert isinstance(answer, Refused)
    return answer.reason


@pytest.mark.parametrize("method", [SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256])
@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST"])
def test_a_signed_request_opens_its_integration(app, now, method, verb):
    bearer = accept(signed(app, now, method=method, verb=verb), now)
    assert bearer == Bearer(
        district_id=app.district_id,
        integration_id=app.integration.id,
        credential_id=app.client(now).credential_id,
        scopes=ROSTERING,
        token_digest=bearer.token_digest,
        expires_at=now + actions.OLDEST_SIGNATURE,
    )


def test_all_requests_of_a_credential_belong_to_one_pull_and_no_others(app, other_app, now):
    digests = [accept(signed(who, now), now).token_digest for who in (app, app, other_app)]
    assert digests[0] == digests[1] != digests[2]
    assert [len(each) for each in digests] == [32] * 3


@pytest.mark.parametrize(
    "query",
    [
        "",
        "filter=status%3D%27active%27",
        "filter=dateLastModified%3E%272026-09-01T00%3A00%3A00.000Z%27+AND+role%3D%27student%27",
        "filter=familyName%3D%27Nu%C3%B1ez%20%26%20Sons%27&fields=givenName,familyName",
        "limit=&offset",
        "a=1&a=2&a=10&A=0",
    ],
)
def test_query_parameters_are_signed_decoded_once(app, now, query):
    assert isinstance(accept(signed(app, now, query=query), now), Bearer)


def test_a_query_that_a_client_sends_less_encoded_than_it_signed_is_read(app, now):
    request = signed(app, now, query="filter=dateLastModified%3E%272026-09-01%27&q=%C3%A9%5B%5D")
    assert isinstance(accept(replace(request, query="filter=dateLastModified>'2026-09-01'&q=é[]"), now), Bearer)


@pytest.mark.parametrize(
    ("written", "signed_as"),
    [
        ("https://passport.example:443", "https://passport.example"),
        ("http://passport.example:80", "http://passport.example"),
        ("https://PASSPORT.Example", "https://passport.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_default_ports_and_the_case_of_a_host_do_not_matter(app, now, written, signed_as):
    request = signed(app, now, url=f"{signed_as}/users")
    assert isinstance(accept(replace(request, url=f"{written}/users"), now), Bearer)


def _parts(request) -> list[tuple[str, str]]:
    pairs = request.authorization.removeprefix("OAuth ").split(", ")
    return [(name, value.strip('"')) for name, _, value in (pair.partition("=") for pair in pairs)]


def _written(parts, form) -> str:
    return "OAuth " + form.join(f'{name}="{value}"' for name, value in parts)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda parts: _written(reversed(parts), ","),
        lambda parts: _written(sorted(parts), " ,\t"),
        lambda parts: "oauth   " + ", ".join(f'{name} = "{value}"' for name, value in parts),
        lambda parts: "OAUTH " + ",".join(f"{name}={value}" for name, value in parts),
        lambda parts: _written([("realm", "anywhere"), *parts], ", "),
        lambda parts: _written(parts, ", ") + ", ",
    ],
)
def test_the_header_may_be_ordered_and_spaced_in_any_way(app, now, rewrite):
    request = signed(app, now)
    assert isinstance(accept(replace(request, authorization=rewrite(_parts(request))), now), Bearer)


def test_oauth_version_may_be_absent_but_not_another(app, now):
    class Versionless(SigningClient):
        def get_oauth_params(self, request):
            return [(name, v) for name, v in super().get_oauth_params(request) if name != "oauth_version"]

    key = (app.credential.client_id, app.credential.client_secret)
    _, headers, _ = Versionless(*key, timestamp=str(int(now.timestamp()))).sign(USERS)
    assert "oauth_version" not in headers["Authorization"]
    request = SignedRequest("GET", USERS, "", headers["Authorization"])
    assert isinstance(accept(request, now), Bearer)
    other = signed(app, now)
    other = replace(other, authorization=other.authorization.replace('"1.0"', '"2.0"'))
    assert reason(accept(other, now)) is Reason.MALFORMED


def test_values_encoded_as_in_a_form_are_read(app, now):
    """`quote_plus`, as some Python clients do: a blank is a plus there, and a plus of the signature is %2B."""
    request = signed(app, now, nonce="a blank and a + too")
    parts = [(n, v) for n, v in _parts(request) if n != "oauth_nonce"]
    parts.append(("oauth_nonce", quote_plus("a blank and a + too")))
    assert isinstance(accept(replace(request, authorization=_written(parts, ", ")), now), Bearer)


def test_a_signature_that_is_not_encoded_at_all_is_read(app, now):
    for attempt in range(200):
        request = signed(app, now, nonce=f"nonce{attempt}")
        if "%2B" in dict(_parts(request))["oauth_signature"]:
            break
    else:
        pytest.fail("no signature had a plus")
    plain = request.authorization.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    assert isinstance(accept(replace(request, authorization=plain), now), Bearer)


def test_a_head_may_be_signed_as_the_get_it_stands_for_but_a_get_not_as_a_head(app, now):
    assert isinstance(accept(replace(signed(app, now, verb="GET"), method="HEAD"), now), Bearer)
    assert reason(accept(replace(signed(app, now, verb="HEAD"), method="GET"), now)) is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("shift", "accepted"),
    [
        (-timedelta(minutes=10), True),
        (-timedelta(minutes=10) - SECOND, False),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5) + SECOND, False),
        (-timedelta(days=365 * 40), False),
    ],
)
def test_a_clock_may_be_ten_minutes_behind_and_five_ahead(app, now, shift, accepted):
    answer = accept(signed(app, now + shift), now)
    if accepted:
        assert isinstance(answer, Bearer)
    else:
        assert reason(answer) is Reason.WRONG_TIME
        assert "Set the clock" in answer.sentence


def test_the_same_request_is_accepted_once(app, now):
    request = signed(app, now)
    assert isinstance(accept(request, now), Bearer)
    assert reason(accept(request, now)) is Reason.REPLAYED
    assert reason(accept(request, now + timedelta(minutes=10))) is Reason.REPLAYED
    assert reason(accept(request, now + timedelta(minutes=10) + SECOND)) is Reason.WRONG_TIME


def test_a_nonce_is_used_up_for_its_credential_and_second_only(app, other_app, now):
    for who, at in ((app, now), (app, now + SECOND), (other_app, now)):
        assert isinstance(accept(signed(who, at, nonce="the same"), now), Bearer)


def test_of_the_same_request_sent_at_once_exactly_one_is_accepted(app, now):
    request, answers, ready = signed(app, now), [], threading.Barrier(4)

    def send() -> None:
        ready.wait()
        try:
            answers.append(accept(request, now))
        finally:
            connection.close()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for each in senders:
        each.start()
    for each in senders:
        each.join()
    assert sorted(type(each).__name__ for each in answers) == ["Bearer", "Refused", "Refused", "Refused"]


def test_a_request_that_is_refused_for_its_signature_uses_up_no_nonce(app, now):
    request = signed(app, now)
    assert reason(accept(replace(request, query="limit=10000"), now)) is Reason.UNKNOWN
    with scope.inside(app.district_id):
        assert not Nonce.objects.exists()
    assert isinstance(accept(request, now), Bearer)


def test_nonces_too_old_to_come_again_are_deleted(app, other_app, now):
    for who in (app, other_app):
        accept(signed(who, now), now)
    accept(signed(app, now + HOUR), now + HOUR)
    with scope.inside(app.district_id):
        left = Nonce.objects.values_list("credential_id", "stamp")
        assert set(left) == {
            (app.client(now).credential_id, int((now + HOUR).timestamp())),
            (other_app.client(now).credential_id, int(now.timestamp())),
        }


def test_what_was_not_signed_so_is_refused(app, other_app, other_district, now):
    right = signed(app, now)
    forged_id = app.credential.client_id.replace(short(app.district_id), short(other_district.id))
    wrong = [
        replace(right, query="limit=10&offset=21"),
        replace(right, query="limit=10"),
        replace(right, query="limit=10&offset=20&role=student"),
        replace(right, method="PUT"),
        replace(right, url=right.url.replace("users", "demographics")),
        replace(right, url=right.url.replace("https", "http")),
        replace(right, url=right.url.replace("passport.example", "passport.example.org")),
        signed(app, now, client_secret=other_app.credential.client_secret),
        signed(app, now, client_id=other_app.credential.client_id),
        signed(app, now, client_id=forged_id),
        signed(app, now, client_id=app.credential.client_id.replace("spc_", "spp_")),
        signed(app, now, client_id="nobody"),
        replace(right, authorization=right.authorization.replace("HMAC-SHA256", "HMAC-SHA1")),
        replace(right, authorization=right.authorization + ', extra="unsigned"'),
    ]
    answers = {accept(each, now) for each in wrong}
    assert answers == {Refused(Reason.UNKNOWN, "The signature is not that of a client with this consumer key.")}
    assert isinstance(accept(right, now), Bearer)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oauth_consumer_key", None),
        ("oauth_signature", None),
        ("oauth_signature", ""),
        ("oauth_nonce", None),
        ("oauth_nonce", "n" * 256),
        ("oauth_nonce", "%00"),
        ("oauth_nonce", "%0A"),
        ("oauth_timestamp", None),
        ("oauth_timestamp", "-1"),
        ("oauth_timestamp", "1.5"),
        ("oauth_timestamp", "%D9%A3"),
        ("oauth_timestamp", "9" * 13),
        ("oauth_signature_method", None),
        ("oauth_signature_method", "RSA-SHA1"),
        ("oauth_signature_method", SIGNATURE_PLAINTEXT),
    ],
)
def test_a_header_that_lacks_or_garbles_a_part_is_refused_before_anybody_is_asked(app, now, name, value):
    request = signed(app, now)
    parts = [(n, v) for n, v in _parts(request) if n != name] + ([(name, value)] if value is not None else [])
    garbled = replace(request, authorization=_written(parts, ", "))
    with connection.execute_wrapper(lambda *_: pytest.fail("the database was asked")):
        answer = accept(garbled, now)
    assert reason(answer) is Reason.MALFORMED
    assert name in answer.sentence


def test_a_part_that_is_there_twice_is_refused(app, now):
    request = signed(app, now)
    twice = replace(request, authorization=request.authorization + ', oauth_nonce="other"')
    assert reason(accept(twice, now)) is Reason.MALFORMED


NONSENSE = ["OAuth", "OAuth ", "OAuth =", "OAuth ,,,", "OAuth " + '"' * 1000, "OAuth \udcff=\udcff"]


@pytest.mark.parametrize("header", NONSENSE)
def test_nonsense_is_refused(header, now):
    assert reason(accept(SignedRequest("GET", USERS, "", header), now)) is Reason.MALFORMED


@pytest.mark.parametrize("url", ["https://passport.example:99999/users", "https:///users", "/users"])
def test_an_address_that_is_none_is_refused(app, now, url):
    assert reason(accept(replace(signed(app, now), url=url), now)) is Reason.MALFORMED


def test_an_ended_credential_signs_in_vain(app, now):
    actions.revoke_credential(client_id=app.credential.client_id, by=BY, now=now)
    assert reason(accept(signed(app, now), now)) is Reason.CREDENTIAL_REVOKED
    wrong = signed(app, now, client_secret="sps_wrong")
    assert reason(accept(wrong, now)) is Reason.UNKNOWN
