"""Can this application see this person? The verdict, and the way that led to it."""

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import sees
from schoolpassport.kit import conditions
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import agreements
from schoolpassport.sharing.explaining import Explained
from schoolpassport.sharing.lifecycle import Act, Side
from tests.support.clockwork import ticking
from tests.support.packages import small
from tests.support.sides import DAY, MORNING, Two, a_district, between, contents


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


@pytest.fixture
def two(sis):
    with ticking(MORNING) as clock:
        yield between(sis, clock)


def why(two: Two, who: str) -> Explained:
    return agreements.explained(
        district_id=two.sis.district_id,
        application=two.app.application.name,
        id=two.sis.ids("user")[who],
        now=two.now,
    )


def verdict(two: Two, who: str) -> str:
    return why(two, who).sentence.removeprefix(two.app.application.name)


def test_who_is_seen_is_told_with_the_whole_way(two):
    consent = two.agreed(contents(schools=[two.sis.ids("org")["s1"]], masks={"user.familyName": "initial"}))
    assert verdict(two, "p1") == " can see this person."
    told = {place.name: (place.sentence, place.passed) for place in why(two, "p1").way}
    assert list(told) == [
        *(
            "source",
            "transforms",
            "rules",
            "link",
            "roster",
            "consent",
            "kinds",
            "schools",
            "mask",
            "view",
            "last read",
        ),
    ]
    assert told["source"][0].startswith("Last told by SIS, users.csv line 5, run 1, in revision 1 (")
    assert told["link"] == (f"{two.sis.source.name} calls this person “p1” (first seen).", None)
    assert told["consent"] == (f"In force since 2026-09-01 06:00 ({consent.id}).", True)
    assert told["schools"] == ("Belongs to what is shared: School s1.", True)
    assert told["mask"] == ("Masked: user.familyName by initial, user.preferredLastName by initial.", None)
    assert told["last read"][0] == "No people were ever read."
    two.get("users")
    assert why(two, "p1").way[-1].sentence == "People were last read by oneroster-1.1 on 2026-09-01 06:00."


def wanting(two: Two, *attributes: str) -> None:
    """The application wants nobody without these."""
    content = {"attributes": {each: {"missing": "skip"} for each in attributes}}
    sharing.require(application_id=two.app.application.id, content=content, by="test", now=two.now)


REASONS = {
    "it is a draft": (lambda two: two.draft(Side.DISTRICT), "there is no consent that has begun; one is draft."),
    "it waits for an answer": (
        lambda two: two.take(two.draft(Side.PARTNER), Act.SEND, Side.PARTNER),
        "there is no consent that has begun; one is sent.",
    ),
    "other schools": (
        lambda two: two.agreed(contents(schools=[two.sis.ids("org")["s2"]])),
        "the person belongs to none of the schools that are shared.",
    ),
    "other kinds": (lambda two: two.agreed(contents("org", "class")), "the consent shares no people (the kind user)."),
    "a filter": (
        lambda two: two.agreed(
            contents(filters={"user": conditions.parse({"attribute": "role", "is": "equals", "value": "teacher"})})
        ),
        "the consent's filter of people does not let the person through.",
    ),
    "a need": (
        lambda two: (wanting(two, "user.middleName"), two.agreed()),
        "the person lacks what the application wants nobody without: user.middleName.",
    ),
    "a brake": (
        lambda two: two.take(two.agreed(), Act.SUSPEND, Side.DISTRICT),
        "the consent is suspended by the district.",
    ),
    "an end": (
        lambda two: two.take(two.agreed(), Act.REVOKE, Side.PARTNER),
        "the consent was revoked on 2026-09-01 06:00.",
    ),
}


@pytest.mark.parametrize("how", REASONS)
def test_who_is_not_seen_is_told_with_the_first_reason(two, how):
    happens, reason = REASONS[how]
    happens(two)
    assert verdict(two, "p1") == f" cannot see this person: {reason}"
    served = two.served()
    assert isinstance(served, str) or served.get("p1") != "active", "the API agrees"


def test_who_has_what_the_application_wants_is_told_so(two):
    wanting(two, "user.givenName")
    two.agreed()
    told = {place.name: place.passed for place in why(two, "p1").way}
    assert (verdict(two, "p1"), told["needs"]) == (" can see this person.", True)


def test_at_the_last_instant_the_reason_is_that_it_expired(two):
    two.agreed(expires_at=MORNING + DAY)
    assert verdict(two, "p1") == " can see this person."
    two.clock.now = MORNING + DAY
    assert verdict(two, "p1") == " cannot see this person: the consent expired on 2026-09-02 06:00."


def test_who_left_the_roster_and_who_waits_for_a_person(tmp_path):
    with ticking(MORNING) as clock:
        two = between(a_district(tmp_path), clock)
        two.agreed(hold={"remove": 0})
        two.sis.done(small().without("users", "p2").without("enrollments", "e3"))
        assert (
            verdict(two, "p2")
            == " cannot see this person: the person is not in the roster any more; no source has them."
        )
        assert verdict(two, "p1") == " can see this person."


def test_on_the_command_line_the_verdict_comes_first(two):
    two.agreed()
    run = CliRunner().invoke(
        sees.command,
        [two.app.application.name, str(two.sis.ids("user")["p1"]), "--district", str(two.sis.district_id)],
    )
    first, *way = run.output.splitlines()
    assert first == f"{two.app.application.name} can see this person."
    assert [line.split(":")[0].strip() for line in way][:2] == ["· source", "· transforms"]
    nobody = CliRunner().invoke(
        sees.command,
        [two.app.application.name, "00000000-0000-4000-8000-000000000000", "--district", str(two.sis.district_id)],
    )
    assert nobody.output.splitlines()[0].endswith(
        "cannot see this person: no source has ever told of a person with this id."
    )
