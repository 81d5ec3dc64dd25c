"""The events of OneRoster 1.1: what happened to each record of the view, in order; never dropped."""

import pytest

from schoolpassport.partners.contract import ROSTER
from tests.journey.test_whole_view import ONEROSTER, PLURALS, pulled
from tests.support.readers import LITTLE, OFFICE, PUPIL, SIBLING, TEACHER, Reader, a_reader, person

EVENTS = f"{ONEROSTER}/events"


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return found


def walked(app: Reader, path: str) -> list[dict]:
    """All pages of events, as the ``Link`` of each leads on."""
    told = []
    while path:
        answer = app.get(path)
        assert answer.status == 200, answer
        told += answer.json["events"]
        link = answer.headers.get("Link", "")
        path = link.partition("://testserver")[2].partition(">")[0]
        assert link == "" or link.endswith('; rel="next"')
    return told


def test_who_follows_all_events_holds_what_a_pull_gives(app):
    first = walked(app, f"{EVENTS}?limit=3")
    rest = [each for each in LITTLE["user"] if each["sourcedId"] not in {SIBLING, TEACHER}]
    app.view.publish({"user": [*rest, person(TEACHER, "Tim", "teacher", OFFICE)]})
    later = walked(app, f"{EVENTS}?after={first[-1]['sourcedId']}")
    assert sorted(event["type"] for event in later) == ["users.deleted", "users.updated"]
    (changed,) = (event for event in later if event["type"] == "users.updated")
    assert changed["dateLastModified"] == changed["object"]["user"]["dateLastModified"]
    assert changed["previousAttributes"]["givenName"] != changed["object"]["user"]["givenName"] == "Tim"
    copy = {}
    for event in [*first, *later]:
        ((kind, record),) = event["object"].items()
        assert event["type"].partition(".")[0] == PLURALS[kind]
        copy[kind, record["sourcedId"]] = record
        if event["type"].endswith(".deleted"):
            del copy[kind, record["sourcedId"]]
    assert copy == pulled(app)
    assert app.json(f"{EVENTS}/{changed['sourcedId']}") == {"event": changed}
    assert [e["sourcedId"] for e in walked(app, f"{EVENTS}?collections=users,orgs&limit=1")] == [
        *(e["sourcedId"] for e in [*first, *later] if {"user", "org"} & e["object"].keys())
    ]


def test_what_is_not_shared_any_more_is_in_no_event(app):
    app.view.agree({"user": ["role"]})
    app.view.publish({"user": [{"sourcedId": PUPIL, "role": "student"}]})
    app.view.narrow()
    answer = app.get(f"{EVENTS}?collections=users")
    assert PUPIL in {event["object"]["user"]["sourcedId"] for event in answer.json["events"]}
    assert b"Pia" not in answer.body


def test_events_keep_to_scopes_and_refuse_in_the_words_of_1_1(app, district):
    reader = a_reader(district.id, scopes=frozenset({ROSTER}))
    reader.view.publish(LITTLE)
    kinds = {kind for event in walked(reader, EVENTS) for kind in event["object"]}
    assert kinds >= {"user", "enrollment"}
    assert not kinds & {"demographics", "resource"}
    for path, status, minor in (
        (f"{EVENTS}?collections=demographics", 403, "forbidden"),
        (f"{EVENTS}?collections=wizards", 400, "invalid data"),
        (f"{EVENTS}?after=7", 400, "invalid data"),
        (f"{EVENTS}?limit=0", 400, "invalid data"),
        (f"{EVENTS}?limit=10001", 400, "invalid data"),
        (f"{EVENTS}/{'0' * 24}", 404, "unknown object"),
        (f"{EVENTS}/wizard", 404, "unknown object"),
    ):
        answer = reader.get(path)
        assert (answer.status, answer.json["statusInfoSet"][0]["imsx_codeMinor"]) == (status, minor), path
    assert app.get(f"{EVENTS}?collections=scoreScales").status == 400
    answer = reader.get(EVENTS, method="DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert reader.get(EVENTS, Authorization="Bearer spt_nobody").status == 401
