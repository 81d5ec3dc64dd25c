"""Rules of the roster: findings that stand until they are mended, complete on a night on which hardly a row is read."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.db import connection

from schoolpassport.cli.commands import findings
from schoolpassport.kit import clock
from schoolpassport.quality import actions as quality
from schoolpassport.quality import policies, queries
from schoolpassport.quality.assessment import Assessor, Span
from schoolpassport.quality.models import Assessment, Standing
from schoolpassport.quality.policies import NotUnderstood
from schoolpassport.quality.rules.standing import SHELF
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from tests.support import packages
from tests.support.nights import Nights, nights
from tests.support.packages import Package, class_, crowd, demographics, enrollment, org, small, user

BUILDERS = {
    "org": org,
    "academicSession": packages.session,
    "course": packages.course,
    "class": class_,
    "user": user,
    "enrollment": enrollment,
    "demographics": demographics,
}
FILES = {"academicSession": "academicSessions", "demographics": "demographics"}


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def standing(sis: Nights, *names: str) -> set[tuple[str, str]]:
    """What is wrong with the roster now: rule and the source's id."""
    with scope.inside(sis.district_id):
        found = queries.standing(district_id=sis.district_id)
    return {(s.rule, s.key) for s in found if not names or s.rule in names}


def rule(sis: Nights, content: Any, now: Any = None) -> None:
    quality.set_rules(district_id=sis.district_id, content=content, by="test", now=now or sis.now)


# ------------------------------------------------------------------------------------------------------ the contract


def _with_examples() -> tuple[Package, dict[tuple[str, str], bool]]:
    """The small district with every example of every rule in it, each under keys of its own."""
    package, expected = small(), {}
    for number, each in enumerate(SHELF.values()):
        for good, examples in ((False, each.bad), (True, each.good)):
            for place, example in enumerate(examples):
                prefix = f"{number}-{'good' if good else 'bad'}-{place}-"
                first = prefix + example[0][1]
                expected[each.name, first] = not good
                for kind, key, cells in example:
                    told = {c: _meant(v, prefix, first) for c, v in cells.items()}
                    row = BUILDERS[kind](prefix + key, **told)
                    package = package.with_rows(FILES.get(kind, KINDS[kind].plural), row)
    return package, expected


def _meant(value: str, prefix: str, first: str) -> str:
    parts = (first if p == "@first" else p.replace("@", prefix) if p.startswith("@") else p for p in value.split(","))
    return ",".join(parts)


def test_every_rule_of_the_shelf_finds_its_bad_examples_and_leaves_the_good_ones_alone(sis):
    assert [r.name for r in SHELF.values() if not (r.bad and r.good)] == []
    package, expected = _with_examples()
    sis.done(package)
    found = standing(sis)
    assert {e: e in found for e in expected} == expected


@pytest.mark.parametrize("each", SHELF.values(), ids=lambda r: r.name)
def test_every_rule_says_what_is_wrong_and_how_to_mend_it(each):
    assert each.sentence.endswith(".")
    assert "{who}" in each.sentence
    assert each.fix.endswith(".")
    assert (each.where is None) != (each.sql == "")
    assert each.name == each.name.lower()
    assert len(each.name) <= 40


# -------------------------------------------------------------------------------------------------- standing findings


def test_findings_of_rows_that_are_not_read_any_more_stand_until_they_are_mended(sis):
    package = crowd(30).with_rows("classes", class_("k9"), class_("k8"))
    sis.done(package)
    names = ("class without teacher", "class without students", "student without grade")
    before = standing(sis, *names)
    assert {
        ("class without teacher", "k9"),
        ("class without students", "k9"),
        ("student without grade", "p2"),
    } <= before
    sis.done(package.changed("users", "p2", grades="07"))
    assert standing(sis, *names) == before - {("student without grade", "p2")}
    taught = package.changed("users", "p2", grades="07").with_rows(
        "enrollments", enrollment("e90", classSourcedId="k9", userSourcedId="t1", role="teacher")
    )
    sis.done(taught)
    assert standing(sis, *names) == before - {("student without grade", "p2"), ("class without teacher", "k9")}
    sis.done(taught.changed("enrollments", "e90", classSourcedId="k8"))
    after = standing(sis, *names)
    assert after == before - {("student without grade", "p2"), ("class without teacher", "k8")}
    with scope.inside(sis.district_id):
        (again,) = (
            s
            for s in queries.standing(district_id=sis.district_id)
            if (s.rule, s.key) == ("class without teacher", "k9")
        )
    assert again.opened_at == again.seen_at
    sis.done(package.changed("users", "p2", grades="07").without("classes", "k9"))
    assert "k9" not in {key for _, key in standing(sis)}


def _told(sis: Nights) -> set[tuple[str, str, str, str]]:
    with scope.inside(sis.district_id):
        return {(s.rule, s.key, s.value, s.sentence) for s in queries.standing(district_id=sis.district_id)}


def _both_ways(sis: Nights, nights_: list[Package]) -> list[tuple[set[Any], set[Any]]]:
    """After each night: what stands because of what changed, and what a look at all of the roster finds."""
    both = []
    for night in nights_:
        sis.done(night)
        found = _told(sis)
        with scope.inside(sis.district_id):
            Assessment.objects.filter(district_id=sis.district_id).delete()
        quality.assess(district_id=sis.district_id, now=sis.now + timedelta(hours=1))
        both.append((found, _told(sis)))
    return both


def _week() -> list[Package]:
    """Seats that are taken, left and moved, values that come to be shared and cease to be, terms that turn."""
    package = crowd(20).with_rows("classes", class_("k9"), class_("k8"))
    taught = package.with_rows(
        "enrollments",
        enrollment("e90", classSourcedId="k9", userSourcedId="t1", role="teacher", primary="true"),
        enrollment("e91", classSourcedId="k9", userSourcedId="t2", role="teacher", primary="true"),
        enrollment("e92", classSourcedId="k9", userSourcedId="p1"),
    )
    shared = taught.changed("users", "p1", email="x@amber.example").changed("users", "p2", email="X@amber.example")
    return [
        package,
        package.changed("users", "p1", username="p2"),
        package.changed("users", "p1", username="p2", familyName="Other").changed("users", "p2", email="nothing"),
        package.without("enrollments", "e1"),
        package.changed("academicSessions", "autumn", endDate="2026-08-20"),
        package.changed("academicSessions", "autumn", schoolYear="2028"),
        package.changed("classes", "k9", termSourcedIds="year").with_rows(
            "demographics", demographics("c001", birthDate="1890-01-01")
        ),
        taught,
        taught.changed("enrollments", "e91", primary="false"),
        taught.changed("enrollments", "e90", role="student", primary="false").changed(
            "enrollments", "e92", role="teacher"
        ),
        taught.changed("enrollments", "e90", classSourcedId="k8").changed("enrollments", "e92", beginDate="2027-09-09"),
        taught.changed("enrollments", "e92", userSourcedId="p2"),
        shared,
        shared.changed("users", "p1", email="x@amber.example", givenName="Other"),
        shared.changed("users", "p2", email="y@amber.example"),
        package.without("users", "t2").without("enrollments", "e6"),
    ]


def test_looking_at_what_changed_comes_out_as_looking_at_everything(sis):
    """After each night of changes, a district that looks at all of its roster finds the very same."""
    rule(sis, {"shelf": {"too many students": {"most": 1}}})
    both = _both_ways(sis, _week())
    for nightly, whole in both:
        assert nightly == whole
    seen = {(rule_, key) for nightly, _ in both for rule_, key, _, _ in nightly}
    assert {
        *(("duplicate username", "p2"), ("bad e-mail", "p2"), ("date before 1900", "c001"), ("shared e-mail", "p1")),
        *(("two primary teachers", "k9"), ("class without teacher", "k8"), ("class without students", "k9")),
        ("too many students", "k1"),
    } <= seen
    assert ("outside its term", "e4") not in seen  # it begins before the shortened term ends


@pytest.mark.parametrize(
    ("blind", "misses"),
    [
        ({}, set()),
        ({"touched_by": ()}, {("class without teacher", "k9")}),
        ({"peers": ""}, {("duplicate username", "p2")}),
    ],
    ids=["nothing", "neighbours", "equals"],
)
def test_rules_that_follow_no_neighbours_or_no_equals_overlook_something(sis, blind, misses):
    """The control of the test above: the same night, seen by rules that are blind for something."""
    package = crowd(20).with_rows("classes", class_("k9"))
    sis.done(package)
    since = sis.revision()
    with scope.inside(sis.district_id):
        before = list(Standing.objects.filter(district_id=sis.district_id))
    taught = enrollment("e90", classSourcedId="k9", userSourcedId="t1", role="teacher")
    sis.done(package.changed("users", "p1", username="p2").with_rows("enrollments", taught))
    found = standing(sis)
    rulings = tuple(replace(r, rule=replace(r.rule, **blind)) for r in policies.rules(None).standing)
    with scope.inside(sis.district_id), connection.cursor() as wrapped:
        Standing.objects.filter(district_id=sis.district_id).delete()
        Standing.objects.bulk_create(before)
        assessor = Assessor(cursor=wrapped.cursor, district_id=sis.district_id, rulings=rulings)
        assessor.assess(Span(since=since, whole=False, new_day=False), now=sis.now)
    assert standing(sis) ^ found == misses


def test_rules_can_be_switched_graded_and_told_for_whom(sis):
    sis.done(small().with_rows("classes", class_("k9"), class_("k10", schoolSourcedId="s2", courseSourcedId="lit")))
    both = {("class without teacher", "k9"), ("class without teacher", "k10")}
    assert standing(sis, "class without teacher") == both
    rule(sis, {"shelf": {"class without teacher": {"schools": [str(sis.ids("org")["s1"])], "severity": "error"}}})
    assert standing(sis, "class without teacher") == {("class without teacher", "k9")}
    with scope.inside(sis.district_id):
        found = queries.standing(district_id=sis.district_id)
    assert {s.severity for s in found if s.rule == "class without teacher"} == {"error"}
    rule(sis, {"shelf": {"class without teacher": {"severity": "off"}, "too many students": {"most": 2}}})
    assert standing(sis, "class without teacher", "too many students") == {("too many students", "k1")}


def test_a_rule_of_the_districts_own_finds_at_once_in_the_roster_as_it_stands(sis):
    sis.done(small())
    own = {
        "name": "algebra needs a phone",
        "kind": "enrollment",
        "where": {
            "all": [
                {"attribute": "class.title", "is": "contains", "value": "K1"},
                {"attribute": "user.phone", "is": "empty"},
            ]
        },
        "severity": "error",
        "message": "100% of {who} need a phone number.",
        "roles": ["student"],
    }
    rule(sis, {"own": [own]})
    assert standing(sis, own["name"]) == {(own["name"], key) for key in ("e2", "e3", "e4")}
    with scope.inside(sis.district_id):
        sentences = {s.sentence for s in queries.standing(district_id=sis.district_id, rule=own["name"])}
    assert "100% of Given-p1 Family-p1 need a phone number." in sentences
    sis.done(small().changed("users", "p1", phone="+1 203 555 0100"))
    assert standing(sis, own["name"]) == {(own["name"], key) for key in ("e3", "e4")}


def test_a_rule_that_asks_the_clock_is_asked_every_day(sis):
    sis.done(small())
    rule(sis, {})
    assert standing(sis, "inactive term") == set()
    rule(sis, {}, now=sis.now.replace(month=12, day=21))
    assert standing(sis, "inactive term") == {("inactive term", "k1"), ("inactive term", "k2")}


# ----------------------------------------------------------------------------------------------------------- withheld

NO_MAIL = {
    "name": "pupils need an address",
    "kind": "user",
    "where": {"attribute": "email", "is": "empty"},
    "severity": "skip",
    "message": "Enter the e-mail address of {who} in the SIS.",
    "roles": ["student"],
}


def test_a_withheld_row_is_not_taken_and_comes_when_it_is_mended(sis):
    rule(sis, {"own": [NO_MAIL]})
    package = small()
    for key in ("p2", "p3", "p4"):
        package = package.changed("users", key, email=f"{key}@amber.example")
    run = sis.done(package)
    assert sis.active("user") == {"t1", "t2", "g1", "p2", "p3", "p4"}
    (found,) = (p for p in sis.findings(run, "skip") if p.file == "users.csv")
    assert (found.rule, found.column) == (NO_MAIL["name"], "email")
    assert sis.statistics(run)["user"]["rejected"] == 1
    run = sis.done(package.changed("users", "p1", email="p1@amber.example"))
    assert "p1" in sis.active("user")
    assert sis.findings(run) == set()


def test_many_withheld_rows_refuse_no_package_and_what_stands_stays(sis):
    package = crowd(60)
    sis.done(package)
    rule(sis, {"own": [NO_MAIL]})
    path = sis.write(package)
    run = sis.run(path)
    assert run.state == "unchanged", run.message
    assert len(sis.findings(run, "skip")) == 64
    assert sis.archived("user") == set()
    rule(sis, {})
    assert sis.findings(sis.run(path), "skip") == set()


def test_a_rule_withholds_in_its_schools_only(sis):
    sis.done(small())
    rule(sis, {"own": [{**NO_MAIL, "schools": [str(sis.ids("org")["s2"])]}]})
    run = sis.done(small().with_rows("users", user("q1"), user("q2", orgSourcedIds="s2")))
    assert "q1" in sis.active("user")
    assert "q2" not in sis.active("user")
    assert {p.line for p in sis.findings(run, "skip")} == {7, 8, 10}


# ------------------------------------------------------------------------------------------------ counts and the score


def test_counts_and_scores_are_kept_by_school_and_over_time(sis):
    sis.done(small())
    off = {name: {"severity": "off"} for name in SHELF if name != "student without grade"}
    rule(sis, {"shelf": off}, now=sis.now + timedelta(days=365))
    with scope.inside(sis.district_id):
        last = queries.trend(district_id=sis.district_id)[-3:]
        scores = queries.scores(district_id=sis.district_id)
    s1, s2 = sis.ids("org")["s1"], sis.ids("org")["s2"]
    assert {(t.school_id, t.count) for t in last} == {(ALTOGETHER, 3), (s1, 2), (s2, 2)}
    newest = {s.school_id: s for s in scores}
    records = {"altogether": 3 + 2 + 2 + 7 + 2 + 6 + 2, "s1": 1 + 1 + 5 + 1 + 4 + 1}
    assert newest[ALTOGETHER].records == records["altogether"]
    assert newest[ALTOGETHER].score == pytest.approx(100 * (1 - 0.25 * 3 / records["altogether"]))
    assert newest[s1].score == pytest.approx(100 * (1 - 0.25 * 2 / records["s1"]))


# --------------------------------------------------------------------------------------------------------- not saved


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "Rules are an object with “shelf” (changes to built-in rules) and “own”."),
        (
            {"shelf": {"class without teachers": {}}},
            "There is no built-in rule “class without teachers”; did you mean “class without teacher”?",
        ),
        (
            {"shelf": {"bad e-mail": {"severity": "fatal"}}},
            "The rule “bad e-mail”: the severity is warning, error, skip or off, not “fatal”.",
        ),
        (
            {"shelf": {"class without teacher": {"severity": "skip"}}},
            "The rule “class without teacher” can be a warning or an error, but not skip",
        ),
        (
            {"shelf": {"birth date in the future": {"severity": "skip"}}},
            "The rule “birth date in the future” can be a warning or an error, but not skip",
        ),
        (
            {"shelf": {"too many students": {"most": "many"}}},
            "The rule “too many students”: “most” is a whole number from 0 to 1,000,000.",
        ),
        (
            {"shelf": {"bad e-mail": {"most": 3}}},
            "The rule “bad e-mail” can be changed in: severity, schools, roles; not in most.",
        ),
        ({"own": [NO_MAIL, NO_MAIL]}, "Two rules are called “pupils need an address”; give each a name of its own."),
        (
            {"own": [{**NO_MAIL, "where": {"attribute": "mail", "is": "empty"}}]},
            "The rule “pupils need an address”. In the condition: there is no attribute “mail”; did you mean “email”?",
        ),
        (
            {"own": [{**NO_MAIL, "roles": ["pupil"]}]},
            "The rule “pupils need an address”: “roles” is a list of: administrator, ",
        ),
        (
            {"own": [{"name": "x"}]},
            "A rule of your own has name, kind, where and message; also severity, attribute, schools, roles.",
        ),
    ],
    ids=lambda p: p[:50] if isinstance(p, str) else "",
)
def test_a_rule_that_cannot_be_understood_is_not_saved(sis, content, sentence):
    with pytest.raises(NotUnderstood) as refused:
        rule(sis, content)
    assert str(refused.value).startswith(sentence)


def test_rules_are_put_once_after_the_last_run_that_was_asked_for(sis):
    """And what was asked for long ago, and never walked, keeps nobody waiting."""
    bad = small().changed("users", "p1", email="none")
    forgotten = sis.ask(small())
    sis.now = clock.now()
    asked = [sis.ask(package) for package in (bad, bad.changed("users", "p2", email="none"))]
    with scope.inside(sis.district_id):
        Run.objects.filter(id=forgotten.id).update(asked_at=clock.now() - timedelta(days=1))
    found = []
    for run in asked:
        assert sis.walk(run).state == "done"
        found.append(standing(sis, "bad e-mail"))
    assert found == [set(), {("bad e-mail", "p1"), ("bad e-mail", "p2")}]


def test_another_district_sees_none_of_it(sis, other_district):
    sis.done(small())
    assert standing(sis)
    with scope.inside(other_district.id):
        assert queries.standing(district_id=sis.district_id) == []
    assert isinstance(sis.district_id, UUID)


# -------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_lists_counts_and_writes_findings_as_csv(sis, tmp_path):
    package = (
        small().changed("users", "p1", email='=HYPERLINK("http://x.example")').changed("users", "p2", role="pupil")
    )
    sis.done(package)
    asked = ["--district", str(sis.district_id)]
    listed = _findings("list", *asked, "--rule", "bad e-mail", "--json")
    (found,) = (json.loads(line) for line in listed.splitlines())
    assert (found["severity"], found["shared"], found["source"], found["file"], found["key"]) == (
        *("error", True, "SIS", "users.csv"),
        "p1",
    )
    assert found["schools"] == "School s1"
    into = tmp_path / "findings.csv"
    _findings("list", *asked, "--csv", str(into))
    text = into.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    (mail,) = (r for r in rows if r["rule"] == "bad e-mail")
    assert mail["value"] == '\'=HYPERLINK("http://x.example")'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", mail["since"])
    (left_out,) = (r for r in rows if r["rule"] == "bad value")
    assert (left_out["shared"], left_out["line"], left_out["file"]) == ("no", "6", "users.csv")
    assert _findings("list", *asked, "--school", "School s2", "--rule", "bad e-mail") == ""
    in_full = _findings("list", *asked, "--school", "School s1")
    assert in_full != ""
    assert _findings("list", *asked, "--school", "SCHOOL S1 ") == in_full
    assert "student without grade" in _findings("counts", *asked)
    assert _findings("score", *asked, "--json").splitlines()
    assert len(_findings("trend", *asked, "--rule", "bad e-mail", "--json").splitlines()) == 1
    own = tmp_path / "rules.json"
    own.write_text(json.dumps({"own": [{**NO_MAIL, "severity": "error"}]}), encoding="utf-8")
    assert "of the rules holds" in _findings("set-rules", *asked, str(own))
    assert NO_MAIL["name"] in _findings("rules", *asked)


def _findings(*words: str) -> str:
    done = CliRunner().invoke(findings.command, [*words])
    assert done.exit_code == 0, done.output
    return done.output
