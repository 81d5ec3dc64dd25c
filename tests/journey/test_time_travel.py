"""The roster as it was, what is different since, and how one record came to be what it is."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import roster as command
from schoolpassport.roster import queries
from schoolpassport.tenancy import scope
from tests.support.nights import nights
from tests.support.packages import crowd, small, user


@pytest.fixture
def story(district, tmp_path, now):
    """Three nights: p1 gets another name; p5 comes; p5 gets her name written otherwise, p1 goes back to his."""
    sis = nights(district_id=district.id, folder=tmp_path, now=now)
    first = small()
    second = first.changed("users", "p1", givenName="Ada").with_rows("users", user("p5"))
    third = second.changed("users", "p1", givenName="Given-p1").changed("users", "p5", givenName="Zoë")
    for package in (first, second, third):
        sis.done(package)
    return sis


def diff(sis, since, until=None):
    keys = {id_: key for key, id_ in sis.ids("user").items()}
    with scope.inside(sis.district_id):
        found = queries.diff(district_id=sis.district_id, kind="user", since=since, until=until)
    return {keys[d["id"]]: (d["change"], d["attributes"]) for d in found}


def test_a_diff_names_what_differs_between_two_revisions(story):
    assert diff(story, 1, 2)["p1"] == ("updated", {"given_name": ("Given-p1", "Ada")})
    assert diff(story, 1, 2)["p5"][0] == "added"
    assert diff(story, 2, 3) == {
        "p1": ("updated", {"given_name": ("Ada", "Given-p1")}),
        "p5": ("updated", {"given_name": ("Given-p5", "Zoë")}),
    }


def test_what_was_changed_and_changed_back_is_no_difference(story):
    assert set(diff(story, 1)) == {"p5"}
    assert diff(story, 3) == {}


def test_a_diff_may_be_asked_for_by_instants(story):
    with scope.inside(story.district_id):
        (at,) = [v["at"] for v in history(story, "p5")][:1]
    assert diff(story, at - timedelta(milliseconds=1), at) == diff(story, 1, 2)


def history(sis, key):
    with scope.inside(sis.district_id):
        return queries.history(district_id=sis.district_id, kind="user", id=sis.ids("user")[key])


def test_a_history_tells_each_version_with_its_cause_and_what_was_different(story):
    told = [(v["revision"], v["cause"], v["attributes"].get("given_name")) for v in history(story, "p1")]
    assert told == [
        (1, "run 1", (None, "Given-p1")),
        (2, "run 2", ("Given-p1", "Ada")),
        (3, "run 3", ("Ada", "Given-p1")),
    ]


def test_how_many_stood_is_told_for_any_revision(story):
    with scope.inside(story.district_id):
        now_ = queries.standing(district_id=story.district_id)
        assert queries.standing_as_of(district_id=story.district_id, as_of=3) == {k: n for k, n in now_.items() if n}
        before = queries.standing_as_of(district_id=story.district_id, as_of=1)
    school = story.ids("org")["s1"]
    assert (before["user", school], now_["user", school]) == (5, 6)


@pytest.mark.parametrize(("since", "until"), [(a, b) for b in range(4) for a in range(b + 1)])
def test_a_diff_applied_to_what_stood_gives_what_stands(story, since, until):
    """Between any two of the revisions; the control leaves one difference out."""
    with scope.inside(story.district_id):
        old, new = (
            {r["id"]: r for r in queries.records(district_id=story.district_id, kind="user", as_of=n)}
            for n in (since, until)
        )
        differences = queries.diff(district_id=story.district_id, kind="user", since=since, until=until)
    assert _applied(old, differences) == new
    if differences:
        assert _applied(old, differences[1:]) != new


def _applied(old, differences):
    status = {"added": "active", "archived": "tobedeleted", "restored": "active"}
    made = {id_: dict(r) for id_, r in old.items()}
    blank = dict.fromkeys(["id", "status", *queries.KINDS["user"].columns])
    for d in differences:
        record = made.setdefault(d["id"], blank | {"id": d["id"]})
        record.update({column: after for column, (_, after) in d["attributes"].items()})
        record["status"] = status.get(d["change"], record["status"])
    return made


def asked(story, *words):
    done = CliRunner().invoke(command.command, [*words, "--district", str(story.district_id)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_tells_them_too(story):
    id_ = str(story.ids("user")["p1"])
    told = json.loads(asked(story, "diff", "user", "--since", "1", "--until", "2", "--json"))
    assert {d["id"]: d["change"] for d in told}[id_] == "updated"
    assert "  givenName: Given-p1 → Ada" in asked(story, "history", "users", id_).splitlines()
    assert json.loads(asked(story, "show", "user", id_, "--as-of", "2", "--json"))["given_name"] == "Ada"
    assert json.loads(asked(story, "show", "user", id_, "--json"))["given_name"] == "Given-p1"
    counted = json.loads(asked(story, "count", "--as-of", "1", "--json"))
    assert {(c["kind"], c["standing"]) for c in counted if c["school"] is None} >= {("user", 7), ("class", 2)}


def test_a_long_difference_says_how_many_there_are_more_and_how_to_see_them(district, tmp_path, now):
    sis = nights(district_id=district.id, folder=tmp_path, now=now)
    sis.done(crowd(150))
    since = ("diff", "user", "--since", "0")
    standing = len(sis.active("user"))

    def records(*words):
        *shown, last = [line for line in asked(sis, *since, *words).splitlines() if not line.startswith("  ")]
        assert last == f"{standing} users differ."
        return len([line for line in shown if line.endswith("  added")]), shown[-1]

    assert records() == (100, f"… and {standing - 100} more; all of them: --limit {standing}")
    assert records("--limit", "7") == (7, f"… and {standing - 7} more; all of them: --limit {standing}")
    assert records("--limit", str(standing))[0] == standing
    assert len(json.loads(asked(sis, *since, "--json"))) == standing
    assert len(json.loads(asked(sis, *since, "--json", "--limit", "2"))) == 2


def test_the_whole_roster_is_listed_as_of_a_revision_and_of_none_that_is_to_come(story):
    def listed(*words):
        return {
            (r["username"], r["given_name"]) for r in map(json.loads, asked(story, "list", "user", *words).splitlines())
        }

    now = listed("--json")
    assert now - listed("--as-of", "2", "--json") == {("p1", "Given-p1"), ("p5", "Zoë")}
    assert {name for name, _ in now - listed("--as-of", "1", "--json")} == {"p5"}
    head, *rows = asked(story, "list", "user").splitlines()
    assert (len(rows), {"username", "givenName", "orgs"} <= set(head.split())) == (8, True)
    for words in (["list", "user", "--as-of", "4"], ["diff", "user", "--since", "4"], ["count", "--as-of", "4"]):
        done = CliRunner().invoke(command.command, [*words, "--district", str(story.district_id)])
        assert (done.exit_code, done.output) == (1, "Error: There is no revision 4; the newest is 3.\n")


def test_a_moment_that_cannot_be_read_is_named(story):
    done = CliRunner().invoke(command.command, ["count", "--as-of", "yesterday", "--district", str(story.district_id)])
    assert done.exit_code == 2
    assert "give a revision like 12, or a date like 2026-09-01" in done.output
