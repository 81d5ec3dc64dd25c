import os
import signal
import subprocess
import sys

import pytest

WALK = """
from schoolpassport.kit.killpoint import reach
for step in range(3):
    print("before", step, flush=True)
    reach("apply.before_commit")
    reach("apply")
print("end", flush=True)
"""


def walk(wanted: str | None) -> tuple[int, list[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("SCHOOLPASSPORT_KILLPOINT", None)
    if wanted is not None:
        environment["SCHOOLPASSPORT_KILLPOINT"] = wanted
    done = subprocess.run([sys.executable, "-c", WALK], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("wanted", [None, "", "elsewhere", "apply.before", "apply.before_commit:4"])
def test_a_point_that_is_not_named_does_nothing(wanted):
    assert walk(wanted) == (0, ["before 0", "before 1", "before 2", "end"])


@pytest.mark.parametrize(
    ("wanted", "steps"), [("apply.before_commit", 1), ("apply:1", 1), ("apply.before_commit:3", 3)]
)
def test_the_process_is_killed_at_the_named_point_and_time(wanted, steps):
    assert walk(wanted) == (-signal.SIGKILL, [f"before {step}" for step in range(steps)])


@pytest.mark.parametrize("wanted", ["apply:", "apply:0", "apply:x", ":1", "apply:-1"])
def test_a_misspelt_wish_is_not_ignored(wanted):
    assert walk(wanted) == (1, [])
