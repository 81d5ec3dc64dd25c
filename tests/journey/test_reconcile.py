"""A copy that has drifted is mended by what differs, and by nothing else, with the code that our page tells partners to write."""

import gzip
import io
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from schoolpassport.partners.contract import ROSTER
from schoolpassport.rosterapi.whole import held, reconciling, streaming
from schoolpassport.sharing.models import Consent, Reading
from schoolpassport.tenancy import scope
from tests.support import partner_code
from tests.support.readers import LITTLE, PUPIL, SCHOOL, SIBLING, TEACHER, Reader, a_reader, person
from tests.support.readers import Reading as Answer

BASE = "/datahub/services/view"
THEIRS = partner_code.of("manifest.md")
GOOD = "0" * 64


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return found


def copied(app: Reader, collection: str, query: str = "") -> dict[str, dict]:
    lines = map(json.loads, app.get(f"{BASE}/export?collections={collection}{query}").body.splitlines()[:-1])
    return {record["sourcedId"]: record for line in lines for record in line.values()}


def posted(app: Reader, body: bytes, query: str = "collection=users", **headers: str) -> Answer:
    return app.post(f"{BASE}/reconcile?{query}", body, **headers)


def end(answer: Answer) -> dict:
    assert answer.status == 200, answer
    return json.loads(answer.body.splitlines()[-1])["end"]


def drifted(copy: dict[str, dict]) -> dict[str, dict]:
    """One is lost, one is written over, and one was never told to go."""
    stranger = person(str(uuid4()), "Zoe", "student", SCHOOL)
    return {
        **{key: each for key, each in copy.items() if key != SIBLING},
        TEACHER: {**copy[TEACHER], "givenName": "Tim"},
        stranger["sourcedId"]: stranger,
    }


@pytest.mark.parametrize("chunk", [1, 2000])
def test_only_what_differs_comes_and_mends_the_copy(app, monkeypatch, chunk):
    monkeypatch.setattr(reconciling, "_CHUNK", chunk)
    right = copied(app, "users")
    wrong = drifted(right)
    answer = posted(app, THEIRS.held(wrong.values()))
    lines = [json.loads(line) for line in answer.body.splitlines()]
    (stranger,) = set(wrong) - set(right)
    assert lines == [
        *({"user": right[key]} for key in sorted([SIBLING, TEACHER])),
        {"deleted": {"sourcedId": stranger}},
        {"end": {"revision": 1, "records": 2, "deleted": 1, "same": len(right) - 2}},
    ]
    assert (answer.headers["Content-Type"], answer.headers["X-Revision"]) == ("application/x-ndjson", "1")
    mended = THEIRS.mended(wrong, answer.body)
    assert THEIRS.digest(mended.values()) == app.json(f"{BASE}/manifest")["collections"]["users"]["digest"]
    assert end(posted(app, THEIRS.held(mended.values()))) == {
        "revision": 1,
        "records": 0,
        "deleted": 0,
        "same": len(right),
    }


def test_whoever_holds_nothing_gets_all_and_a_stream_without_its_end_is_no_answer(app):
    for collection, kind in (("enrollments", "enrollment"), ("orgs", "org"), ("results", "result")):
        answer = posted(app, b"", f"collection={collection}")
        assert THEIRS.mended({}, answer.body) == copied(app, collection)
        assert end(answer)["records"] == len(LITTLE.get(kind, []))
    with pytest.raises(ValueError, match="broke off"):
        THEIRS.mended({}, b"".join(posted(app, b"").body.splitlines(keepends=True)[:-1]))


def test_packed_and_bucket_by_bucket(app):
    right = copied(app, "users")
    wrong = drifted(right)
    packed = posted(app, gzip.compress(THEIRS.held(wrong.values())), **{"Content-Encoding": "gzip"})
    assert packed.body == posted(app, THEIRS.held(wrong.values())).body
    unpacked = posted(app, THEIRS.held(wrong.values()), **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(unpacked.body) == packed.body
    theirs = app.json(f"{BASE}/manifest?collections=users&buckets=true")["buckets"]["users"]
    mine = {key[-3:]: THEIRS.digest(r for r in wrong.values() if r["sourcedId"].endswith(key[-3:])) for key in wrong}
    differing = {b for b in {*theirs, *mine} if theirs.get(b) != mine.get(b)}
    some = [each for each in wrong.values() if each["sourcedId"][-3:] in differing]
    answer = posted(app, THEIRS.held(some), f"collection=users&buckets={','.join(sorted(differing))}")
    assert THEIRS.mended(wrong, answer.body) == right
    assert end(answer) == {"revision": 1, "records": 2, "deleted": 1, "same": len(some) - 2}
    outside = next(key for key in right if key[-3:] not in differing)
    refused = posted(app, THEIRS.held([*some, right[outside]]), f"collection=users&buckets={','.join(differing)}")
    assert (
        refused.status,
        f"Line {len(some) + 1} is of a record in bucket {outside[-3:]}" in refused.json["error"],
    ) == (400, True)


def test_it_is_pinned_to_the_revision_of_the_manifest(app):
    right = copied(app, "users")
    app.view.publish({"user": [person(PUPIL, "Pam", "student", SCHOOL)]})
    assert end(posted(app, THEIRS.held(right.values()), "collection=users&revision=1"))["same"] == len(right)
    newest = posted(app, THEIRS.held(right.values()))
    assert {k: end(newest)[k] for k in ("revision", "records", "deleted")} == {
        "revision": 2,
        "records": 1,
        "deleted": len(right) - 1,
    }
    assert THEIRS.mended(right, newest.body) == copied(app, "users")
    assert posted(app, b"", "collection=users&revision=3").status == 400
    app.view.narrow()
    assert posted(app, b"", "collection=users&revision=1").status == 400


def line(**said: object) -> bytes:
    return json.dumps(said).encode()


BAD = {
    "no JSON": (b"\n{", "Line 2 is not like"),
    "a list": (b"[]", "Line 1 is not like"),
    "no hash": (line(sourcedId=PUPIL), "Line 1 is not like"),
    "a short hash": (line(sourcedId=PUPIL, hash="0" * 63), "Line 1 is not like"),
    "a hash and a line end": (line(sourcedId=PUPIL, hash=GOOD + "\n"), "Line 1 is not like"),
    "no id": (line(sourcedId="4711", hash=GOOD), "Line 1 is not like"),
    "twice": (
        b"\n".join([line(sourcedId=SIBLING, hash=GOOD)] + [line(sourcedId=PUPIL, hash=GOOD)] * 2),
        "Line 3 is of a record that was",
    ),
    "no end of a line": (line(sourcedId=PUPIL, hash=GOOD) + b"\n" + b" " * 2000, "Line 2 has more than 1000 bytes"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_is_refused_with_its_line(app, what):
    body, sentence = BAD[what]
    answer = posted(app, body)
    assert (answer.status, answer.json["error"][: len(sentence)]) == (400, sentence)


def test_too_much_and_what_is_not_as_it_is_said_to_be_is_refused(app, monkeypatch):
    body = THEIRS.held(copied(app, "users").values())
    packed, as_gzip = gzip.compress(body), {"Content-Encoding": "gzip"}
    refused = {
        (posted(app, sent, **headers).status, posted(app, sent, **headers).json["error"])
        for sent, headers in (
            (body, as_gzip),
            (packed[:-9], as_gzip),
            (packed + b"x", as_gzip),
            (body, {"Content-Encoding": "br"}),
        )
    }
    assert refused == {
        (400, "What you sent is no gzip."),
        (400, "What you sent as gzip broke off."),
        (400, "Behind the end of the gzip that you sent there is more."),
        (415, "Send it as it is, or as gzip."),
    }
    monkeypatch.setattr(held, "MOST_UNPACKED", 1 << 20)
    bomb = gzip.compress(b"\n" * (8 << 20))
    assert posted(app, bomb, **as_gzip).status == 413
    monkeypatch.setattr(held, "MOST_SENT", len(body) - 1)
    assert posted(app, body).status == 413
    assert app.get(f"{BASE}/reconcile?collection=users", method="POST").status == 411
    for query in ("", "collection=", "collection=users,orgs", "collection=wizards", "collection=users&buckets=0A3"):
        assert posted(app, b"", query).status == 400, query
    got = app.get(f"{BASE}/reconcile?collection=users")
    assert (got.status, got.headers["Allow"]) == (405, "POST")


def test_what_is_refused_is_read_to_its_end_so_that_the_refusal_is_heard(app):
    body = b"x\n" + b"\n" * (1 << 20)
    headers = {"authorization": f"Bearer {app.token}"}
    asked = RequestFactory().post(
        f"{BASE}/reconcile?collection=users", body, content_type="text/plain", headers=headers
    )
    sent = io.BytesIO(body)
    refused = reconciling.reconcile(WSGIRequest({**asked.META, "wsgi.input": sent}))
    assert (refused.status_code, sent.tell()) == (400, len(body))


def test_nobody_is_listened_to_who_may_not_read(district):
    """Before a line of what they send is looked at."""
    app = a_reader(district.id, scopes=frozenset({ROSTER}))
    app.view.publish(LITTLE)
    assert posted(app, b"{", "collection=demographics").status == 403
    assert posted(Reader(app.integrated, app.view, "spt_nobody"), b"{").status == 401
    assert posted(app, b"{").status == 400
    with scope.inside(district.id):
        Consent.objects.filter(integration_id=app.view.integration_id).update(
            expires_at=datetime(2026, 9, 2, tzinfo=UTC)
        )
    assert posted(app, b"{").status == 403


def test_a_stream_ends_without_its_end_when_its_revision_may_not_be_read_any_more(app, monkeypatch):
    monkeypatch.setattr(reconciling, "_CHUNK", 2)
    headers = {"authorization": f"Bearer {app.token}"}
    path = f"{BASE}/reconcile?collection=users"
    stream = iter(
        reconciling.reconcile(RequestFactory().post(path, b"\n", content_type="application/x-ndjson", headers=headers))
    )
    assert next(stream).startswith(b'{"user":')
    app.view.publish({"user": []})
    app.view.narrow()
    with pytest.raises(streaming.BrokenOff):
        list(stream)


def test_what_was_sent_is_noted_and_what_was_not_is_not(app):
    right = copied(app, "users")

    def noted() -> list[tuple[str, int, int, bool]]:
        with scope.inside(app.integrated.district_id):
            mine = Reading.objects.filter(integration_id=app.view.integration_id, outlet="reconcile")
            return list(mine.values_list("kind", "revision", "records", "part"))

    posted(app, THEIRS.held(right.values()))
    assert noted() == []
    posted(app, THEIRS.held(drifted(right).values()))
    assert noted() == [("user", 1, 2, True)]
