"""Runs that nobody asks for by hand; taking one back; trying one again; what is tried too often."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from procrastinate.contrib.django.models import ProcrastinateJob

from schoolpassport.cli.commands import schedule as schedule_command
from schoolpassport.cli.commands import sources as sources_command
from schoolpassport.cli.show import how_far
from schoolpassport.kit import clock
from schoolpassport.messaging import queries as messaging
from schoolpassport.sources import actions as sources
from schoolpassport.sync import actions, queries, schedules
from schoolpassport.sync.contract import Progress
from schoolpassport.sync.models import Due, Run
from schoolpassport.tenancy import scope
from tests.support.clockwork import ticking
from tests.support.nights import BY, nights
from tests.support.packages import crowd, small
from tests.support.telling import told

DAILY = {"every": "day", "at": "02:30", "zone": "America/Chicago"}
TONIGHT = datetime(2026, 9, 1, 7, 30, tzinfo=UTC)  # 02:30 there


@pytest.fixture
def sis(district, tmp_path, now):
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    connected(made, "folder", path="landing/sis")
    return made


def connected(sis, connector, **values):
    sources.connect_source(
        district_id=sis.district_id,
        source_id=sis.source.id,
        connector=connector,
        values=values,
        secrets={},
        by=BY,
        now=sis.now,
    )


def planned(sis, content=DAILY, now=None):
    return schedules.set_schedule(
        district_id=sis.district_id, source_id=sis.source.id, content=content, by=BY, now=now or sis.now
    )


def nights_from(at):
    return [at + timedelta(days=n) for n in range(3)]


def typed(*words):
    return CliRunner().invoke(schedule_command.command, [str(word) for word in words])


def fall_due(sis, at, version=1, now=None):
    return schedules.fall_due(
        district_id=sis.district_id, source_id=sis.source.id, version=version, at=at, now=now or at
    )


def runs(sis):
    with scope.inside(sis.district_id):
        return [(r.number, r.asked_by, r.origin) for r in queries.runs(district_id=sis.district_id)]


def jobs(sis, task):
    found = ProcrastinateJob.objects.filter(task_name=task, args__district_id=str(sis.district_id), status="todo")
    return sorted((job.scheduled_at, job.args["version"]) for job in found)


def test_a_timetable_says_when_it_runs_next_and_leaves_a_job_for_then(sis):
    assert planned(sis) == TONIGHT
    assert jobs(sis, "sync.due") == [(TONIGHT, 1)]
    told = {"source": "SIS", "timetable": "every day at 02:30, America/Chicago"}
    with scope.inside(sis.district_id):
        assert schedules.schedules(district_id=sis.district_id) == [
            {**told, "next_at": TONIGHT, "next_runs": nights_from(TONIGHT), "resting": False}
        ]


def test_the_next_three_runs_are_shown_and_what_makes_no_sense_is_refused_by_the_command(sis):
    place = ["--zone", "Europe/Berlin", "--district", sis.district_id]
    told = typed("set", "SIS", "--every", "day", "--at", "02:30", *place).output
    local = r"(\d{4}-\d\d-\d\d 02:30(, )?){3} Europe/Berlin"
    assert re.fullmatch(rf"Next runs: {local} \((\d{{4}}-\d\d-\d\d 0[01]:30(, )?){{3}} UTC\)\.\n", told), told
    (line,) = [line for line in typed("list", *place[2:]).output.splitlines() if line.startswith("SIS")]
    assert len(re.findall(r"\d{4}-\d\d-\d\d 0[01]:30", line)) == 3
    for words, says in (
        (["day", "--at", "02:30", "--until", "2020-01-01"], "“until” is 2020-01-01, and no run comes until then."),
        (["day", "--at", "02:30", "--weekday", "mon"], "“weekdays” says nothing where “every” is “day”"),
        (["cron", "--cron", "30 2 * * *", "--at", "02:30"], "“at” says nothing where “every” is “cron”"),
    ):
        refused = typed("set", "SIS", "--every", *words, *place)
        assert (refused.exit_code, says in refused.output) == (2, True), refused.output
    assert line in typed("list", *place[2:]).output


def test_when_it_falls_due_a_run_is_asked_for_and_the_next_is_planned(sis):
    planned(sis)
    assert fall_due(sis, TONIGHT)
    assert runs(sis) == [(1, "schedule", "")]
    assert jobs(sis, "sync.due")[-1] == (TONIGHT + timedelta(days=1), 1)


def test_a_job_that_runs_twice_asks_once(sis):
    planned(sis)
    assert [fall_due(sis, TONIGHT), fall_due(sis, TONIGHT)] == [True, False]
    assert len(runs(sis)) == 1


def test_the_job_of_an_older_timetable_does_nothing(sis):
    planned(sis)
    planned(sis, DAILY | {"at": "04:00"})
    assert not fall_due(sis, TONIGHT, version=1)
    assert runs(sis) == []
    assert fall_due(sis, TONIGHT + timedelta(minutes=90), version=2)


def test_after_days_without_a_worker_one_run_is_asked_for(sis):
    planned(sis)
    later = TONIGHT + timedelta(days=3, hours=1)
    assert fall_due(sis, TONIGHT, now=later)
    assert len(runs(sis)) == 1
    with scope.inside(sis.district_id):
        assert Due.objects.get(district_id=sis.district_id).next_at == TONIGHT + timedelta(days=4)


def test_a_timetable_that_is_taken_away_asks_for_nothing(sis):
    planned(sis)
    assert planned(sis, {}) is None
    assert not fall_due(sis, TONIGHT, version=1)
    with scope.inside(sis.district_id):
        assert schedules.schedules(district_id=sis.district_id) == []


def test_a_waiting_run_can_be_cancelled_and_asked_for_again(sis):
    run = sis.ask(small())
    assert actions.cancel(district_id=sis.district_id, number=run.number, by=BY, now=sis.now).state == "cancelled"
    assert sis.walk(run).state == "cancelled"
    again = actions.retry(district_id=sis.district_id, number=run.number, by=BY, now=sis.now)
    assert (again.number, sis.walk(again).state) == (2, "done")


def test_a_run_on_its_way_stops_where_it_was_cancelled_and_changes_nothing(sis):
    run = sis.ask(small())

    def take_back(progress: Progress) -> None:
        if progress.step == "settle":
            actions.cancel(district_id=sis.district_id, number=run.number, by=BY, now=sis.now)

    walked = actions.walk(district_id=sis.district_id, run_id=run.id, watch=_unhurried(take_back))
    assert (walked.state, walked.message) == ("cancelled", "Cancelled on its way; nothing was changed.")
    assert sis.revision() == 0
    assert sis.done(small()).revision == 1


def _unhurried(tell):
    """Progress is noted once a second; a test waits for the next time."""

    def told(progress: Progress) -> None:
        tell(progress)
        if progress.step == "settle":
            time.sleep(1.1)

    return told


def test_what_is_over_cannot_be_cancelled(sis):
    run = sis.done(small())
    with pytest.raises(actions.NotHeld, match="Run 1 is done; only a run that waits or is on its way can be cancelled"):
        actions.cancel(district_id=sis.district_id, number=run.number, by=BY, now=sis.now)
    with pytest.raises(actions.NotHeld, match="Run 1 is done; there is nothing to try again"):
        actions.retry(district_id=sis.district_id, number=run.number, by=BY, now=sis.now)


def test_what_a_person_rejected_is_not_tried_again_by_the_way(sis):
    sis.done(crowd(60))
    sis.set_limits(hold_whole=True)
    package = sis.write(crowd(20))
    held = sis.run(package)
    sis.reject(held)
    with pytest.raises(actions.NotHeld) as refusal:
        actions.retry(district_id=sis.district_id, number=held.number, by=BY, now=sis.now)
    assert str(refusal.value) == (
        "Run 2 is rejected, and is not tried again. If it is right after all, take it as a new package: schoolpassport "
        f"sync {package} --source SIS"
    )
    assert [number for number, *_ in runs(sis)] == [2, 1]


def test_a_source_that_brings_nothing_new_for_a_week_is_told_once_until_it_does(sis):
    planned(sis)
    sis.done(small())
    later = clock.now() + schedules.SILENT_AFTER
    assert fall_due(sis, TONIGHT, now=later - timedelta(hours=1))
    assert told(sis.district_id, sis.source.id) == []
    for _ in range(2):
        with scope.inside(sis.district_id):
            due = Due.objects.get(district_id=sis.district_id, source_id=sis.source.id)
        assert fall_due(sis, due.next_at, now=later + timedelta(days=2))
    assert told(sis.district_id, sis.source.id) == ["source-silent"]
    sis.done(small().changed("users", "p1", givenName="Ada"))
    (notice,) = messaging.notices(organisation_id=sis.district_id)
    assert notice.settled_at is not None


def test_a_source_that_is_fetched_once_a_month_is_missed_when_a_whole_month_brought_nothing(sis):
    planned(sis, {"every": "month", "day": 1, "at": "02:30", "zone": "America/Chicago"})
    with ticking(TONIGHT):
        sis.done(small())
    first, second = (TONIGHT.replace(month=month) for month in (10, 11))
    assert [fall_due(sis, at) for at in (TONIGHT, first)] == [True, True]
    assert told(sis.district_id, sis.source.id) == [], "it was not asked since"
    assert fall_due(sis, second + timedelta(hours=1), now=second + timedelta(hours=1))
    assert told(sis.district_id, sis.source.id) == ["source-silent"]


def test_nobody_is_missed_while_imports_rest(sis):
    planned(sis)
    sis.done(small())
    later = clock.now() + 2 * schedules.SILENT_AFTER
    rest = {"imports": [{"from": f"{later - timedelta(days=1):%Y-%m-%d}", "to": f"{later:%Y-%m-%d}"}]}
    actions.set_rollover(district_id=sis.district_id, content=rest, by=BY, now=sis.now)
    assert fall_due(sis, TONIGHT, now=later)
    assert told(sis.district_id, sis.source.id) == []


def test_a_run_that_was_begun_five_times_is_parked_and_its_neighbours_go_on(sis):
    run = sis.ask(small())
    with scope.inside(sis.district_id):  # what four dead workers and a fifth leave behind
        Run.objects.filter(district_id=sis.district_id, id=run.id).update(attempts=5, state="running")
    walked = sis.walk(run)
    assert (walked.state, walked.revision) == ("parked", None)
    assert walked.message.startswith("It was tried 5 times and never came to an end")
    assert told(sis.district_id, run.id) == ["run-parked"]
    assert sis.done(small()).revision == 1


def test_a_run_tells_how_far_it_is_and_how_long_it_will_take(sis):
    sis.done(small())
    run, seen = sis.ask(small().changed("users", "p1", givenName="Ada")), []

    def look(progress: Progress) -> None:
        shown.append(how_far(progress))
        seen.append(sis_progress(sis, run))

    shown: list[str] = []
    actions.walk(district_id=sis.district_id, run_id=run.id, watch=look)
    noted = [p for p in seen if p]
    assert noted[0]["step"] == "collect"
    assert noted[0]["remaining"] > 0
    assert all(text.endswith(" s left") for text in shown)
    assert any(re.search(r"inspect \w+, [\d,]+ rows/s", text) for text in shown)
    assert sis_progress(sis, run) is None


def sis_progress(sis, run):
    with scope.inside(sis.district_id):
        return Run.objects.get(district_id=sis.district_id, id=run.id).progress


def test_a_run_without_a_package_of_a_source_without_a_connector_says_what_to_do(sis):
    connected(sis, "upload")
    with scope.inside(sis.district_id):
        actions.ask_worker(district_id=sis.district_id, source_id=sis.source.id, origin=None, by=BY, now=sis.now)
        run = queries.run(district_id=sis.district_id, number=1)
    walked = sis.walk(run)
    assert walked.state == "refused"
    assert "schoolpassport sync PACKAGE" in walked.message


def test_a_source_that_is_handed_over_gets_no_timetable_and_may_lose_one(sis):
    connected(sis, "upload")
    with pytest.raises(schedules.NothingToFetch, match="sources add 'SIS' --connector …\\), then set the timetable"):
        planned(sis)
    assert jobs(sis, "sync.due") == []
    assert planned(sis, {}) is None


def test_a_timetable_rests_while_nothing_fetches_its_source_and_goes_on_afterwards(sis):
    planned(sis)
    typed = CliRunner().invoke
    place = ["--district", str(sis.district_id)]
    handed_over = typed(sources_command.command, ["add", "SIS", "--connector", "upload", *place]).output
    assert "Its timetable rests from now on" in handed_over
    assert not fall_due(sis, TONIGHT)
    assert runs(sis) == []
    with scope.inside(sis.district_id):
        (told,) = schedules.schedules(district_id=sis.district_id)
    assert (told["next_at"], told["resting"]) == (None, True)
    assert "rests: nothing fetches the source" in typed(schedule_command.command, ["list", *place]).output
    again = typed(sources_command.command, ["add", "SIS", "--connector", "folder", "--set", "path=x", *place]).output
    assert "rests" not in again
    assert fall_due(sis, TONIGHT + timedelta(days=1))
    assert runs(sis) == [(1, "schedule", "")]
