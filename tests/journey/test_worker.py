"""``schoolpassport worker --once``, in a process of its own as a scheduler starts it: what it says it did."""

import json
import os
import subprocess
import sys
from uuid import uuid4

import pytest
from procrastinate.contrib.django import app

from schoolpassport.sync import actions
from tests.support.nights import BY, nights
from tests.support.packages import small


@pytest.fixture
def sis(district, tmp_path, now):
    return nights(district_id=district.id, folder=tmp_path, now=now)


def queued(sis, package):
    origin = sis.write(package)
    return actions.ask_worker(
        district_id=sis.district_id, source_id=sis.source.id, origin=origin, by=BY, now=sis.now
    ).number


def work(*words):
    command = [sys.executable, "-m", "schoolpassport.cli.main", "worker", "--once", *words]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=120)


def test_it_tells_what_became_of_each_run_and_that_nothing_is_left(sis, district):
    refused = {"orgs.csv": "sourcedId\n"}
    numbers = [queued(sis, small()), queued(sis, refused), queued(sis, small())]
    done = work("--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    mine = [(r["run"], r["state"], r["revision"]) for r in told["runs"] if r["district"] == district.name]
    assert mine == [(numbers[0], "done", 1), (numbers[1], "refused", None), (numbers[2], "unchanged", None)]
    assert (told["taken"], told["failed"]) == (len(told["runs"]), 0)
    assert work().stdout == "No run was waiting.\n"
    queued(sis, small())
    assert work().stdout == f"Runs taken: 1.\n  {district.name}, run 4: unchanged. The same package as last time.\n"


def test_it_ends_with_1_when_a_run_could_not_be_walked(district):
    """A job about a run that is nowhere; it would be tried again later. What other tests left is done before."""
    work()
    facts = {"district_id": str(district.id), "run_id": str(uuid4())}
    job = app.configure_task("sync.walk", queue="sync").defer(**facts)
    try:
        done = work("--json")
    finally:
        app.job_manager.cancel_job_by_id(job)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"taken": 1, "failed": 1, "runs": []})
