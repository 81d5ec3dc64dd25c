"""Which files go from the managed SFTP service, and what becomes of changes that nobody fetched."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from schoolpassport.delivery.lying import Beginning, Sent, without
from schoolpassport.kit.fetched import Mark, Parts, at

FOLLOWS = Beginning(since=7, day=None)


@pytest.fixture
def sent(tmp_path):
    """Three nights: the first was fetched, the second was not, the third is the last."""
    marks = {"a.csv": Mark.WHOLE, "b.csv": Mark.NEVER, "c.csv": Mark.NEVER}
    for name, mark in marks.items():
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(mark)
        day = datetime(2026, 9, 1, tzinfo=UTC).timestamp()
        os.utime(tmp_path / name, (day, day))
    return [Sent(name=n, made=at(tmp_path / n).made, revision=r, is_last=r == 7) for r, n in enumerate(marks, start=5)]


@pytest.mark.parametrize(
    ("days", "oldest", "since", "gone"),
    [
        (29, 1, 7, set()),
        (31, 1, 7, {"a.csv"}),
        (89, 1, 7, {"a.csv"}),
        (91, 1, 0, {"a.csv", "b.csv", "c.csv"}),
        (1, 6, 7, {"a.csv"}),
        (1, 7, 0, {"a.csv", "b.csv", "c.csv"}),
    ],
)
def test_what_was_fetched_goes_first_and_what_was_not_is_told_again(tmp_path, sent, days, oldest, since, gone):
    now = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=days)
    found = without(FOLLOWS, tmp_path, sent, oldest=oldest, now=now)
    assert (found.since, set(found.over), found.lost) == (since, gone, since == 0)


def test_what_another_delivery_put_there_stays(tmp_path, sent):
    (tmp_path / "b.csv").write_text("theirs")
    found = without(FOLLOWS, tmp_path, sent, oldest=7, now=datetime(2026, 9, 2, tzinfo=UTC))
    assert (found.since, set(found.over)) == (7, {"a.csv"})


def test_all_parts_of_a_file_in_any_order_are_the_whole():
    parts = Parts()
    for start, stop in ((4, 6), (0, 2), (8, 10), (1, 5)):
        parts.add(start, stop)
        assert not parts.are_all(10)
    parts.add(6, 8)
    assert parts.are_all(10)
    assert not parts.are_all(11)
    assert Parts().are_all(0)
