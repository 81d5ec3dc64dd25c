"""The life of a consent on the command line, and what it tells before anything is agreed."""

import json
import shlex
from uuid import UUID

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import consent as consent_command
from schoolpassport.cli.commands import disclosures as disclosures_command
from schoolpassport.cli.commands import requirements as requirements_command
from schoolpassport.messaging import queries as notices
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sharing import actions
from tests.support.clockwork import ticking
from tests.support.packages import small
from tests.support.sides import MORNING, Two, a_district, between, contents
from tests.support.telling import told, told_partner

ACTIVE = dict.fromkeys(("t1", "t2", "g1", "p1", "p2", "p3", "p4"), "active")


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


@pytest.fixture
def two(sis):
    with ticking(MORNING) as clock:
        yield between(sis, clock)


def said(two: Two, *words: str, fails: bool = False) -> str:
    verb, *rest = words
    place = ["--district", str(two.sis.district_id)]
    run = CliRunner().invoke(consent_command.command, [verb, two.app.application.name, *rest, *place])
    assert run.exit_code == fails, run.output
    return run.output


def of(two: Two, verb: str, *rest: str) -> str:
    run = CliRunner().invoke(consent_command.command, [verb, *rest, "--district", str(two.sis.district_id)])
    assert run.exit_code == 0, run.output
    return run.output


def test_two_sides_come_to_a_consent_and_to_its_end(two, tmp_path):
    paper = tmp_path / "terms.txt"
    paper.write_text("We delete what is taken back.")
    id_ = said(two, "draft", "--as", "partner", "--kind", "user", "--purpose", "Reading").split()[1].rstrip(".")
    attached = said(two, "attach", str(paper), "--terms", "--as", "partner")
    sha256 = attached.split()[-1]
    assert "read and accept them" in said(two, "send", "--as", "partner", fails=True)
    said(two, "send", "--as", "partner", "--accept", sha256)
    assert "could “approve” now" in said(two, "approve", "--as", "partner", "--accept", sha256, fails=True)
    said(two, "ask", "--as", "district", "--message", "Without e-mail, please.")
    said(two, "edit", "--as", "partner", "--kind", "user", "--without", "user.email", "--hold", "remove=10")
    said(two, "send", "--as", "partner", "--accept", sha256)
    assert said(two, "approve", "--as", "district", "--accept", sha256) == "Approved; it is active.\n"
    assert two.served() == ACTIVE
    assert "email" not in two.get("users").body.decode()
    said(two, "suspend", "--as", "district")
    assert "who alone can resume it" in said(two, "resume", "--as", "partner", fails=True)
    said(two, "resume", "--as", "district")
    told = json.loads(of(two, "history", id_, "--json"))
    assert (told["state"], [s["act"] for s in told["steps"]]) == (
        "active",
        ["draft", "send", "request_changes", "edit", "send", "approve", "begin", "suspend", "resume"],
    )
    assert told["documents"] == [{"name": "terms.txt", "sha256": sha256, "size": 29, "terms": True}]
    of(two, "document", id_, "terms.txt", "--into", str(tmp_path / "copy.txt"))
    assert (tmp_path / "copy.txt").read_text() == paper.read_text()
    said(two, "end", "--as", "partner")
    assert two.served() == dict.fromkeys(ACTIVE, "tobedeleted")
    assert "Without e-mail, please." in of(two, "history", id_)


def test_what_an_operator_agrees_for_both_sides_is_told_to_both(two):
    said(two, "agree", "--kind", "user")
    (mine,) = [c for c in json.loads(of(two, "show", "--json")) if c["application"] == two.app.application.name]
    id_ = UUID(mine["id"])
    assert told(two.sis.district_id, id_) == ["consent-agreed"]
    assert told_partner(two.sis.district_id, two.app.integration.id, id_) == ["own-consent-agreed"]
    said(two, "agree", "--kind", "org")
    assert told(two.sis.district_id, id_) == ["consent-agreed"], "of the next one there is a notice of its own"
    shown = next(n for n in notices.notices(organisation_id=two.sis.district_id) if n.kind == "consent-agreed")
    assert shown.subject.endswith(f": a consent with {two.app.application.name} was agreed for you")
    history, revoke = (shlex.split(line)[2:] for line in shown.commands[1:])
    for typed in (history, revoke):
        assert CliRunner().invoke(consent_command.command, typed).exit_code == 0
    assert two.served("orgs") == dict.fromkeys(two.sis.ids("org"), "tobedeleted")


def test_another_draft_can_begin_from_what_is_in_force(two, tmp_path):
    two.agreed(contents("org", "user", schools=[two.sis.ids("org")["s1"]]))
    whole = json.loads(of(two, "show", "--json"))
    (mine,) = [c for c in whole if c["application"] == two.app.application.name]
    assert (mine["state"], mine["schools"]) == ("active", ["School s1"])
    (tmp_path / "contents.json").write_text(json.dumps(mine))
    said(two, "draft", "--as", "district", "--contents", str(tmp_path / "contents.json"))
    (drafted,) = [c for c in json.loads(of(two, "show", "--json")) if c["state"] == "draft"]
    words = ("schools", "attributes", "masks", "filters", "shield", "purpose")
    assert [drafted[word] for word in words] == [mine[word] for word in words]
    assert drafted["id"] in of(two, "show")
    refused = said(two, "reject", "--as", "partner", fails=True)
    assert refused.endswith("“reject” now: what there is, is active (by the partner).\n"), "a draft is its author's own"
    said(two, "withdraw", "--as", "district")


def test_a_preview_tells_what_would_be_lost_and_gained_and_changes_nothing(two):
    old = two.agreed(contents("org", "user", schools=[two.sis.ids("org")["s1"]]))
    before = two.served()
    rows = json.loads(said(two, "preview", "--kind", "org", "--kind", "user", "--school", "School s2", "--json"))
    told = {(r["kind"], r["school"]): (r["lost"], r["gained"], r["changed"]) for r in rows}
    assert told["user", None] == (4, 2, 1)  # t1, g1, p1, p2 go; t2 and p4 come; p3 shows its other school
    assert told["org", None] == (1, 1, 1)  # the office shows its other child
    assert told["user", "School s2"] == (0, 2, 1)
    lost = next(r["examples"]["lost"] for r in rows if (r["kind"], r["school"]) == ("user", None))
    assert set(lost) == {str(two.sis.ids("user")[who]) for who in ("t1", "g1", "p1", "p2")}
    everything = json.loads(said(two, "preview", "--nothing", "--json"))
    assert {r["kind"]: r["lost"] for r in everything if r["school"] is None} == {"org": 2, "user": 5}
    assert two.served() == before
    assert two.state(old) == "active"
    assert said(two, "preview", "--consent", str(old.id)).startswith("Nothing would be different")


def test_a_preview_says_what_changes_and_shows_a_first_consent_whole(two):
    rows = json.loads(said(two, "preview", "--kind", "user", "--json"))
    assert [(r["kind"], r["gained"]) for r in rows if r["school"] is None] == [("user", 7)]
    two.agreed(contents("user"))
    rows = json.loads(said(two, "preview", "--kind", "user", "--without", "user.email", "--json"))
    (found,) = [r for r in rows if r["school"] is None]
    assert (found["lost"], found["gained"], found["changed"], found["attributes"]) == (0, 0, 1, ["email"])


def test_what_the_roster_changed_meanwhile_is_not_put_down_to_the_consent(tmp_path):
    with ticking(MORNING) as clock:
        two = between(a_district(tmp_path), clock)
        two.agreed(contents("user"), hold={"remove": 0})
        two.sis.done(small().without("users", "p2").without("enrollments", "e3"))
        assert two.served() == ACTIVE, "the night waits for a person"
        found = actions.preview(**two.place, contents=contents("user", "class"), now=two.now)
        assert {r.kind: (r.lost, r.gained) for r in found if r.school == ALTOGETHER} == {"class": (0, 2)}
        assert said(two, "release").endswith(" sees 1 changes now.\n")
        assert two.served()["p2"] == "tobedeleted"


def test_who_had_what_and_what_nobody_reads(two):
    two.agreed(contents("org", "user", purpose="Reading"))
    two.get("students?fields=givenName")
    unused = json.loads(of(two, "unused", "--json"))
    (mine,) = [u for u in unused if u["application"] == two.app.application.name]
    assert mine["kinds"] == ["org"]
    assert "familyName" in mine["attributes"]["user"]
    run = CliRunner().invoke(
        disclosures_command.command,
        [str(two.sis.ids("user")["p1"]), "--district", str(two.sis.district_id), "--json"],
    )
    found = [d for d in json.loads(run.output) if d["application"] == two.app.application.name]
    assert [(d["kind"], d["certainty"], d["purpose"], d["fields"]) for d in found] == [
        ("user", "read", "Reading", ["givenName"])
    ]


def test_what_a_consent_would_break_is_told_at_every_step_and_of_what_was_sent(two):
    needs = {"attributes": {"user.email": {"required": True}, "user.grades": {}}}
    actions.require(application_id=two.app.application.id, content=needs, by="test", now=MORNING)
    stops = "Stops it: E-mail address (user.email) is required, and it is withheld.\n"
    masked = "Stops it: E-mail address (user.email) is required, and it is masked (Alias address), and is not taken masked.\n"
    drafted = said(two, "draft", "--as", "district", "--without", "user.email")
    id_ = drafted.split()[1].rstrip(".")
    assert drafted.endswith(stops)
    assert said(two, "edit", "--as", "district", "--mask", "user.email=alias").endswith(masked)

    def checked(*words: str) -> tuple[int, str]:
        place = ["--district", str(two.sis.district_id)]
        run = CliRunner().invoke(requirements_command.command, ["check", two.app.application.name, *words, *place])
        return run.exit_code, run.output

    assert checked("--consent", id_) == (1, masked)
    assert checked()[0] == 0
    code, output = checked("--consent", id_, "--shield", "2")
    assert (code, "leave out the options that say it otherwise" in output) == (2, True)
    assert "has no consent" in checked("--consent", str(two.sis.district_id))[1]
    refused = said(two, "send", "--as", "district", fails=True)
    assert refused.startswith("Error: The application does not work so. E-mail address (user.email) is required, and")
    limits = "Limits it: Grade (user.grades) is asked for, and it is withheld.\n"
    assert said(two, "edit", "--as", "district", "--without", "user.grades").endswith(limits)
    assert said(two, "send", "--as", "district") == f"Sent to the other side.\n{limits}"
    assert said(two, "approve", "--as", "partner") == f"Approved; it is active.\n{limits}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["draft", "--as", "district", "--contents", "{file}"],
            "odd.json is no JSON: Expecting value: line 1 column 1",
        ),
        (["draft", "--as", "district", "--contents", "{file}", "--kind", "user"], "leave out the options that say"),
        (["draft", "--as", "district", "--kind", "wizard"], "There is no kind “wizard”; there are: "),
        (["preview", "--nothing", "--kind", "user"], "--nothing says what is shared; leave out"),
        (["preview", "--consent", str(ALTOGETHER), "--nothing"], "--nothing says what is shared; leave out"),
        (["preview", "--consent", str(ALTOGETHER)], "The district has no consent"),
    ],
)
def test_what_is_said_twice_or_cannot_be_read_is_refused(two, tmp_path, words, sentence):
    (tmp_path / "odd.json").write_text("schools: all")
    verb, *rest = (word.format(file=tmp_path / "odd.json") for word in words)
    place = ["--district", str(two.sis.district_id)]
    run = CliRunner().invoke(consent_command.command, [verb, two.app.application.name, *rest, *place])
    assert run.exit_code > 0
    assert sentence in run.output
