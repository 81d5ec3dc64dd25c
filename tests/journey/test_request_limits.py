"""An application may ask so often in each minute, whatever the dialect and however many tokens; others go on."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from schoolpassport.config import environment
from tests.support.clockwork import Clockwork, ticking
from tests.support.readers import LITTLE, Reader, a_reader

LIMIT = 5
NOON = datetime(2026, 9, 1, 12, 0, 20, tzinfo=UTC)
PATHS = ("/ims/oneroster/v1p1/users", "/v3.0/users", "/datahub/services/v1/students")


@pytest.fixture(autouse=True)
def _limited(monkeypatch):
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, requests_per_minute=LIMIT))


@pytest.fixture
def clock() -> Iterator[Clockwork]:
    """By which requests are counted, and tokens live; each look at it takes a second."""
    with ticking(NOON) as made:
        yield made


@pytest.fixture
def app(district, clock) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    clock.now = NOON
    return found


def test_what_is_left_is_told_and_one_too_many_is_refused_until_the_minute_is_over(app, clock):
    answers = [app.get(PATHS[0]) for _ in range(LIMIT + 2)]
    left = 40 - len(answers)
    assert [a.status for a in answers] == [200] * LIMIT + [429] * 2
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert {a.headers["X-RateLimit-Limit"] for a in answers} == {str(LIMIT)}
    assert {a.headers["X-RateLimit-Reset"] for a in answers} == {str(int((NOON + timedelta(seconds=40)).timestamp()))}
    assert answers[-1].headers["Retry-After"] == str(left)
    [said] = json.loads(answers[-1].body)["statusInfoSet"]
    assert said["imsx_description"] == f"More than 5 requests in this minute; ask again in {left} seconds."
    assert said["imsx_codeMinor"] == "server_busy"
    clock.now = NOON + timedelta(seconds=40)
    assert app.get(PATHS[0]).status == 200


def test_all_dialects_and_all_tokens_of_an_application_count_together(app):
    other = replace(app, token=app.integrated.token(NOON))
    assert [each.get(path).status for each in (app, other) for path in PATHS] == [200] * LIMIT + [429]
    refused = [app.get(path) for path in PATHS]
    assert [a.status for a in refused] == [429] * 3
    assert all("ask again in" in a.body.decode() and int(a.headers["Retry-After"]) for a in refused)


def test_what_is_streamed_counts_like_any_request_and_says_so(app):
    whole = "/datahub/services/view"
    answers = [
        app.get(f"{whole}/export"),
        *(app.post(f"{whole}/reconcile?collection=users", b"") for _ in range(LIMIT)),
    ]
    assert [a.status for a in answers] == [200] * LIMIT + [429]
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == ["4", "3", "2", "1", "0", "0"]
    assert "ask again in" in answers[-1].body.decode()
    assert int(answers[-1].headers["Retry-After"])


def test_another_application_and_another_district_go_on(app, other_district):
    neighbour = a_reader(app.integrated.district_id)
    neighbour.view.publish(LITTLE)
    abroad = a_reader(other_district.id)
    abroad.view.publish(LITTLE)
    while app.get(PATHS[0]).status != 429:
        pass
    assert [each.get(PATHS[0]).status for each in (neighbour, abroad)] == [200, 200]


ASKED_IN_VAIN = (
    *("/v3.0/me", "/datahub/services/v1/districts", "/ims/oneroster/v1p1/wizards", "/v3.0/users?limit=10001"),
    *("/ims/oneroster/v1p1/users?filter=x", "/datahub/services/view/changes?after=x", "/v3.0/wizards"),
)


@pytest.mark.parametrize("path", ASKED_IN_VAIN)
def test_what_reads_no_record_or_cannot_be_answered_counts_too(app, path):
    first = app.get(path)
    assert first.headers["X-RateLimit-Remaining"] == str(LIMIT - 1), "and once"
    again = [app.get(path).status for _ in range(LIMIT)]
    assert again == [first.status] * (LIMIT - 1) + [429]


def test_a_stranger_uses_up_nobodys_minute(app):
    stranger = replace(app, token=app.token[:-4] + "AAAA")
    assert {stranger.get(PATHS[0]).status for _ in range(LIMIT + 2)} == {401}
    assert app.get(PATHS[0]).headers["X-RateLimit-Remaining"] == str(LIMIT - 1)


def test_no_limit_is_no_header(app, monkeypatch):
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, requests_per_minute=0))
    assert not [name for name in app.get(PATHS[0]).headers if name.startswith("X-RateLimit")]


@pytest.mark.parametrize(("said", "processes", "each"), [("3000", "1", 3000), ("3000", "2", 1500), ("5", "2", 3)])
def test_server_processes_share_the_limit(said, processes, each):
    told = {"SCHOOLPASSPORT_REQUESTS_PER_MINUTE": said, environment.SERVER_PROCESSES: processes}
    assert environment.read(told).requests_per_minute == each
