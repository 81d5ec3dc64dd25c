"""Killed at any named point, or at any moment: a reader sees the old revision or the new one, and the next run finishes.

``KILLS=500`` kills as often at random moments, and recovers in both ways after each named point by itself.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from schoolpassport.kit.killpoint import VARIABLE
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.faults.support.children import KILLED, ROOT, Children, children
from tests.faults.support.looking import Watched, look, watching
from tests.faults.support.play import KINDS, A, B, Play, begin, share
from tests.support.amount import amount
from tests.support.nights import nights
from tests.support.packages import small
from tests.support.views import check_log

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
WAYS = ("same run", "next night")
KILLS = amount("KILLS", 0)


@pytest.fixture(scope="module")
def others(database) -> Iterator[Children]:
    with children() as made:
        yield made


@pytest.fixture(scope="module")
def stage(others, tmp_path_factory) -> dict[str, Play]:
    """Plays that tests hand on to one another: to set one up takes four nights."""
    del others
    return {"folder": tmp_path_factory.mktemp("kill")}


def a_play(stage, others, name: str, **packages) -> Play:
    """The play of this name as the last test left it; a new one where that left it broken."""
    if name not in stage or not stage[name].is_sound:
        district = register_district(name=f"Cedar Creek {uuid4()}", now=NOW)
        stage[name] = begin(
            nights(district_id=district.id, folder=stage["folder"] / str(uuid4()), now=NOW), others, **packages
        )
    return stage[name]


@pytest.fixture
def play(stage, others) -> Play:
    return a_play(stage, others, "play")


@pytest.fixture
def twin(stage, others) -> Play:
    return a_play(stage, others, "twin")


@pytest.fixture(scope="module")
def points(stage, others) -> list[str]:
    """Every named point in the order in which one undisturbed walk passes them, numbered for where it passes twice."""
    play = a_play(stage, others, "play")
    ended = play.walk(play.ask(), trace=True)
    assert ended.code == 0, ended
    play.arrive()
    times: Counter[str] = Counter()
    named = []
    for point in ended.points:
        times[point] += 1
        named.append(f"{point}:{times[point]}")
    return named


def check_watched(play: Play, watched: Watched) -> None:
    """What the reader beside saw all the time."""
    allowed = {(play.looks[roster].roster, play.looks[view].view) for roster in "AB" for view in "AB"}
    assert all(seen.whole for seen in watched.looks), "the change log was not whole"
    assert {(seen.roster, seen.view) for seen in watched.looks} <= allowed, "a reader saw a mixture"


def check_nothing_left(play: Play) -> None:
    """No run claims to be on its way, and no copy of what pupils are called lies about on the disk."""
    with scope.inside(play.district_id):
        states = set(Run.objects.filter(district_id=play.district_id).values_list("state", flat=True))
    assert not states & {"running", "waiting", "held"}
    for place in ("work", "packages"):
        folder = Path(os.environ["SCHOOLPASSPORT_DATA_DIR"]) / place / str(play.district_id)
        left = list(folder.iterdir()) if folder.is_dir() else []
        assert not left, f"{len(left)} in {place}, like {left[0]}"


def try_again_what_was_killed(play: Play) -> None:
    """As the queue does with jobs whose worker died. It is too late for them, and nothing happens."""
    with scope.inside(play.district_id):
        late = list(Run.objects.filter(district_id=play.district_id, state__in=("waiting", "running", "failed")))
    before = play.since, play.lines
    for run in late:
        assert play.sis.walk(run).state in {"superseded", "unchanged", "done"}
    play.new_lines()
    assert (play.since, play.lines) == before


# --------------------------------------------------------------------------------------------------------- every point


def test_every_point_in_the_code_is_one_that_a_walk_passes(points):
    """A point that is never reached proves nothing. Names in the code hold a kind or a step in braces.

    Webhooks and mail are no part of a walk; their points have their tests beside theirs.
    """
    rooms = {path for path in (ROOT / "src" / "schoolpassport").iterdir() if path.name not in {"webhooks", "messaging"}}
    files = [path for room in rooms for path in room.rglob("*.py")]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    written = set(re.findall(r'\breach\(f?"([^"]+)"\)', source))
    found = {point.rpartition(":")[0] for point in points}
    assert written
    for name in written:
        pattern = re.compile(re.sub(r"\\\{.*?\\\}", "[A-Za-z]+", re.escape(name)))
        assert any(pattern.fullmatch(point) for point in found), name
    assert {f"{step}.{kind}" for step in ("inspect", "apply", "publish") for kind in KINDS} <= found


def test_killed_at_one_point_after_the_other_it_arrives_as_if_nothing_had_happened(play, points):
    """A worker tries its run again: it begins where it was killed, gets a little further, and is killed there."""
    with watching(play.district_id) as watched:
        run = play.ask()
        for point in points:
            run = play.die(run, point)
        play.recover(run, "same run")
    check_watched(play, watched)
    check_log(play.view)
    check_nothing_left(play)


def test_each_night_killed_at_another_point_they_arrive_as_if_nothing_had_happened(play, points):
    """Nobody tries the killed run again; the next night brings the same package, and is killed in its turn."""
    late = points[points.index("apply.begin:1") :]
    telling = {f"apply.{moment}:1" for moment in ("before", "user", "before_commit", "committed", "end")}
    telling |= {f"publish.{moment}:1" for moment in ("begin", "org", "result", "end")}
    assert telling <= set(late)
    with watching(play.district_id) as watched:
        for point in (p for p in late if p in telling or KILLS):
            run = play.die(play.ask(), point)
        play.recover(run, "next night")
    check_watched(play, watched)
    check_log(play.view)
    try_again_what_was_killed(play)
    check_nothing_left(play)


def test_killed_once_at_a_point_it_equals_its_undisturbed_twin(play, twin, points):
    """Ids and times differ, of course. Roster, its history, links, view and log do not."""
    named = points if KILLS else ["apply.before_commit:1", "apply.committed:1", "publish.user:1"]
    if twin.stands != play.stands:
        twin.turn()
    since = play.since, twin.since
    for number, point in enumerate(named * (len(WAYS) if KILLS else 1)):
        play.recover(play.die(play.ask(), point), WAYS[number % len(WAYS)])
        twin.turn()
    assert play.in_words(since[0]) == twin.in_words(since[1])


# ---------------------------------------------------------------------------------------------------------- any moment


def test_killed_at_any_moment_it_arrives_as_if_nothing_had_happened(play):
    chance = random.Random(20260901)
    begun = time.perf_counter()
    assert play.walk(play.ask()).code == 0
    usual = time.perf_counter() - begun
    play.arrive()
    with watching(play.district_id) as watched:
        for number in range(KILLS or 3):
            run = play.ask()
            child = play.others.start("walk", district_id=run.district_id, run_id=run.id)
            time.sleep(chance.uniform(0, usual))
            play.others.kill(child)
            play.check(look(play.district_id), f"kill {number}")
            play.recover(run, chance.choice(WAYS))
    check_watched(play, watched)
    check_log(play.view)


def test_killed_while_several_views_are_published_each_is_old_or_new_and_the_next_walk_moves_the_rest(
    others, district, tmp_path
):
    """Two go abreast, so when the third comes to its classes, one is through, and another may be anywhere."""
    sis = nights(district_id=district.id, folder=tmp_path, now=NOW)
    views = [share(sis) for _ in range(3)]
    numbers = [view.model().number for view in views]
    sis.done(A)
    before = [look(district.id, number).view for number in numbers]
    with watching(district.id, view=numbers[0]) as watched:
        run = sis.ask(B)
        assert others.run("walk", killpoint="publish.class:3", district_id=district.id, run_id=run.id).code == KILLED
        left = [look(district.id, number) for number in numbers]
        assert sis.walk(run).state == "done"
    after = [look(district.id, number).view for number in numbers]
    assert all(seen.whole and seen.view in pair for seen, *pair in zip(left, before, after, strict=True))
    assert before != [seen.view for seen in left] != after
    assert all(seen.whole for seen in watched.looks)
    assert {seen.view for seen in watched.looks} == {before[0], after[0]}
    assert views[0].active() == views[1].active() == views[2].active()
    for view in views:
        check_log(view)


def test_the_environment_alone_kills_a_process_at_its_point(play):
    """Once without the process that forks: a new interpreter, and the variable set before it starts."""
    run = play.ask()
    code = (
        "import django; django.setup(); from uuid import UUID; from schoolpassport.sync import actions; "
        f"actions.walk(district_id=UUID('{run.district_id}'), run_id=UUID('{run.id}'))"
    )
    environment = {**os.environ, VARIABLE: "apply.before_commit"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    play.check(look(play.district_id), "killed by the environment")
    play.recover(run, "same run")


def test_a_package_that_changed_while_its_run_was_dead_is_not_taken_for_the_one_that_was_read(play):
    """Killed when its copy was made; then the next export comes to the same place. One of them is applied, and known as
    itself: when it comes again it says nothing new, and when the other comes it does."""
    origin = play.sis.write(small())
    run = play.die(play.sis.ask(origin), "inspect.begin:1")
    for path in sorted(origin.iterdir()):
        path.write_bytes((play.origins[play.next] / path.name).read_bytes())
    assert play.sis.walk(run).state in {"done", "unchanged"}
    play.sis.run(play.origins[play.next])
    assert look(play.district_id) == play.looks[play.next]
    play.stands = play.next
    play.new_lines()


# --------------------------------------------------------------------------------------------------------- two at once


def test_two_walks_of_one_run_at_once_do_its_work_once(play):
    run = play.ask()
    with watching(play.district_id) as watched:
        both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for _ in range(2)]
        ends = [play.others.wait(child) for child in both]
    assert [(end.code, end.said) for end in ends] == [(0, "done"), (0, "done")]
    check_watched(play, watched)
    play.arrive()


def test_two_runs_of_one_district_at_once_are_walked_one_after_the_other(play):
    """The older one may come second; then it is too late for it, and what stands is what was said last."""
    older, newer = play.ask(), play.sis.ask(play.origins[play.stands])
    with watching(play.district_id) as watched:
        both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for run in (newer, older)]
        ends = [play.others.wait(child) for child in both]
    assert [end.code for end in ends] == [0, 0], ends
    check_watched(play, watched)
    assert look(play.district_id) == play.looks[play.stands]
    check_log(play.view)
    play.new_lines()


def test_two_districts_do_not_wait_for_one_another(play, twin):
    runs = [play.ask(), twin.ask()]
    both = [play.others.start("walk", district_id=run.district_id, run_id=run.id) for run in runs]
    assert [play.others.wait(child).code for child in both] == [0, 0]
    play.arrive()
    twin.arrive()


# ---------------------------------------------------------------------------------------------------------- the control


@pytest.fixture
def naive(stage, others) -> Play:
    """Its packages differ in users' names only, which is all that the naive importer reads."""
    renamed = small()
    for key in ("t1", "t2", "g1", "p1", "p2", "p3", "p4"):
        renamed = renamed.changed("users", key, givenName=f"New-{key}")
    play = a_play(stage, others, "naive", a=small(), b=renamed)
    if play.stands == "B":
        play.turn()
    return play


def test_the_control_that_commits_row_by_row_is_caught_when_it_is_killed(naive):
    facts = {"district_id": naive.district_id, "folder": naive.origins["B"]}
    ended = naive.others.run("naive", killpoint="naive.row:3", **facts)
    assert ended.code == KILLED
    with pytest.raises(AssertionError, match="a reader saw a mixture"):
        naive.check(look(naive.district_id), "killed at naive.row:3")
    # Done again from the beginning it arrives at last; but its log tells some things twice.
    assert naive.others.run("naive", **facts).code == 0
    assert look(naive.district_id) == naive.looks["B"]
    with pytest.raises(AssertionError, match="the log tells it differently"):
        naive.arrive()
    with pytest.raises(AssertionError):
        check_log(naive.view)


def test_the_control_is_caught_by_the_reader_beside_even_when_nobody_kills_it(naive):
    with watching(naive.district_id) as watched:
        ended = naive.others.run("naive", district_id=naive.district_id, folder=naive.origins["B"])
    assert ended.code == 0
    with pytest.raises(AssertionError, match="a reader saw a mixture"):
        check_watched(naive, watched)
