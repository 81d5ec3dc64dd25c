"""The row about mornings that begin at night: applications pull everything while a sync runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from bench import applications
from bench.applications import Application
from bench.figures import Figure, Goal, at_most
from bench.place import District, Packages, Place
from bench.progress import say
from bench.pulling import ONEROSTER
from bench.serving import PRODUCT, Serving, serving
from bench.syncs import Measured, rest, sync

_PULLS = 4
_LIMIT = 1000
_COLLECTIONS = ("users", "enrollments")
_NONE = Goal(text="0", most=0, of="figure")


class Puller:
    """One application that reads users and enrollments page by page, begins anew, and notes each page's seconds."""

    def __init__(self, application: Application, server: Serving) -> None:
        self._client = application.client(server)
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self.whole = 0  # pulls that came to their end

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._pull(stop)
        except (RuntimeError, OSError) as error:
            self.errors.append(str(error))
        finally:
            self._client.close()

    def _pull(self, stop: threading.Event) -> None:
        for collection in _COLLECTIONS:
            offset, total = 0, 1
            while offset < total:
                if stop.is_set() and self.whole:
                    return
                begun = time.perf_counter()
                headers, _ = self._client.get(f"{ONEROSTER}/{collection}?limit={_LIMIT}&offset={offset}")
                self.seconds.append(time.perf_counter() - begun)
                total, offset = int(headers["x-total-count"]), offset + _LIMIT
        self.whole += 1


def measure(place: Place, packages: Packages, district: District, *, rounds: int) -> list[Figure]:
    """Each round pulls beside a sync, and then alone for as long; each puller comes to an end once."""
    pullers = [applications.known(district) for _ in range(_PULLS)]
    measured = Measured()
    nights = [packages.day1, packages.day2]  # the district stands at day two
    for number in range(1, rounds + 1):
        rest(place)
        with serving(PRODUCT, workers=2) as ours:
            with _pulling(pullers, ours) as beside:
                took = sync(place, district, nights[(number - 1) % 2], wants="done").wall
            with _pulling(pullers, ours) as alone:
                time.sleep(took)
        errors = [error for puller in (*alone, *beside) for error in puller.errors]
        for name, pulled in (("alone", alone), ("beside", beside)):
            seconds = [second for puller in pulled for second in puller.seconds]
            measured.add(name, quantiles(seconds, n=100)[-1] * 1000)
            measured.add(f"{name} median", median(seconds) * 1000)
        measured.add("errors", len(errors))
        say(
            f"{_PULLS} pulls, round {number} of {rounds}: p99 {measured['alone'][-1]:.1f} ms alone, "
            f"{measured['beside'][-1]:.1f} beside a sync of {took:.1f} s (median {measured['alone median'][-1]:.1f}, "
            f"{measured['beside median'][-1]:.1f}); {len(errors)} errors {errors[:2] or ''}"
        )
    return [
        Figure.of(
            f"page by 1000 of {_PULLS} pulls beside a sync, p99",
            runs=measured["beside"],
            floors=measured["alone"],
            unit="ms",
            goal=at_most(2),
        ),
        Figure.of(f"{_PULLS} pulls beside a sync: errors", runs=measured["errors"], floors=None, unit="", goal=_NONE),
    ]


@contextmanager
def _pulling(applications_: list[Application], server: Serving) -> Iterator[list[Puller]]:
    pullers = [Puller(application, server) for application in applications_]
    stop = threading.Event()
    threads = [threading.Thread(target=puller.run, args=(stop,)) for puller in pullers]
    for thread in threads:
        thread.start()
    try:
        yield pullers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
