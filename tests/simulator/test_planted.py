"""The control: the product passes every scene, and with any of the planted bugs it does not."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.support.children import Children, children
from tests.simulator import planted
from tests.simulator import stage as stages
from tests.simulator.outlets import OUTLETS
from tests.simulator.planted.shape import Bug, NotThere, Patch, spoiled
from tests.simulator.planted.shape import planted as plant
from tests.simulator.scenes import SCENES, WORLDS
from tests.simulator.stage import Divergence, Stage
from tests.simulator.years import FIRST
from tests.support.clockwork import Clockwork, ticking

PARTS = 4
PUPILS = {"": 300, "directory": 120, "apps": 60}  # as few as the scenes need
DIRECTORY = "scenes 3"  # one that is master of some attributes, and fills in others


@pytest.fixture(scope="module")
def others(database) -> Iterator[Children]:
    with children() as made:
        yield made


@pytest.fixture
def stage_of(others, tmp_path) -> Iterator[Callable[..., Stage]]:
    """Of a world: "" with one source, with a directory, or with an application by each of these outlets."""

    def begin(world: str, clock: Clockwork, outlets: Iterable[str]) -> Stage:
        made = stages.begin(
            Random(1),
            pupils=PUPILS[world],
            folder=tmp_path,
            clock=clock,
            others=others,
            beside=Random(DIRECTORY) if world == "directory" else None,
            outlets={name: Random(name) for name in outlets} if world == "apps" else {},
        )
        made.night(made.export())
        return made

    with ticking(FIRST) as clock:
        yield lambda world, outlets=OUTLETS: begin(world, clock, outlets)


def _parts() -> list[tuple[str, list[str]]]:
    alone = [name for name in SCENES if name not in WORLDS]
    beside = [(world, [name for name in SCENES if WORLDS.get(name) == world]) for world in ("directory", "apps")]
    return [*(("", alone[part::PARTS]) for part in range(PARTS)), *beside]


@pytest.mark.parametrize(("world", "names"), _parts())
def test_the_product_passes_every_scene(world, names, stage_of):
    """Some after the others on one district: what one leaves behind is the next one's past."""
    stage = stage_of(world)
    for name in names:
        try:
            SCENES[name](stage)
            stage.clear()
        except AssertionError as difference:
            difference.add_note(f"in the scene {name}")
            raise
    stage.check_all()


@pytest.mark.parametrize("name", planted.ALL)
def test_the_bug_is_caught(name, stage_of):
    bug = planted.ALL[name]
    stage = stage_of(WORLDS.get(bug.scene, ""), [bug.outlet])
    with plant(bug), pytest.raises(Divergence, match=bug.seen):
        SCENES[bug.scene](stage)


def test_there_are_enough_of_them_and_every_file_is_on_the_shelf():
    files = {path.stem for path in Path(planted.__file__).parent.glob("*.py")} - {"__init__", "shape"}
    assert len(files) >= 7
    assert len(planted.ALL) >= 55


def test_the_product_still_says_the_words_that_the_bugs_replace(database):
    """Told at once, for whoever changed them, and not only after all the scenes."""
    assert all(spoiled(patch) for bug in planted.ALL.values() for patch in bug.patches)


@pytest.mark.parametrize(
    "patch",
    [
        Patch("schoolpassport.sync.waiting:nobody", "a", "b"),
        Patch("schoolpassport.sync.waiting:weigh", "words that are not there", "b"),
        Patch("schoolpassport.sync.waiting:weigh", "court", "b"),
    ],
)
def test_a_bug_that_cannot_be_planted_says_so(patch):
    with pytest.raises(NotThere), plant(Bug("nothing", "", "", (patch,))):
        raise AssertionError("it was planted")
