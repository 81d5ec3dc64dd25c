"""School years: a few short ones, and ten that turn, in every run of the tests; longer where SIMULATED_NIGHTS says so."""

from collections.abc import Iterator

import pytest

from tests.faults.support.children import Children, children
from tests.simulator.years import Course, live
from tests.support.amount import amount

NIGHTS = amount("SIMULATED_NIGHTS", 15)


@pytest.fixture(scope="module")
def others(database) -> Iterator[Children]:
    with children() as made:
        yield made


@pytest.mark.parametrize("seed", range(1, 1 + amount("SIMULATED_SEEDS", 2)))
def test_a_school_year_leaves_what_the_oracle_says_night_after_night(seed, others, tmp_path):
    assert live(Course(seed=seed, nights=NIGHTS), folder=tmp_path, others=others) >= NIGHTS


def test_ten_years_of_few_nights_leave_what_the_oracle_says(others, tmp_path):
    """GG4L IDs and what applications hold go through nine summers."""
    few = Course(seed=5, years=10, nights=4, pupils=100)
    assert live(few, folder=tmp_path, others=others) >= few.years * few.nights
