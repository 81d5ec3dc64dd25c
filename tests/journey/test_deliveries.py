"""Files on their way: asked for by publications and timetables, made and sent by jobs, and what is told about it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from schoolpassport.delivery import actions, queries
from schoolpassport.delivery.records import BadDelivery, Plan
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.http import Pace
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import agreements, catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from tests.support import lookup, openssh, partners, sftpserver
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small, user
from tests.support.sftpserver import PASSWORD, USER, Behaviour

ONCE = Pace(tries=1)


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path / "sis", now=now)
    made.done(small())
    return made


@pytest.fixture
def app(sis):
    made = partners.integrated(sis.district_id, sis.now).integration.id
    share(sis, made)
    return made


def share(sis: Nights, app) -> None:
    contents = Contents(attributes=catalogue.everything())
    sharing.agree(district_id=sis.district_id, integration_id=app, contents=contents, by=BY, now=sis.now)


def jobs(sis: Nights) -> list[dict]:
    """What waits for a worker, about deliveries of this district."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, args, scheduled_at FROM procrastinate_jobs WHERE queue_name = 'delivery' "
            "AND status = 'todo' AND args->>'district_id' = %s ORDER BY id",
            [str(sis.district_id)],
        )
        return [{"task": t, **json.loads(args), "at": at} for t, args, at in cursor.fetchall()]


def add(sis: Nights, app, **other):
    plan = Plan(**{"name": "nightly", "format": "oneroster-1.1", "transport": "managed", **other})
    return actions.add_delivery(district_id=sis.district_id, integration_id=app, plan=plan, by=BY, now=sis.now)


def send(sis: Nights, delivery, number: int):
    return actions.send(district_id=sis.district_id, delivery_id=delivery.id, number=number, now=sis.now, pace=ONCE)


def history(sis: Nights, delivery):
    found = queries.shipments(district_id=sis.district_id, delivery_id=delivery.id)
    return [(s.number, s.state, s.revision, s.since, s.rows) for s in reversed(found)]


def test_a_publication_asks_for_its_files_in_its_own_transaction(sis, app):
    delivery = add(sis, app, mode="delta")
    assert jobs(sis) == []
    sis.now += timedelta(days=1)
    sis.done(small().with_rows("users", user("new")))
    (job,) = jobs(sis)
    assert (job["task"], job["number"]) == ("delivery.send", 1)
    with scope.undone(sis.district_id):
        share(sis, app)
        sharing.revoke(district_id=sis.district_id, integration_id=app, by=BY, now=sis.now)
    assert len(jobs(sis)) == 1
    send(sis, delivery, 1)
    sis.done(small().with_rows("users", user("new"), user("newer")))
    send(sis, delivery, 2)
    assert send(sis, delivery, 2) is None, "what is done is done"
    assert history(sis, delivery) == [(1, "sent", 2, 0, 23), (2, "sent", 3, 2, 1)]
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    assert send(sis, delivery, 3).state == "unchanged"


def test_what_was_sent_is_in_the_ledger_of_who_had_what_of_a_person(sis, app):
    delivery = add(sis, app, format="oneroster-1.1")
    p1 = sis.ids("user")["p1"]
    assert {d.certainty for d in agreements.disclosed(district_id=sis.district_id, id=p1)} == {"not read"}
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    send(sis, delivery, 1)
    found = {d.kind: (d.certainty, d.outlets) for d in agreements.disclosed(district_id=sis.district_id, id=p1)}
    assert found == {"user": ("read", ("files",)), "enrollment": ("read", ("files",))}


def test_in_full_nothing_is_sent_where_nothing_changed_unless_always(sis, app):
    for name, always in (("sometimes", False), ("always", True)):
        delivery = add(sis, app, name=name, always=always)
        for number in (1, 2):
            actions.ask(district_id=sis.district_id, name=name, by=BY, now=sis.now)
            send(sis, delivery, number)
        assert [state for _, state, *_ in history(sis, delivery)] == ["sent", "sent" if always else "unchanged"]


def test_a_timetable_asks_at_its_instants_and_a_changed_one_makes_older_jobs_idle(sis, app):
    delivery = add(sis, app, schedule={"every": "day", "at": "02:30", "zone": "UTC"})
    (first,) = jobs(sis)
    assert first["at"] == datetime(2026, 9, 2, 2, 30, tzinfo=UTC)
    due = {"district_id": sis.district_id, "delivery_id": delivery.id, "at": first["at"], "now": first["at"]}
    for _ in range(2):
        actions.fall_due(version=first["version"], **due)
    assert [(j["task"], j["at"]) for j in jobs(sis)[1:]] == [
        ("delivery.send", None),
        ("delivery.due", datetime(2026, 9, 3, 2, 30, tzinfo=UTC)),
    ]
    changed = {"every": "day", "at": "04:00", "zone": "UTC"}
    actions.change_delivery(district_id=sis.district_id, name="nightly", schedule=changed, by=BY, now=sis.now)
    second = jobs(sis)[2]
    actions.fall_due(version=second["version"], **{**due, "at": second["at"]})
    assert len(history(sis, delivery)) == 1


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"mode": "delta", "format": "basic-roster"}, "Basic Roster CSV is delivered full, not “delta”."),
        ({"transport": "pigeon"}, "No transport “pigeon”. There are: managed, sftp."),
        ({"transport": "sftp", "settings": {"user": "u"}}, "“Host” must be given: the server's name or address"),
        ({"transport": "sftp", "settings": {"host": "h", "user": "u", "password": "p"}}, "“Password” is a secret; it"),
        ({"schedule": {"every": "day", "zone": "Mars"}}, "“zone” is “Mars”; give a time zone"),
        ({"name": "../x"}, "A delivery cannot be called “../x”"),
    ],
)
def test_what_cannot_be_delivered_so_is_refused_with_what_to_give(sis, app, other, sentence):
    with pytest.raises(BadDelivery) as refused:
        add(sis, app, **other)
    assert str(refused.value).startswith(sentence)


@pytest.fixture
def here():
    """This machine may be called."""
    policy = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    before = settings.ENVIRONMENT
    settings.ENVIRONMENT = replace(before, egress=policy)
    yield
    settings.ENVIRONMENT = before


def test_openssh_gets_the_files_with_their_signs_and_the_key_is_pinned_at_first_contact(sis, app, here, tmp_path):
    root = tmp_path / "partner"
    root.mkdir()
    with openssh.serving(tmp_path, root) as login:
        where = {
            "host": login.host,
            "port": str(login.port),
            "user": login.user,
            "folder": str(root),
            "done": "each",
        }
        delivery = add(sis, app, transport="sftp", settings=where)
        about = {"district_id": sis.district_id, "name": "nightly"}
        actions.set_secrets(**about, secrets={"key": login.key}, by=BY, now=sis.now)
        actions.ask(**about, by=BY, now=sis.now)
        failed = send(sis, delivery, 1)
        (pin,) = login.fingerprints
        assert (failed.state, pin in failed.sentence, list(root.iterdir())) == ("failed", True, [])
        actions.change_delivery(**about, settings={"host_key": pin}, by=BY, now=sis.now)
        assert actions.check(**about).ok
        actions.ask(**about, by=BY, now=sis.now)
        sent = send(sis, delivery, 2)
    assert (sent.state, sent.sentence) == ("sent", "")
    assert {p.name for p in root.iterdir()} == {"OneRoster.zip", "OneRoster.zip.done"}
    assert [f["bytes"] for f in sent.files] == [(root / "OneRoster.zip").stat().st_size]


def test_a_partner_who_cannot_be_reached_is_tried_later_and_later_and_not_for_ever(sis, app, here, tmp_path):
    with sftpserver.serving(tmp_path, Behaviour()) as server:
        pass  # it is gone
    where = {"host": "127.0.0.1", "port": str(server.port), "user": USER, "host_key": server.fingerprint}
    delivery = add(sis, app, transport="sftp", settings=where)
    actions.set_secrets(district_id=sis.district_id, name="nightly", secrets={"password": PASSWORD}, by=BY, now=sis.now)
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    states = [send(sis, delivery, 1).state for _ in range(8)]
    assert states == ["waiting"] * 7 + ["failed"]
    pauses = [j["at"] for j in jobs(sis) if j["at"]]
    assert len(pauses) == 7
    assert pauses == sorted(pauses)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM delivery_secret")
        assert all(PASSWORD.encode() not in bytes(sealed) for (sealed,) in cursor.fetchall())


def test_what_is_not_shared_any_more_is_in_no_next_file_and_a_change_of_terms_is_noticed(sis, app, tmp_path):
    from schoolpassport.delivery.formats import FORMATS
    from schoolpassport.sharing import exports

    delivery = add(sis, app)
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    assert send(sis, delivery, 1).rows == 22
    about = {"district_id": sis.district_id, "integration_id": app}
    with scope.inside(sis.district_id):
        made = exports.write(**about, kinds=FORMATS["basic-roster"].kinds, since=0, folder=tmp_path)
        assert exports.still_holds(**about, exported=made)
    sharing.revoke(**about, by=BY, now=sis.now)
    with scope.inside(sis.district_id):
        assert not exports.still_holds(**about, exported=made)
    last = send(sis, delivery, 2)
    assert (last.state, last.rows, last.size > 0) == ("sent", 0, True)
