"""Whatever two sides do in whatever order, a consent keeps to the table of its life, and the API keeps to the consent.

The oracle is written by hand from the documentation and knows nothing of the table.
"""

from random import Random

import pytest

from schoolpassport.sharing import actions, agreements, steps
from schoolpassport.sharing.lifecycle import TRANSITIONS, Act, Held, NotAllowed, Side, judged
from tests.support.amount import amount
from tests.support.clockwork import ticking
from tests.support.sides import DAY, MORNING, Two, a_district, between, contents

SIDES = (Side.DISTRICT, Side.PARTNER)
ACTS = (
    *(Act.SEND, Act.APPROVE, Act.REJECT, Act.REQUEST_CHANGES, Act.WITHDRAW),
    *(Act.SUSPEND, Act.RESUME, Act.REVOKE),
)
EVERYTHING = [(side, act) for side in SIDES for act in ACTS]
ENDING = {Act.REJECT, Act.WITHDRAW, Act.REVOKE}
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

    def likely(self, dice: Random) -> tuple[Side, Act]:
        """Mostly what somebody can do now, and seldom what ends a consent: so that stories have a middle."""
        can = [(s, a) for s, a in EVERYTHING if any(o.may(a, s, self.two.now) for _, o in self.told)]
        going_on = [(s, a) for s, a in can if a not in ENDING]
        pick = dice.random()
        return dice.choice(
            (going_on or can or EVERYTHING) if pick < 0.6 else (can or EVERYTHING) if pick < 0.75 else EVERYTHING
        )

    def check(self) -> None:
        for consent, oracle in self.told:
            found = agreements.history(district_id=self.two.sis.district_id, consent_id=consent.id)
            states = ["", *(s.became for s in found.steps)]
            assert (found.consent.state, states[-1]) == (oracle.state, oracle.state)
            assert set(zip(states, states[1:], strict=False)) <= ALLOWED
            early = MORNING - DAY  # what can be done is asked of the table alone, of everything at once
            held = steps.held(found.consent)
            assert [_allows(held, *each) for each in EVERYTHING] == [oracle.may(a, s, early) for s, a in EVERYTHING]
        serves = any(o.state == "active" and not o.lapsed(self.two.now) for _, o in self.told)
        served = self.two.served("orgs")
        assert (not isinstance(served, str) and "active" in served.values()) is serves, served


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


def _allows(held: Held, side: Side, act: Act) -> bool:
    try:
        judged(held, act, side)
    except NotAllowed:
        return False
    return True


@pytest.mark.parametrize("seed", range(amount("HISTORIES_OF_CONSENTS", 6)))
def test_no_order_of_acts_leads_out_of_the_table_and_the_api_serves_exactly_what_is_in_force(sis, seed):
    dice = Random(seed)
    with ticking(MORNING) as clock:
        story = Story(between(sis, clock))
        story.draft(dice.choice(SIDES), dice.choice([None, 1, 2]))
        for _ in range(25):
            what = dice.random()
            if what < 0.12:
                story.draft(dice.choice(SIDES), dice.choice([None, 1, 2]))
            elif what < 0.24:
                story.day(dice.choice(["with a worker", "without"]))
            else:
                story.act(*story.likely(dice))
            story.check()
