"""What becomes of written grades when people, consents and applications come and go."""

import csv
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from schoolpassport.audit.models import Event
from schoolpassport.cli.commands import grades as command
from schoolpassport.kit import clock
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.models import Consent
from schoolpassport.sharing.records import Contents
from schoolpassport.sync import people
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support import packages
from tests.support.clockwork import ticking
from tests.support.gradebooks import V1P1, agreed, consent, mark, task
from tests.support.nights import nights
from tests.support.readers import ref


@pytest.fixture(scope="module")
def world(database, tmp_path_factory):
    now = clock.now()
    district = register_district(name="Grades of a district", now=now)
    found = nights(district_id=district.id, folder=tmp_path_factory.mktemp("grades"), now=now)
    found.done(packages.small())
    return found


@pytest.fixture
def app(world):
    """An application of its own for each test, in one district for all."""
    found, ids = agreed(world.district_id), world.all_ids()
    class_, session = str(ids["class"]["k1"]), str(ids["academicSession"]["autumn"])
    quiz = task("quiz", class_, gradingPeriod=ref(session))
    assert found.put(f"{V1P1}/lineItems/quiz", quiz).status == 201
    assert found.put(f"{V1P1}/results/p2", mark("p2", "quiz", str(ids["user"]["p2"]), comment="=1+1")).status == 201
    return found


def status(app, path: str = "results/p2") -> str | int:
    answer = app.get(f"{V1P1}/{path}")
    return answer.json["result"]["status"] if answer.status == 200 else answer.status


def test_a_result_goes_with_its_student_and_comes_back_with_them(world, app):
    since = app.json(f"{V1P1}/results/p2")["result"]["dateLastModified"]
    without = packages.small().without("users", "p2").without("enrollments", "e3")
    for _ in range(3):  # removals wait for their witnesses
        world.run(without)
        without = without.changed("orgs", "s1", name=f"Name {world.count}")
    world.release()
    assert status(app) == "tobedeleted"
    (gone,) = app.json(f"{V1P1}/results?filter=dateLastModified>'{since}'")["results"]
    assert (gone["sourcedId"], gone["status"]) == ("p2", "tobedeleted")
    world.done(packages.small())
    assert status(app) == "active"


def test_what_was_written_about_a_merged_student_is_about_the_one_that_is_left(world, app):
    ids, by = world.ids("user"), {"district_id": world.district_id, "by": "test", "now": clock.now()}
    made = people.merge(kind="user", keep=ids["p1"], lose=ids["p2"], **by)
    student = app.json(f"{V1P1}/results/p2")["result"]["student"]["sourcedId"]
    assert student == str(ids["p1"])
    people.undo(number=made.number, **by)
    student = app.json(f"{V1P1}/results/p2")["result"]["student"]["sourcedId"]
    assert student == str(ids["p2"])


def test_the_moment_a_consent_ends_nothing_is_written_and_the_district_keeps_what_was(world, app, tmp_path):
    made, district = app.integrated, world.district_id
    sharing.revoke(district_id=district, integration_id=made.integration.id, by="test", now=clock.now())
    refused = app.put(f"{V1P1}/categories/a", {"category": {"title": "A"}})
    assert (refused.status, "consent has ended" in refused.json["imsx_description"]) == (403, True)
    assert app.delete(f"{V1P1}/results/p2").status == 403
    assert status(app) == "tobedeleted"
    out = tmp_path / "results.csv"
    told = CliRunner().invoke(command.command, ["export", "results", "--district", str(district), "--out", str(out)])
    assert told.exit_code == 0, told.output
    with out.open(encoding="utf-8", newline="") as file:
        (row,) = (each for each in csv.DictReader(file) if each["application"] == made.application.name)
    kept = (row["sourcedId"], row["status"], row["score"], row["comment"])
    assert kept == ("p2", "active", "9.5", "'=1+1"), "a text that no spreadsheet computes"
    consent(made, Contents(attributes=catalogue.everything()))
    assert status(app) == "active", "under another consent it is there again"


def test_at_the_last_instant_of_a_consent_writing_stops_though_no_job_has_run(world, app):
    now = clock.now()
    sharing.agree(
        district_id=world.district_id,
        integration_id=app.integrated.integration.id,
        contents=Contents(attributes=catalogue.everything(kinds=tuple(SHARED))),
        expires_at=now + timedelta(minutes=1),
        by="test",
        now=now,
    )
    assert app.put(f"{V1P1}/categories/a", {"category": {"title": "A"}}).status == 201
    with ticking(now + timedelta(minutes=1)):
        assert app.put(f"{V1P1}/categories/b", {"category": {"title": "B"}}).status == 403


def test_the_ledger_tells_who_wrote_what_and_no_value(world, app):
    app.delete(f"{V1P1}/results/p2")
    with scope.inside(world.district_id):
        mine = Event.objects.filter(district_id=world.district_id, about=f"integration:{app.integrated.integration.id}")
        lines = list(mine.filter(act__startswith="gradebook:").order_by("id"))
    assert [(line.act, line.facts.get("kind")) for line in lines] == [
        ("gradebook:writer:allowed", None),
        ("gradebook:record:put", "lineItem"),
        ("gradebook:record:put", "result"),
        ("gradebook:record:delete", "result"),
    ]
    assert not [line for line in lines if "9.5" in str(line.facts) or "1+1" in str(line.facts)]


def test_the_district_decides_on_the_command_line(world, app):
    other, district = agreed(world.district_id), str(world.district_id)
    names = [each.integrated.application.name for each in (app, other)]

    def run(*words: str) -> str:
        told = CliRunner().invoke(command.command, [*words, "--district", district])
        assert told.exit_code == 0, told.output
        return str(told.output)

    assert other.json(f"{V1P1}/results")["results"] == []
    run("show", *names)
    (seen,) = other.json(f"{V1P1}/results")["results"]
    assert (seen["score"], seen["sourcedId"] == "p2") == (9.5, False)
    (told,) = (each for each in json.loads(run("list", "--json")) if each["application"] == names[0])
    assert {name: said for name, said in told.items() if said != 0} == {
        "application": names[0],
        "mayWrite": True,
        "shownTo": [names[1]],
        "lineItems": 1,
        "results": 1,
    }
    run("hide", *names)
    assert {each["status"] for each in other.json(f"{V1P1}/results")["results"]} == {"tobedeleted"}
    run("forbid", names[0])
    assert app.delete(f"{V1P1}/results/p2").status == 403
    assert names[0] in run("list")
    assert "p2" in run("export", "results")
    alone = CliRunner().invoke(command.command, ["show", names[0], names[0], "--district", district])
    assert (alone.exit_code, "in any case" in alone.output) == (1, True)


def test_who_is_suspended_writes_nothing_and_sees_afterwards_what_was_written_meanwhile(world, app):
    other, district = agreed(world.district_id), world.district_id
    pair = {"writer_id": app.integrated.integration.id, "reader_id": other.integrated.integration.id}
    sharing.show_grades(district_id=district, **pair, by="test", now=clock.now())
    step(other, Act.SUSPEND)
    assert other.put(f"{V1P1}/categories/mine", {"category": {"title": "Mine"}}).status == 403
    assert app.put(f"{V1P1}/categories/a", {"category": {"title": "Meanwhile"}}).status == 201
    assert app.delete(f"{V1P1}/results/p2").status == 204
    step(other, Act.RESUME)
    told = {plural: other.json(f"{V1P1}/{plural}")[plural] for plural in ("categories", "results")}
    assert [each["title"] for each in told["categories"]] == ["Meanwhile"]
    assert [each["status"] for each in told["results"]] == ["tobedeleted"]
    sharing.hide_grades(district_id=district, **pair, by="test", now=clock.now())
    (gone,) = other.json(f"{V1P1}/categories")["categories"]
    assert (gone["status"], "title" in gone) == ("tobedeleted", False), "and nothing of it is left"


def step(app, act: Act) -> None:
    mine = {"district_id": app.integrated.district_id, "integration_id": app.integrated.integration.id}
    with scope.inside(app.integrated.district_id):
        consent_id = Consent.objects.get(**mine, ended_at=None).id
    place = {"district_id": mine["district_id"], "consent_id": consent_id}
    sharing.take(**place, act=act, side=Side.DISTRICT, by="test", now=clock.now())
