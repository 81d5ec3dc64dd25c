from dataclasses import dataclass

import pytest

from schoolpassport.kit import news


@dataclass(frozen=True)
class BellRang:
    times: int


@dataclass(frozen=True)
class BellRangTwice(BellRang):
    pass


def test_listeners_hear_in_the_order_of_subscription():
    heard = []
    with (
        news.listening(BellRang, lambda event: heard.append(("first", event))),
        news.listening(BellRang, lambda event: heard.append(("second", event))),
    ):
        news.announce(BellRang(times=3))
        news.announce(BellRangTwice(times=2))
    news.announce(BellRang(times=4))
    assert heard == [("first", BellRang(times=3)), ("second", BellRang(times=3))]


def test_nobody_listening_is_fine():
    news.announce(BellRang(times=1))


def test_a_failing_listener_fails_the_announcement_and_those_after_it_hear_nothing():
    heard = []

    def fail(_: BellRang) -> None:
        raise RuntimeError("no")

    with news.listening(BellRang, fail), news.listening(BellRang, heard.append), pytest.raises(RuntimeError):
        news.announce(BellRang(times=1))
    assert heard == []


def test_listening_ends_when_the_test_fails():
    heard = []
    with pytest.raises(RuntimeError), news.listening(BellRang, heard.append):
        raise RuntimeError
    news.announce(BellRang(times=1))
    assert heard == []


def test_a_listener_is_subscribed_once():
    heard = []
    listener = heard.append
    with news.listening(BellRang, listener), pytest.raises(ValueError, match="already listens to BellRang"):
        news.subscribe(BellRang, listener)


def test_news_announced_by_a_listener_is_told_before_the_next_listener():
    heard = []
    with (
        news.listening(BellRang, lambda event: news.announce(BellRangTwice(event.times))),
        news.listening(BellRang, lambda _: heard.append("bell")),
        news.listening(BellRangTwice, lambda _: heard.append("twice")),
    ):
        news.announce(BellRang(times=1))
    assert heard == ["twice", "bell"]


@pytest.mark.parametrize("event_type", [dict, dataclass(type("Loose", (), {}))])
def test_only_frozen_events_can_be_heard(event_type):
    with pytest.raises(TypeError, match="not a frozen dataclass"):
        news.subscribe(event_type, print)
