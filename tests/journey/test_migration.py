"""The SIS changes, or its ids: it is noticed, people keep their GG4L IDs, and what is ambiguous is left for a person."""

import csv
import json

import pytest
from click.testing import CliRunner

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import sync as sync_command
from schoolpassport.matching import actions
from schoolpassport.matching import queries as matches
from schoolpassport.matching.decisions import set_schools
from schoolpassport.messaging import queries as notices
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import migrating, queries, strangers
from schoolpassport.sync import people as identities
from schoolpassport.sync.migrating import NotMigrated
from schoolpassport.tenancy import scope
from tests.support import partners, traces
from tests.support.nights import BY, Nights, nights
from tests.support.othersis import known, prefixed, rekeyed, rotated
from tests.support.packages import Package, crowd, demographics, enrollment, user
from tests.support.sources import accounts, several
from tests.support.views import View, check_log

KINDS = ("org", "academicSession", "course", "user", "class", "enrollment", "demographics")
SCHOOL = known(crowd(60))


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now, witnesses=2)


@pytest.fixture
def view(sis, now) -> View:
    return shared(sis.district_id, now, catalogue.everything())


def shared(district_id, now, attributes) -> View:
    integration = partners.integrated(district_id, now).integration
    sharing.agree(
        district_id=district_id,
        integration_id=integration.id,
        contents=Contents(attributes=attributes),
        by="test",
        now=now,
    )
    return View(district_id=district_id, integration_id=integration.id)


def held(sis, package):
    run = sis.run(package)
    assert run.state == "held", run.message
    return run


def migrate(sis, run, **more):
    return migrating.migrate(district_id=sis.district_id, number=run.number, by=BY, now=sis.now, **more)


def propose(sis, run, **more):
    return migrating.propose(district_id=sis.district_id, number=run.number, now=sis.now, **more)


def rules(run):
    return {(r["rule"], r["kind"]) for r in run.hold["reasons"]}


def said(*words, code=0):
    done = CliRunner().invoke(sync_command.command, [str(w) for w in words])
    assert done.exit_code == code, done.output
    return done.output


def people(sis):
    """Who is who: GG4L ID → name, of those who stand."""
    with scope.inside(sis.district_id):
        found = roster.records(district_id=sis.district_id, kind="user")
    return {r["id"]: r["family_name"] for r in found if r["status"] == "active"}


# ---------------------------------------------------------------------------------------------------- ids of its own


def test_another_sis_keeps_every_gg4l_id_and_applications_see_only_what_it_calls_them(sis, view):
    sis.done(SCHOOL)
    before, seen, last = sis.all_ids(), view.active(), view.model().last_seq
    run = held(sis, rekeyed(SCHOOL, prefixed))
    assert run.hold["migration"]
    assert ("other ids", "user") in rules(run)
    assert f"sync migrate {run.number}" in said("show", run.number, "--district", sis.district_id)
    after = migrate(sis, run)
    assert after.state == "unchanged", after.message
    ids = sis.all_ids()
    for kind in KINDS:
        for key, id_ in before[kind].items():
            assert ids[kind][f"n-{key}"] == ids[kind][key] == id_
    lines = [line for line in view.versions() if line.seq > last]
    assert {line.change for line in lines} == {"m"}
    assert len(lines) == sum(len(ids) for kind, ids in before.items() if kind != "demographics")  # which is not shared
    check_log(view)
    for (kind, id_), facts in view.active().items():
        sis_id = facts["doc"]["metadata"]["gg4l.sisId"] if "sis_id" not in facts else facts["sis_id"]
        assert before[kind][sis_id.removeprefix("n-")] == id_
    assert view.active().keys() == seen.keys()


def test_a_night_of_new_ids_asks_about_a_migration_and_names_that_first(sis, district):
    """Everybody is known again by what else the rows say, so nobody is new."""
    sis.done(SCHOOL)
    run = held(sis, rekeyed(SCHOOL, prefixed))
    assert "new ids" in run.hold["likely_cause"]
    (notice,) = notices.notices(organisation_id=sis.district_id, waiting=True)
    assert notice.commands[0] == f"schoolpassport sync migrate {run.number} --district '{district.name}'"
    assert len(notice.commands) == 5


def test_a_night_without_one_school_names_the_school_and_no_migration(sis, district):
    moved = tuple(user(f"m{n:02d}", orgSourcedIds="s2", familyName=f"Moved-{n}") for n in range(30))
    sis.done(SCHOOL.with_rows("users", *moved))
    others = (u["sourcedId"] for u in SCHOOL.rows["users"] if u["orgSourcedIds"] == "s2")
    there = SCHOOL.without("users", *others)
    run = held(sis, there)
    assert ("other ids", "user") in rules(run)
    assert run.hold["likely_cause"].startswith("Hardly anybody of “School s2” is in the export any more")
    assert not run.hold["migration"]
    assert "sync migrate" not in said("show", run.number, "--district", sis.district_id)
    (notice,) = notices.notices(organisation_id=sis.district_id, waiting=True)
    assert notice.commands[0] == f"schoolpassport sync show {run.number} --district '{district.name}'"


def test_whoever_is_not_shown_the_ids_of_the_source_sees_nothing_of_it(sis, now):
    shown = {kind: [a for a in names if a != "gg4l.sisId"] for kind, names in catalogue.everything().items()}
    view = shared(sis.district_id, now, shown)
    sis.done(SCHOOL)
    last = view.model().last_seq
    migrate(sis, held(sis, rekeyed(SCHOOL, prefixed)))
    assert view.model().last_seq == last


def test_what_was_called_what_can_be_asked_later(sis):
    sis.done(SCHOOL)
    p1 = sis.ids("user")["p1"]
    migrate(sis, held(sis, rekeyed(SCHOOL, prefixed)))
    with scope.inside(sis.district_id):
        (found,) = roster.remaps(district_id=sis.district_id, kind="user", id=p1)
        acts = [(e.act, e.facts) for e in audit.events(district_id=sis.district_id)]
    assert (found.was, found.key, found.migration) == ("p1", "n-p1", 1)
    assert {"sync:run:migrate", "roster:source:remap"} <= {act for act, _ in acts}
    assert not any("p1" in json.dumps(facts) for _, facts in acts)


def test_the_night_after_is_an_ordinary_night(sis, view):
    sis.done(SCHOOL)
    migrate(sis, held(sis, rekeyed(SCHOOL, prefixed)))
    p1 = sis.ids("user")["p1"]
    last = view.model().last_seq
    sis.done(rekeyed(SCHOOL.changed("users", "p1", givenName="Adele"), prefixed))
    assert [(line.id, line.change) for line in view.versions() if line.seq > last] == [(p1, "u")]
    assert people(sis)[p1] == "Family-p1"


def test_who_came_is_new_and_who_left_waits_as_usual(sis):
    sis.done(SCHOOL)
    there = SCHOOL.without("users", "c000").without("enrollments", "ce000").without("demographics", "c000")
    there = there.with_rows("users", user("z1", email="z1@amber.example")).with_rows(
        "enrollments", enrollment("ze1", userSourcedId="z1")
    )
    run = held(sis, rekeyed(there, prefixed))
    counts = propose(sis, run, rehearse=False).counts["user"]
    assert (counts.sure, counts.new, counts.left, counts.unsure) == (66, 1, 1, 0)
    after = migrate(sis, run)
    assert after.state == "done"
    assert sis.waiting("user") == {"c000"}
    assert "c000" in sis.active("user")
    sis.done(rekeyed(there.changed("users", "p1", givenName="Adele"), prefixed))
    assert sis.archived("user") == {"c000"}


def test_a_rehearsal_tells_what_applications_would_see_and_leaves_no_trace(database, sis, view):
    sis.done(SCHOOL)
    run = held(sis, rekeyed(SCHOOL, prefixed))
    before = traces.of(database)
    found = propose(sis, run)
    assert traces.different(before, traces.of(database)) == set()
    assert found.rehearsed.verdict == "unchanged"
    assert {(r.lost, r.gained, r.changed) for r in found.rehearsed.reach} == {(0, 0, 0)}
    assert sum(r.remapped for r in found.rehearsed.reach if r.kind == "user" and r.school.int == 0) == 67
    migrate(sis, run)  # the control
    assert "public.roster_link" in traces.different(before, traces.of(database))


# ---------------------------------------------------------------------------------------------- ids that are others'


def test_ids_that_all_mean_other_people_hold_as_a_migration_and_never_change_them(sis, view):
    sis.done(SCHOOL)
    before, named, last = sis.all_ids(), people(sis), view.model().last_seq
    turned = rekeyed(SCHOOL, rotated(SCHOOL))
    run = held(sis, turned)
    assert run.hold["migration"]
    assert ("other ids", "user") in rules(run)
    assert (people(sis), sis.all_ids(), view.model().last_seq) == (named, before, last)
    after = migrate(sis, run)
    assert after.state == "unchanged", after.message
    rename, ids = rotated(SCHOOL), sis.all_ids()
    for row in SCHOOL.rows["users"]:
        assert ids["user"][rename("users", row["sourcedId"])] == before["user"][row["sourcedId"]]
    assert people(sis) == named
    assert {line.change for line in view.versions() if line.seq > last} == {"m"}
    check_log(view)


def test_where_only_some_ids_pass_to_others_people_are_asked_as_ever(sis):
    sis.done(SCHOOL)
    run = sis.run(
        SCHOOL.changed("users", "c000", givenName="Zoe", familyName="Zimt", email="")
        .without("demographics", "c000")
        .with_rows("demographics", demographics("c000", birthDate="2001-01-01"))
    )
    assert run.state in {"done", "unchanged"}
    assert "id of another" in {p.rule for p in sis.findings(run)}


def test_whose_id_passed_to_another_and_who_left_is_missed_like_anybody(sis):
    """The new SIS numbers anew from one, and one pupil is not in it."""
    sis.done(SCHOOL)
    gone = sis.ids("user")["c005"]
    there = SCHOOL.without("users", "c005").without("enrollments", "ce005").without("demographics", "c005")
    rename = rotated(SCHOOL)
    run = held(sis, rekeyed(there, rename))
    migrate(sis, run)
    assert people(sis)[gone] == "Family-c005"
    assert sis.waiting("user") == {"c005 (before migration 1)"}
    sis.done(rekeyed(there.changed("users", "p1", givenName="Adele"), rename))
    assert gone not in people(sis)


# ------------------------------------------------------------------------------------------------- what is ambiguous


def twins() -> Package:
    """Two pupils of one name of whom nothing else is known."""
    return SCHOOL.with_rows(
        "users",
        user("w1", givenName="Kim", familyName="Lee", grades="07"),
        user("w2", givenName="Kim", familyName="Lee", grades="07"),
    )


def test_what_is_ambiguous_is_never_taken_by_itself(sis):
    sis.done(twins())
    w1, w2 = (sis.ids("user")[k] for k in ("w1", "w2"))
    run = held(sis, rekeyed(twins(), prefixed))
    assert propose(sis, run, rehearse=False).counts["user"].unsure == 2
    migrate(sis, run)
    ids = sis.ids("user")
    assert {ids["n-w1"], ids["n-w2"]}.isdisjoint({w1, w2})
    assert sis.waiting("user") == {"w1", "w2"}


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_person_takes_it_from_an_exported_proposal(sis, tmp_path, suffix):
    sis.done(twins())
    w1, p1 = (sis.ids("user")[k] for k in ("w1", "p1"))
    run = held(sis, rekeyed(twins(), prefixed))
    file = tmp_path / f"proposal.{suffix}"
    output = said("migrate", run.number, "--district", sis.district_id, "--export", file)
    assert "unsure" in output
    rows = json.loads(file.read_text()) if suffix == "json" else list(csv.DictReader(file.read_text().splitlines()))
    assert (rows[0]["decision"], rows[0]["kind"]) == ("", "user")
    for row in rows:
        if (row["kind"], row["key"], row["gg4l_id"]) == ("user", "n-w1", str(w1)):
            row["decision"] = "take"
        if (row["kind"], row["key"]) == ("user", "n-p1"):
            row["decision"] = ""
    if suffix == "json":
        file.write_text(json.dumps(rows))
    else:
        with file.open("w", newline="") as into:
            writer = csv.DictWriter(into, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    said("migrate", run.number, "--district", sis.district_id, "--take", file, "--yes")
    ids = sis.ids("user")
    assert ids["n-w1"] == w1
    assert ids["n-p1"] != p1
    assert "p1" in sis.waiting("user")


def test_a_proposal_is_safe_to_open_and_reads_back_as_it_was_written(sis, tmp_path):
    """Ids that a spreadsheet takes for formulas, and a name that holds a line separator."""
    odd = SCHOOL.with_rows(
        "users",
        *(user(key, givenName="Kim\u2028Ann", familyName="=Lee", grades="07") for key in ("w1", "w2")),
    )
    sis.done(odd)
    w1 = sis.ids("user")["w1"]
    run = held(sis, rekeyed(odd, lambda _, key: f"=n-{key}"))
    file = tmp_path / "proposal.csv"
    propose(sis, run, rehearse=False, export=file)
    with file.open(newline="", encoding="utf-8") as exported:
        rows = list(csv.DictReader(exported))
    assert "'=n-w1" in {row["key"] for row in rows}
    for row in rows:
        if (row["key"], row["gg4l_id"]) == ("'=n-w1", str(w1)):
            row["decision"] = "take"
    with file.open("w", newline="", encoding="utf-8") as into:
        writer = csv.DictWriter(into, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    migrate(sis, run, take=file)
    assert sis.ids("user")["=n-w1"] == w1


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"decision": "take", "kind": "user", "key": "nobody", "gg4l_id": "p1"}], "no row of the package"),
        ([{"decision": "take", "kind": "user", "key": "n-p1", "gg4l_id": "s1"}], "no record of this source"),
        ([{"decision": "take", "kind": "user", "key": "n-p1", "gg4l_id": "x"}], "no GG4L ID"),
        ([{"decision": "perhaps", "kind": "user", "key": "n-p1", "gg4l_id": "p1"}], "say take"),
        ([{"decision": "take", "kind": "dog", "key": "n-p1", "gg4l_id": "p1"}], "names a kind"),
        ([{"decision": "take", "kind": "demographics", "key": "n-p1", "gg4l_id": "p1"}], "nothing to decide"),
        (
            [
                {"decision": "take", "kind": "user", "key": "n-p1", "gg4l_id": "p1"},
                {"decision": "take", "kind": "user", "key": "n-p2", "gg4l_id": "p1"},
            ],
            "only one can be",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_and_nothing_is_changed(sis, tmp_path, rows, sentence):
    sis.done(SCHOOL)
    run, before = held(sis, rekeyed(SCHOOL, prefixed)), sis.all_ids()
    named = sis.ids("user") | sis.ids("org")
    file = tmp_path / "take.json"
    file.write_text(json.dumps([{**r, "gg4l_id": str(named.get(r["gg4l_id"], r["gg4l_id"]))} for r in rows]))
    with pytest.raises(NotMigrated, match=sentence):
        migrate(sis, run, take=file)
    assert (sis.all_ids(), sis.state(run)) == (before, "held")


def test_two_people_of_one_name_and_birthday_are_told_by_their_numbers(sis):
    numbers = {u["sourcedId"]: f"S{n:04d}" for n, u in enumerate(SCHOOL.rows["users"])}
    school = Package(
        {
            **SCHOOL.rows,
            "users": tuple({**u, "identifier": numbers[u["sourcedId"]], "email": ""} for u in SCHOOL.rows["users"]),
        }
    )
    sis.done(school)
    was = sis.ids("user")["c007"]
    # c007 left; somebody of the same name and birthday came, with a number of her own.
    there = school.changed("users", "c007", identifier="S9999")
    run = held(sis, rekeyed(there, prefixed))
    assert propose(sis, run, rehearse=False).counts["user"].unsure == 1
    migrate(sis, run)
    assert sis.ids("user")["n-c007"] != was


# ------------------------------------------------------------------------------------------------ beside other sources


def test_what_a_directory_added_stays_with_its_people(district, tmp_path, now):
    both = several(district_id=district.id, folder=tmp_path, now=now)
    both.sis.set_limits(overlap_share=0.8)
    directory = both.more("Directory", SourceRole.ENRICHMENT)
    both.sis.done(SCHOOL)
    directory.run(
        accounts({"sourcedId": "a1", "givenName": "Given-p1", "email": "p1@amber.example", "middleName": "Mo"})
    )
    p1 = both.sis.ids("user")["p1"]
    assert both.record(p1)["middle_name"] == "Mo"
    run = held(both.sis, rekeyed(SCHOOL, prefixed))
    assert migrate(both.sis, run).state == "unchanged"
    assert (both.sis.ids("user")["n-p1"], both.record(p1)["middle_name"]) == (p1, "Mo")
    both.sis.done(rekeyed(SCHOOL.changed("users", "p1", phone="5551234"), prefixed))
    assert (both.record(p1)["phone"], both.record(p1)["middle_name"]) == ("5551234", "Mo")


# -------------------------------------------------------------------------------------------------------------- undo


def test_it_can_be_undone_until_something_is_applied(sis, view):
    sis.done(SCHOOL)
    before, named, seen = sis.all_ids(), people(sis), view.active()
    sis.set_limits(added_share=0.01)
    newcomers = tuple(user(f"z{n}") for n in range(9))
    there = rekeyed(SCHOOL.with_rows("users", *newcomers), rotated(SCHOOL))
    run = migrate(sis, held(sis, there))
    assert run.state == "held"  # for something else
    assert sis.all_ids() != before
    said("migrations", "--undo", 1, "--district", sis.district_id)
    assert (sis.all_ids(), people(sis), view.active()) == (before, named, seen)
    check_log(view)
    with pytest.raises(migrating.NotJoined, match="undone already"):
        migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)


@pytest.mark.parametrize("rename", [prefixed, rotated(SCHOOL)], ids=["prefixed", "rotated"])
def test_the_run_that_was_migrated_is_not_the_next_one(sis, view, rename):
    sis.done(SCHOOL)
    before, named, seen = sis.all_ids(), people(sis), view.active()
    run = migrate(sis, held(sis, rekeyed(SCHOOL, rename)))
    assert run.state == "unchanged"
    said("migrations", "--undo", 1, "--district", sis.district_id)
    assert (sis.all_ids(), people(sis), view.active()) == (before, named, seen)
    check_log(view)
    sis.done(SCHOOL.changed("users", "p1", phone="5551234"))
    assert (sis.all_ids(), people(sis)) == (before, named)
    again = held(sis, rekeyed(SCHOOL, rename))
    assert again.hold["migration"]
    migrate(sis, again)
    assert people(sis) == named


@pytest.mark.parametrize("witnesses", [1, 2])
@pytest.mark.parametrize("rename", [prefixed, rotated(SCHOOL)], ids=["prefixed", "rotated"])
def test_whom_the_migrating_run_took_leaves_and_whom_it_missed_stays_when_it_is_undone(sis, view, rename, witnesses):
    """A newcomer has the id under which somebody else is known again, where the ids are rotated."""
    sis.set_limits(witnesses=witnesses)
    sis.done(SCHOOL)
    before, named = sis.all_ids(), people(sis)
    there = SCHOOL.without("users", "c000").without("enrollments", "ce000").without("demographics", "c000")
    there = there.with_rows("users", user("z1", email="z1@amber.example", familyName="New"))
    free = rename("users", "c000")  # the id that c000 would have had is the newcomer's
    to = lambda file, key: free if (file, key) == ("users", "z1") else rename(file, key)  # noqa: E731 (one line)
    run = migrate(sis, held(sis, rekeyed(there, to)))
    assert run.state == "done", run.message
    newcomer = sis.ids("user")[free]
    migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    ids = sis.all_ids()
    assert {kind: {k: ids[kind][k] for k in keys} for kind, keys in before.items()} == before
    assert newcomer in ids["user"].values()
    assert sis.waiting() == set()
    check_log(view)
    sis.run(SCHOOL.changed("users", "p1", phone="5551234"))
    if witnesses == 2:
        assert {ids["user"][key] for key in sis.waiting("user")} == {newcomer}
        sis.run(SCHOOL.changed("users", "p1", phone="5551235"))
    assert people(sis) == named
    check_log(view)


def test_what_a_migrating_run_missed_before_is_missed_by_one_less(sis):
    sis.set_limits(witnesses=3)
    sis.done(SCHOOL)
    there = SCHOOL.without("users", "c000").without("enrollments", "ce000").without("demographics", "c000")
    sis.run(there)
    migrate(sis, held(sis, rekeyed(there, prefixed)))
    with scope.inside(sis.district_id):
        missed = {a.key: a.witnesses for a in queries.absences(district_id=sis.district_id)}
    assert missed["c000"] == [2, 3]
    migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    with scope.inside(sis.district_id):
        missed = {a.key: a.witnesses for a in queries.absences(district_id=sis.district_id)}
    assert missed["c000"] == [2]


def test_once_the_next_run_is_applied_it_cannot_be_undone(sis):
    sis.done(SCHOOL)
    migrate(sis, held(sis, rekeyed(SCHOOL, prefixed)))
    run = sis.done(rekeyed(SCHOOL.changed("users", "p1", givenName="Adele"), prefixed))
    with pytest.raises(NotMigrated, match=f"Run {run.number} was applied since"):
        migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    assert "n-p1" in sis.ids("user")


def test_the_later_of_two_migrations_of_one_run_is_undone_first(sis, tmp_path):
    sis.done(SCHOOL)
    before = sis.all_ids()
    run = held(sis, rekeyed(SCHOOL, prefixed))
    late = [f"n-c{n:03d}" for n in range(30)]
    assert migrate(sis, run, take=struck_out(sis, run, tmp_path, *late)).state == "held"
    file = tmp_path / "taken.json"
    ids = sis.ids("user")
    taken = [{"decision": "take", "kind": "user", "key": k, "gg4l_id": str(ids[k.removeprefix("n-")])} for k in late]
    file.write_text(json.dumps(taken))
    assert migrate(sis, run, take=file).state == "unchanged"
    with pytest.raises(NotMigrated, match="Undo that first: schoolpassport sync migrations --undo 2"):
        migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    for number in (2, 1):
        migrating.undo(district_id=sis.district_id, number=number, by=BY, now=sis.now)
    assert sis.all_ids() == before


def test_what_a_person_decided_since_about_a_migrated_id_is_undone_first(sis, now):
    sis.done(SCHOOL)
    before = sis.all_ids()
    migrate(sis, held(sis, rekeyed(SCHOOL, prefixed)))
    keep, lose = (sis.ids("user")[key] for key in ("p1", "p2"))
    who = {"district_id": sis.district_id, "by": BY, "now": now}
    merge = identities.merge(**who, kind="user", keep=keep, lose=lose)
    with pytest.raises(migrating.NotJoined, match="user “n-p2” means another record since the migration"):
        migrating.undo(number=1, **who)
    identities.undo(number=merge.number, **who)
    migrating.undo(number=1, **who)
    assert sis.all_ids() == before


def test_only_held_runs_are_migrations(sis):
    run = sis.done(SCHOOL)
    for number, sentence in ((run.number, "only a run that is held"), (99, "no run 99")):
        with pytest.raises(NotMigrated, match=sentence):
            propose(sis, run) if number == run.number else migrating.propose(
                district_id=sis.district_id, number=number, now=sis.now
            )


# ------------------------------------------------------------------------------------------- what a person told apart


def struck_out(sis, run, tmp_path, *keys: str, word: str = ""):
    """The exported proposal, in which a person struck out what is said of these keys."""
    file = tmp_path / "struck.json"
    propose(sis, run, rehearse=False, export=file)
    rows = json.loads(file.read_text())
    for row in rows:
        if row["key"] in keys:
            row["decision"] = word
    file.write_text(json.dumps(rows))
    return file


def duplicates(sis, state):
    with scope.inside(sis.district_id):
        found = matches.proposals(district_id=sis.district_id, state=state)
    return {frozenset({p.left_id, p.right_id}) for p in found}


@pytest.mark.parametrize("rename", [prefixed, rotated(SCHOOL)], ids=["prefixed", "rotated"])
def test_a_pair_that_was_struck_out_is_different_until_it_is_taken_back(sis, tmp_path, rename, now):
    sis.done(SCHOOL)
    c7, key = sis.ids("user")["c007"], rename("users", "c007")
    there = rekeyed(SCHOOL, rename)
    run = held(sis, there)
    migrate(sis, run, take=struck_out(sis, run, tmp_path, key))
    other = sis.ids("user")[key]
    assert other != c7
    actions.look(district_id=sis.district_id, by=BY, now=now, everybody=True)
    pair = frozenset({c7, other})
    assert pair in duplicates(sis, "different")
    assert pair not in duplicates(sis, "open")
    strangers.undo_refuse(district_id=sis.district_id, source="SIS", key=key, record_id=c7, by=BY, now=now)
    assert pair in duplicates(sis, "open")


def test_the_same_two_would_be_proposed_had_nobody_told_them_apart(sis, now):
    """The control: a record beside one that says the same of itself."""
    same = {f: next(r for r in SCHOOL.rows[f] if r["sourcedId"] == "c007") for f in ("users", "demographics")}
    sis.done(
        SCHOOL.with_rows("users", {**same["users"], "sourcedId": "z"}).with_rows(
            "demographics", {**same["demographics"], "sourcedId": "z"}
        )
    )
    actions.look(district_id=sis.district_id, by=BY, now=now, everybody=True)
    ids = sis.ids("user")
    assert frozenset({ids["c007"], ids["z"]}) in duplicates(sis, "open")


def test_struck_out_pairs_are_not_proposed_when_the_run_is_held_for_them_again_until_all_is_undone(sis, tmp_path):
    sis.done(SCHOOL)
    run = held(sis, rekeyed(SCHOOL, prefixed))
    strangers = [f"n-c{n:03d}" for n in range(30)]
    file = struck_out(sis, run, tmp_path, *strangers, word="different")
    assert migrate(sis, run, take=file).state == "held"
    again = propose(sis, run, rehearse=False).counts["user"]
    assert (again.same, again.sure, again.new, again.unsure) == (37, 0, 30, 0)
    migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    assert propose(sis, run, rehearse=False).counts["user"].sure == 67


def test_what_was_said_about_schools_goes_with_their_ids_and_comes_back(sis):
    sis.done(SCHOOL)
    s2 = sis.ids("org")["s2"]
    set_schools(
        district_id=sis.district_id,
        source_id=sis.source.id,
        content={"s1": "new", "s2": str(s2), "s9": "no"},
        by=BY,
        now=sis.now,
    )

    def schools():
        with scope.inside(sis.district_id):
            return sources.settings(district_id=sis.district_id, source_id=sis.source.id).get("schools")

    sis.set_limits(added_share=0.01)
    run = held(sis, rekeyed(SCHOOL.with_rows("users", *(user(f"z{n}") for n in range(9))), prefixed))
    propose(sis, run, rehearse=False)
    assert schools() == {"s1": "new", "s2": str(s2), "s9": "no"}
    assert migrate(sis, run).state == "held"  # for the newcomers, so that it can be undone
    assert schools() == {"n-s1": "new", "n-s2": str(s2), "s9": "no"}
    migrating.undo(district_id=sis.district_id, number=1, by=BY, now=sis.now)
    assert schools() == {"s1": "new", "s2": str(s2), "s9": "no"}
    with scope.inside(sis.district_id):
        written = [e.facts for e in audit.events(district_id=sis.district_id) if e.act == "sources:setting:write"]
    assert [f["after"] for f in written if f["subject"] == "schools"] == [3, 2, 1]
