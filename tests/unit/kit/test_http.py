"""Other people's servers: what they may do to us, and what we say about it."""

import logging
import ssl
import time

import pytest

from schoolpassport.kit import http
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.http import Client, Limits, Pace, Unexpected
from schoolpassport.kit.recovery import NeedsAttention, Retry
from tests.support import hostile, lookup
from tests.support.certificates import Authority
from tests.support.hostile import CSV, HOSTILE, PACKED, PAGE, answer, first, raw, serving

HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
QUICK = Pace(tries=3, first=0.01, longest=0.02, patience=0.5)
SHORT = Limits(bytes=5_000_000, seconds=2.0, silence=0.7)
SECRET = "s3cret-token"


def client(**what) -> Client:
    return Client(policy=HERE, pace=QUICK, **what)


def fetch(server, path, folder, *, redirects=0):
    with client(redirects=redirects) as calling:
        return calling.download(
            server.url(f"{path}?key={SECRET}"),
            folder / "orgs.csv",
            headers={"Authorization": f"Bearer {SECRET}"},
            limits=SHORT,
        )


@pytest.mark.parametrize("name", HOSTILE)
def test_no_misbehaviour_leaves_a_file_or_gives_a_secret_away(name, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    behave, word = HOSTILE[name]
    begun = time.monotonic()
    with serving({"/x": behave}) as server, pytest.raises((Retry, NeedsAttention)) as raised:
        fetch(server, "/x", tmp_path, redirects=2)
    assert word in raised.value.sentence
    assert time.monotonic() - begun < 5
    assert list(tmp_path.iterdir()) == []
    chain = repr((raised.value, raised.value.__cause__, raised.value.__dict__)) + raised.value.sentence
    assert SECRET not in chain + caplog.text
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "good",
    [
        answer("200 OK", CSV),
        answer("200 OK", PACKED, Content_Encoding="gzip"),
        answer("200 OK", PACKED[:0] + PACKED, Content_Encoding="x-gzip"),
        raw(hostile.head("Transfer-Encoding: chunked"), b"%x\r\n%b\r\n0\r\n\r\n" % (len(CSV), CSV)),
        raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + hostile.head(hostile.LENGTH), CSV),
        first(2, answer("503 Service Unavailable", Retry_After="0"), answer("200 OK", CSV)),
        first(2, answer("500 Internal Server Error"), answer("200 OK", CSV)),
        first(1, raw(hostile.head(hostile.LENGTH), CSV[:100]), answer("200 OK", CSV)),
        first(1, raw(), answer("200 OK", CSV)),
    ],
)
def test_a_whole_file_arrives(good, tmp_path):
    """The control of the test above: the same call, and a server that behaves in the end."""
    with serving({"/x": good}) as server:
        got = fetch(server, "/x", tmp_path)
    assert got.path.read_bytes() == CSV
    assert [p.name for p in tmp_path.iterdir()] == ["orgs.csv"]
    assert SECRET in server.heads[0]


def test_a_pause_that_is_too_long_to_wait_for_is_handed_on(tmp_path):
    with serving({"/x": answer("429 No", Retry_After="4000"), "/y": answer("503 No", Retry_After="9" * 40)}) as server:
        with pytest.raises(Retry) as soon:
            fetch(server, "/x", tmp_path)
        with pytest.raises(Retry) as late:
            fetch(server, "/y", tmp_path)
    assert (soon.value.after, late.value.after) == (4000, 6 * 3600)
    assert server.hits == {"/x": 1, "/y": 1}


def test_a_date_to_come_back_at_counts_from_their_own_clock(tmp_path):
    dates = {"Date": "Mon, 01 Jan 2001 00:00:00 GMT", "Retry_After": "Mon, 01 Jan 2001 00:10:00 GMT"}
    with serving({"/x": answer("429 No", **dates)}) as server, pytest.raises(Retry) as raised:
        fetch(server, "/x", tmp_path)
    assert raised.value.after == 600


def test_pauses_grow_and_differ():
    pace = Pace(first=1.0, longest=30.0)
    for attempt, most in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        pauses = {pace.pause(attempt) for _ in range(20)}
        assert len(pauses) > 1
        assert all(most / 2 <= p <= most for p in pauses)


def test_a_form_is_sent_again_only_where_it_had_no_effect():
    with (
        serving({"/busy": first(1, answer("503 No"), answer("200 OK", b"{}")), "/bad": answer("500 No")}) as server,
        client() as calling,
    ):
        assert calling.post(server.url("/busy"), form={"grant_type": "x"}).json() == {}
        with pytest.raises(Retry):
            calling.post(server.url("/bad"), form={"grant_type": "x"})
    assert server.hits == {"/busy": 2, "/bad": 1}


def test_what_must_not_be_asked_twice_is_sent_on_a_connection_of_its_own():
    """On one that was kept, and is closed there at that moment, nobody would know whether it was acted on."""
    with serving({"/x": answer("200 OK", b"{}")}, keeps=True) as server, client() as calling:
        for _ in range(3):
            calling.get(server.url("/x"))
        assert server.connections == 1  # the control
        for _ in range(3):
            calling.post(server.url("/x"), form={"grant_type": "x"})
    assert (server.connections, server.hits["/x"]) == (4, 6)


def test_a_status_that_says_no_can_be_looked_at():
    with (
        serving({"/x": answer("401 Unauthorized", PAGE)}) as server,
        client() as calling,
        pytest.raises(Unexpected) as raised,
    ):
        calling.get(server.url("/x"))
    assert raised.value.status == 401
    assert server.hits["/x"] == 1


def test_what_is_confided_to_one_place_is_not_told_another(tmp_path):
    with serving({"/y": answer("200 OK", CSV)}) as other:
        there = answer("302 Found", Location=other.url("/y"))
        with serving(
            {"/x": there, "/z": answer("307 Moved", Location="/same"), "/same": answer("200 OK", CSV)}
        ) as server:
            assert fetch(server, "/x", tmp_path, redirects=1).size == len(CSV)
            assert fetch(server, "/z", tmp_path, redirects=1).size == len(CSV)
            with pytest.raises(Unexpected, match="elsewhere"):
                fetch(server, "/x", tmp_path)
    assert SECRET not in "".join(other.heads)
    assert "Bearer" in server.heads[-2]  # the same place is told again


def test_the_environment_leads_nowhere(tmp_path, monkeypatch):
    with serving({}) as proxy, serving({"/x": answer("200 OK", CSV)}) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url("/"))
        assert fetch(server, "/x", tmp_path).size == len(CSV)
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "https://",
        "http://[::1",
        "gopher://h/",
        f"https://me:{SECRET}@127.0.0.1/",
        "https://a b/",
        "https://%31/",
        "https://127.0.0.1%2f@x/",
        "http:127.0.0.1",
    ],
)
def test_an_address_that_is_none_is_refused_without_a_word_of_it(url):
    with client() as calling, pytest.raises(NeedsAttention) as raised:
        calling.get(url)
    assert SECRET not in raised.value.sentence


# ------------------------------------------------------------------------------------------------------ certificates


@pytest.fixture(scope="module")
def authority():
    return Authority()


def test_a_verified_server_is_talked_to(authority, tmp_path):
    context = authority.context(tmp_path, "localhost")
    with serving({"/x": answer("200 OK", b"[1]")}, context) as server, client(authorities=authority.pem) as calling:
        assert calling.get(server.url("/x", "localhost")).json() == [1]


@pytest.mark.parametrize(
    ("hosts", "valid", "known", "word"),
    [
        (("localhost",), (-30, -1), True, "expired"),
        (("localhost",), (5, 30), True, "not valid yet"),
        (("sis.example",), (-1, 30), True, "another name"),
        (("localhost",), (-1, 30), False, "signed by nobody we know"),
    ],
)
def test_each_wrong_certificate_is_named(authority, tmp_path, hosts, valid, known, word):
    context = authority.context(tmp_path, *hosts, valid=valid)
    with (
        serving({"/x": answer("200 OK", b"[1]")}, context) as server,
        client(authorities=authority.pem if known else "") as calling,
        pytest.raises(NeedsAttention, match=word),
    ):
        calling.get(server.url("/x", "localhost"))
    assert server.heads == []


def test_an_old_protocol_is_refused(authority, tmp_path):
    context = authority.context(tmp_path, "localhost")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        serving({"/x": answer("200 OK", b"[1]")}, context) as server,
        client(authorities=authority.pem) as calling,
        pytest.raises((NeedsAttention, Retry), match=r"TLS|broke"),
    ):
        calling.get(server.url("/x", "localhost"))
    assert server.heads == []


def test_an_authority_that_is_none_is_said_to_be():
    with pytest.raises(NeedsAttention, match="BEGIN CERTIFICATE"):
        client(authorities="hello")


def test_limits_hold_for_all_tries_together():
    with serving({"/x": hostile.silent}) as server, client() as calling:
        begun = time.monotonic()
        with pytest.raises(Retry):
            calling.get(server.url("/x"), limits=Limits(bytes=100, seconds=1.0, silence=0.4))
        assert time.monotonic() - begun < 1.6
    assert 2 <= server.hits["/x"] <= 3


def test_the_usual_limits_are_set():
    assert http.ANSWER.seconds <= 120
    assert http.FILE.silence <= 60
