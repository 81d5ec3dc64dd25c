"""Version tables carry no foreign keys (docs/adr/0003): that every reference leads somewhere is asked of the data."""

from uuid import uuid4

import pytest
from django.db import connection

from schoolpassport.roster import queries as roster
from schoolpassport.tenancy import scope
from tests.support.nights import Nights, nights
from tests.support.packages import enrollment, small, user


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def dangling(sis: Nights) -> list[str]:
    with scope.inside(sis.district_id):
        return roster.dangling(district_id=sis.district_id)


def test_whatever_a_source_sends_no_reference_of_the_roster_leads_nowhere(sis):
    lost = user("u9", orgSourcedIds="s1,nowhere", agentSourcedIds="nobody")
    sis.done(small().with_rows("users", lost).with_rows("enrollments", enrollment("e9", userSourcedId="nobody")))
    assert dangling(sis) == []
    sis.done(small().without("users", "p1"))  # those who refer to them stay in the package
    assert dangling(sis) == []


def test_a_reference_that_leads_nowhere_would_be_found(sis):
    sis.done(small())
    with scope.inside(sis.district_id), connection.cursor() as cursor:
        cursor.execute("UPDATE roster_enrollment SET user_id = %s WHERE district_id = %s", [uuid4(), sis.district_id])
        changed = cursor.rowcount
    assert dangling(sis) == [f"enrollment.user: {changed}"]
