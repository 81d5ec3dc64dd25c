"""The dialect card: what a provider can do is found out from its answers, and a delta is read only where that holds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.oneroster_provider import Quirks, provider, serving
from tests.support.packages import Package, crowd, small, user
from tests.unit.sources.test_oneroster_rest import NOW, REST, given, modes, pulled, rows

EARLY, LATE, LATER = (f"2026-08-{day}T05:00:00.000Z" for day in ("25", "28", "30"))


def card(memory) -> dict:
    return {t.name: t for t in REST.dialect.card(memory)}


class Nights:
    """One provider, asked night after night."""

    def __init__(self, made, folder, **values):
        self.made, self.folder, self.values = made, folder, values
        self.memory, self.count, self.now = {}, 0, NOW

    def says(self, package, stamp):
        self.made.set(package, stamp=stamp)
        return self.pull()

    def pull(self, days=1):
        self.count += 1
        into = self.folder / f"night-{self.count}"
        into.mkdir()
        asked = replace(given(self.made, self.memory, **self.values), now=self.now)
        collected = REST.collect(asked, into, lambda _: None)
        self.memory, self.now = collected.memory, self.now + timedelta(days=days)
        return into


@pytest.fixture
def nights(tmp_path):
    """A provider that is good, and was seen to be: the next night may be a delta."""
    with serving(provider(small())) as made:
        known = Nights(made, tmp_path, overlap_hours="0")
        known.pull()
        known.says(small().changed("users", "p1", givenName="Ada"), EARLY)
        yield known


def changed() -> Package:
    return small().changed("users", "p1", givenName="Ada").changed("users", "p2", givenName="Bea")


# ------------------------------------------------------------------------------------------------------------- the card


SEEN = {
    "limit": [(Quirks(), True), (Quirks(clamp=3), False), (Quirks(ignores_limit=True), False)],
    "offset": [
        (Quirks(), True),
        (Quirks(ignores_offset=True, ignores_limit=True), False),
        (Quirks(shuffles=True), True),
        (Quirks(shuffles=True, sorts=False), False),
    ],
    "links": [
        (Quirks(), False),
        (Quirks(link="good"), True),
        (Quirks(link="lower"), True),
        (Quirks(link="relative", cursor=True), True),
        (Quirks(link="other host"), False),
        (Quirks(link="good", ignores_offset=True), False),
    ],
    "count": [(Quirks(), True), *((Quirks(total=how), False) for how in ("none", "page"))],
    "sort": [(Quirks(), True), (Quirks(sorts=False), False), (Quirks(sorts=False, shuffles=True), False)],
    "status filter": [(Quirks(), True), (Quirks(filters="ignored"), False), (Quirks(filters="refused"), False)],
    "dates": [
        (Quirks(), True),
        *((Quirks(dates=how), False) for how in ("none", "answer", "future")),
        (Quirks(dates="same"), None),
    ],
    "date filter": [
        (Quirks(), True),
        *((Quirks(filters=how), False) for how in ("ignored", "refused", "status only")),
        (Quirks(dates="none"), None),
    ],
    "deleted records": [(Quirks(), True), (Quirks(hides_deleted=True), None)],
    "deltas": [(Quirks(), None), (Quirks(filters="ignored"), False)],
}


@pytest.mark.parametrize(
    ("trait", "quirks", "works"), [(trait, *each) for trait, seen in SEEN.items() for each in seen], ids=str
)
def test_a_trait_is_what_was_seen(trait, quirks, works):
    with serving(provider(small(), quirks)) as made:
        made.set(small().without("users", "p4").changed("users", "p1", givenName="Ada"), stamp=EARLY)
        found = card(REST.dialect.probe(given(made)))[trait]
    assert found.works is works, found.sentence
    assert found.sentence.endswith(".")


def test_a_count_of_more_than_can_be_read_is_seen_where_one_page_holds_all():
    with serving(provider(small(), Quirks(total="more"))) as made:
        found = card(REST.dialect.probe(given(made, page_size="50")))
    assert (found["count"].works, found["limit"].works) == (False, True)


def test_nothing_stands_on_a_card_before_somebody_asked():
    assert REST.dialect.card({}) == ()


def test_the_clock_of_the_provider_is_compared_with_ours():
    with serving(provider(small())) as made:
        ahead = REST.dialect.probe(replace(given(made), now=NOW - timedelta(hours=3)))
        right = REST.dialect.probe(given(made))
    assert (card(ahead)["clock"].works, card(right)["clock"].works) == (False, True)
    assert "180 minutes" in card(ahead)["clock"].sentence


# ------------------------------------------------------------------------------------------------------------- deltas


def test_a_delta_holds_what_came_changed_and_went_and_nothing_else(nights):
    before = card(nights.memory)["deltas"]
    said = changed().with_rows("users", user("new")).without("enrollments", "e5")
    into = nights.says(said, LATE)
    assert before.works, before.sentence
    assert modes(into) == {"users": "delta", "enrollments": "delta"}
    told = {
        file: {key: (row["status"], row["dateLastModified"]) for key, row in found.items()}
        for file, found in rows(into).items()
    }
    assert told == {
        "users": {"p2": ("active", LATE), "new": ("active", LATE)},
        "enrollments": {"e5": ("tobedeleted", LATE)},
    }


def test_what_changed_a_while_before_the_newest_date_is_asked_for_again(nights):
    """A transaction of the provider may show itself after one that is dated later."""
    nights.values["overlap_hours"] = "24"
    nights.says(changed(), LATE)
    shown = changed().changed("users", "p3", givenName="Cleo")
    nights.made.set(shown, stamp="2026-08-27T09:00:00.000Z")
    assert set(rows(nights.pull())["users"]) == {"p2", "p3"}


def test_a_provider_that_takes_days_only_is_asked_for_days(tmp_path):
    """Its “after the 28th” leaves the 28th out, on which more may have changed since."""
    with serving(provider(small(), Quirks(filters="days"))) as made:
        known = Nights(made, tmp_path, overlap_hours="0")
        known.pull()
        known.says(small().changed("users", "p1", givenName="Ada"), LATE)
        later = LATE.replace("T05", "T09")
        into = known.says(changed(), later)
    assert card(known.memory)["date filter"].works is True
    assert modes(into)["users"] == "delta"
    assert rows(into)["users"]["p2"]["givenName"] == "Bea"
    assert "filter=dateLastModified%3E%272026-08-27%27" in next(p for p in reversed(made.asked) if "/users?" in p)


def test_a_night_without_changes_brings_a_manifest_and_no_rows(nights):
    nights.says(changed(), LATE)
    into = nights.pull()
    assert (modes(into), [p.name for p in into.iterdir()]) == ({}, ["manifest.csv"])


def test_everything_is_read_anew_after_the_days_that_are_set_and_once_more(nights):
    """Once more, since a removal that no delta told needs a second witness."""
    kinds = ["bulk" in modes(nights.pull()).values() for _ in range(10)]
    assert kinds == [False] * 6 + [True] * 2 + [False] * 2


def test_a_deletion_that_no_delta_shows_is_seen_by_the_next_full_reading(tmp_path):
    with serving(provider(small(), Quirks(hides_deleted=True))) as made:
        known = Nights(made, tmp_path)
        known.pull()
        known.says(small().changed("users", "p1", givenName="Ada"), EARLY)
        delta = known.says(changed().without("enrollments", "e5"), LATE)
        known.pull(days=7)
        full = known.pull()
    assert set(modes(delta).values()) == {"delta"}
    assert "e5" not in rows(delta).get("enrollments", {})
    assert modes(full)["enrollments"] == "bulk"
    assert "e5" not in rows(full)["enrollments"]
    assert card(known.memory)["deletions told"].works is False
    assert card(known.memory)["deltas"].works is True


@pytest.mark.parametrize(
    "quirks", [Quirks(keeps_dates=True), Quirks(filters="ignored"), Quirks(dates="answer")], ids=str
)
def test_no_delta_is_read_where_it_would_miss_something(quirks, tmp_path):
    with serving(provider(small(), quirks)) as made:
        known = Nights(made, tmp_path)
        known.pull()
        for stamp, name in ((EARLY, "Ada"), (LATE, "Bea"), (LATER, "Cleo")):
            into = known.says(small().changed("users", "p1", givenName=name), stamp)
            assert modes(into)["users"] == "bulk"
            assert rows(into)["users"]["p1"]["givenName"] == name
    assert card(known.memory)["deltas"].works is False


def test_new_records_with_dates_of_before_are_a_reason_to_read_everything(tmp_path):
    with serving(provider(small())) as made:
        known = Nights(made, tmp_path)
        known.says(small().changed("users", "p1", givenName="Ada"), EARLY)
        made.set(changed().with_rows("users", user("new")), stamp=LATE)
        next(r for r in made.world["users"] if r["sourcedId"] == "new")["dateLastModified"] = "2026-08-01T00:00:00Z"
        known.pull()
    found = card(known.memory)["dates move"]
    assert (found.works, "1 new records" in found.sentence) == (False, True)


@pytest.mark.parametrize("how", ["ignored", "refused"])
def test_a_filter_that_stops_working_makes_a_full_reading_of_the_night(how, nights):
    nights.made.quirks = Quirks(filters=how)
    into = nights.says(changed(), LATE)
    assert set(modes(into).values()) == {"bulk"}
    assert set(rows(into)["users"]) == {r["sourcedId"] for r in small().rows["users"]}


def test_what_is_known_of_one_address_is_not_believed_of_another(nights):
    nights.values["scopes"] = "others"
    assert set(modes(nights.says(changed(), LATE)).values()) == {"bulk"}


def test_a_collection_that_is_asked_for_newly_is_read_whole(nights):
    nights.values["also"] = "none"
    nights.pull(days=8)
    for _ in range(2):
        nights.pull()
    assert set(modes(nights.says(changed(), LATE))) == {"users"}
    nights.values["also"] = "demographics"
    assert modes(nights.pull())["demographics"] == "bulk"


def test_a_count_that_lies_is_found_out_once_and_not_asked_again(tmp_path):
    """The first collection was read twice for it the first night, and once from then on."""
    with serving(provider(crowd(), Quirks(total="more"))) as made:
        collected = pulled(made, tmp_path / "one")
        first = made.hits["demographics"]
        pulled(made, tmp_path / "two", dict(collected.memory))
    assert card(collected.memory)["count"].works is False
    assert (first, made.hits["demographics"] - first) == (4, 2)


def test_the_memory_holds_no_name_and_stays_small(nights):
    import json

    kept = json.dumps(nights.memory)
    assert not [r["sourcedId"] for r in crowd().rows["users"] if f'"{r["sourcedId"]}"' in kept]
    assert "Ada" not in kept
    assert "client-17" not in kept
