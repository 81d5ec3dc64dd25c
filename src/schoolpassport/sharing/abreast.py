"""Work that several views need, by several threads at once. Each has its own connection to the database."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, connections

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def each(work: Callable[[Thing], Result], things: Sequence[Thing], *, threads: int) -> list[Result]:
    """What ``work`` gives for each of the things, in their order. The caller's thread is one of the ``threads``.

    Whoever is free takes the next one. What fails keeps no other from being done; then the first failure, in the
    order of the things, is raised, and others stand in the log. Where the caller is interrupted, what has been begun
    is ended, and nothing more is begun. Raises ``RuntimeError`` in a transaction: the others would see nothing of it.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Work by several threads cannot be part of a transaction; end it before.")
    waiting = deque(enumerate(things))
    done: dict[int, Result] = {}
    failed: dict[int, Exception] = {}

    def take() -> None:
        while True:
            try:
                place, thing = waiting.popleft()
            except IndexError:
                return
            try:
                done[place] = work(thing)
            except Exception as error:  # noqa: BLE001 (raised below, when the others are done)
                failed[place] = error

    def help_out() -> None:
        try:
            take()
        finally:
            connections.close_all()

    helpers = min(threads, len(things)) - 1
    with ThreadPoolExecutor(max(helpers, 1), thread_name_prefix="abreast") as others:  # none is begun unasked
        helping = [others.submit(help_out) for _ in range(helpers)]
        try:
            take()
        finally:
            waiting.clear()
    for helper in helping:
        helper.result()
    for place in sorted(failed)[1:]:
        log.error("it failed for %s, too", things[place], exc_info=failed[place])
    if failed:
        raise failed[min(failed)]
    return [done[place] for place in sorted(done)]
