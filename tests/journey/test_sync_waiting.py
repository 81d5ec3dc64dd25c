"""A removal takes effect after two different good packages; a suspicious one waits for a person; the rest flows."""

from datetime import timedelta

import pytest

from schoolpassport.audit import queries as ledger
from schoolpassport.kit import clock
from schoolpassport.quality import actions as quality
from schoolpassport.roster import queries as roster
from schoolpassport.sync import actions
from schoolpassport.sync.policies import BadPolicy
from schoolpassport.tenancy import scope
from tests.support import packages
from tests.support.nights import Nights, nights
from tests.support.packages import Package, crowd, demographics, enrollment, org, small, user


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    """As a district is at first: two witnesses."""
    return nights(district_id=district.id, folder=tmp_path, now=now, witnesses=None)


@pytest.fixture
def quick(district, tmp_path, now) -> Nights:
    """One witness: what is tried is how the guard judges."""
    return nights(district_id=district.id, folder=tmp_path, now=now)


def told(package: Package, word: str) -> Package:
    """The same district, by another package."""
    return package.changed("courses", "lit", title=f"Literature {word}")


def without_p4(word: str = "") -> Package:
    return told(small().without("users", "p4").without("enrollments", "e5").without("demographics", "p4"), word)


def leaving(package: Package, *numbers: int) -> Package:
    people, seats = [f"c{n:03d}" for n in numbers], [f"ce{n:03d}" for n in numbers]
    return package.without("users", *people).without("enrollments", *seats)


def many(*numbers: int) -> set[str]:
    return {f"c{n:03d}" for n in numbers}


# ----------------------------------------------------------------------------------------------------------- witnesses


def test_a_record_goes_when_a_second_package_lacks_it_too(sis):
    sis.done(small())
    run = sis.run(without_p4("1"))
    assert (sis.archived("user"), sis.waiting("user"), sis.waiting("demographics")) == (set(), {"p4"}, {"p4"})
    assert "3 removals wait for another package" in run.message
    run = sis.done(without_p4("2"))
    assert (sis.archived("user"), sis.archived("enrollment"), sis.waiting()) == ({"p4"}, {"e5"}, set())
    assert run.quarantine is None


def test_the_same_package_again_is_no_second_witness_whatever_lies_between(sis):
    sis.done(small())
    lacking = sis.write(without_p4("1"))
    assert sis.run(lacking).state == "done"
    assert sis.run(lacking).state == "unchanged"
    sis.set_limits(witnesses=3)
    sis.run(without_p4("2"))
    sis.run(lacking)
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})
    sis.run(without_p4("3"))
    assert (sis.archived("user"), sis.waiting("user")) == ({"p4"}, set())


def test_a_record_that_comes_back_starts_anew(sis):
    sis.done(small())
    sis.run(without_p4("1"))
    run = sis.run(told(small(), "2"))
    assert (sis.waiting(), "3 that waited came back" in run.message) == (set(), True)
    sis.run(without_p4("3"))
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})


def test_a_file_that_is_not_there_is_no_witness_and_brings_nothing_back(sis):
    sis.done(small())
    sis.run(without_p4("1"))
    sis.run(told(small(), "2").only("orgs", "academicSessions", "courses"))
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})


def test_a_refused_package_and_one_held_whole_are_no_witnesses(sis):
    sis.done(crowd(60))
    sis.run(leaving(told(crowd(60), "1"), 0))
    assert sis.run(dict(crowd(60).texts()) | {"users.csv": "nonsense"}).state == "refused"
    assert sis.run(leaving(told(crowd(60), "2"), *range(30))).state == "held"
    assert (sis.archived("user"), sis.waiting("user")) == (set(), many(0))
    sis.run(leaving(told(crowd(60), "3"), 0))
    assert (sis.archived("user"), sis.waiting("user")) == (many(0), set())


def test_what_a_source_says_is_deleted_needs_no_witness(sis):
    sis.done(small())
    gone = {**enrollment("e5"), "status": "tobedeleted", "dateLastModified": packages.STAMP}
    sis.done(Package({"enrollments": (gone,)}, modes={"enrollments": "delta"}))
    assert sis.archived("enrollment") == {"e5"}
    sis.done(told(small().without("enrollments", "e5").changed("enrollments", "e4", status="tobedeleted"), "x"))
    assert sis.archived("enrollment") == {"e4", "e5"}


def test_with_one_witness_a_record_goes_at_once(quick):
    quick.done(small())
    quick.done(without_p4())
    assert (quick.archived("user"), quick.waiting()) == ({"p4"}, set())


def test_a_file_cut_off_at_its_end_is_no_witness(sis):
    sis.done(small())
    sis.run(without_p4("1"))
    texts = without_p4("2").texts()
    sis.run({**texts, "users.csv": texts["users.csv"].rstrip("\n")})
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})
    sis.run(without_p4("3"))
    assert sis.archived("user") == {"p4"}


@pytest.mark.parametrize(("end", "code"), [("\n", "ENG-1"), ("", "ENG-12")])
def test_the_last_line_of_a_file_that_does_not_end_as_it_did_is_not_taken(quick, end, code):
    texts = small().changed("courses", "lit", subjectCodes="ENG-12").texts()
    assert texts["courses.csv"].endswith("ENG-12\n")
    quick.done(texts)
    run = quick.run({**texts, "courses.csv": texts["courses.csv"].removesuffix("2\n") + end})
    assert quick.records("course")["lit"]["subjectCodes"] == [code]
    told = {(f.file, f.line, f.rule) for f in quick.findings(run, "error")}
    assert told == (set() if end else {("courses.csv", 3, "unreadable line")})


def test_a_file_with_fewer_rows_than_its_manifest_announces_is_no_witness(quick):
    quick.done(small())
    texts = without_p4().texts()
    quick.run({**texts, "manifest.csv": texts["manifest.csv"] + "count.users,7\n"})
    assert (quick.archived("user"), "p4" in quick.waiting("user")) == (set(), True)
    quick.run({**texts, "manifest.csv": texts["manifest.csv"] + "count.users,6\n"})
    assert quick.archived("user") == {"p4"}


def test_a_file_with_other_columns_is_no_witness_on_its_first_night(sis):
    sis.done(small())
    sis.run(without_p4("1"))
    widened = without_p4("2").changed("users", "p1", **{"metadata.house": "Red"})
    sis.run(widened)
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})


# --------------------------------------------------------------------------------------------------------- quarantine


def test_only_suspicious_removals_wait_and_the_rest_flows(quick):
    quick.done(crowd(60))
    run = quick.run(
        leaving(crowd(60), *range(9)).with_rows("users", user("new")).changed("users", "p1", email="a@b.example")
    )
    assert (run.state, quick.archived("user")) == ("done", set())
    assert (quick.waiting("user", "held"), "new" in quick.active("user")) == (many(*range(9)), True)
    assert quick.records("user")["p1"]["email"] == "a@b.example"
    reasons = {(r["rule"], r["kind"]) for r in run.quarantine["reasons"]}
    assert reasons == {("too many removals in a school", kind) for kind in ("user", "enrollment")}
    assert "9 of 65 users of “School s1”" in run.message
    assert run.quarantine["kinds"]["user"] == {"held": 9}


def test_what_a_school_loses_waits_and_what_others_lose_goes(quick):
    south = tuple(user(f"z{n:02d}", orgSourcedIds="s2") for n in range(12))
    quick.done(crowd(300).with_rows("users", *south))
    gone = crowd(300).without("users", "p3", "p4", "t2", "c007").without("enrollments", "e4", "e5", "e6", "ce007")
    run = quick.run(gone.without("demographics", "p4"))
    assert (quick.archived("user"), quick.archived("enrollment")) == (many(7), {"ce007"})
    assert quick.waiting("user", "held") == {u["sourcedId"] for u in south} | {"p3", "p4", "t2"}
    assert (quick.waiting("enrollment"), quick.waiting("demographics")) == ({"e4", "e5", "e6"}, {"p4"})
    assert "All 15 users of “School s2” would be removed." in run.message


def test_a_grade_of_a_school_that_vanishes_waits(quick):
    seniors = tuple(user(f"g{n:02d}", grades="12") for n in range(10))
    quick.done(crowd(400).with_rows("users", *seniors))
    run = quick.run(leaving(crowd(400), 3))
    assert quick.waiting("user") == {u["sourcedId"] for u in seniors}
    assert quick.archived("user") == many(3)
    assert [r["rule"] for r in run.quarantine["reasons"]] == ["grade vanished"]
    assert "grade 12 of “School s1”" in run.message


def test_what_is_bound_to_a_held_record_waits_with_it(quick):
    """Nine users are too many, two enrolments are not; the enrolment of one who waits, waits too."""
    quick.set_limits(school_removed_share=1)
    quick.done(crowd(60))
    run = quick.run(crowd(60).without("users", *sorted(many(*range(9)))).without("enrollments", "ce000", "ce050"))
    assert quick.archived("enrollment") == {"ce050"}
    assert quick.waiting("enrollment") == {"ce000"}
    assert run.quarantine["kinds"]["enrollment"] == {"held": 1}


def test_dependents_are_inspected_against_what_really_goes(quick):
    quick.done(small().with_rows("orgs", org("s3")).with_rows("users", user("u3", orgSourcedIds="s3")))
    run = quick.run(small().with_rows("users", user("u3", orgSourcedIds="s3")))
    assert (quick.waiting("org", "held"), quick.findings(run)) == ({"s3"}, set())
    assert "u3" in quick.active("user")
    quick.release()
    assert quick.archived("org") == {"s3"}
    run = quick.run(small().with_rows("users", user("u3", orgSourcedIds="s3")))
    assert {(p.file, p.column) for p in quick.findings(run)} == {("users.csv", "orgSourcedIds")}


def test_what_is_held_stays_held_until_it_comes_back_whatever_time_passes(quick):
    quick.done(crowd(60))
    quick.run(leaving(crowd(60), *range(9)))
    for word in "abc":
        quick.now += timedelta(days=100)
        quick.run(leaving(told(crowd(60), word), *range(9)))
    assert (quick.archived("user"), quick.waiting("user", "held")) == (set(), many(*range(9)))
    quick.run(leaving(told(crowd(60), "d"), *range(5)))
    assert (quick.archived("user"), quick.waiting("user", "held")) == (set(), many(*range(5)))


# -------------------------------------------------------------------------------------------------------- the decision


def test_a_person_releases_all_or_some_and_what_is_bound_goes_too(quick):
    quick.done(crowd(60))
    quick.run(leaving(crowd(60), *range(9)))
    before = quick.revision()
    one = quick.ids("user")["c003"]
    assert quick.release(ids=(one,)).counts == {"user": 1, "enrollment": 1}
    assert (quick.archived("user"), quick.archived("enrollment"), quick.revision()) == (many(3), {"ce003"}, before + 1)
    assert quick.release(schools=(quick.ids("org")["s2"],)).counts == {}
    released = quick.release(kinds=("user",), schools=(quick.ids("org")["s1"],))
    assert released.counts == {"user": 8, "enrollment": 8}
    assert (quick.archived("user"), quick.waiting()) == (many(*range(9)), set())
    with scope.inside(quick.district_id):
        acts = [e.act for e in ledger.events(district_id=quick.district_id)]
        assert roster.dangling(district_id=quick.district_id) == []
    assert acts.count("sync:absence:release") == 2
    assert quick.run(leaving(told(crowd(60), "x"), *range(9))).quarantine is None
    quick.run(told(crowd(60), "y"))
    assert quick.archived("user") == set()


def test_what_a_person_keeps_is_not_asked_about_again(quick):
    quick.done(crowd(60))
    quick.run(leaving(crowd(60), *range(9)))
    assert quick.keep() == {"user": 9, "enrollment": 9}
    run = quick.run(leaving(told(crowd(60), "x"), *range(9), 40))
    assert (quick.archived("user"), quick.waiting("user", "kept"), run.state) == (many(40), many(*range(9)), "done")
    assert quick.release().counts == {}
    assert quick.release(ids=(quick.ids("user")["c001"],)).counts == {"user": 1}


def test_an_approved_run_applies_all_of_its_package_without_further_witnesses(sis):
    sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(30)))
    assert held.state == "held"
    assert sis.approve(held).state == "done"
    assert (sis.archived("user"), sis.waiting()) == (many(*range(30)), set())


# ------------------------------------------------------------------------------------------------------------ rollover


def dates(days: int = 0) -> dict[str, str]:
    today = clock.now().date()
    return {"from": str(today - timedelta(days=1 - days)), "to": str(today + timedelta(days=1 + days))}


def rollover(sis: Nights, **content) -> None:
    actions.set_rollover(district_id=sis.district_id, content=content, by="test", now=sis.now)


def test_while_imports_rest_nothing_is_read(quick):
    quick.done(small())
    rollover(quick, imports=[dates()])
    run = quick.run(without_p4().with_rows("users", user("new")))
    assert (run.state, quick.revision(), quick.archived("user")) == ("suspended", 1, set())
    assert "rest from" in run.message
    rollover(quick, imports=[dates(days=30)])
    quick.done(without_p4())
    assert quick.archived("user") == {"p4"}


def test_while_removals_rest_additions_flow_and_afterwards_they_go(quick):
    quick.done(small())
    rollover(quick, removals=[dates()], time_zone="America/Chicago")
    quick.done(without_p4().with_rows("users", user("new")))
    assert (quick.archived("user"), quick.waiting("user"), "new" in quick.active("user")) == (set(), {"p4"}, True)
    rollover(quick)
    quick.done(told(without_p4().with_rows("users", user("new")), "x"))
    assert quick.archived("user") == {"p4"}


def test_a_deletion_told_once_by_a_delta_is_not_lost_while_removals_rest(quick):
    quick.done(small())
    rollover(quick, removals=[dates()])
    gone = {**enrollment("e5"), "status": "tobedeleted", "dateLastModified": packages.STAMP}
    quick.run(Package({"enrollments": (gone,)}, modes={"enrollments": "delta"}))
    assert (quick.archived("enrollment"), quick.waiting("enrollment")) == (set(), {"e5"})
    rollover(quick)
    other = {**enrollment("e9"), "status": "active", "dateLastModified": packages.STAMP}
    quick.run(Package({"enrollments": (other,)}, modes={"enrollments": "delta"}))
    assert quick.archived("enrollment") == {"e5"}


def test_announced_removals_do_not_hold_up_to_their_number(quick):
    quick.done(crowd(60))
    expected = [{"kind": kind, "up_to": 9, **dates()} for kind in ("user", "enrollment")]
    rollover(quick, announced=expected)
    quick.run(leaving(crowd(60), *range(10)))
    assert (quick.archived("user"), len(quick.waiting("user", "held"))) == (set(), 10)
    quick.run(leaving(told(crowd(60), "x"), *range(9)))
    assert (quick.archived("user"), quick.waiting()) == (many(*range(9)), set())


def test_a_term_change_within_announced_dates_does_not_hold(sis):
    """Every enrolment is replaced; the same without the announcement is held."""
    autumn, spring = (tuple(enrollment(f"{t}{n:02d}") for n in range(60)) for t in ("a", "s"))
    sis.done(small().with_rows("enrollments", *autumn))
    after = small().with_rows("enrollments", *spring)
    assert sis.run(told(after, "0")).state == "held"
    rollover(sis, announced=[{"kind": "enrollment", **dates()}])
    assert sis.run(told(after, "1")).state == "done"
    assert sis.run(told(after, "2")).state == "done"
    assert sis.archived("enrollment") == {e["sourcedId"] for e in autumn}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"imports": [{"from": "2027-06-20", "to": "2027-06-10"}]}, "before"),
        ({"removals": [{"from": "June"}]}, "dates like"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"announced": [{"kind": "pupil", "from": "2027-06-10", "to": "2027-06-20"}]}, "pupil"),
        ({"holidays": []}, "no other"),
    ],
)
def test_a_document_that_cannot_hold_is_refused_with_a_sentence(quick, content, word):
    with pytest.raises(BadPolicy, match=word):
        rollover(quick, **content)


@pytest.mark.parametrize("limits", [{"witnesses": 0}, {"witnesses": 4}, {"removed_share": 2}, {"nonsense": 1}])
def test_limits_that_make_no_sense_are_refused(quick, limits):
    with pytest.raises(BadPolicy):
        quick.set_limits(**limits)


# --------------------------------------------------------------------------------------------------- additions, updates


def test_too_many_additions_or_updates_hold_the_run_as_a_whole(quick):
    quick.done(crowd(60))
    crowded = crowd(60).with_rows("users", *(user(f"n{n:02d}") for n in range(34)))
    run = quick.run(crowded)
    assert (run.state, {(r["rule"], r["kind"]) for r in run.hold["reasons"]}) == (
        "held",
        {("too many additions", "user")},
    )
    changed = crowd(60)
    for n in range(60):
        changed = changed.changed("users", f"c{n:03d}", middleName="X")
    run = quick.run(changed)
    assert {r["rule"] for r in run.hold["reasons"]} == {"too many updates"}


def test_too_many_additions_to_a_school_or_changes_in_it_hold_the_run_as_a_whole(quick):
    """For the district as a whole they are not too many."""
    quick.set_limits(added_share=9, school_updated_share=0.5)
    quick.done(crowd(60))
    changed = crowd(60)
    for n in range(40):
        changed = changed.changed("users", f"c{n:03d}", middleName="X")
    crowded = crowd(60).with_rows("users", *(user(f"n{n:02d}") for n in range(66)))
    for package, rule, sentence in (
        (changed, "too many updates", "40 users of “School s1” would be changed, and 65 stand"),
        (crowded, "too many additions", "66 users of “School s1” would be added, and 65 stand"),
    ):
        run = quick.run(package)
        assert (run.state, {(r["rule"], r["kind"]) for r in run.hold["reasons"]}) == ("held", {(rule, "user")})
        assert sentence in run.message
    quick.set_limits(school_updated_share=1, school_added_share=2)
    assert (quick.run(changed).state, quick.run(crowded).state) == ("done", "done")


def test_demographics_belong_to_the_schools_of_their_people_where_limits_of_schools_are_asked(quick):
    def told(n: int, **cells: str) -> dict[str, str]:
        return demographics(f"c{n:03d}", **cells)

    quick.set_limits(added_share=9, school_added_share=0.5, school_updated_share=0.5)
    first = crowd(120).with_rows("demographics", *map(told, range(60)))
    quick.done(first)
    changed, more = crowd(120), crowd(120).with_rows("demographics", *map(told, range(102)))
    changed = changed.with_rows("demographics", *(told(n, sex="male" if n < 40 else "female") for n in range(60)))
    for package, rule, sentence in (
        (changed, "too many updates", "40 demographics of “School s1” would be changed, and 6"),
        (more, "too many additions", "42 demographics of “School s1” would be added, and 6"),
    ):
        run = quick.run(package)
        assert (run.state, {(r["rule"], r["kind"]) for r in run.hold["reasons"]}) == (
            "held",
            {(rule, "demographics")},
        )
        assert sentence in run.message
    quick.set_limits(school_updated_share=1, school_added_share=1)
    assert (quick.run(changed).state, quick.run(more).state) == ("done", "done")


def test_demographics_of_people_who_come_tonight_belong_to_the_schools_they_come_to(quick):
    quick.set_limits(added_share=9, school_added_share=9)
    quick.done(crowd(60).with_rows("demographics", *(demographics(f"c{n:03d}") for n in range(60))))
    actions.set_limits(
        district_id=quick.district_id, kind="demographics", by="test", now=quick.now, school_added_share=0.5
    )
    people = [f"n{n:02d}" for n in range(40)]
    arriving = crowd(60).with_rows("users", *map(user, people))
    run = quick.run(
        arriving.with_rows("demographics", *(demographics(f"c{n:03d}") for n in range(60)), *map(demographics, people))
    )
    assert {(r["rule"], r["kind"]) for r in run.hold["reasons"]} == {("too many additions", "demographics")}


def test_limits_of_one_kind_do_not_bind_the_others(quick):
    quick.done(crowd(94))
    actions.set_limits(
        district_id=quick.district_id, kind="enrollment", by="test", now=quick.now, removed_share=0.5, overlap_share=0
    )
    quick.run(crowd(94).without("enrollments", *(f"ce{n:03d}" for n in range(9))))
    assert (len(quick.archived("enrollment")), quick.waiting()) == (9, set())
    quick.run(leaving(crowd(94), *range(9)))
    assert (quick.archived("user"), len(quick.waiting("user"))) == (set(), 9)


def test_rows_that_are_only_read_under_other_settings_are_no_updates(sis):
    """Their hashes differ, and what they say may not; the control is a night on which it does."""
    sis.set_limits(updated_share=0.5)
    package = crowd(60)
    sis.done(package)
    nameless = {"name": "nameless", "kind": "user", "severity": "skip", "message": "Enter the name of {who}."}
    own = [{**nameless, "where": {"attribute": "givenName", "is": "empty"}}]
    quality.set_rules(district_id=sis.district_id, content={"own": own}, by="test", now=sis.now)
    assert sis.run(package).state == "unchanged"
    renamed = package
    for row in package.rows["users"]:
        renamed = renamed.changed("users", row["sourcedId"], givenName="Other")
    run = sis.run(renamed)
    assert run.state == "held"
    assert "would be changed" in run.message
