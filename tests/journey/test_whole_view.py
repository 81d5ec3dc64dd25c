"""A whole view in one stream, and from then on what changed: an application's copy without collections to walk."""

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from random import Random

import jsonschema_rs
import pytest
from django.test import RequestFactory

from schoolpassport.partners.contract import ROSTER
from schoolpassport.rosterapi.whole import exporting
from schoolpassport.rosterapi.whole.streaming import streamed
from tests.support.readers import LITTLE, OFFICE, PUPIL, SIBLING, TEACHER, Reader, Reading, a_reader, made, person

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BASE = "/datahub/services/view"
ONEROSTER = "/ims/oneroster/v1p1"
UNPACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.decompress, "zstd": zstd.decompress}
BROKEN = [("gzip", (EOFError, gzip.BadGzipFile)), ("zstd", zstd.ZstdError)]
PLURALS = {
    "org": "orgs",
    "academicSession": "academicSessions",
    "course": "courses",
    "class": "classes",
    "user": "users",
    "enrollment": "enrollments",
    "demographics": "demographics",
    "resource": "resources",
}


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return found


def exported(app: Reader, query: str = "", **headers: str) -> tuple[list[dict], dict[str, str]]:
    answer = app.get(f"{BASE}/export{query}", **headers)
    assert answer.status == 200, answer
    return [json.loads(line) for line in unpacked(answer).splitlines()], answer.headers


def unpacked(answer: Reading) -> bytes:
    return UNPACKED[answer.headers.get("Content-Encoding", "")](answer.body)


def pulled(app: Reader) -> dict[tuple[str, str], dict]:
    """What OneRoster's collections show that lives."""
    return {
        (kind, each["sourcedId"]): each
        for kind, plural in PLURALS.items()
        for each in app.json(f"{ONEROSTER}/{plural}?filter=status='active'")[plural]
    }


def held(lines: list[dict]) -> dict[tuple[str, str], dict]:
    return {(kind, each["sourcedId"]): each for line in lines for kind, each in line.items() if kind != "end"}


def test_one_stream_holds_what_all_collections_show(app, monkeypatch):
    whole, headers = exported(app)
    assert held(whole) == pulled(app)
    assert whole[-1] == {"end": {"revision": 1, "records": len(whole) - 1}}
    assert (headers["Content-Type"], headers["X-Revision"]) == ("application/x-ndjson", "1")
    monkeypatch.setattr(exporting, "_CHUNK", 2)
    assert exported(app, **{"Accept-Encoding": "gzip, deflate"})[0] == whole
    monkeypatch.setattr(exporting, "_FRESH", 0)  # each piece is read once more when its turn comes
    assert exported(app)[0] == whole


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", ""),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("ZSTD ; q=1.0", "zstd"),
        ("gzip, deflate", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.5, gzip;q=0.501", "gzip"),
        ("zstd;q=0.2, identity;q=0.1", "zstd"),
        ("zstd;q=0.2, gzip;q=0.1, identity", ""),
        ("gzip;q=0, zstd;q=0.000", ""),
        ("br, *", ""),
        ("zstd-like, xgzip", ""),
        ("zstd;q=much, gzip;level=1", ""),
    ],
)
def test_it_is_packed_as_whoever_asks_likes_best(app, accepted, coding):
    plain, answer = app.get(f"{BASE}/export"), app.get(f"{BASE}/export", **{"Accept-Encoding": accepted})
    assert (answer.headers.get("Content-Encoding", ""), answer.headers["Vary"]) == (coding, "Accept-Encoding")
    assert unpacked(answer) == plain.body
    assert not coding or len(answer.body) < len(plain.body) / 2


@pytest.mark.parametrize(("coding", "broken"), BROKEN)
def test_whoever_unpacks_a_stream_notices_that_it_was_cut_or_is_not_what_was_sent(app, coding, broken):
    packed = app.get(f"{BASE}/export", **{"Accept-Encoding": coding}).body
    for cut in (packed[:-1], packed[:-4], packed[: len(packed) // 2]):
        with pytest.raises(broken):
            UNPACKED[coding](cut)
    with pytest.raises(broken):
        UNPACKED[coding](packed[:-5] + bytes([packed[-5] ^ 1]) + packed[-4:])


def test_a_stream_that_broke_off_is_taken_up_where_it_did_at_its_revision(app, monkeypatch):
    monkeypatch.setattr(exporting, "_CHUNK", 2)
    whole, _ = exported(app)
    app.view.publish({"user": []})
    for place in (0, len(whole) // 2, len(whole) - 2):
        ((kind, last),) = whole[place].items()
        for coding in UNPACKED:
            going_on = f"?revision=1&from={PLURALS[kind]}&after={last['sourcedId']}"
            rest, headers = exported(app, going_on, **{"Accept-Encoding": coding})
            assert rest[:-1] == whole[place + 1 : -1], (place, coding)
            assert (headers["X-Revision"], headers.get("Content-Encoding", "")) == ("1", coding)
    assert app.get(f"{BASE}/export?revision=7").status == 400
    app.view.narrow()
    assert app.get(f"{BASE}/export?revision=1").status == 400, "what is not shared any more may be in it"


def test_a_stream_ends_without_its_end_when_its_revision_may_not_be_read_any_more(app, monkeypatch):
    monkeypatch.setattr(exporting, "_CHUNK", 2)
    asked = RequestFactory().get(f"{BASE}/export", headers={"authorization": f"Bearer {app.token}"})
    stream = iter(exporting.export(asked))
    assert next(stream).startswith(b'{"academicSession":')
    app.view.publish({"user": []})
    app.view.narrow()
    with pytest.raises(exporting.BrokenOff):
        list(stream)


@pytest.mark.parametrize(("coding", "broken"), BROKEN)
def test_what_was_packed_of_a_stream_that_broke_off_is_no_whole_one(coding, broken):
    """Much is sent while it is read, and nothing is made up behind it."""
    noise, sent = Random(7), []

    def lines() -> Iterator[bytes]:
        for _ in range(9):
            yield noise.randbytes(40_000)
        raise exporting.BrokenOff

    asked = RequestFactory().get(f"{BASE}/export", headers={"accept-encoding": coding})
    stream = iter(streamed(asked, lines(), revision=1))
    with pytest.raises(exporting.BrokenOff):
        sent += iter(stream.__next__, None)
    assert sum(map(len, sent)) > 200_000
    with pytest.raises(broken):
        UNPACKED[coding](b"".join(sent))


def test_changes_tell_each_record_once_and_bring_a_copy_up_to_date(app):
    copy = held(exported(app)[0])
    after = app.json(f"{BASE}/changes?limit=1000")["after"]
    assert app.json(f"{BASE}/changes?after={after}") == {
        "changes": [],
        "after": after,
        "more": False,
        "revision": 1,
        "next": f"{BASE}/changes?limit=1000&after={after}",
    }
    rest = [each for each in LITTLE["user"] if each["sourcedId"] not in {SIBLING, TEACHER}]
    app.view.publish({"user": [*rest, person(TEACHER, "Tim", "teacher", OFFICE)]})
    app.view.publish({"user": [*rest, person(TEACHER, "Tam", "teacher", OFFICE), person(made(), "New", "student")]})
    page = {"next": f"{BASE}/changes?after={after}&limit=1", "more": True}
    told = []
    while page["more"]:
        page = app.json(page["next"])
        told += page["changes"]
    for line in told:
        ((kind, record),) = [(name, value) for name, value in line.items() if isinstance(value, dict)]
        copy[kind, record["sourcedId"]] = record
        if line["change"] == "deleted":
            del copy[kind, record["sourcedId"]]
    assert copy == pulled(app)
    assert sorted(line["change"] for line in told) == ["created", "deleted", "updated"]
    assert [line["seq"] for line in told] == sorted(line["seq"] for line in told)


def test_no_cursor_is_stranded_when_terms_narrow(app):
    after = app.json(f"{BASE}/changes")["after"]
    app.view.agree({"user": ["role"]})
    app.view.publish({"user": [{"sourcedId": PUPIL, "role": "student"}]})
    app.view.narrow()
    for start in (0, after):
        told = app.get(f"{BASE}/changes?after={start}&collections=users")
        assert told.status == 200
        assert PUPIL in {line["user"]["sourcedId"] for line in told.json["changes"]}
        assert b"Pia" not in told.body


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/changes?after=999",
        f"{ONEROSTER}/events?after=00000001{999:012x}0000",
        f"/v3.1/events?starting_after=00000001{999:012x}0000",
        f"/datahub/services/v1/events?after=00000001{999:012x}0000",
    ],
)
def test_who_waits_where_the_log_never_was_is_told_so_and_does_not_wait_for_ever(app, path):
    """As whoever followed a database that was set back since."""
    last = app.json(f"{BASE}/changes")["after"]
    refused = app.get(path)
    assert refused.status == 400
    assert f"The change log ends at {last}, and never reached 999: begin again with all of it." in refused.body.decode()
    assert app.get(path.replace("999", str(last)).replace(f"{999:012x}", f"{last:012x}")).status == 200, (
        "the end itself"
    )


def test_a_token_opens_the_kinds_of_its_scopes(district):
    app = a_reader(district.id, scopes=frozenset({ROSTER}))
    app.view.publish(LITTLE)
    kinds = {kind for line in exported(app)[0] for kind in line}
    assert not {"demographics", "resource"} & kinds
    assert {"user", "enrollment", "end"} <= kinds
    assert app.get(f"{BASE}/export?collections=users,demographics").status == 403
    assert app.get(f"{BASE}/changes?collections=demographics").status == 403
    for query in ("collections=wizards", "after=x", "from=wizards", "revision=x"):
        assert app.get(f"{BASE}/export?{query}").status == 400, query
    for query in ("limit=0", "limit=10001", "after=x", "after=999"):
        assert app.get(f"{BASE}/changes?{query}").status == 400, query
    assert app.get(f"{BASE}/wizards").status == 404
    assert app.get(f"{BASE}/export", method="HEAD").body == b""
    stranger = Reader(app.integrated, app.view, "spt_nobody")
    assert [stranger.get(f"{BASE}/{path}").status for path in ("export", "changes")] == [401, 401]


def test_it_describes_itself_to_whoever_asks(app):
    told = Reader(app.integrated, app.view, "").get(f"{BASE}/openapi.json")
    assert (told.status, set(told.json["paths"])) == (200, {"/changes", "/manifest", "/export", "/reconcile"})
    changes = told.json["paths"]["/changes"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate(changes, app.json(f"{BASE}/changes?limit=2"))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(changes, told.json)
    stream = told.json["paths"]["/export"]["get"]["responses"]["200"]
    assert {"", *stream["headers"]["Content-Encoding"]["schema"]["enum"]} == UNPACKED.keys()
    assert list(stream["content"]) == ["application/x-ndjson"]
    ((method, reconcile),) = told.json["paths"]["/reconcile"].items()
    assert (method, [each["name"] for each in reconcile["parameters"] if each["required"]]) == ("post", ["collection"])
    answers = {
        str(app.post(f"{BASE}/reconcile?collection=users", b"").status),
        str(app.post(f"{BASE}/reconcile", b"").status),
        str(app.get(f"{BASE}/reconcile?collection=users").status),
    }
    assert answers <= reconcile["responses"].keys()
    schema = reconcile["responses"]["415"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate(schema, app.post(f"{BASE}/reconcile", b"").json)
