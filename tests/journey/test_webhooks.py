"""Partners are told of each revision of their view: signed, thin, for three days, and never into our own network."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from django.conf import settings

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import webhooks as command
from schoolpassport.kit import clock
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.secrets import Vault
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from schoolpassport.webhooks import actions, posting, queries
from schoolpassport.webhooks.models import Endpoint, EndpointState, Message, MessageState
from schoolpassport.webhooks.records import BadEndpoint, EndpointFacts
from tests.faults.support.children import KILLED, children
from tests.support import lookup, partners
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small, user
from tests.support.receivers import BUSY, FAULT, FINE, GONE, MOVED, Receiver, receiving
from tests.support.telling import told, told_partner
from tests.support.views import View

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


@pytest.fixture
def receiver():
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def _own_network(monkeypatch):
    """This machine counts as a network that the operator has allowed."""
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=here))


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Nights:
    """One district for all; each test has an application of its own in it."""
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name=f"Cedar Falls {uuid4().hex[:12]}", now=now)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=now)
    made.done(small())
    return made


_TOLD = [small()]


@pytest.fixture
def newcomer(house):
    """Lets somebody arrive by the next night; gives their key."""

    def arrive(given: str = "Ada") -> str:
        key = f"new{len(_TOLD)}"
        _TOLD.append(_TOLD[-1].with_rows("users", user(key, orgSourcedIds="s1", givenName=given)))
        house.done(_TOLD[-1])
        return key

    return arrive


@pytest.fixture
def view(house, now) -> View:
    return View(house.district_id, partners.integrated(house.district_id, now).integration.id)


def share(view: View, now: datetime) -> None:
    sharing.agree(
        district_id=view.district_id,
        integration_id=view.integration_id,
        contents=Contents(attributes=catalogue.everything()),
        by=BY,
        now=now,
    )


def add(view: View, receiver: Receiver, now: datetime):
    return actions.add(
        district_id=view.district_id, integration_id=view.integration_id, url=receiver.url, by=BY, now=now
    )


def waiting(view: View) -> list[Message]:
    with scope.inside(view.district_id):
        mine = Endpoint.objects.filter(district_id=view.district_id, integration_id=view.integration_id)
        pending = Message.objects.filter(
            district_id=view.district_id, endpoint_id__in=[e.id for e in mine], state=MessageState.PENDING
        )
        return list(pending.order_by("made_at", "seq_from"))


def listed(view: View, endpoint) -> EndpointFacts:
    [found] = [e for e in queries.endpoints(district_id=view.district_id) if e.id == endpoint.id]
    return found


def send_all(view: View, now: datetime) -> None:
    for message in waiting(view):
        actions.send(district_id=view.district_id, message_id=message.id, now=now)


def verified(got: tuple[dict[str, str], bytes], secret: str) -> dict:
    """As a receiver does it, by the standard's text."""
    headers, body = got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert wanted in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_each_revision_is_told_once_signed_and_without_a_value_of_any_record(house, newcomer, view, receiver, now):
    endpoint = add(view, receiver, now)
    share(view, now)
    key = newcomer("Zebulonia")
    send_all(view, now)
    send_all(view, now)  # what has ended is not sent again

    told = [verified(got, endpoint.secret) for got in receiver.got]
    assert [t["type"] for t in told] == ["view.revised", "view.revised"]
    pieces = [(r.number, r.seq_from, r.seq_to) for r in view.revisions()]
    assert [(t["data"]["revision"], t["data"]["after"], t["data"]["last"]) for t in told] == pieces
    log = [(row.seq, row.kind, str(row.id)) for row in view.versions()]
    assert [(c["seq"], c["kind"], c["id"]) for t in told for c in t["data"]["changes"]] == log
    arrived = str(house.ids("user")[key])
    assert {c["change"] for c in told[1]["data"]["changes"] if c["id"] == arrived} == {"created"}
    assert told[1]["data"]["counts"]["user"]["created"] == 1
    # Thin: whatever stands in a message is an id, a word of ours or a number.
    words = set(re.findall(r"[^\W\d_]{3,}", receiver.got[1][1].decode()))
    values = {str(v) for row in house.records("user").values() for v in row.values() if isinstance(v, str)}
    assert "Zebulonia" in values
    assert not words & values - {"created", "updated", "user", "org"}


def test_the_check_that_the_documentation_gives_takes_ours_and_no_other(view, receiver):
    """As it stands there, on a message of this moment: it looks at the clock."""
    given: dict = {}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1], given)  # noqa: S102 (our own page)
    at = clock.now()
    endpoint = add(view, receiver, at)
    share(view, at)
    send_all(view, at)
    headers, body = receiver.got[0]
    assert given["is_ours"](headers, body, endpoint.secret)
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 301)}
    for changed in (
        (headers, body + b" ", endpoint.secret),
        (old, body, endpoint.secret),
        (headers, body, "whsec_AAAA"),
    ):
        assert not given["is_ours"](*changed)


def test_a_long_piece_is_counted_and_not_listed(view, receiver, now, monkeypatch):
    monkeypatch.setattr("schoolpassport.webhooks.bodies.MOST_LINES", 3)
    add(view, receiver, now)
    share(view, now)
    send_all(view, now)
    told = json.loads(receiver.got[0][1])["data"]
    assert told["changes"] is None
    assert sum(n for kind in told["counts"].values() for n in kind.values()) == told["last"] - told["after"]


def test_an_endpoint_is_told_from_its_beginning_on_and_replays_from_any_line(view, receiver, now):
    share(view, now)
    endpoint = add(view, receiver, now)
    assert waiting(view) == []
    replayed = actions.replay(district_id=view.district_id, endpoint_id=endpoint.id, after=5, by=BY, now=now)
    assert replayed == 1
    send_all(view, now)
    told = verified(receiver.got[0], endpoint.secret)["data"]
    assert (told["after"], told["last"]) == (5, view.model().last_seq)
    assert [c["seq"] for c in told["changes"]] == list(range(6, told["last"] + 1))


@pytest.mark.parametrize("answer", [FAULT, MOVED, BUSY, "404 Not Found", ""])
def test_a_receiver_that_is_down_for_a_while_gets_everything_under_one_id(view, receiver, now, answer):
    receiver.answers = [answer] * 4 + [FINE]
    endpoint = add(view, receiver, now)
    share(view, now)
    times = []
    while pending := waiting(view):
        times.append(pending[0].next_at)
        actions.send(district_id=view.district_id, message_id=pending[0].id, now=pending[0].next_at)
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == list(posting.PAUSES[:4])
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.got}) == 5
    assert {body for _, body in receiver.got} == {receiver.got[0][1]}
    assert all(verified(got, endpoint.secret) for got in receiver.got)
    [message] = queries.messages(district_id=view.district_id, endpoint_id=endpoint.id)
    assert (message.state, message.attempts, message.answered) == ("delivered", 5, 204)


def test_a_receiver_wants_to_be_left_alone(view, receiver, now):
    receiver.answers = ["503 Later\r\nRetry-After: 4000", FINE]
    add(view, receiver, now)
    share(view, now)
    send_all(view, now)
    assert waiting(view)[0].next_at == now + timedelta(seconds=4000)


def test_after_three_days_a_message_is_given_up_said_in_the_ledger_and_can_be_replayed(view, receiver, now):
    receiver.answers = [FAULT]
    endpoint = add(view, receiver, now)
    share(view, now)
    while pending := waiting(view):
        last = pending[0].next_at
        actions.send(district_id=view.district_id, message_id=pending[0].id, now=last)
    assert timedelta(hours=72) < last - now < timedelta(hours=80)
    [message] = queries.messages(district_id=view.district_id, endpoint_id=endpoint.id)
    assert (message.state, message.attempts, message.answered) == ("dead", 10, 500)
    assert "has a fault (500)" in message.said
    with scope.inside(view.district_id):
        acts = [e.act for e in audit.events(district_id=view.district_id)]
    assert "webhooks:endpoint:abandon" in acts
    found = listed(view, endpoint)
    assert (found.state, found.waiting, found.dead) == ("active", 0, 1)
    assert told(view.district_id, endpoint.id) == ["webhook-dead"]
    assert told_partner(view.district_id, view.integration_id, endpoint.id) == ["own-webhook-dead"]

    receiver.answers = [FINE]
    actions.replay(district_id=view.district_id, endpoint_id=endpoint.id, after=0, by=BY, now=last)
    send_all(view, last)
    assert queries.messages(district_id=view.district_id, endpoint_id=endpoint.id)[0].state == "delivered"


def test_one_that_is_gone_is_told_nothing_more_until_it_is_resumed(newcomer, view, receiver, now):
    receiver.answers = [GONE]
    endpoint = add(view, receiver, now)
    share(view, now)
    send_all(view, now)
    assert listed(view, endpoint).state == EndpointState.GONE
    newcomer()
    assert waiting(view) == []
    assert len(receiver.got) == 1

    receiver.answers = [FINE]
    assert actions.resume(district_id=view.district_id, endpoint_id=endpoint.id, by=BY, now=now) == 1
    send_all(view, now)
    assert verified(receiver.got[-1], endpoint.secret)["data"]["last"] == view.model().last_seq


def test_a_pause_loses_nothing(newcomer, view, receiver, now):
    endpoint = add(view, receiver, now)
    share(view, now)
    actions.pause(district_id=view.district_id, endpoint_id=endpoint.id, by=BY, now=now)
    newcomer()
    send_all(view, now)
    assert receiver.got == []
    assert actions.resume(district_id=view.district_id, endpoint_id=endpoint.id, by=BY, now=now) == 2
    send_all(view, now)
    seqs = [c["seq"] for got in receiver.got for c in json.loads(got[1])["data"]["changes"]]
    assert seqs == list(range(1, view.model().last_seq + 1))


def test_a_secret_is_changed_without_a_message_that_the_receiver_cannot_check(view, receiver, now):
    old = add(view, receiver, now)
    new = actions.rotate(district_id=view.district_id, endpoint_id=old.id, by=BY, now=now)
    share(view, now)
    send_all(view, now)
    assert verified(receiver.got[0], old.secret) == verified(receiver.got[0], new.secret)
    later = now + actions.OVERLAP
    actions.replay(district_id=view.district_id, endpoint_id=old.id, after=0, by=BY, now=later)
    send_all(view, later)
    assert verified(receiver.got[1], new.secret)
    with pytest.raises(AssertionError):
        verified(receiver.got[1], old.secret)


def test_a_new_master_key_reaches_both_secrets(receiver, now, monkeypatch, tmp_path, district):
    view = View(district.id, partners.integrated(district.id, now).integration.id)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, key_file=tmp_path / "master.key"))
    old = add(view, receiver, now)
    actions.rotate(district_id=view.district_id, endpoint_id=old.id, by=BY, now=now)
    before = _sealed(view, old.id)
    with scope.inside(view.district_id):
        actions.reseal_secrets(district_id=view.district_id)
    assert _sealed(view, old.id) == before  # nothing to do under the same key
    Vault.rotate(tmp_path / "master.key")
    with scope.inside(view.district_id):
        done = actions.reseal_secrets(district_id=view.district_id)
    assert (done.done, done.lost) == (2, 0)
    assert not set(_sealed(view, old.id)) & set(before)


def _sealed(view: View, endpoint_id: UUID) -> tuple[bytes, bytes]:
    with scope.inside(view.district_id):
        row = Endpoint.objects.get(district_id=view.district_id, id=endpoint_id)
        return bytes(row.sealed_secret), bytes(row.sealed_previous)


def test_no_secret_is_readable_in_the_database(view, receiver, now):
    endpoint = add(view, receiver, now)
    with scope.inside(view.district_id):
        row = Endpoint.objects.get(district_id=view.district_id, id=endpoint.id)
    assert endpoint.secret.removeprefix("whsec_").encode() not in bytes(row.sealed_secret)
    assert base64.b64decode(endpoint.secret.removeprefix("whsec_")) not in bytes(row.sealed_secret)
    assert endpoint.secret not in repr(endpoint)


def test_where_an_address_leads_is_judged_at_every_attempt(view, receiver, now, monkeypatch):
    """Added while it led to a public place; now it leads into the network we stand in."""
    add(view, receiver, now)
    share(view, now)
    closed = Policy(networks=Networks(), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=closed))
    send_all(view, now)
    assert receiver.got == []
    [message] = waiting(view)
    assert (message.attempts, message.answered) == (1, None)
    assert message.said


@pytest.mark.parametrize("url", ["ftp://example.org/x", "nonsense", "https://u:p@example.org/", ""])
def test_what_is_no_address_is_refused_in_a_sentence(view, now, url):
    with pytest.raises(BadEndpoint, match="address"):
        actions.add(district_id=view.district_id, integration_id=view.integration_id, url=url, by=BY, now=now)


def test_an_address_is_told_once_and_only_so_many(view, receiver, now):
    add(view, receiver, now)
    with pytest.raises(BadEndpoint, match="already"):
        add(view, receiver, now)
    for n in range(4):
        actions.add(
            district_id=view.district_id,
            integration_id=view.integration_id,
            url=f"https://example.org/{n}",
            by=BY,
            now=now,
        )
    with pytest.raises(BadEndpoint, match="remove one"):
        actions.add(
            district_id=view.district_id,
            integration_id=view.integration_id,
            url="https://example.org/more",
            by=BY,
            now=now,
        )


def test_news_of_one_application_is_not_told_to_another(view, receiver, now):
    other = View(view.district_id, partners.integrated(view.district_id, now).integration.id)
    add(other, receiver, now)
    share(view, now)
    assert waiting(other) == []
    share(other, now)
    assert len(waiting(other)) == 1


def test_killed_between_sending_and_writing_it_down_it_is_sent_again_under_the_same_id(view, receiver, now):
    endpoint = add(view, receiver, now)
    share(view, now)
    [message] = waiting(view)
    facts = {"district_id": str(view.district_id), "message_id": str(message.id), "now": now.isoformat()}
    with children() as others:
        killed = others.run("tell", killpoint="webhooks.posted", **facts)
        assert (killed.code, len(receiver.got)) == (KILLED, 1)
        assert waiting(view) == [message]  # nothing is known of it
        assert others.run("tell", **facts).code == 0
        assert others.run("tell", **facts).code == 0  # a job that runs twice
    assert len(receiver.got) == 2
    assert receiver.got[0] == receiver.got[1]
    assert listed(view, endpoint).waiting == 0


def test_messages_that_ended_are_forgotten_after_a_month(view, receiver, now):
    endpoint = add(view, receiver, now)
    share(view, now)
    send_all(view, now)
    actions.forget_messages(now=now + actions.KEPT)
    assert len(queries.messages(district_id=view.district_id, endpoint_id=endpoint.id)) == 1
    actions.forget_messages(now=now + actions.KEPT + timedelta(seconds=1))
    assert queries.messages(district_id=view.district_id, endpoint_id=endpoint.id) == []


def test_the_command_line_tells_all_of_it(receiver, now, district, tmp_path):
    nights(district_id=district.id, folder=tmp_path, now=now).done(small())
    made = partners.integrated(district.id, now)
    view = View(district.id, made.integration.id)

    def run(*words: str) -> str:
        done = CliRunner().invoke(command.command, [*words, "--district", district.name])
        assert done.exit_code == 0, done.output
        return done.output

    assert "No address is told" in run("list")
    said = run("add", made.application.name, receiver.url)
    endpoint, secret = re.search(r"Endpoint: (\S+)\nSecret:   (whsec_\S+)", said).groups()
    share(view, now)
    send_all(view, now)
    assert verified(receiver.got[0], secret)
    assert receiver.url in run("list")
    assert "delivered" in run("messages", endpoint[:36])
    assert json.loads(run("messages", endpoint, "--json"))[0]["state"] == "delivered"
    assert "Messages on their way: 1." in run("replay", endpoint, "--after", "0")
    run("pause", endpoint)
    assert "Messages on their way: 1." in run("resume", endpoint)
    assert secret not in run("rotate", endpoint)
    run("remove", endpoint)
    assert "No address is told" in run("list")
    refused = CliRunner().invoke(command.command, ["pause", "ffff", "--district", district.name])
    assert refused.exit_code == 1
    assert "No endpoint begins with “ffff”" in refused.output
