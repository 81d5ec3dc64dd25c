"""A filter in the words of a view's own revisions asks what was asked; all between two of them ask the same."""

import operator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from schoolpassport.sharing import instants
from schoolpassport.sharing.conditions import moment
from schoolpassport.sharing.filters import Clause, Filter, Logical, Predicate, parse, spelled
from schoolpassport.sharing.instants import Instants

PATH = "dateLastModified"
BEGAN = datetime(2026, 9, 1, 6, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
COMPARED = {
    Predicate.EQUAL: operator.eq,
    Predicate.UNEQUAL: operator.ne,
    Predicate.GREATER: operator.gt,
    Predicate.GREATER_OR_EQUAL: operator.ge,
    Predicate.LESS: operator.lt,
    Predicate.LESS_OR_EQUAL: operator.le,
}
OTHER = Clause("familyName", Predicate.CONTAINS, "it's so' OR x='")

# Revisions at least a millisecond apart; of some views the first ones are gone.
VIEWS = st.tuples(st.integers(1, 5), st.lists(st.integers(1, 5), max_size=8)).map(
    lambda drawn: [
        (drawn[0] + place, BEGAN + timedelta(milliseconds=after)) for place, after in enumerate(accumulate(drawn[1]))
    ]
)
WANTED = st.one_of(
    st.integers(-1000, 45_000).map(lambda micros: BEGAN + micros * MOMENT),
    st.integers(-1, 45).map(lambda millis: BEGAN + timedelta(milliseconds=millis)),
    st.sampled_from([BEGAN.replace(year=1), BEGAN.replace(year=1969), BEGAN.replace(year=9999)]),
)


def known(view: list[tuple[int, datetime]]) -> Instants:
    """Learnt in two visits."""
    lines = [pack("!iq", number, (at - datetime(1970, 1, 1, tzinfo=UTC)) // MOMENT) for number, at in view]
    half = len(lines) // 2
    first = Instants().followed_by(b"".join(lines[:half]), newest=view[half - 1][0] if half else 0)
    return first.followed_by(b"".join(lines[half:]), newest=view[-1][0] if view else 0)


def kept(clause: Clause, view: list[tuple[int, datetime]], revision: int) -> list[int]:
    """The revisions whose records the clause keeps, by plain comparison."""
    compare = COMPARED[clause.predicate]
    return [number for number, at in view if number <= revision and compare(at, moment(clause))]


@given(VIEWS, WANTED, st.sampled_from(list(COMPARED)), st.integers(0, 15))
def test_the_same_revisions_are_kept_in_other_words(view, wanted, predicate, revision):
    asked = Clause(PATH, predicate, wanted.isoformat())
    (meant,) = parse(known(view).in_their_words(spelled(Filter((asked,))), revision)).clauses
    assert kept(meant, view, revision) == kept(asked, view, revision)
    assert moment(meant) in {datetime(1, 1, 1, tzinfo=UTC), *(at for number, at in view if number <= revision)}


@given(VIEWS, st.lists(WANTED, min_size=2, max_size=2), st.sampled_from(list(COMPARED)), st.integers(0, 15))
def test_what_keeps_the_same_revisions_is_said_alike(view, pair, predicate, revision):
    asked = [Clause(PATH, predicate, wanted.isoformat()) for wanted in pair]
    one, other = (known(view).in_their_words(spelled(Filter((each,))), revision) for each in asked)
    alike = kept(asked[0], view, revision) == kept(asked[1], view, revision)
    assert (one == other) == alike


@given(VIEWS, WANTED, st.sampled_from(list(Logical)), st.booleans())
def test_what_stands_beside_an_instant_is_kept_as_it_was_meant(view, wanted, joined, is_first):
    asked = Clause(PATH, Predicate.LESS, wanted.isoformat())
    whole = Filter((asked, OTHER) if is_first else (OTHER, asked), joined)
    meant = parse(known(view).in_their_words(spelled(whole), 15))
    place = 0 if is_first else 1
    assert replace(meant, clauses=(meant.clauses[1 - place],)) == Filter((OTHER,), joined)
    assert kept(meant.clauses[place], view, 15) == kept(asked, view, 15)


def test_what_names_no_instant_stays_as_it_is():
    for text in (f"{PATH}~'2026'", f"{PATH}>'banana'", f"{PATH}.x>'2026-09-01'"):
        assert instants.are_named(text)
        assert Instants().in_their_words(text, 0) == text
    assert not instants.are_named("email='kim@cedar.example'")


def test_the_comparison_above_notices_an_instant_with_the_wrong_side_to_it():
    """At the very instant of a revision it matters whether that one is meant."""
    view = [(number, BEGAN + timedelta(milliseconds=number)) for number in (1, 2, 3)]
    for predicate, confused in (
        (Predicate.GREATER_OR_EQUAL, Predicate.GREATER),
        (Predicate.LESS, Predicate.LESS_OR_EQUAL),
    ):
        asked = Clause(PATH, predicate, view[1][1].isoformat())
        assert kept(replace(asked, predicate=confused), view, 3) != kept(asked, view, 3)
