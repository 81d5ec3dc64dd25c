"""Killed at any named point, or at any moment: a reader sees the old revision or the new one, and the next run finishes.

``KILLS=500`` adds as many kills at random moments, and a full recovery after each named point.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from schoolpassport.kit.killpoint import VARIABLE
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sync.models import Run
from schoolpassport.tenancy.actions import register_district
from tests.faults.support.children import KILLED, ROOT, Children, children
from tests.faults.support.looking import Look, Watched, look, watching
from tests.support import partners
from tests.support.amount import amount
from tests.support.nights import BY, Nights, nights
from tests.support.packages import Package, Row, course, demographics, enrollment, org, small, user
from tests.support.views import View, check_log

KINDS = ("org", "academicSession", "course", "category", "resource", "user", "class", "enrollment", "demographics")
SPOKEN_OF = (*KINDS, "lineItem", "result")
EVERY_POINT = amount("KILLS", 0) > 0


def _line_item(key: str, **cells: str) -> Row:
    return {
        "sourcedId": key,
        "title": "Quiz",
        "assignDate": "2026-09-02T00:00:00Z",
        "dueDate": "2026-09-09T00:00:00Z",
        "classSourcedId": "k1",
        "categorySourcedId": "cat",
        "gradingPeriodSourcedId": "autumn",
        "resultValueMin": "0",
        "resultValueMax": "10",
        **cells,
    }


def _result(key: str, **cells: str) -> Row:
    mark = {"scoreStatus": "fully graded", "score": "7", "scoreDate": "2026-09-10"}
    return {"sourcedId": key, "lineItemSourcedId": "li", "studentSourcedId": "p1", **mark, **cells}


A = (
    small()
    .with_rows("categories", {"sourcedId": "cat", "title": "Homework"})
    .with_rows("resources", {"sourcedId": "res", "vendorResourceId": "v1", "title": "Atlas"})
    .with_rows("lineItems", _line_item("li"))
    .with_rows("results", _result("r1"), _result("r2"))
)
# Something of every kind is different, somebody is there only in A, and somebody only in B.
B = (
    A.changed("orgs", "s2", name="Renamed")
    .with_rows("orgs", org("dep", type="department"))
    .changed("academicSessions", "autumn", title="Fall")
    .changed("categories", "cat", title="Tests")
    .changed("resources", "res", title="Map")
    .changed("courses", "alg", title="Algebra")
    .with_rows("courses", course("new"))
    .changed("users", "p1", givenName="Renamed")
    .without("users", "p4")
    .with_rows("users", user("p9"))
    .changed("classes", "k1", title="Renamed")
    .without("enrollments", "e5")
    .with_rows("enrollments", enrollment("e9", userSourcedId="p9"))
    .without("demographics", "p4")
    .with_rows("demographics", demographics("p9"))
    .changed("lineItems", "li", title="Exam")
    .without("results", "r2")
    .changed("results", "r1", score="8")
)


@pytest.fixture(scope="module")
def others(database) -> Any:
    with children() as made:
        yield made


@dataclass
class Play:
    """A district that goes from A to B and back, again and again, and what it looks like in each when undisturbed."""

    sis: Nights
    others: Children
    origins: dict[str, Path]
    as_: dict[str, Look]
    stands: str
    lines: int
    turns: dict[str, Counter[tuple[str, str, str]]] = field(default_factory=dict)  # what the log says of a turn to …

    @property
    def view(self) -> View:
        return View(self.sis.district_id, _INTEGRATIONS[self.sis.district_id])

    @property
    def next(self) -> str:
        return "B" if self.stands == "A" else "A"

    def ask(self) -> Run:
        return self.sis.ask(self.origins[self.next])

    def walk_and_die(self, run: Run, killpoint: str) -> None:
        ended = self.others.run("walk", killpoint=killpoint, district_id=run.district_id, run_id=run.id)
        assert ended.code == KILLED, f"{killpoint}: {ended}"
        self.check_look(look(self.sis.district_id), f"killed at {killpoint}")

    def check_look(self, seen: Look, when: str) -> None:
        """Both old, both new, or the roster new and the view still to follow; never anything else."""
        old, new = self.as_[self.stands], self.as_[self.next]
        assert seen.whole, f"{when}: the change log is not whole"
        assert (seen.roster, seen.view) in {
            (old.roster, old.view),
            (new.roster, old.view),
            (new.roster, new.view),
        }, f"{when}: a reader saw a mixture"

    def recover(self, run: Run, how: str) -> None:
        """The same run is walked again, as a worker does, or the next night brings the same package."""
        again = self.sis.walk(run) if how == "same run" else self.sis.run(self.origins[self.next])
        assert again.state in {"done", "unchanged"}, again.message
        self.arrive()

    def arrive(self) -> None:
        """All is as if nothing had happened: content, ids, and what the change log says of this turn, once."""
        here = self.next
        assert look(self.sis.district_id) == self.as_[here]
        assert self.new_lines() == self.turns[here]
        self.stands = here

    def new_lines(self) -> Counter[tuple[str, str, str]]:
        log = self.view.versions()
        told = Counter((line.kind, str(line.id), line.change) for line in log[self.lines :])
        self.lines = len(log)
        return told


_INTEGRATIONS: dict[Any, Any] = {}


def begin(sis: Nights, others: Children) -> Play:
    """A, B, A, B and A without disturbance: from then on each turn says the same."""
    sis.set_limits(bad_row_share=1)
    integrated = partners.integrated(sis.district_id, sis.now)
    _INTEGRATIONS[sis.district_id] = integrated.integration.id
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integrated.integration.id,
        attributes=catalogue.everything(kinds=SPOKEN_OF),
        by=BY,
        now=sis.now,
    )
    play = Play(sis, others, {"A": sis.write(A), "B": sis.write(B)}, {}, "A", 0)
    for turn in "ABAB":
        sis.done(play.origins[turn])
        play.as_[turn] = look(sis.district_id)
        play.turns[turn] = play.new_lines()
        play.stands = turn
    return play


@pytest.fixture
def play(district, tmp_path, now, others) -> Play:
    return begin(nights(district_id=district.id, folder=tmp_path, now=now), others)


# ------------------------------------------------------------------------------------------------------- every point


def points(play: Play) -> list[str]:
    """Every named point in the order in which one undisturbed walk passes them, numbered where it passes twice."""
    run = play.ask()
    ended = play.others.run("walk", trace=True, district_id=run.district_id, run_id=run.id)
    assert ended.code == 0, ended
    play.arrive()
    counted: Counter[str] = Counter()
    named = []
    for point in ended.points:
        counted[point] += 1
        named.append(f"{point}:{counted[point]}")
    return named


def test_every_point_in_the_code_is_passed(play):
    """A point that a test never reaches proves nothing. Names in the code may hold a kind or a step in braces."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    written = set(re.findall(r'\breach\(f?"([^"]+)"\)', source))
    passed = {point.rpartition(":")[0] for point in points(play)}
    assert written
    for name in written:
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[A-Za-z]+", re.escape(name)))
        assert any(pattern.fullmatch(point) for point in passed), name
    assert {f"apply.{kind}" for kind in SPOKEN_OF} | {f"publish.{kind}" for kind in SPOKEN_OF} <= passed


def test_killed_at_every_named_point_the_next_run_finishes_with_the_same_result(play):
    """Before anything is applied nothing can be half done, so there a run is killed again and again as it gets further,
    and recovers at the end; from there on each kill is followed by its own recovery."""
    named = points(play)
    first_of_apply = named.index("apply.begin:1")
    early, late = named[:first_of_apply], named[first_of_apply:]
    with watching(play.sis.district_id) as watched:
        if EVERY_POINT:
            late, early = named, []
        elif early:
            run = play.ask()
            for point in early:
                play.walk_and_die(run, point)
            play.recover(run, "same run")
        for number, point in enumerate(late):
            run = play.ask()
            play.walk_and_die(run, point)
            play.recover(run, ("same run", "next night")[number % 2])
    check_watched(play, watched)
    check_log(play.view)
    check_nothing_left(play)


def check_watched(play: Play, watched: Watched) -> None:
    """What the reader beside saw all the time."""
    allowed = {(play.as_[a].roster, play.as_[b].view) for a in "AB" for b in "AB"}
    assert watched.times > 20
    assert all(seen.whole for seen in watched.looks)
    assert {(seen.roster, seen.view) for seen in watched.looks} <= allowed


def check_nothing_left(play: Play) -> None:
    """No run claims to be running, and no copy of what pupils' names stand in lies about."""
    runs = Run.objects.filter(district_id=play.sis.district_id)
    from schoolpassport.tenancy import scope  # noqa: PLC0415

    with scope.inside(play.sis.district_id):
        states = Counter(runs.values_list("state", flat=True))
    assert not states.keys() & {"running", "waiting", "held"}, states
    data_dir = Path(os.environ["SCHOOLPASSPORT_DATA_DIR"])
    for place in ("work", "packages"):
        folder = data_dir / place / str(play.sis.district_id)
        assert not folder.is_dir() or not list(folder.iterdir()), f"{place}: {list(folder.iterdir())}"


def test_a_district_that_was_killed_at_every_step_equals_its_undisturbed_twin(play, other_district, tmp_path, now):
    """Ids differ, of course: compared in the source's own words. Roster, history, links, view and log."""
    twin = begin(nights(district_id=other_district.id, folder=tmp_path / "twin", now=now), play.others)
    for point in ("inspect.end:1", "apply.before_commit:1", "apply.committed:1", "publish.user:1", "publish.end:1"):
        run = play.ask()
        play.walk_and_die(run, point)
        play.recover(run, "same run")
        twin.sis.done(twin.origins[twin.next])
        twin.arrive()
    assert in_words(play) == in_words(twin)


def in_words(play: Play) -> dict[str, Any]:
    sis = play.sis
    names = {str(id_): f"{kind} {key}" for kind, ids in sis.all_ids().items() for key, id_ in ids.items()}

    def words(text: str) -> str:
        for id_, name in names.items():
            text = text.replace(id_, name)
        return text

    return {
        "past": [sis.everything(as_of=n) for n in range(sis.revision() + 1)],
        "keys": {kind: sorted(ids) for kind, ids in sis.all_ids().items()},
        "log": [
            (line.rev_from, line.kind, line.change, line.status, words(repr(sorted(line.facts.items()))))
            for line in sorted(play.view.versions(), key=lambda line: (line.rev_from, line.kind, names[str(line.id)]))
        ],
    }


# ------------------------------------------------------------------------------------------------------- any moment


def test_killed_at_any_moment_the_next_run_finishes_with_the_same_result(play):
    chance = random.Random(20260901)
    begun = time.perf_counter()
    run = play.ask()
    assert play.others.run("walk", district_id=run.district_id, run_id=run.id).code == 0
    usual = time.perf_counter() - begun
    play.arrive()
    killed = 0
    with watching(play.sis.district_id) as watched:
        for number in range(amount("KILLS", 4)):
            run = play.ask()
            child = play.others.start("walk", district_id=run.district_id, run_id=run.id)
            time.sleep(chance.uniform(0, usual))
            killed += play.others.kill(child).code == KILLED
            play.check_look(look(play.sis.district_id), f"kill {number}")
            play.recover(run, chance.choice(("same run", "next night")))
    assert killed
    check_watched(play, watched)
    check_log(play.view)


def test_the_environment_alone_kills_a_process_at_its_point(play):
    """Once without our process that forks: a new interpreter, the variable set before it starts."""
    run = play.ask()
    code = (
        "import django; django.setup(); from uuid import UUID; from schoolpassport.sync import actions; "
        f"actions.walk(district_id=UUID('{run.district_id}'), run_id=UUID('{run.id}'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, VARIABLE: "apply.before_commit"}, check=False, capture_output=True
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    play.check_look(look(play.sis.district_id), "killed by the environment")
    play.recover(run, "same run")


# ----------------------------------------------------------------------------------------------------- two at once


def test_two_walks_of_one_run_at_once_do_its_work_once(play):
    run = play.ask()
    both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for _ in range(2)]
    with watching(play.sis.district_id) as watched:
        ends = [play.others.wait(child) for child in both]
    assert [end.code for end in ends] == [0, 0], ends
    assert {end.said for end in ends} == {"done"}
    check_watched(play, watched)
    play.arrive()


def test_two_runs_of_one_district_at_once_are_walked_one_after_the_other(play):
    """The older one may come second; then it is too late for it, and what stands is what was said last."""
    older = play.ask()
    newer = play.sis.ask(play.origins[play.stands])
    both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for run in (newer, older)]
    with watching(play.sis.district_id) as watched:
        ends = [play.others.wait(child) for child in both]
    assert [end.code for end in ends] == [0, 0], ends
    check_watched(play, watched)
    assert look(play.sis.district_id) == play.as_[play.stands]
    check_log(play.view)
    check_nothing_left(play)


def test_districts_do_not_wait_for_one_another(play, other_district, tmp_path, now):
    twin = begin(nights(district_id=other_district.id, folder=tmp_path / "twin", now=now), play.others)
    pairs = [(p, p.ask()) for p in (play, twin)]
    both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for _, run in pairs]
    assert [play.others.wait(child).code for child in both] == [0, 0]
    play.arrive()
    twin.arrive()


# ------------------------------------------------------------------------------------------------------- the control


def naive_play(play: Play) -> Play:
    """Its packages differ in the names of users only, which is all that the naive importer reads."""
    renamed: Package = A
    for key in ("t1", "t2", "g1", "p1", "p2", "p3"):
        renamed = renamed.changed("users", key, givenName=f"New-{key}")
    play.origins["B"] = play.sis.write(renamed)
    for turn in ("A", "B", "A"):
        play.sis.done(play.origins[turn])
        play.as_[turn] = look(play.sis.district_id)
        play.turns[turn] = play.new_lines()
        play.stands = turn
    return play


def test_the_harness_catches_an_importer_that_commits_row_by_row(play):
    """The control: killed in the middle it leaves a mixture, and the harness says so."""
    play = naive_play(play)
    ended = play.others.run("naive", killpoint="naive.row:3", district_id=play.sis.district_id, folder=play.origins["B"])
    assert ended.code == KILLED
    with pytest.raises(AssertionError, match="a reader saw a mixture"):
        play.check_look(look(play.sis.district_id), "killed at naive.row:3")
    # Done again from the start it arrives at last, but its change log tells some things twice.
    assert play.others.run("naive", district_id=play.sis.district_id, folder=play.origins["B"]).code == 0
    assert look(play.sis.district_id) == play.as_["B"]
    with pytest.raises(AssertionError):
        play.arrive()


def test_the_reader_beside_catches_it_even_when_nobody_kills_it(play):
    play = naive_play(play)
    with watching(play.sis.district_id) as watched:
        ended = play.others.run("naive", district_id=play.sis.district_id, folder=play.origins["B"])
    assert ended.code == 0
    watched.times = max(watched.times, 21)  # how often it looked is not what is asked here
    with pytest.raises(AssertionError):
        check_watched(play, watched)
