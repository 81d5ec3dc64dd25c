"""The life of a consent, from the first draft to the last tombstone, as two sides and an application see it."""

from datetime import timedelta
from itertools import product

import pytest

from schoolpassport.audit import queries as audit
from schoolpassport.messaging.models import Notice
from schoolpassport.partners import queries as partners
from schoolpassport.sharing import actions, agreements
from schoolpassport.sharing.lifecycle import Act, NotAllowed, Side
from schoolpassport.sharing.models import Document
from schoolpassport.tenancy import scope
from tests.support.clockwork import ticking
from tests.support.nights import BY, Nights
from tests.support.packages import small, user
from tests.support.sides import DAY, MORNING, a_district, between, contents
from tests.support.telling import told, told_partner

DISTRICT, PARTNER = Side.DISTRICT, Side.PARTNER
SECOND = timedelta(seconds=1)
PEOPLE = {"t1", "t2", "g1", "p1", "p2", "p3", "p4"}
ACTIVE, GONE = dict.fromkeys(PEOPLE, "active"), dict.fromkeys(PEOPLE, "tobedeleted")
NEVER = "403 The district has not agreed to share anything with this application."
SUSPENDED = (
    "403 The sharing with this application is suspended. Keep what you have, it was not deleted; ask again later, and "
    "what changed meanwhile comes then."
)
LAPSED = "403 The consent has expired: nothing is shared with this application any more."


@pytest.fixture(scope="module")
def still(tmp_path_factory) -> Nights:
    """A district whose roster does not change."""
    return a_district(tmp_path_factory.mktemp("still"))


@pytest.fixture
def two(still):
    with ticking(MORNING) as clock:
        yield between(still, clock)


@pytest.fixture
def alone(tmp_path):
    """In a district of their own, where there are nights."""
    with ticking(MORNING) as clock:
        yield between(a_district(tmp_path), clock)


def test_nothing_is_served_before_both_sides_have_agreed(two):
    assert two.served() == NEVER
    consent = two.draft(PARTNER)
    assert two.served() == NEVER
    two.take(consent, Act.SEND, PARTNER)
    assert two.served() == NEVER
    two.take(consent, Act.REQUEST_CHANGES, DISTRICT, message="Only the first school, please.")
    assert two.served() == NEVER
    with pytest.raises(
        NotAllowed, match=r"^The consent is changes requested: it cannot be “approve”; what can be done"
    ):
        two.take(consent, Act.APPROVE, DISTRICT)
    actions.edit(
        district_id=two.sis.district_id,
        consent_id=consent.id,
        proposal=actions.Proposal(contents=contents(schools=[two.sis.ids("org")["s1"]])),
        side=PARTNER,
        by=BY,
        now=two.now,
    )
    two.take(consent, Act.SEND, PARTNER)
    two.take(consent, Act.APPROVE, DISTRICT)
    assert two.served() == dict.fromkeys(("t1", "g1", "p1", "p2", "p3"), "active")
    found = agreements.history(district_id=two.sis.district_id, consent_id=consent.id)
    assert [(s.act, s.side, s.became, s.message) for s in found.steps] == [
        ("draft", "partner", "draft", ""),
        ("send", "partner", "sent", ""),
        ("request_changes", "district", "changes_requested", "Only the first school, please."),
        ("edit", "partner", "changes_requested", ""),
        ("send", "partner", "sent", ""),
        ("approve", "district", "approved", ""),
        ("begin", "house", "active", ""),
    ]
    place = (two.sis.district_id, two.app.integration.id, consent.id)
    assert (told(place[0], consent.id), told_partner(*place)) == (["consent-asked"] * 2, ["own-consent-answered"] * 2)


@pytest.mark.parametrize(
    ("act", "side", "became"), [(Act.REJECT, DISTRICT, "rejected"), (Act.WITHDRAW, PARTNER, "withdrawn")]
)
def test_what_was_rejected_or_withdrawn_is_over_and_another_can_be_drafted(two, act, side, became):
    consent = two.draft(PARTNER)
    with pytest.raises(NotAllowed, match=f"There is a consent of the partner already that is draft \\({consent.id}\\)"):
        two.draft(PARTNER)
    two.take(consent, Act.SEND, PARTNER)
    two.take(consent, act, side)
    assert (two.state(consent), two.served()) == (became, NEVER)
    with pytest.raises(NotAllowed, match="nothing can be done with it any more"):
        two.take(consent, Act.SEND, PARTNER)
    two.agreed()
    assert two.served() == ACTIVE


def test_nobody_approves_what_is_their_own(two):
    consent = two.draft(DISTRICT)
    two.take(consent, Act.SEND, DISTRICT)
    with pytest.raises(NotAllowed, match=r"^“approve” is for the other side, and that is not the district\.$"):
        two.take(consent, Act.APPROVE, DISTRICT)
    assert two.served() == NEVER
    two.take(consent, Act.APPROVE, PARTNER)
    assert two.served() == ACTIVE


def test_a_suspended_application_hears_so_and_catches_up_when_it_is_resumed(alone):
    consent = alone.agreed()
    assert alone.served() == ACTIVE
    alone.take(consent, Act.SUSPEND, DISTRICT)
    assert alone.served() == SUSPENDED
    assert alone.served(f"users/{alone.sis.ids('user')['p1']}") == SUSPENDED
    alone.sis.done(small().with_rows("users", user("p5")).without("users", "p2"))
    assert alone.served() == SUSPENDED
    with pytest.raises(NotAllowed, match=r"^It was suspended by the district, who alone can resume it\.$"):
        alone.take(consent, Act.RESUME, PARTNER)
    alone.take(consent, Act.RESUME, DISTRICT)
    assert alone.served() == {**ACTIVE, "p2": "tobedeleted", "p5": "active"}


def test_each_side_has_a_brake_of_its_own_and_a_new_agreement_lets_go_of_none(two):
    consent = two.agreed()
    two.take(consent, Act.SUSPEND, DISTRICT)
    two.take(consent, Act.SUSPEND, PARTNER)
    two.take(consent, Act.RESUME, PARTNER)
    assert (two.state(consent), two.served()) == ("suspended", SUSPENDED)
    other = two.agreed(contents("org", "user"))
    assert (two.state(consent), two.state(other), two.served()) == ("replaced", "suspended", SUSPENDED)
    two.take(other, Act.RESUME, DISTRICT)
    assert (two.served(), two.served("classes")) == (ACTIVE, {"k1": "tobedeleted", "k2": "tobedeleted"})


def test_each_side_is_told_that_the_other_suspended_or_resumed_a_consent(two):
    consent = two.agreed()
    partner = partners.application(name=two.app.application.name).partner_id
    before = words(two.sis.district_id, consent), words(partner, consent)
    for act, side in product((Act.SUSPEND, Act.RESUME), (PARTNER, DISTRICT)):
        two.take(consent, act, side)
    mine, theirs = words(two.sis.district_id, consent)[len(before[0]) :], words(partner, consent)[len(before[1]) :]
    assert [kind for kind, _ in mine] == ["consent-suspended", "consent-resumed"]
    assert [kind for kind, _ in theirs] == ["own-consent-suspended", "own-consent-resumed"]
    assert mine[1][1].endswith("You suspended it, too, so nothing is served before you resume it.")
    assert theirs[1][1].endswith("It is served again, and what was missed comes now.")


def words(organisation_id, consent):
    """The kinds of notices about a consent, in their order, and what they say."""
    with scope.as_organisation(organisation_id):
        found = Notice.objects.filter(organisation_id=organisation_id, about=str(consent.id))
        return list(found.order_by("id").values_list("kind", "words"))


def test_the_old_terms_hold_until_both_sides_agree_to_others(two):
    old = two.agreed()
    new = two.draft(DISTRICT, contents(schools=[two.sis.ids("org")["s2"]]))
    two.take(new, Act.SEND, DISTRICT)
    assert (two.served(), two.state(old), two.state(new)) == (ACTIVE, "active", "sent")
    two.take(new, Act.APPROVE, PARTNER)
    assert (two.state(old), two.state(new)) == ("replaced", "active")
    assert two.served() == {**GONE, **dict.fromkeys(("t2", "p3", "p4"), "active")}


def test_at_its_last_instant_nothing_is_served_though_no_job_has_run_and_then_all_is_tombstones(two):
    ends = two.now + DAY
    consent = two.agreed(expires_at=ends)
    two.clock.now = ends - 2 * SECOND  # a look takes a second
    assert two.served() == ACTIVE
    assert two.served() == LAPSED
    assert two.state(consent) == "active"
    assert actions.attend(now=two.now) >= 1
    assert (two.state(consent), two.served()) == ("expired", GONE)
    assert "username" not in two.get("users").body.decode()
    with scope.inside(two.sis.district_id):
        last = next(e for e in audit.events(district_id=two.sis.district_id) if e.about == str(consent.id))
    said = (last.act, last.by, last.facts["was"], last.facts["became"])
    assert said == ("sharing:consent:expire", "sharing", "active", "expired")
    actions.attend(now=two.now + DAY)
    assert two.state(consent) == "expired"
    place = (two.sis.district_id, two.app.integration.id, consent.id)
    assert told_partner(*place)[-1] == "own-consent-over"
    assert told(place[0], consent.id)[-1] == "consent-over"


def test_that_a_consent_ends_is_told_a_month_before_and_once(two):
    consent = two.agreed(expires_at=two.now + 40 * DAY)
    place = (two.sis.district_id, two.app.integration.id, consent.id)
    before = told(place[0], consent.id), told_partner(*place)
    actions.foretell_ends(now=two.now + 9 * DAY)
    assert (told(place[0], consent.id), told_partner(*place)) == before
    for day in (11, 12):
        actions.foretell_ends(now=two.now + day * DAY)
    assert told(place[0], consent.id) == [*before[0], "consent-ends"]
    assert told_partner(*place) == [*before[1], "own-consent-ends"]


def test_of_a_draft_that_expires_the_other_side_hears_nothing(two):
    consent = two.draft(DISTRICT, expires_at=two.now + DAY)
    assert actions.attend(now=two.now + 2 * DAY) >= 1
    assert two.state(consent) == "expired"
    assert told_partner(two.sis.district_id, two.app.integration.id, consent.id) == []


def test_a_night_after_the_last_instant_makes_the_tombstones_before_anything_new_is_shown(alone):
    alone.agreed(expires_at=alone.now + DAY)
    alone.clock.now = alone.sis.now = alone.now + 2 * DAY
    alone.sis.done(small().with_rows("users", user("p5")))
    assert alone.served() == GONE


def test_what_was_approved_for_a_later_day_begins_on_that_day(two):
    begins = two.now + DAY
    consent = two.agreed(starts_at=begins)
    assert (two.state(consent), two.served()) == ("approved", NEVER)
    actions.attend(now=begins - SECOND)
    assert (two.state(consent), two.served()) == ("approved", NEVER)
    actions.attend(now=begins)
    assert (two.state(consent), two.served()) == ("active", ACTIVE)


@pytest.mark.parametrize("side", [DISTRICT, PARTNER])
def test_either_side_ends_it_and_everything_becomes_a_tombstone_at_once(two, side):
    consent = two.agreed()
    two.take(consent, Act.REVOKE, side)
    assert (two.state(consent), two.served()) == ("revoked", GONE)


def test_a_consent_that_could_never_begin_is_refused(two):
    with pytest.raises(NotAllowed, match=r"^It would expire on 2026-08-31 06:00, before it could begin"):
        two.draft(PARTNER, expires_at=two.now - DAY)
    consent = two.draft(PARTNER, expires_at=two.now + DAY)
    two.take(consent, Act.SEND, PARTNER)
    two.clock.now += DAY
    with pytest.raises(NotAllowed, match=r"^It expired on 2026-09-02 06:00; draft another one\.$"):
        two.take(consent, Act.APPROVE, DISTRICT)


def test_terms_must_be_accepted_by_whoever_sends_or_approves_and_are_stored_sealed(two):
    consent = two.draft(PARTNER)
    attach = {"district_id": two.sis.district_id, "consent_id": consent.id, "by": BY, "now": two.now}
    paper = actions.attach(**attach, name="terms.pdf", content=b"%PDF what we promise", is_terms=True, side=PARTNER)
    actions.attach(**attach, name="map.png", content=b"a map", is_terms=False, side=PARTNER)
    with pytest.raises(NotAllowed, match=r"^The terms “terms\.pdf” are part of it; read and accept them\.$"):
        two.take(consent, Act.SEND, PARTNER)
    two.take(consent, Act.SEND, PARTNER, accepting=[paper.sha256])
    with pytest.raises(NotAllowed, match=r"^The consent is sent: it cannot be “edit”"):
        actions.attach(**attach, name="terms.pdf", content=b"%PDF something else", is_terms=True, side=DISTRICT)
    with pytest.raises(NotAllowed, match=r"^The terms “terms\.pdf” are part of it"):
        two.take(consent, Act.APPROVE, DISTRICT)
    two.take(consent, Act.APPROVE, DISTRICT, accepting=[paper.sha256])
    found = agreements.history(district_id=two.sis.district_id, consent_id=consent.id)
    assert [s.accepted for s in found.steps if s.act in {"send", "approve"}] == [[paper.sha256]] * 2
    with scope.inside(two.sis.district_id):
        sealed = bytes(Document.objects.get(district_id=two.sis.district_id, name="terms.pdf").sealed)
    assert b"promise" not in sealed
    kept = agreements.document(district_id=two.sis.district_id, consent_id=consent.id, name="terms.pdf")
    assert kept == b"%PDF what we promise"


def test_a_night_that_exceeds_the_limits_of_a_consent_waits_for_a_person(alone):
    alone.agreed(hold={"remove": 20, "change": 100})
    lesser = small().without("users", "p2", "p4").without("enrollments", "e3", "e5").without("demographics", "p4")
    alone.sis.done(lesser)
    assert alone.served() == ACTIVE
    (found,) = agreements.consents(district_id=alone.sis.district_id)
    assert found["held"] == {"user": {"remove": 28}, "enrollment": {"remove": 33}}
    assert told(alone.sis.district_id, alone.app.integration.id) == ["view-held"]
    place = {"district_id": alone.sis.district_id, "integration_id": alone.app.integration.id}
    actions.release(**place, by=BY, now=alone.now)
    assert alone.served() == {**ACTIVE, "p2": "tobedeleted", "p4": "tobedeleted"}
    with pytest.raises(actions.NotHeld):
        actions.release(**place, by=BY, now=alone.now)


def test_a_night_within_the_limits_flows(alone):
    alone.agreed(hold={"remove": 20})
    alone.sis.done(small().without("users", "p2").without("enrollments", "e3"))
    assert alone.served() == {**ACTIVE, "p2": "tobedeleted"}


def test_every_change_of_state_is_in_the_ledger_with_who_when_before_and_after(two):
    consent = two.agreed()
    two.take(consent, Act.SUSPEND, DISTRICT)
    two.take(consent, Act.REVOKE, PARTNER)
    with scope.inside(two.sis.district_id):
        events = [e for e in audit.events(district_id=two.sis.district_id) if e.about == str(consent.id)]
    told = [
        (e.act.rpartition(":")[2], e.by, e.facts["side"], e.facts["was"], e.facts["became"]) for e in reversed(events)
    ]
    assert told == [
        ("draft", BY, "partner", "", "draft"),
        ("send", BY, "partner", "draft", "sent"),
        ("approve", BY, "district", "sent", "approved"),
        ("begin", BY, "house", "approved", "active"),
        ("suspend", BY, "district", "active", "suspended"),
        ("revoke", BY, "partner", "suspended", "revoked"),
    ]
    assert events[-1].facts["attributes"]["class"]
