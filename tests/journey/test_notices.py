"""What the house tells people: once, in the transaction in which it happened, in plain words and without a name."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import notices as command
from schoolpassport.kit import clock
from schoolpassport.messaging import actions, queries
from schoolpassport.messaging.models import Notice
from schoolpassport.messaging.records import NoNotice
from schoolpassport.sync import states
from schoolpassport.sync.models import Run, RunState
from schoolpassport.tenancy import scope
from tests.support.nights import Nights, nights
from tests.support.packages import crowd, small, user
from tests.support.postbox import postbox, set_up, work


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(hold_whole=True, school_removed_share=1)
    made.done(crowd(60))
    return made


def leaving(count: int):
    people, seats = [f"c{n:03d}" for n in range(count)], [f"ce{n:03d}" for n in range(count)]
    return crowd(60).without("users", *people).without("enrollments", *seats)


def told(of: Nights, **which) -> list[str]:
    return [n.kind for n in queries.notices(organisation_id=of.district_id, **which)]


def say(district, *words: str) -> str:
    result = CliRunner().invoke(command.command, [*words, "--district", str(district.id)])
    assert result.exit_code == 0, result.output
    return result.output


# ------------------------------------------------------------------------------------------------------------ held runs


def test_a_held_run_is_told_once_in_plain_words_with_what_to_do(sis, district):
    assert told(sis) == []
    run = sis.run(leaving(20))
    assert run.state == "held"
    (notice,) = queries.notices(organisation_id=district.id)
    assert (notice.kind, notice.waits, notice.read_at) == ("run-held", True, None)
    assert notice.subject == f"{district.name}: run {run.number} of SIS is held"
    for reason in run.hold["reasons"]:
        assert f"- {reason['sentence']}" in notice.words
    assert run.hold["likely_cause"] in notice.words
    assert notice.commands[2] == f"schoolpassport sync approve {run.number} --district '{district.name}'"
    sis.run(sis.folder / "night-2")  # the same package again
    assert told(sis) == ["run-held"]


@pytest.mark.parametrize("decide", ["approve", "reject"])
def test_what_was_decided_waits_no_more_and_stays_in_the_list(sis, decide):
    run = sis.run(leaving(20))
    assert told(sis, waiting=True) == ["run-held"]
    getattr(sis, decide)(run)
    assert told(sis, waiting=True) == []
    assert told(sis) == ["run-held"]


def test_a_newer_held_run_takes_the_place_of_the_older_one(sis):
    sis.run(leaving(20))
    newer = sis.run(leaving(21))
    (waiting,) = queries.notices(organisation_id=sis.district_id, waiting=True)
    assert f"run {newer.number} of SIS" in waiting.subject
    assert len(told(sis)) == 2


def test_a_reason_that_names_ids_is_told_to_who_asks_for_the_run_and_in_no_notice(sis, district):
    sis.approve(sis.run(small().with_rows("users", *(user(f"{n:04d}", username=f"u{n}") for n in range(100, 160)))))
    run = sis.run(small().with_rows("users", *(user(f"{n}", username=f"u{n}") for n in range(100, 160))))
    assert run.state == "held"
    (zeros,) = [r["sentence"] for r in run.hold["reasons"] if r["rule"] == "zeros lost"]
    assert "(“100” and “0100”)" in zeros
    notice = queries.notices(organisation_id=district.id)[0]
    assert "differ from those that stand" not in notice.words
    assert "0100" not in notice.words
    assert "- " in notice.words
    assert "A spreadsheet has taken zeros away from the front of ids." in notice.words


def test_a_notice_is_there_only_if_what_it_tells_of_is(sis, monkeypatch):
    """The same transaction: what undoes the hold undoes the notice."""
    with scope.undone(sis.district_id):
        run = sis.ask(leaving(20))
        run.hold = {"reasons": [{"rule": "no rows", "sentence": "Too much."}], "likely_cause": "A cut."}
        Run.objects.filter(district_id=sis.district_id, id=run.id).update(state=RunState.RUNNING, hold=run.hold)
        states.finish(run, RunState.HELD, message="Too much.")
        assert told(sis) == ["run-held"]
    assert told(sis) == []


# ----------------------------------------------------------------------------------------------------- other news of runs


@pytest.fixture
def lenient(district, tmp_path, now) -> Nights:
    """Removals that are too many wait by themselves."""
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(witnesses=1, school_removed_share=1, overlap_share=0)
    made.done(crowd(60))
    return made


def test_removals_that_wait_are_told_once_until_their_reasons_are_others(lenient, district):
    run = lenient.run(leaving(20))
    assert run.state == "unchanged" or run.revision, run.message
    (notice,) = queries.notices(organisation_id=district.id)
    waiting = len(lenient.waiting(state="held"))
    assert notice.subject == f"{district.name}: removals of SIS wait for you, {waiting} in all"
    assert "users" in notice.words
    lenient.run(leaving(20).changed("users", "c059", givenName="Ada"))
    assert told(lenient) == ["removals-wait"], "the same removals, for the same reasons"
    lenient.run(leaving(21).changed("users", "c059", givenName="Ada"))
    assert (told(lenient), told(lenient, waiting=True)) == (["removals-wait"] * 2, ["removals-wait"])


@pytest.mark.parametrize("decide", ["release", "keep"])
def test_removals_that_were_decided_wait_no_more(lenient, decide):
    lenient.run(leaving(20))
    getattr(lenient, decide)(kinds=("enrollment",))
    assert told(lenient, waiting=True) == ["removals-wait"], "those of people wait still"
    getattr(lenient, decide)()
    assert told(lenient, waiting=True) == []


def test_removals_that_came_back_wait_no_more(lenient):
    lenient.run(leaving(20))
    lenient.run(crowd(60))
    assert told(lenient, waiting=True) == []


def test_a_refusal_tells_its_reason_and_nothing_that_came_with_the_package(sis, tmp_path):
    """A table without a header has its first record there, and a file may be called after somebody."""
    run = sis.run({"users.csv": "Lovelace,Ada,4711\n"})
    assert run.state == "refused"
    assert "Lovelace" in run.message + " ".join(sis.sentences(run))
    folder = tmp_path / "Lovelace"
    folder.mkdir()
    (folder / "Ada Lovelace.zip").write_bytes(b"PK")
    assert sis.run(folder / "Ada Lovelace.zip").state == "refused"
    newest, oldest = queries.notices(organisation_id=sis.district_id)
    assert "\nFound: users.csv: " in oldest.words
    assert "\nIt cannot be read: " in newest.words
    for notice in (newest, oldest):
        assert "Lovelace" not in notice.subject + notice.words
        assert "4711" not in notice.words


def test_too_many_bad_rows_are_told_by_their_number(sis):
    bad = crowd(60)
    for n in range(40):
        bad = bad.changed("users", f"c{n:03d}", role="Lovelace")
    run = sis.run(bad)
    assert run.state == "refused", run.message
    (notice,) = queries.notices(organisation_id=sis.district_id)
    assert "rows of users cannot be taken; more than" in notice.words


def test_what_was_refused_or_failed_is_told_and_what_went_well_by_a_retry_is_settled(sis, district):
    assert sis.run({"users.csv": "no,header,here\n"}).state == "refused"
    assert told(sis) == ["run-refused"]
    run = sis.ask(crowd(60).changed("users", "c001", givenName="Ada"))
    states.move(run, RunState.RUNNING)
    states.finish(run, RunState.FAILED, message="A fault.")
    assert told(sis) == ["run-failed", "run-refused"]
    sis.walk(run)
    failed, _ = queries.notices(organisation_id=district.id)
    assert (failed.kind, failed.settled_at is None) == ("run-failed", False)


CANARY = "Qcanaryq"


def marked(package):
    """Every text of a person holds the mark, and so do ids that stand for one."""
    people = tuple(
        r | {n: f"{CANARY} {r[n]}" for n in ("givenName", "familyName", "username", "email", "identifier") if n in r}
        for r in package.rows["users"]
    )
    return replace(package, rows={**package.rows, "users": people})


def test_no_notice_and_no_mail_holds_anything_of_a_record(sis, district, now, monkeypatch, caplog):
    actions.add(organisation_id=district.id, address="ada@amber.example", by="test", now=now)
    with postbox() as box, set_up(monkeypatch, box):
        _tell_of_marked_people(sis, district)
        work(district.id, clock.now())
        work(district.id, clock.now() + timedelta(days=2))  # the digest, too
    assert len(box.raw) == 5
    for letter in box.got:
        assert CANARY not in f"{letter} {letter.get_content()}"
    assert CANARY not in caplog.text


def _tell_of_marked_people(sis, district):
    sis.approve(sis.run(marked(crowd(60))))
    assert any(CANARY in str(record) for record in sis.records("user").values()), "there is something to be told"
    sis.run(marked(leaving(20)))
    sis.set_limits(hold_whole=False, witnesses=1, school_removed_share=1, overlap_share=0)
    sis.run(marked(leaving(21)))
    refused = marked(crowd(60)).rows["users"][0]
    sis.run({"users.csv": ",".join(refused.values()) + "\n"})  # a row in the place of the header
    notices = queries.notices(organisation_id=district.id)
    assert [n.kind for n in notices] == ["run-refused", "removals-wait", "run-held", "run-held"]
    for notice in notices:
        assert CANARY not in f"{notice.subject} {notice.words} {notice.commands}"


# -------------------------------------------------------------------------------------------------------- whose it is


def test_a_district_reads_its_own_notices_only(sis, district, other_district):
    sis.run(leaving(20))
    (mine,) = queries.notices(organisation_id=district.id)
    assert queries.notices(organisation_id=other_district.id) == []
    with pytest.raises(NoNotice):
        queries.notice(organisation_id=other_district.id, prefix=str(mine.id))
    with scope.as_organisation(other_district.id):
        assert Notice.objects.filter(id=mine.id).count() == 0
    with scope.inside(district.id):
        assert Notice.objects.filter(id=mine.id).count() == 0, "a district's scope opens its data, not what it was told"


def test_what_was_settled_and_is_so_again_is_open_again_and_not_told_twice(district, now):
    facts = {"district": "A", "at": "A", "source": "SIS", "run": 1, "reasons": [], "cause": "", "migrate": ""}
    same = {"organisation_id": district.id, "kind": "run-held", "about": "x", "facts": facts, "now": now}
    assert actions.tell(**same) is not None
    assert actions.settle(organisation_id=district.id, kinds=["run-held"], about="x", now=now) == 1
    assert actions.tell(**same) is None
    assert [n.waits for n in queries.notices(organisation_id=district.id)] == [True]


# ------------------------------------------------------------------------------------------------------- the commands


def test_the_list_marks_what_waits_and_what_nobody_has_read(sis, district):
    assert say(district, "list") == "Nothing was told.\n"
    assert (say(district, "list", "--waiting"), say(district, "list", "--unread")) == (
        "Nothing waits.\n",
        "Nothing is unread.\n",
    )
    sis.run(leaving(20))
    (row,) = say(district, "list").splitlines()[1:]
    (notice,) = json.loads(say(district, "list", "--json"))
    assert row.split()[:2] == [notice["id"][-8:], "!*"]
    shown = say(district, "show", notice["id"][-8:])
    assert notice["words"] in shown
    assert "It waits for a decision. Nobody has read it." in shown
    assert json.loads(say(district, "show", notice["id"], "--json")) == {**notice, "mails": [], "in_digest": {}}
    assert say(district, "read", notice["id"]) == "Read.\n"
    assert say(district, "list", "--unread") == "Nothing is unread.\n"
    assert say(district, "list").splitlines()[1].split()[1] == "!"
    assert say(district, "read", "--all") == "Read: 0.\n"


def test_a_notice_that_is_not_there_is_said_so(district):
    for words in (["show", "0000"], ["read", "0000"]):
        result = CliRunner().invoke(command.command, [*words, "--district", str(district.id)])
        assert (result.exit_code, result.output) == (
            1,
            "Error: No notice is called “0000”. `schoolpassport notices list` shows them.\n",
        )
    assert CliRunner().invoke(command.command, ["read"]).exit_code == 2


def test_partners_have_notices_of_their_own(sis, district, now):
    from schoolpassport.partners.actions import register_partner

    partner = register_partner(name=f"Lantern {district.id}", by="test", now=now)
    sis.run(leaving(20))
    result = CliRunner().invoke(command.command, ["list", "--partner", partner.name])
    assert (result.exit_code, result.output) == (0, "Nothing was told.\n")
    both = CliRunner().invoke(command.command, ["list", "--partner", partner.name, "--district", district.name])
    assert both.exit_code == 2
    nobody = CliRunner().invoke(command.command, ["list", "--partner", "Nobody"])
    assert (nobody.exit_code, nobody.output) == (1, "Error: No partner is named “Nobody”.\n")
