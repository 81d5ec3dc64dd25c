"""What the list and the page of a run say: whose package it was, and whether anybody works on it."""

import json

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import sources as sources_command
from schoolpassport.cli.commands import sync as command
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import actions, states
from schoolpassport.sync.contract import Progress
from schoolpassport.sync.models import Run, RunState
from schoolpassport.tenancy import scope
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small
from tests.support.sources import accounts, several


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def say(of: Nights, *words: object, by=command, code: int = 0) -> str:
    result = CliRunner().invoke(by.command, [*(str(w) for w in words), "--district", str(of.district_id)])
    assert result.exit_code == code, result.output
    return result.output


def killed(sis: Nights, **facts: object) -> Run:
    """As whoever is killed leaves it: running, with its last progress, and the lock gone with the process."""
    run = sis.ask(small())
    states.move(run, RunState.RUNNING)
    with scope.inside(sis.district_id):
        progress = {"step": "settle", "doing": "demographics", "rows": 9, "rows_per_second": 3, "remaining": 1.0}
        Run.objects.filter(district_id=sis.district_id, id=run.id).update(
            progress={**progress, "seconds": 5.0}, **facts
        )
    return run


def test_the_list_and_the_page_name_the_source_of_a_run(district, tmp_path, now):
    both = several(district_id=district.id, folder=tmp_path, now=now)
    directory = both.more("Directory", SourceRole.ENRICHMENT)
    both.sis.done(small())
    directory.run(accounts({"sourcedId": "a1", "givenName": "Given-p1", "email": "p1@amber.example"}))
    runs = json.loads(say(both.sis, "list", "--json"))
    assert [(r["run"], r["source"]) for r in runs] == [(2, "Directory"), (1, "SIS")]
    assert "Directory" in say(both.sis, "list")
    assert "Directory" not in say(both.sis, "list", "--source", "SIS")
    assert [r["run"] for r in json.loads(say(both.sis, "list", "--limit", 1, "--json"))] == [2]
    assert "Source: Directory" in say(both.sis, "show", 2)
    assert json.loads(say(both.sis, "show", 2, "--json"))["source"] == "Directory"


def test_the_table_of_a_run_says_how_many_stand_and_calls_nobody_of_another_source_unchanged(district, tmp_path, now):
    both = several(district_id=district.id, folder=tmp_path, now=now)
    directory = both.more("Directory", SourceRole.ENRICHMENT)
    both.sis.done(small().changed("users", "p1", email="p1@amber.example"))
    standing = len(small().rows["users"])
    directory.done(accounts({"sourcedId": "a1", "givenName": "Given-p1", "email": "p1@amber.example", "phone": "7"}))
    lines = [line.split() for line in say(both.sis, "show", 2).splitlines()]
    (head,) = [line for line in lines if line[:1] == ["kind"]]
    users = next(line for line in lines if line[:1] == ["user"])
    assert (head[-1], users[-1], "unchanged" in head) == ("standing", str(standing), False)
    told = json.loads(say(both.sis, "show", 2, "--json"))["statistics"]
    (user,) = [s for s in told if s["kind"] == "user" and s["school"] is None]
    assert (user["unchanged"] + user["updated"], user["standing"]) == (standing, standing)


def test_of_a_run_that_was_killed_it_is_said_that_nobody_works_on_it(sis):
    run = killed(sis)
    shown = say(sis, "show", run.number)
    assert "Nobody works on it any more: whoever did was stopped. It changed nothing" in shown
    assert "settle demographics" not in shown
    assert say(sis, "cancel", run.number) == f"Run {run.number} was cancelled.\n"
    assert sis.state(run) == "cancelled"


def test_of_a_run_that_was_killed_after_it_was_applied_cancel_says_what_ends_it(sis):
    run = killed(sis, revision=1)
    told = say(sis, "cancel", run.number, code=1)
    assert f"Run {run.number} was applied already, and cannot be taken back. Nobody works on it any more" in told
    assert "finished with the next run" in told


def test_of_a_run_on_its_way_its_progress_is_told_as_ever(sis):
    run, shown = sis.ask(small()), []

    def look(progress: Progress) -> None:
        if progress.step == "settle" and not shown:
            shown.append(json.loads(say(sis, "show", run.number, "--json")))

    actions.walk(district_id=sis.district_id, run_id=run.id, watch=look)
    assert shown[0]["state"] == "running"


def test_nothing_is_fetched_of_a_source_whose_packages_are_handed_over(sis):
    for more in ((), ("--queue",)):
        told = say(sis, "fetch", "SIS", *more, by=sources_command, code=1)
        assert "Nothing is fetched of “SIS”: its packages are handed over." in told
        assert "schoolpassport sync PACKAGE --source SIS" in told
    assert json.loads(say(sis, "list", "--json")) == []
    assert actions.ask(district_id=sis.district_id, source_id=sis.source.id, by=BY, now=sis.now).number == 1
