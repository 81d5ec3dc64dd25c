"""The control: the product passes every scene, and with any of the planted bugs it does not."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.support.children import Children, children
from tests.simulator import planted
from tests.simulator import stage as stages
from tests.simulator.planted.shape import Bug, NotThere, Patch
from tests.simulator.planted.shape import planted as plant
from tests.simulator.scenes import SCENES
from tests.simulator.stage import Divergence, Stage
from tests.simulator.years import FIRST
from tests.support.clockwork import ticking

PARTS = 4


@pytest.fixture(scope="module")
def others(database) -> Iterator[Children]:
    with children() as made:
        yield made


@pytest.fixture
def stage(others, tmp_path) -> Iterator[Stage]:
    with ticking(FIRST) as clock:
        made = stages.begin(Random(1), pupils=300, folder=tmp_path, clock=clock, others=others)
        made.night(made.export())
        yield made


@pytest.mark.parametrize("part", range(PARTS))
def test_the_product_passes_every_scene(part, stage):
    """Some after the others on one district: what one leaves behind is the next one's past."""
    for name in list(SCENES)[part::PARTS]:
        try:
            SCENES[name](stage)
            stage.clear()
        except AssertionError as difference:
            difference.add_note(f"in the scene {name}")
            raise
    stage.check_all()


@pytest.mark.parametrize("name", planted.ALL)
def test_the_bug_is_caught(name, stage):
    bug = planted.ALL[name]
    with plant(bug), pytest.raises(Divergence, match=bug.seen):
        SCENES[bug.scene](stage)


def test_there_are_enough_of_them_and_every_file_is_on_the_shelf():
    files = {path.stem for path in Path(planted.__file__).parent.glob("*.py")} - {"__init__", "shape"}
    assert len(files) >= 5
    assert len(planted.ALL) >= 30


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
