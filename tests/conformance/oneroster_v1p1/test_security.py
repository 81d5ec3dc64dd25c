"""Clause 1.7: tokens, scopes, and requests signed by OAuth 1.0a."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode

import pytest
from oauthlib import oauth1

from tests.conformance.oneroster_v1p1 import operations, providers, wire
from tests.conformance.oneroster_v1p1.operations import CORE, DEMOGRAPHICS, OPERATIONS, ROSTER

GRANT = {"grant_type": "client_credentials"}
GARBAGE = [
    *("Bearer", "Bearer ", "Bearer x", "Bearer null", "Bearer spt_", "Bearer spt_AAAAAAAAAAAAAAAAAAAAAA." + "A" * 43),
    *(
        "Basic eDp5",
        "Token x",
        "x",
        "Bearer x y",
        "Bearer " + "a" * 5000,
        "Bearer ÿþ",
        "OAuth",
        'OAuth oauth_token="x"',
    ),
    *("Digest x", "Bearer spt_!!!!.???", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer {}", "Bearer \t"),
]


def token_addresses(provider):
    base = provider.told["base_url"].rstrip("/")
    return [f"{base}/oauth/token", f"{base}/datahub/oauth/token"]


def credentials(provider):
    return provider.told["client_id"], provider.told["client_secret"]


def percent(text):
    """Every character in percent-encoding, which any form-decoder must understand."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def opens(provider, answer):
    """The token answer is whole, and the token reads users."""
    assert answer.status == 200, answer
    told = answer.json
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert told["token_type"] == "bearer"
    assert isinstance(told["expires_in"], int)
    assert 0 < told["expires_in"] <= 7200
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    reply = wire.call(f"{provider.base}/users?limit=1", headers=wire.bearer(told["access_token"]))
    assert reply.status == 200, reply
    return told


# The token endpoint.


def test_the_told_token_url_is_one_of_the_two(provider):
    assert provider.told["token_url"] in token_addresses(provider)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("way", ["basic", "basic percent-encoded", "body", "query"])
def test_client_credentials_are_taken_the_ways_that_clients_send_them(provider, which, way):
    url = token_addresses(provider)[which]
    name, secret = credentials(provider)
    form = GRANT | {"scope": f"{ROSTER} {DEMOGRAPHICS}"}
    match way:
        case "basic":
            answer = wire.ask_for_token(url, headers=wire.basic(name, secret), **form)
        case "basic percent-encoded":  # RFC 6749 section 2.3.1 asks for it; Moodle does it
            answer = wire.ask_for_token(url, headers=wire.basic(percent(name), percent(secret)), **form)
        case "body":
            answer = wire.ask_for_token(url, client_id=name, client_secret=secret, **form)
        case "query":  # TCI's "infinite_campus" mode
            search = urlencode(form | {"client_id": name, "client_secret": secret})
            answer = wire.call(f"{url}?{search}", method="POST")
    assert sorted(opens(provider, answer)["scope"].split()) == sorted([ROSTER, DEMOGRAPHICS])


def test_without_a_scope_the_token_has_all_that_is_granted(provider):
    name, secret = credentials(provider)
    told = opens(provider, wire.ask_for_token(provider.told["token_url"], headers=wire.basic(name, secret), **GRANT))
    assert {CORE, ROSTER, DEMOGRAPHICS} <= set(told["scope"].split())
    assert wire.call(f"{provider.base}/demographics", headers=wire.bearer(told["access_token"])).status == 200


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        # 401 or, because the credentials are in the body, 400
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "spc_AAAAAAAAAAAAAAAAAAAAAA.x"}, 401, "invalid_client"),
        ({"client_id": "\x00"}, 401, "invalid_client"),
        ({"client_id": "", "client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": "nosuch"}, 400, "invalid_scope"),
        ({"scope": operations.SCOPE + "roster.delete"}, 400, "invalid_scope"),
    ],
)
def test_a_refused_token_request_says_why_as_rfc_6749_asks(provider, change, status, error):
    name, secret = credentials(provider)
    form = GRANT | {"client_id": name, "client_secret": secret} | change
    answer = wire.ask_for_token(provider.told["token_url"], **form)
    assert answer.status in {status, 400}, answer
    assert answer.json["error"] == error
    assert "access_token" not in answer.json
    assert secret not in answer.body.decode()
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_scope_that_is_not_granted_beside_one_that_is_does_no_harm(provider):
    """Google and Moodle ask for scopes of other services in the same breath; the answer tells what they got."""
    name, secret = credentials(provider)
    scope = f"{ROSTER} {operations.SCOPE}roster.createput {operations.SCOPE}nosuch"
    answer = wire.ask_for_token(provider.told["token_url"], headers=wire.basic(name, secret), scope=scope, **GRANT)
    assert opens(provider, answer)["scope"].split() == [ROSTER]


def test_a_token_request_without_grant_type_is_an_invalid_request(provider):
    answer = wire.ask_for_token(provider.told["token_url"], headers=wire.basic(*credentials(provider)))
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_an_unknown_client_and_a_wrong_secret_are_told_apart_by_nothing(provider):
    name, _ = credentials(provider)
    answers = [
        wire.ask_for_token(provider.told["token_url"], headers=wire.basic(client, "wrong"), **GRANT)
        for client in (name, name[:-1] + ("A" if name[-1] != "A" else "B"), "somebody")
    ]
    assert [answer.status for answer in answers] == [401] * 3
    assert len({answer.body for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic") for answer in answers)


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ", "Basic !!!", "Basic eA==", "Basic /w==", "Basic Og==", "Bearer x", "Basic x y"]
)
def test_a_broken_authorization_header_gets_no_token(provider, header):
    answer = wire.ask_for_token(provider.told["token_url"], headers={"Authorization": header}, **GRANT)
    assert answer.status in {400, 401}, answer
    assert answer.json["error"] in {"invalid_client", "invalid_request"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_token_is_only_posted_for(provider, method):
    name, secret = credentials(provider)
    search = urlencode(GRANT | {"client_id": name, "client_secret": secret})
    answer = wire.call(f"{provider.told['token_url']}?{search}", method=method)
    assert answer.status == 405, answer


def test_a_new_token_leaves_the_older_ones_valid(provider):
    tokens = [provider.new_token() for _ in range(3)]
    assert len(set(tokens)) == 3
    assert [wire.call(f"{provider.base}/orgs", headers=wire.bearer(t)).status for t in tokens] == [200] * 3


# Bearer tokens.


@pytest.mark.parametrize("header", GARBAGE)
@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_a_garbage_authorization_header_is_401(provider, header, prefix):
    answer = wire.call(
        provider.told["base_url"].rstrip("/") + prefix + "/users", headers={"Authorization": header.encode("latin-1")}
    )
    assert answer.status == 401, answer
    assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"]


def test_a_token_altered_in_any_place_is_401(provider):
    token = provider.token()
    other = {"A": "B"}
    places = [0, 4, 10, len(token) // 2, len(token) - 1]
    altered = [token[:i] + other.get(token[i], "A") + token[i + 1 :] for i in places]
    altered += [token[:-1], token + "A", token[1:], token.swapcase(), token + "=", token + "."]
    for each in altered:
        assert wire.call(f"{provider.base}/users", headers=wire.bearer(each)).status == 401, each


def test_a_token_of_one_server_is_nothing_to_another(provider, big_provider):
    assert wire.call(f"{provider.base}/users", headers=wire.bearer(big_provider.token())).status == 401


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_name_of_the_scheme_has_no_case(provider, scheme):
    headers = {"Authorization": f"{scheme} {provider.token()}"}
    assert wire.call(f"{provider.base}/orgs", headers=headers).status == 200


def test_a_revoked_token_is_401_at_once_and_the_others_live(provider):
    token, other = provider.new_token(), provider.new_token()
    for each in (token, other) * 8:  # every process of the server has seen them
        assert wire.call(f"{provider.base}/orgs", headers=wire.bearer(each)).status == 200
    done = providers.run("token", "revoke", token, data_dir=provider.data_dir)
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    for _ in range(8):
        assert wire.call(f"{provider.base}/orgs", headers=wire.bearer(token)).status == 401
        assert wire.call(f"{provider.base}/orgs", headers=wire.bearer(other)).status == 200


def test_a_token_in_the_address_is_not_taken(provider):
    for name in ("access_token", "token", "oauth_token"):
        assert wire.call(f"{provider.base}/users?{name}={provider.token()}").status == 401


def test_client_credentials_alone_do_not_open_the_api(provider):
    assert wire.call(f"{provider.base}/users", headers=wire.basic(*credentials(provider))).status == 401


def test_a_token_is_opaque_and_long(provider):
    token = provider.token()
    for row in provider.roster.rows("users"):
        assert row["username"] not in token
    assert len(token) >= 43
    assert re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token), "the letters RFC 6750 allows"


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Host", "X-Original-Host", "Forwarded", "X-Forwarded-Server"])
def test_a_host_forged_beside_the_host_header_does_not_find_its_way_into_answers(provider, name):
    value = "host=evil.example;proto=https" if name == "Forwarded" else "evil.example"
    answer = wire.call(f"{provider.base}/enrollments?limit=2", headers=wire.bearer(provider.token()) | {name: value})
    assert answer.status == 200, answer
    assert "evil.example" not in answer.body.decode()
    assert "evil.example" not in str(answer.headers)


@pytest.mark.parametrize("host", ['a"b', "<b>", "a/b", "a b", "a@b", "a\\b"])
def test_a_host_header_that_is_no_host_is_refused(provider, host):
    answer = wire.call(f"{provider.base}/orgs", headers=wire.bearer(provider.token()) | {"Host": host})
    assert answer.status == 400, answer


# Scopes.


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("scope", [ROSTER, CORE, DEMOGRAPHICS])
def test_an_operation_opens_to_its_scopes_alone(provider, operation, scope):
    answer = wire.call(provider.base + provider.path_of(operation), headers=wire.bearer(provider.token(scope)))
    assert answer.status == (200 if scope in operation.scopes else 403), answer
    if answer.status == 403:
        assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "forbidden"


@pytest.mark.parametrize("path", ["/teachers", "/users", "/classes"])
def test_roster_readonly_alone_is_enough_for_what_google_and_moodle_call(provider, path):
    assert wire.call(provider.base + path, headers=wire.bearer(provider.token(ROSTER))).status == 200


def test_scopes_add_up(provider):
    token = provider.token(ROSTER, DEMOGRAPHICS)
    for operation in OPERATIONS:
        assert wire.call(provider.base + provider.path_of(operation), headers=wire.bearer(token)).status == 200


def test_without_the_scope_known_and_unknown_ids_look_the_same(provider):
    token = provider.token(ROSTER)
    known = provider.ids["users"]["stu.1"]
    answers = [
        wire.call(f"{provider.base}/demographics/{each}", headers=wire.bearer(token))
        for each in (known, "00000000-0000-0000-0000-000000000000")
    ]
    assert [answer.status for answer in answers] == [403, 403]


# OAuth 1.0a: signed requests, by a signer this project did not write.

SHA1, SHA256 = oauth1.SIGNATURE_HMAC_SHA1, oauth1.SIGNATURE_HMAC_SHA256


class Signer(oauth1.Client):
    """The signer with a version that may be left out, as some clients do."""

    versioned = True

    def get_oauth_params(self, request):
        params = super().get_oauth_params(request)
        return params if self.versioned else [(name, value) for name, value in params if name != "oauth_version"]


def signed(provider, url, method=SHA256, *, secret=None, name=None, versioned=True, http="GET", **extra):
    client_id, client_secret = credentials(provider)
    signer = Signer(name or client_id, client_secret=secret or client_secret, signature_method=method, **extra)
    signer.versioned = versioned
    _, headers, _ = signer.sign(url, http_method=http)
    return headers


@pytest.mark.parametrize("method", [SHA1, SHA256])
@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_a_signed_request_reads_what_a_token_reads(provider, method, prefix):
    for path in (
        "/users",
        "/users?limit=2&offset=3",
        "/enrollments?sort=role&orderBy=desc&fields=role%2Cuser",
        "/demographics",
    ):
        url = provider.told["base_url"].rstrip("/") + prefix + path
        answer = wire.call(url, headers=signed(provider, url, method))
        assert answer.status == 200, answer
        assert answer.json == wire.call(url, headers=wire.bearer(provider.token())).json


@pytest.mark.parametrize("method", [SHA1, SHA256])
@pytest.mark.parametrize(
    "search",
    [
        "filter=" + quote("role='student' AND enabledUser='true'"),
        "filter=role%3D%27student%27+AND+enabledUser%3D%27true%27",
        "filter=" + quote("familyName='O''Neil'"),
        "filter=" + quote("familyName='李'"),
        "filter=" + quote("dateLastModified>'2020-01-01T00:00:00.000Z'") + "&limit=3&sort=familyName&orderBy=desc",
        "fields=sourcedId%2CfamilyName&unknown=%2B%20%25&empty=&a=1&a=2",
    ],
)
def test_the_signature_covers_the_decoded_query(provider, method, search):
    url = f"{provider.base}/users?{search}"
    answer = wire.call(url, headers=signed(provider, url, method))
    assert answer.status == 200, answer
    assert answer.json == wire.call(url, headers=wire.bearer(provider.token())).json


def test_oauth_version_may_be_absent(provider):
    url = f"{provider.base}/orgs"
    headers = signed(provider, url, versioned=False)
    assert "oauth_version" not in headers["Authorization"]
    assert wire.call(url, headers=headers).status == 200


def test_order_spacing_and_realm_of_the_header_do_not_matter(provider):
    url = f"{provider.base}/orgs?limit=2"
    for spell in (
        lambda parts: "OAuth " + ",".join(parts),
        lambda parts: "OAuth " + ",  ".join(reversed(parts)),
        lambda parts: "OAuth   " + " , ".join(sorted(parts)),
        lambda parts: 'OAuth realm="School Passport, all", ' + ", ".join(parts),
        lambda parts: "oauth " + ", ".join(parts),
    ):
        parts = signed(provider, url)["Authorization"].removeprefix("OAuth ").split(", ")
        answer = wire.call(url, headers={"Authorization": spell(parts)})
        assert answer.status == 200, (spell(parts), str(answer))


def unsigned(url, headers):
    answer = wire.call(url, headers=headers)
    assert answer.status == 401, answer
    assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "unauthorized"


def test_a_wrong_secret_or_client_is_401(provider):
    url = f"{provider.base}/users"
    unsigned(url, signed(provider, url, secret="wrong"))
    unsigned(url, signed(provider, url, name="nobody"))
    unsigned(url, signed(provider, url, name=provider.told["client_id"] + "x"))


def test_a_signature_for_another_request_is_401(provider):
    url = f"{provider.base}/users?limit=2"
    unsigned(f"{provider.base}/users?limit=3", signed(provider, url))
    unsigned(f"{provider.base}/users?limit=2&offset=1", signed(provider, url))
    unsigned(f"{provider.base}/users", signed(provider, url))
    unsigned(f"{provider.base}/students?limit=2", signed(provider, url))
    unsigned(url, signed(provider, url, http="POST"))
    unsigned(url, signed(provider, re.sub("//[^/]+", "//evil.example", url)))


def test_a_replayed_request_is_401(provider):
    url = f"{provider.base}/orgs"
    headers = signed(provider, url)
    assert wire.call(url, headers=headers).status == 200
    for _ in range(8):  # the server has several processes; each must know
        unsigned(url, headers)
    assert wire.call(url, headers=signed(provider, url)).status == 200


def test_of_the_same_request_sent_many_times_at_once_one_is_taken(provider):
    url = f"{provider.base}/orgs"
    headers = signed(provider, url)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: wire.call(url, headers=headers).status, range(16)))
    assert sorted(statuses) == [200] + [401] * 15


@pytest.mark.parametrize("seconds", [-9 * 60, -60, 60, 4 * 60])
def test_a_clock_that_is_a_little_off_is_forgiven(provider, seconds):
    url = f"{provider.base}/orgs"
    assert wire.call(url, headers=signed(provider, url, timestamp=str(int(wire.now()) + seconds))).status == 200


@pytest.mark.parametrize("seconds", [-24 * 3600, -20 * 60, 20 * 60, 24 * 3600])
def test_a_stale_or_future_timestamp_is_401(provider, seconds):
    url = f"{provider.base}/orgs"
    unsigned(url, signed(provider, url, timestamp=str(int(wire.now()) + seconds)))


@pytest.mark.parametrize("stamp", ["0", "-1", "abc", "", "99999999999999999999", "1e9"])
def test_a_senseless_timestamp_is_401(provider, stamp):
    url = f"{provider.base}/orgs"
    headers = signed(provider, url)
    text = re.sub(r'oauth_timestamp="\d+"', f'oauth_timestamp="{stamp}"', headers["Authorization"])
    unsigned(url, {"Authorization": text})


def test_a_signature_without_hash_is_401(provider):
    url = f"{provider.base}/orgs"
    unsigned(url, signed(provider, url, oauth1.SIGNATURE_PLAINTEXT))


@pytest.mark.parametrize("name", ["consumer_key", "nonce", "timestamp", "signature", "signature_method"])
def test_a_signed_request_with_a_part_missing_or_doubled_is_401(provider, name):
    url = f"{provider.base}/orgs"
    parts = signed(provider, url)["Authorization"].removeprefix("OAuth ").split(", ")
    (part,) = [each for each in parts if each.startswith(f"oauth_{name}=")]
    without = [each for each in parts if each != part]
    unsigned(url, {"Authorization": "OAuth " + ", ".join(without)})
    parts = signed(provider, url)["Authorization"].removeprefix("OAuth ").split(", ")
    (part,) = [each for each in parts if each.startswith(f"oauth_{name}=")]
    unsigned(url, {"Authorization": "OAuth " + ", ".join([*parts, part])})


def test_a_signed_request_pages_by_following_links_it_signs_anew(provider):
    url = f"{provider.base}/users?limit=5&filter=" + quote("status='active'")
    ids = []
    while url:
        answer = wire.call(url, headers=signed(provider, url, SHA1))
        assert answer.status == 200, answer
        ids += [each["sourcedId"] for each in answer.json["users"]]
        url = answer.links.get("next")
    assert sorted(ids) == sorted(provider.ids["users"].values())


def test_secrets_and_tokens_are_in_no_file_of_the_server(provider):
    """Hashes and ciphertext may rest on disk; what opens the door may not."""
    token = provider.new_token()
    assert wire.call(f"{provider.base}/orgs", headers=wire.bearer(token)).status == 200
    needles = [token.encode(), provider.told["client_secret"].encode()]
    files = [*provider.data_dir.rglob("*"), *provider.data_dir.parent.glob("*.txt")]
    assert len(files) > 10
    assert [str(file) for file in files if any(needle in content(file) for needle in needles)] == []


def content(file):
    """The bytes of a file that the running database may be taking away."""
    try:
        return file.read_bytes() if file.is_file() else b""
    except FileNotFoundError:
        return b""


def test_the_line_of_the_demo_is_what_any_client_needs(provider):
    told = provider.told
    assert {"base_url", "oneroster_url", "token_url", "client_id", "client_secret", "teacher_email"} <= set(told)
    assert told["oneroster_url"] in {told["base_url"].rstrip("/") + each for each in providers.PREFIXES}
    teachers = {row["email"] for row in provider.roster.rows("users") if row["role"] == "teacher"}
    assert told["teacher_email"] in teachers
    assert "\n" not in json.dumps(told)
