"""Work by several threads: everything is done once, in no transaction, and what fails is told when all is done."""

import threading
import time

import pytest

from schoolpassport.sharing import abreast
from schoolpassport.tenancy import scope


@pytest.mark.parametrize("threads", [1, 2, 5, 50])
@pytest.mark.parametrize("things", [[], [1], [3, 1, 2], list(range(20))])
def test_each_thing_is_done_once_and_the_results_come_in_their_order(things, threads):
    done: list[int] = []

    def work(thing: int) -> int:
        done.append(thing)
        return thing * 2

    assert abreast.each(work, things, threads=threads) == [thing * 2 for thing in things]
    assert sorted(done) == sorted(things)


def test_one_thing_is_done_by_the_caller_alone():
    assert abreast.each(lambda _: threading.current_thread(), [1], threads=8) == [threading.current_thread()]


def test_all_others_are_done_before_the_first_failure_is_raised():
    done: list[int] = []

    def work(thing: int) -> None:
        if thing in {2, 4}:
            raise ValueError(thing)
        done.append(thing)

    with pytest.raises(ValueError, match="2"):
        abreast.each(work, [1, 2, 3, 4, 5], threads=2)
    assert sorted(done) == [1, 3, 5]


def test_interrupted_the_others_end_what_they_have_begun_and_begin_nothing_more():
    caller = threading.current_thread()
    begun = threading.Barrier(2)
    done: list[int] = []

    def work(thing: int) -> None:
        if thing < 2:
            begun.wait(10)
        if threading.current_thread() is caller:
            raise KeyboardInterrupt
        time.sleep(0.01)
        done.append(thing)

    with pytest.raises(KeyboardInterrupt):
        abreast.each(work, list(range(1000)), threads=2)
    assert done
    assert len(done) < 999


def test_it_is_no_part_of_a_transaction(district):
    with scope.inside(district.id), pytest.raises(RuntimeError, match="transaction"):
        abreast.each(str, [1], threads=1)
