"""Notices by mail: never none, seldom two, under one Message-ID; refused, put off, cut off, and in a digest."""

import json
import re
import smtplib
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.core.mail import BadHeaderError

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import notices as command
from schoolpassport.kit import smtp
from schoolpassport.messaging import actions, posting, queries
from schoolpassport.messaging.models import Letter, Recipient, Telling
from schoolpassport.messaging.records import BadChoice, How
from schoolpassport.tenancy import scope
from tests.faults.support.children import KILLED, children
from tests.support.certificates import Authority
from tests.support.postbox import CUTS, LATER, REFUSES, SILENT, SPAM, TAKES, postbox, set_up, work

ADA, BEN = "ada@amber.example", "ben@amber.example"
DAY = timedelta(days=1)


@pytest.fixture
def box(monkeypatch):
    with postbox() as made, set_up(monkeypatch, made):
        yield made


@pytest.fixture
def told(district, now):
    """Tells the district of a run that is held; gives the id of the notice."""

    def tell(about="run", at=now, **facts):
        given = {
            "district": "Amber Valley",
            "at": "X",
            "source": "SIS",
            "run": 7,
            "reasons": ["Too much."],
            "cause": "",
            "migrate": "",
        }
        return actions.tell(organisation_id=district.id, kind="run-held", about=about, facts={**given, **facts}, now=at)

    return tell


def add(district, address, now):
    return actions.add(organisation_id=district.id, address=address, by="test", now=now)


def prefer(district, now, how, address=None, kind="run-held"):
    actions.prefer(organisation_id=district.id, kind=kind, how=how, address=address, by="test", now=now)


def mails(district) -> list[tuple[str, str, int]]:
    return [(m.address, m.state, m.attempts) for m in queries.letters(organisation_id=district.id)]


def say(district, *words: str) -> str:
    result = CliRunner().invoke(command.command, [*words, "--district", str(district.id)])
    assert result.exit_code == 0, result.output
    return result.output


# ------------------------------------------------------------------------------------------------------------ at once


def test_who_was_added_gets_each_notice_as_plain_text_with_what_to_do(box, district, told, now):
    add(district, ADA, now)
    add(district, BEN, now)
    id_ = told()
    assert work(district.id, now) == 2
    assert sorted(mails(district)) == [(ADA, "sent", 1), (BEN, "sent", 1)]
    first = next(letter for letter in box.got if letter["To"] == ADA)
    assert (first["From"], first["Subject"], first["Date"], first["Auto-Submitted"]) == (
        "passport@house.example",
        "Amber Valley: run 7 of SIS is held",
        "Tue, 01 Sep 2026 06:00:00 +0000",
        "auto-generated",
    )
    assert first.get_content_type() == "text/plain"
    body = first.get_content().replace("\r\n", "\n")
    assert "- Too much." in body
    assert "    schoolpassport sync approve 7 --district X\n" in body
    assert f"schoolpassport notices prefer run-held off --address {ADA}" in body
    assert f"To {ADA}: sent, 2026-09-01 06:00 UTC" in say(district, "show", str(id_))


def test_a_notice_is_mailed_once_to_those_who_were_there(box, district, told, now):
    add(district, ADA, now)
    told()
    told()
    add(district, BEN, now)
    work(district.id, now)
    assert mails(district) == [(ADA, "sent", 1)]
    assert len(box.raw) == 1


def test_the_job_is_there_only_if_what_it_tells_of_is(box, district, told, now):
    add(district, ADA, now)
    with scope.undone(district.id):
        told()
        assert len(mails(district)) == 1
    assert (mails(district), work(district.id, now), box.visits) == ([], 0, 0)


def test_without_a_mail_server_notices_stay_in_the_list_and_nothing_is_planned(district, told, now):
    assert "No mail server is set yet" in say(district, "add", ADA)
    told()
    assert (mails(district), work(district.id, now + DAY * 2)) == ([], 0)
    assert [n.kind for n in queries.notices(organisation_id=district.id)] == ["run-held"]
    with pytest.raises(BadChoice, match="SCHOOLPASSPORT_MAIL_HOST"):
        actions.try_out(organisation_id=district.id, address=ADA, now=now)


# ------------------------------------------------------------------------------------------- what a mail server may do


def test_who_is_refused_for_good_is_not_tried_again(box, district, told, now):
    add(district, ADA, now)
    for mood in (REFUSES, SPAM):
        box.moods = [mood]
        told(about=mood)
        work(district.id, now)
        assert queries.letters(organisation_id=district.id)[0].said == f"The mail server said {mood}"
    assert mails(district) == [(ADA, "dead", 1)] * 2
    assert box.raw == []


def test_what_is_put_off_or_finds_nobody_comes_later_under_the_same_id(box, district, told, now):
    add(district, ADA, now)
    box.moods = [LATER, SILENT, TAKES]
    told()
    work(district.id, now)
    assert mails(district) == [(ADA, "pending", 1)]
    work(district.id, now + timedelta(seconds=59))
    assert mails(district) == [(ADA, "pending", 1)], "not before a minute"
    work(district.id, now + timedelta(minutes=1))
    assert mails(district) == [(ADA, "pending", 2)]
    work(district.id, now + timedelta(minutes=6))
    assert mails(district) == [(ADA, "sent", 3)]
    assert len(box.raw) == 1


def test_a_server_that_is_gone_after_the_letter_may_have_it_twice_and_never_not_at_all(box, district, told, now):
    add(district, ADA, now)
    box.moods = [CUTS, TAKES]
    told()
    work(district.id, now)
    assert (len(box.raw), mails(district)) == (1, [(ADA, "pending", 1)])
    work(district.id, now + timedelta(minutes=1))
    assert mails(district) == [(ADA, "sent", 2)]
    assert len({letter["Message-ID"] for letter in box.got}) == 1
    assert box.raw[0] == box.raw[1]


def test_killed_between_sending_and_writing_it_down_it_is_sent_again_under_the_same_id(box, district, told, now):
    add(district, ADA, now)
    told()
    [letter] = queries.letters(organisation_id=district.id)
    facts = {"organisation_id": district.id, "letter_id": letter.id, "port": box.port, "now": now.isoformat()}
    with children() as others:
        killed = others.run("mail", killpoint="messaging.posted", **facts)
        assert (killed.code, len(box.raw), mails(district)) == (KILLED, 1, [(ADA, "pending", 0)])
        assert others.run("mail", **facts).code == 0
        assert others.run("mail", **facts).code == 0  # a job that runs twice
    assert (len(box.raw), mails(district)) == (2, [(ADA, "sent", 1)])
    assert box.raw[0] == box.raw[1]


def test_after_a_day_a_letter_is_given_up_and_the_list_says_why(box, district, told, now):
    add(district, ADA, now)
    box.moods = [LATER]
    told()
    at = now
    for pause in (*posting.PAUSES, DAY):
        work(district.id, at)
        at += pause
    assert timedelta(hours=24) < sum(posting.PAUSES, timedelta()) < timedelta(hours=36)
    assert mails(district)[-1] == (ADA, "dead", 8)
    assert "The mail server said 451 try again" in say(district, "mails")


def test_a_trial_says_what_the_server_made_of_it(box, district, now):
    add(district, ADA, now)
    assert say(district, "try", ADA) == "The mail server took it.\n"
    assert "A trial of School Passport" in box.got[0]["Subject"]
    box.moods = [REFUSES]
    result = CliRunner().invoke(command.command, ["try", ADA, "--district", str(district.id)])
    assert (result.exit_code, result.output) == (1, f"Error: The mail server said {REFUSES}\n")


# --------------------------------------------------------------------------------------------------------------- safety


def test_mail_goes_encrypted_to_a_server_whose_certificate_is_right_and_to_no_other(
    monkeypatch, tmp_path, district, told, now
):
    trusted, stranger = Authority(), Authority()
    (tmp_path / "trusted.pem").write_text(trusted.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    add(district, ADA, now)
    login = {"user": "passport", "word": "right", "security": smtp.Security.STARTTLS}
    cases = [
        (trusted.context(tmp_path, "localhost"), "localhost", "sent"),
        (trusted.context(tmp_path, "mail.example"), "localhost", "pending"),
        (stranger.context(tmp_path, "localhost"), "localhost", "pending"),
        (None, "localhost", "pending"),  # it offers no encryption
    ]
    for number, (context, host, expected) in enumerate(cases):
        with ExitStack() as stack:
            box = stack.enter_context(postbox(tls=context))
            stack.enter_context(set_up(monkeypatch, box, host=host, **login))
            told(about=str(number))
            work(district.id, now)
            assert queries.letters(organisation_id=district.id)[0].state == expected, number
            assert (len(box.raw), box.logins) == ((1, [("passport", "right")]) if expected == "sent" else (0, []))


def test_a_wrong_word_is_put_off_for_the_operator_to_mend_and_stands_nowhere(
    monkeypatch, tmp_path, district, told, now, caplog
):
    trusted = Authority()
    (tmp_path / "trusted.pem").write_text(trusted.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    add(district, ADA, now)
    with postbox(tls=trusted.context(tmp_path, "localhost")) as box:
        login = {"user": "passport", "word": "qwrongq", "security": smtp.Security.STARTTLS}
        with set_up(monkeypatch, box, host="localhost", **login):
            told()
            work(district.id, now)
            from django.conf import settings

            assert "qwrongq" not in repr(settings.ENVIRONMENT.mail)
    (letter,) = queries.letters(organisation_id=district.id)
    assert (letter.state, letter.said) == ("pending", "The mail server said 535 who are you")
    assert "qwrongq" not in caplog.text


def test_a_name_with_line_ends_makes_no_header(box, district, told, now):
    add(district, ADA, now)
    told(source="SIS\r\nBcc: all@evil.example\r\n\r\nAnother text")
    work(district.id, now)
    (letter,) = box.got
    assert letter["Subject"] == "Amber Valley: run 7 of SIS Bcc: all@evil.example Another text is held"
    assert (letter["Bcc"], letter.get_all("To")) == (None, [ADA])


def test_a_header_with_a_line_end_is_refused_before_anybody_is_called(box, now):
    server = smtp.Server(host="127.0.0.1", port=box.port, security=smtp.Security.NONE, sender="a@b.example")
    fine = {"id": "x", "to": ADA, "subject": "Fine", "body": "", "date": "Tue, 01 Sep 2026 06:00:00 +0000"}
    for field in ("to", "subject", "id", "date"):
        with pytest.raises(BadHeaderError):
            smtp.hand_over(smtp.Letter(**{**fine, field: "x\nBcc: all@evil.example"}), server)
    assert box.visits == 0
    assert smtp.hand_over(smtp.Letter(**fine), server).accepted, "the control"


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@amber.example\n", "ada@amber.example\r\nBcc: x@y.example", "a b@c.example", "ada@x, b@y"],
)
def test_what_is_no_address_is_not_added(district, now, address):
    with pytest.raises(BadChoice, match="is no mail address"):
        add(district, address, now)
    assert queries.recipients(organisation_id=district.id) == []


def test_whatever_the_address_mail_is_handed_to_the_operators_server_alone(box, district, told, now):
    """No tenant names a server: tests cannot reach any other address, and a try to would fail here."""
    add(district, "ada@[10.1.2.3]", now)
    told()
    work(district.id, now)
    assert (box.visits, [letter["To"] for letter in box.got]) == (1, ["ada@[10.1.2.3]"])


def test_what_went_to_one_district_is_nothing_of_anothers(box, district, other_district, told, now):
    add(district, ADA, now)
    told()
    assert (mails(other_district), queries.recipients(organisation_id=other_district.id)) == ([], [])
    with scope.as_organisation(other_district.id):
        assert (Recipient.objects.count(), Letter.objects.count(), Telling.objects.count()) == (0, 0, 0)
    with scope.as_organisation(district.id):
        assert (Recipient.objects.count(), Letter.objects.count(), Telling.objects.count()) == (1, 1, 1)


# ---------------------------------------------------------------------------------------------- preferences and digests


def test_a_persons_own_choice_comes_first_then_the_districts_then_what_is_usual(box, district, told, now):
    add(district, ADA, now)
    add(district, BEN, now)
    prefer(district, now, How.OFF)
    prefer(district, now, How.AT_ONCE, address=BEN)
    told()
    work(district.id, now)
    assert mails(district) == [(BEN, "sent", 1)]
    prefer(district, now, None)
    told(about="another")
    work(district.id, now)
    assert sorted(a for a, _, _ in mails(district)) == [ADA, BEN, BEN]
    assert queries.preferences(organisation_id=district.id)["run-held"] is How.AT_ONCE


def test_a_digest_tells_a_day_in_one_mail_at_its_time(box, district, told, now):
    add(district, ADA, now)
    prefer(district, now, How.DAILY)
    say(district, "digest", "--at", "07:00", "--zone", "America/Chicago")
    for run in (7, 8):
        told(about=str(run), run=run)
    eleven = now.replace(hour=12)  # seven o'clock in Chicago
    assert work(district.id, eleven - timedelta(seconds=1)) == 0
    work(district.id, eleven)
    (letter,) = box.got
    assert letter["Subject"] == "2 notices of School Passport"
    for run in (7, 8):
        assert f"run {run} of SIS is held" in letter.get_content()
    (mail,) = queries.letters(organisation_id=district.id)
    assert (mail.daily, len(mail.notices)) == (True, 2)


def test_what_waits_is_told_again_in_a_digest_until_somebody_decides(box, district, told, now):
    add(district, ADA, now)
    told()
    work(district.id, now + DAY)
    assert [letter["Subject"] for letter in box.got] == [
        "Amber Valley: run 7 of SIS is held",
        "Still: Amber Valley: run 7 of SIS is held",
    ]
    assert "These wait for a decision still:" in box.got[1].get_content()
    work(district.id, now + DAY * 2)
    assert len(box.raw) == 3
    actions.settle(organisation_id=district.id, kinds=["run-held"], about="run", now=now)
    assert work(district.id, now + DAY * 3) == 1
    assert (len(box.raw), work(district.id, now + DAY * 9)) == (3, 0)


def test_what_was_settled_before_the_digest_is_not_told_in_it(box, district, told, now):
    add(district, ADA, now)
    prefer(district, now, How.DAILY)
    told()
    assert f"To {ADA}: by the digest of 2026-09-01 12:00 UTC" in say(
        district, "show", str(queries.notices(organisation_id=district.id)[0].id)
    )
    actions.settle(organisation_id=district.id, kinds=["run-held"], about="run", now=now)
    work(district.id, now + DAY)
    assert (box.raw, mails(district)) == ([], [])


def test_who_was_removed_gets_nothing_any_more(box, district, told, now):
    add(district, ADA, now)
    told()
    assert say(district, "remove", ADA.upper()) == "Removed.\n"
    work(district.id, now + DAY)
    assert (box.raw, mails(district), queries.recipients(organisation_id=district.id)) == ([], [], [])


def test_what_cannot_be_chosen_is_said(district, now):
    add(district, ADA, now)
    for words, sentence in (
        (["add", ADA.upper()], "ADA@AMBER.EXAMPLE is told already."),
        (["remove", BEN], "Nobody is told at this address."),
        (["prefer", "all", "off"], "There is no kind “all”; there are: "),
        (["digest", "--at", "07:00", "--zone", "Chicago"], "“Chicago” is no time zone"),
    ):
        result = CliRunner().invoke(command.command, [*words, "--district", str(district.id)])
        assert result.exit_code == 1
        assert result.output.startswith(f"Error: {sentence}")


def test_who_is_told_and_how_stands_in_the_ledger_without_an_address(district, now):
    say(district, "add", ADA)
    say(district, "prefer", "run-held", "daily", "--address", ADA)
    say(district, "prefer", "run-held", "off")
    say(district, "digest", "--at", "06:30", "--zone", "UTC")
    say(district, "remove", ADA)
    with scope.inside(district.id):
        events = audit.events(district_id=district.id, act="messaging:")
    assert [e.act.removeprefix("messaging:") for e in reversed(events)] == [
        "recipient:add",
        "preference:set",
        "preference:set",
        "digest:set",
        "recipient:remove",
    ]
    assert "ada" not in json.dumps([[e.about, e.facts] for e in events])


def test_the_command_line_shows_who_is_told_what_and_how(box, district, told, now):
    assert "Nobody is told by mail." in say(district, "recipients")
    say(district, "add", ADA)
    say(district, "prefer", "run-held", "daily", "--address", ADA)
    assert f"{ADA}  run-held daily" in say(district, "recipients")
    (person,) = json.loads(say(district, "recipients", "--json"))
    assert (person["address"], person["choices"]) == (ADA, {"run-held": "daily"})
    assert "Digests come at 12:00, UTC." in say(district, "preferences")
    held = json.loads(say(district, "preferences", "--json"))
    assert (held["kinds"]["run-held"], held["digest"]) == ("at-once", {"at": "12:00", "zone": "UTC"})
    told()
    work(district.id, now + DAY)
    (mail,) = json.loads(say(district, "mails", "--json"))
    assert (mail["address"], mail["state"], mail["daily"]) == (ADA, "sent", True)


def test_notices_are_forgotten_after_their_time_but_not_what_waits(box, district, told, now):
    add(district, ADA, now)
    told(about="decided")
    told(about="waits")
    work(district.id, now)
    actions.settle(organisation_id=district.id, kinds=["run-held"], about="decided", now=now)
    told(about="new", at=now + actions.KEPT + DAY)
    waiting = queries.notices(organisation_id=district.id, waiting=True)
    assert len(queries.notices(organisation_id=district.id)) == len(waiting) == 2


def test_the_postbox_refuses_what_it_says_it_refuses(box):
    """The control of what servers do here, by the standard library's client."""
    box.moods = [REFUSES]
    with (
        smtplib.SMTP("127.0.0.1", box.port, local_hostname="x") as client,
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        client.sendmail("a@b.example", ADA, "Subject: x\r\n\r\n")


def test_the_commands_of_the_page_do_what_it_says(box, district, told, now):
    """Those of this room, one after the other, as the page shows them."""
    told()
    page = (Path(__file__).parents[2] / "docs" / "notices.md").read_text()
    shown = re.findall(r"^    schoolpassport notices (.+)$", page, re.MULTILINE)
    assert len(shown) > 12
    (notice,) = queries.notices(organisation_id=district.id)
    for line in shown:
        say(district, *line.replace("5f0c21ab", str(notice.id)).split())
    assert [letter["To"] for letter in box.got] == ["ada@district.example"]
