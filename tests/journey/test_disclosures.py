"""Who had what of a person: told from what was published and from what was read, and no more surely than that."""

from datetime import timedelta

import pytest

from schoolpassport.sharing import agreements
from schoolpassport.sharing.disclosures import Certainty
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.models import Reading
from schoolpassport.tenancy import scope
from tests.support.clockwork import ticking
from tests.support.packages import small
from tests.support.sides import DAY, MORNING, a_district, between, contents

READ, MAYBE, NOT_READ = Certainty


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


@pytest.fixture
def two(sis):
    with ticking(MORNING) as clock:
        yield between(sis, clock)


def ledger(two, who: str):
    found = agreements.disclosed(district_id=two.sis.district_id, id=two.sis.ids("user")[who])
    return [d for d in found if d.integration_id == two.app.integration.id]


def told(two, who: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {d.kind: (d.certainty, d.fields) for d in ledger(two, who)}


def lines(two) -> list[Reading]:
    with scope.inside(two.sis.district_id):
        mine = Reading.objects.filter(district_id=two.sis.district_id, integration_id=two.app.integration.id)
        return list(mine.order_by("kind", "subset", "part"))


def test_what_was_never_shared_is_not_in_the_ledger_and_what_was_not_read_says_so(two):
    assert ledger(two, "p4") == []
    two.agreed(contents("org", "user", schools=[two.sis.ids("org")["s1"]]))
    assert ledger(two, "p4") == []
    (shown,) = ledger(two, "p1")
    assert (shown.kind, shown.certainty, shown.until, shown.pages) == ("user", NOT_READ, None, 0)
    assert {"givenName", "grades", "role"} <= set(shown.fields)
    assert "email" not in shown.fields, "p1 has none"


def test_a_walk_through_the_whole_collection_read_everybody_and_a_filter_may_have(two):
    consent = two.agreed(contents("org", "user", "class", "enrollment", purpose="Reading"))
    two.get("users?limit=3")
    assert told(two, "p1")["user"][0] == MAYBE
    two.get("users?limit=3&offset=3")
    two.get("users?limit=3&offset=6")
    (found,) = [d for d in ledger(two, "p1") if d.kind == "user"]
    assert (found.certainty, found.pages, found.outlets) == (READ, 3, ("oneroster-1.1",))
    assert (found.consent_id, found.purpose) == (consent.id, "Reading")
    assert MORNING < found.first_read < found.last_read < MORNING + timedelta(minutes=1)
    two.get("enrollments?filter=role%3D%27student%27")
    assert told(two, "p1")["enrollment"][0] == MAYBE


def test_students_are_read_by_walks_through_students(two):
    two.agreed(contents("org", "user"))
    two.get("teachers")
    assert told(two, "p1")["user"][0] == NOT_READ
    assert told(two, "t1")["user"][0] == READ
    two.get("students?fields=givenName,familyName")
    assert told(two, "p1")["user"] == (READ, ("familyName", "givenName"))


def test_a_school_that_was_asked_for_by_name_tells_of_its_own_people_only(two):
    two.agreed(contents("org", "user"))
    two.get(f"schools/{two.sis.ids('org')['s2']}/students")
    assert (told(two, "p1")["user"][0], told(two, "p4")["user"][0]) == (NOT_READ, READ)


def test_one_record_may_have_been_that_person(two):
    two.agreed(contents("org", "user"))
    two.get(f"users/{two.sis.ids('user')['p2']}")
    assert told(two, "p2")["user"][0] == MAYBE


def test_what_is_taken_back_ends_and_stays_in_the_ledger(two):
    consent = two.agreed(contents("org", "user"))
    two.get("users")
    two.clock.now = MORNING + DAY
    two.take(consent, Act.REVOKE, Side.DISTRICT)
    two.get("users")  # tombstones disclose nothing
    (found,) = ledger(two, "p1")
    assert (found.certainty, found.until, found.last_read.date()) == (READ, MORNING + DAY, MORNING.date())


def test_a_line_is_written_before_its_first_page_leaves(two):
    two.agreed(contents("org", "user"))
    two.get("users?limit=2")
    (line,) = lines(two)
    assert (line.kind, line.revision, line.pages, line.records, line.total, line.part) == ("user", 1, 1, 2, 7, False)
    assert line.fields is None


def test_pages_of_one_walk_are_gathered_into_one_line_and_written_with_the_last(two):
    two.agreed(contents("org", "user"))
    two.get("users?limit=2")
    two.get("users?limit=2&offset=2")
    assert [line.pages for line in lines(two)] == [1]
    two.get("users?limit=2&offset=4")
    two.get("users?limit=2&offset=6")
    assert [(line.pages, line.records) for line in lines(two)] == [(4, 7)]


def test_a_new_revision_and_a_new_hour_begin_new_lines(tmp_path):
    with ticking(MORNING) as clock:
        two = between(a_district(tmp_path), clock)
        two.agreed(contents("org", "user"))
        two.get("users")
        two.sis.done(small().changed("users", "p1", givenName="Ines"))
        two.get("users")
        clock.now += timedelta(hours=1)
        two.get("users")
        assert [(line.revision, line.hour.hour) for line in sorted(lines(two), key=lambda x: x.first_at)] == [
            (1, 6),
            (2, 6),
            (2, 7),
        ]


def test_what_is_shared_and_never_read_is_told(two):
    two.agreed(contents("org", "user", "class"))
    now = MORNING + 40 * DAY

    def unused():
        found = agreements.unused(district_id=two.sis.district_id, days=30, now=two.clock.now)
        return next(u for u in found if u.application == two.app.application.name)

    assert unused().kinds == ("org", "user", "class")
    two.clock.now = now
    two.get(f"schools/{two.sis.ids('org')['s1']}/students?fields=givenName,metadata")
    two.get("classes")
    found = unused()
    assert (found.watched, found.kinds) == (timedelta(days=30), ("org",))
    assert "class" not in found.attributes
    assert not {"givenName", "metadata", "gg4l.sisId"} & set(found.attributes["user"])
    assert "email" in found.attributes["user"]
    assert found.schools == {}, "classes of every school were read"
    two.clock.now = now + 31 * DAY
    two.get(f"schools/{two.sis.ids('org')['s1']}/students")
    found = unused()
    assert (found.kinds, set(found.schools)) == (("org", "class"), {two.sis.ids("org")["s2"]})
    assert "user" not in found.attributes
