"""Whatever two sides do in whatever order, a consent keeps to the table of its life, and the API keeps to the consent.

The oracle is written by hand from the documentation and knows nothing of the table.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schoolpassport.sharing import actions, agreements
from schoolpassport.sharing.lifecycle import TRANSITIONS, Act, NotAllowed, Side
from tests.support.amount import amount
from tests.support.clockwork import ticking
from tests.support.sides import DAY, MORNING, Two, a_district, between, contents

SIDES = st.sampled_from([Side.DISTRICT, Side.PARTNER])
# Most of these are refused where they come; what is likely to lead on comes more often.
ACTS = st.sampled_from(
    [
        *(Act.SEND, Act.SEND, Act.APPROVE, Act.APPROVE, Act.REJECT, Act.REQUEST_CHANGES, Act.WITHDRAW),
        *(Act.SUSPEND, Act.RESUME, Act.RESUME, Act.REVOKE),
    ]
)
MOVES = st.one_of(
    st.tuples(st.just("draft"), SIDES, st.sampled_from([None, 1, 3])),
    st.tuples(st.just("act"), SIDES, ACTS),
    st.tuples(st.just("act"), SIDES, ACTS),
    st.tuples(st.just("day"), st.sampled_from(["with a worker", "without"]), st.none()),
)
ALLOWED = {(t.was, t.became) for t in TRANSITIONS}


class Oracle:
    """One consent as the documentation tells of it."""

    def __init__(self, author: Side, expires) -> None:
        self.author, self.expires = author, expires
        self.state, self.brakes = "draft", set()

    def lapsed(self, now) -> bool:
        return self.expires is not None and self.expires <= now

    def may(self, act: Act, side: Side, now) -> bool:
        late = self.lapsed(now) and act not in {Act.WITHDRAW, Act.REJECT, Act.REVOKE}
        mine, theirs = side is self.author, side is not self.author
        return (
            not late
            and {
                Act.SEND: mine and self.state in {"draft", "changes_requested"},
                Act.WITHDRAW: mine and self.state in {"draft", "changes_requested", "sent"},
                Act.APPROVE: theirs and self.state == "sent",
                Act.REJECT: theirs and self.state == "sent",
                Act.REQUEST_CHANGES: theirs and self.state == "sent",
                Act.SUSPEND: self.state in {"active", "suspended"} and side not in self.brakes,
                Act.RESUME: self.state == "suspended" and side in self.brakes,
                Act.REVOKE: self.state in {"active", "suspended"},
            }[act]
        )

    def do(self, act: Act, side: Side) -> None:
        if act is Act.SUSPEND:
            self.brakes.add(side)
        if act is Act.RESUME:
            self.brakes.discard(side)
        self.state = {
            Act.SEND: "sent",
            Act.WITHDRAW: "withdrawn",
            Act.APPROVE: "active",
            Act.REJECT: "rejected",
            Act.REQUEST_CHANGES: "changes_requested",
            Act.SUSPEND: "suspended",
            Act.RESUME: "suspended" if self.brakes else "active",
            Act.REVOKE: "revoked",
        }[act]
        if self.state == "revoked":
            self.brakes.clear()


class Story:
    def __init__(self, two: Two) -> None:
        self.two = two
        self.told: list[tuple[object, Oracle]] = []

    def draft(self, side: Side, days: int | None) -> None:
        busy = any(o.author is side and o.state in {"draft", "sent", "changes_requested"} for _, o in self.told)
        expires = None if days is None else self.two.now + days * DAY
        if busy:
            with pytest.raises(NotAllowed):
                self.two.draft(side, contents("org", "user"), expires_at=expires)
        else:
            self.told.append((self.two.draft(side, contents("org", "user"), expires_at=expires), Oracle(side, expires)))

    def act(self, side: Side, act: Act) -> None:
        """To whichever it fits; to the newest where it fits none."""
        if not self.told:
            return
        fits = [(c, o) for c, o in self.told if o.may(act, side, self.two.now)]
        consent, oracle = (fits or self.told)[-1]
        if not fits:
            with pytest.raises(NotAllowed):
                self.two.take(consent, act, side)
            return
        self.two.take(consent, act, side)
        if act is Act.APPROVE:
            self._replaces(oracle)
        oracle.do(act, side)
        if oracle.brakes:
            oracle.state = "suspended"

    def _replaces(self, new: Oracle) -> None:
        for _, old in self.told:
            if old.state in {"active", "suspended"}:
                old.state, new.brakes, old.brakes = "replaced", old.brakes, set()

    def day(self, worker: str) -> None:
        self.two.clock.now += DAY
        if worker == "with a worker":
            actions.attend(now=self.two.now)
            for _, oracle in self.told:
                if oracle.state in {"draft", "sent", "changes_requested", "active", "suspended"} and oracle.lapsed(
                    self.two.now
                ):
                    oracle.state = "expired"

    def check(self) -> None:
        for consent, oracle in self.told:
            found = agreements.history(district_id=self.two.sis.district_id, consent_id=consent.id)
            states = ["", *(s.became for s in found.steps)]
            assert (found.consent.state, states[-1]) == (oracle.state, oracle.state)
            assert set(zip(states, states[1:], strict=False)) <= ALLOWED
        serves = any(o.state == "active" and not o.lapsed(self.two.now) for _, o in self.told)
        served = self.two.served("orgs")
        assert (not isinstance(served, str) and "active" in served.values()) is serves, served


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


@given(moves=st.lists(MOVES, min_size=4, max_size=16))
@settings(max_examples=amount("HISTORIES_OF_CONSENTS", 12), suppress_health_check=[HealthCheck.too_slow])
def test_no_order_of_acts_leads_out_of_the_table_and_the_api_serves_exactly_what_is_in_force(sis, moves):
    with ticking(MORNING) as clock:
        story = Story(between(sis, clock))
        for what, first, second in [("draft", Side.PARTNER, None), *moves]:
            if what == "day":
                story.day(first)
            else:
                getattr(story, what)(first, second)
            story.check()
