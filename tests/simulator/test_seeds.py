"""Histories that once found something stay green."""

import pytest

from tests.faults.support.children import children
from tests.simulator import years
from tests.simulator.years import Course

KEPT = years.kept()


@pytest.mark.skipif(not KEPT, reason="no seed is kept")
@pytest.mark.parametrize("course", KEPT, ids=str)
def test_a_history_that_found_something_passes(course, database, tmp_path):
    with children() as others:
        years.live(course, folder=tmp_path, others=others)


def test_a_course_is_kept_and_read_again_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(years, "SEEDS", tmp_path / "seeds.txt")
    years.SEEDS.write_text("# why there are any\n\n", encoding="utf-8")
    one, other = Course(seed=7, nights=12), Course(seed=8, years=3, pupils=100)
    years.keep(one, "users are\n  not as they should be")
    years.keep(other, "another")
    assert years.kept() == [one, other]
    assert str(one) == "SEED=7 YEARS=1 NIGHTS=12 PUPILS=300"
