"""Files on their way: asked for by publications and timetables, made and sent by jobs, and what is told about it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import connection

from schoolpassport.cli.commands import delivery as delivery_command
from schoolpassport.delivery import accounts, actions, queries
from schoolpassport.delivery.custom import BadFormat
from schoolpassport.delivery.models import OwnFormat
from schoolpassport.delivery.records import BadDelivery, Plan, UnknownAccount
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.fetched import Mark
from schoolpassport.kit.http import Pace
from schoolpassport.partners import queries as partners_queries
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import agreements, catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support import lookup, openssh, partners, sftpserver, sftpservice
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small, user
from tests.support.sftpserver import PASSWORD, USER, Behaviour
from tests.support.telling import told, told_partner

ONCE = Pace(tries=1)


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path / "sis", now=now)
    made.done(small())
    return made


@pytest.fixture(scope="module")
def still(database, tmp_path_factory):
    """A district and an application for what changes no night."""
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = register_district(name=f"Still Waters {uuid4()}", now=now)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("still"), now=now)
    made.done(small())
    app = partners.integrated(made.district_id, now).integration.id
    share(made, app)
    return made, app


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
    sftpservice.got(accounts.outbox(district_id=sis.district_id, integration_id=app))
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
def test_what_cannot_be_delivered_so_is_refused_with_what_to_give(still, other, sentence):
    with pytest.raises(BadDelivery) as refused:
        add(*still, **other)
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
        actions.change_delivery(**about, secrets={"key": login.key}, by=BY, now=sis.now)
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
    actions.change_delivery(
        district_id=sis.district_id, name="nightly", secrets={"password": PASSWORD}, by=BY, now=sis.now
    )
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    states = [send(sis, delivery, 1).state for _ in range(8)]
    assert states == ["waiting"] * 7 + ["failed"]
    assert told(sis.district_id, delivery.id) == ["delivery-failed"]
    assert told_partner(sis.district_id, app, delivery.id) == ["own-delivery-failed"]
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


OWN = """
files:
  - file: "pupils_{mode}_{revision}.csv"
    rows: user
    where: {attribute: role, is: equals, value: student}
    key: [No]
    columns:
      - {header: No, from: username}
      - {header: Name, from: familyName}
      - {header: School, from: orgs.name}
      - {header: What, change: {add: new, change: other, delete: gone}}
"""


def own(sis: Nights, app, text: str, name: str = "own") -> int:
    about = {"district_id": sis.district_id, "integration_id": app, "name": name}
    return actions.save_format(**about, content=text, by=BY, now=sis.now)


def lying_ready(sis: Nights, app) -> dict[str, str]:
    ready = accounts.outbox(district_id=sis.district_id, integration_id=app)
    return {path.name: path.read_text(encoding="utf-8") for path in ready.iterdir()}


def test_an_own_format_is_sent_as_the_rows_that_changed_came_and_went(sis, app):
    own(sis, app, OWN)
    delivery = add(sis, app, format="own", mode="delta")

    def sent(number: int):
        actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
        return send(sis, delivery, number)

    assert (sent(1).since, lying_ready(sis, app)["pupils_full_1.csv"].count(",new\n")) == (0, 4)
    sis.now += timedelta(days=1)
    later = small().changed("orgs", "s2", name="Renamed").without("users", "p1").with_rows("users", user("p9"))
    for again in (later, later.changed("users", "t1", middleName="Rue")):  # what is missing twice is gone
        sis.done(again.without("enrollments", "e1").without("demographics", "p1"))
    delta = sent(2)
    assert (delta.state, delta.since, delta.revision, delta.rows) == ("sent", 1, 3, 4)
    header, *told = lying_ready(sis, app)["pupils_delta_3.csv"].splitlines()  # in the order of ids that one night drew
    assert (header, sorted(told)) == (
        "No,Name,School,What",
        [
            "p1,,,gone",
            'p3,Family-p3,"School s1,Renamed",other',
            "p4,Family-p4,Renamed,other",
            "p9,Family-p9,School s1,new",
        ],
    )
    assert sent(3).state == "unchanged"
    sftpservice.got(accounts.outbox(district_id=sis.district_id, integration_id=app))
    sharing.revoke(district_id=sis.district_id, integration_id=app, by=BY, now=sis.now)
    sent(4)
    last = lying_ready(sis, app)["pupils_delta_4.csv"]
    assert sorted(last.splitlines()[1:]) == [f"{who},,,gone" for who in ("p2", "p3", "p4", "p9")]


def test_what_lies_ready_has_a_quota_and_what_was_fetched_makes_room_for_it(sis, app, district):
    own(sis, app, OWN)
    delivery, other = add(sis, app, format="own"), add(sis, app, format="own", name="other")
    ready = accounts.outbox(district_id=sis.district_id, integration_id=app)
    reader = sftpservice.account(district, sis.now, "reader", app=app, quota=10**9)
    sftpservice.account(district, sis.now, "second", app=app, quota=10**10)

    def night(number: int, to=delivery):
        sis.now += timedelta(days=1)
        sis.done(small().changed("users", "p1", familyName=f"Family-{number}"))
        asked = actions.ask(district_id=sis.district_id, name=to.name, by=BY, now=sis.now)
        return send(sis, to, asked.number)

    def allow(megabytes: float) -> None:
        about = {"district_id": sis.district_id, "login": reader.login, "by": BY, "now": sis.now}
        actions.set_quota(**about, quota=int(megabytes * 10**6))

    kept = night(1, to=other).files[0]["name"]
    first, second = night(2), night(3)
    sizes = sum(s.size for s in (first, second)) + (ready / kept).stat().st_size
    allow((sizes + 1) / 10**6)
    before = lying_ready(sis, app)
    full = night(4)
    assert (full.state, lying_ready(sis, app)) == ("failed", before)
    assert full.sentence.startswith("There is no room for this delivery: 4 files of 0.0 MB would lie ready")
    assert [p for p in ready.iterdir() if p.name.startswith(".")] == []
    sftpservice.got(ready)
    done = night(5)
    (gone,) = set(before) - set(lying_ready(sis, app))
    assert (done.state, gone) == ("sent", first.files[0]["name"])
    assert done.notes == [f"To make room, files went that had been fetched: {gone}."]
    allow(0.000001)
    nothing = night(6)
    assert (nothing.state, kept in lying_ready(sis, app)) == ("failed", True)
    allow(1000)
    assert night(7).state == "sent"
    with pytest.raises(UnknownAccount):
        actions.set_quota(district_id=sis.district_id, login="nobody", quota=1, by=BY, now=sis.now)


def test_a_thousand_files_lie_ready_and_no_more(sis, app):
    own(sis, app, OWN)
    ready = accounts.outbox(district_id=sis.district_id, integration_id=app)
    ready.mkdir(parents=True)
    for number in range(1000):
        (ready / f"{number}.csv").touch(mode=Mark.NEVER)
    add(sis, app, format="own")
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    delivery = queries.delivery(district_id=sis.district_id, name="nightly")
    assert "1,001 files" in send(sis, delivery, 1).sentence
    (ready / "7.csv").chmod(Mark.WHOLE)
    actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
    assert send(sis, delivery, 2).notes[-1].endswith("7.csv.")


def test_another_version_of_a_format_is_sent_in_full_first(sis, app):
    own(sis, app, OWN)
    delivery = add(sis, app, format="own", mode="delta")
    found = []
    for number, text in enumerate((OWN, OWN.replace("orgs.name", "email"), OWN.replace("orgs.name", "email")), 1):
        own(sis, app, text)
        sis.done(small().changed("users", "p1", familyName=f"Now {number}"))
        actions.ask(district_id=sis.district_id, name="nightly", by=BY, now=sis.now)
        found.append(send(sis, delivery, number).since)
    assert found == [0, 0, 3]


def test_a_format_that_cannot_say_what_is_gone_is_refused_for_changes(still):
    sis, app = still
    silent = OWN.replace("    key: [No]\n", "").replace(
        ", change: {add: new, change: other, delete: gone}", ", constant: x"
    )
    sentence = (
        "pupils_{mode}_{revision}.csv cannot say which row is gone: give the file a “key” and a column with “change”."
    )
    own(sis, app, silent)
    with pytest.raises(BadDelivery) as refused:
        add(sis, app, name="silent", format="own", mode="delta")
    assert str(refused.value) == f"own is delivered full, not “delta”. {sentence}"
    assert own(sis, app, OWN) == 2
    add(sis, app, name="silent", format="own", mode="delta")
    with pytest.raises(BadFormat) as kept:
        own(sis, app, silent)
    assert str(kept.value) == f"Delivery “silent” sends only what changed of it, and {sentence}"
    assert own(sis, app, OWN.replace("familyName", "givenName")) == 3


def test_what_cannot_say_what_is_gone_is_not_sent_as_changes_however_it_came_to_that(still):
    sis, app = still
    own(sis, app, OWN, name="odd")
    delivery = add(sis, app, name="odd", format="odd", mode="delta")
    actions.ask(district_id=sis.district_id, name="odd", by=BY, now=sis.now)
    silent = "files: [{file: p.csv, rows: user, columns: [{header: No, from: username}]}]"
    with scope.inside(sis.district_id):
        OwnFormat.objects.filter(integration_id=app, name="odd").update(content=silent)
    failed = send(sis, delivery, 1)
    assert failed.state == "failed"
    assert failed.sentence.startswith("Only what changed is asked for, and p.csv cannot say which row is gone: give")


def test_rows_that_a_key_does_not_tell_apart_are_not_sent_as_changes(still):
    sis, app = still
    own(sis, app, OWN.replace("from: username", "from: role"), name="twins")
    delivery = add(sis, app, name="twins", format="twins", mode="delta")
    actions.ask(district_id=sis.district_id, name="twins", by=BY, now=sis.now)
    failed = send(sis, delivery, 1)
    assert failed.state == "failed"
    assert failed.sentence == (
        "pupils_{mode}_{revision}.csv: several rows have the same “No” (1 times), so nobody could tell which one a change "
        "means. Name more columns in “key”, leave such rows out by “where”, or deliver the format in full."
    )


def test_a_delivery_that_is_refused_is_not_there_by_half(still, tmp_path):
    sis, app = still
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    (tmp_path / "word").write_text("secret")
    name = partners_queries.names_of_integrations(district_id=sis.district_id)[app]
    where = [
        "--format",
        "oneroster-1.1",
        "--transport",
        "sftp",
        "--set",
        "host=sftp.partner.example",
        "--set",
        "user=me",
    ]

    def typed(*words: str) -> str:
        words = ("add", name, "by-half", *where, *words, "--district", str(sis.district_id))
        run = CliRunner().invoke(delivery_command.command, list(words))
        assert run.exit_code > 0
        return run.output

    before = [d.name for d in queries.deliveries(district_id=sis.district_id)]
    assert "has no secret “word”; there are: password, key, passphrase." in typed(
        "--secret", f"word={tmp_path / 'word'}"
    )
    assert "key is no text in UTF-8. Save it as such." in typed("--secret", f"key={tmp_path / 'key'}")
    assert "no-such cannot be read: No such file" in typed("--secret", f"key={tmp_path / 'no-such'}")
    assert "--at belongs to --every." in typed("--at", "02:30")
    assert [d.name for d in queries.deliveries(district_id=sis.district_id)] == before


def test_the_list_tells_when_each_goes_next(sis, app):
    def lines() -> dict[str, str]:
        run = CliRunner().invoke(delivery_command.command, ["list", "--district", str(sis.district_id)])
        assert run.exit_code == 0, run.output
        return {line.split()[0]: line for line in run.output.splitlines()}

    nightly = {"every": "day", "at": "02:30", "zone": "America/Chicago"}
    add(sis, app, name="timed", schedule=nightly)
    add(sis, app, name="prompt")
    assert "next (UTC)" in lines()["delivery"]
    assert "every day at 02:30, America/Chicago  2026-09-01 07:30" in lines()["timed"]
    assert lines()["prompt"].partition("after each publication")[2].split() == ["–", "–"]
    about = {"district_id": sis.district_id, "name": "timed", "by": BY, "now": sis.now}
    actions.change_delivery(**about, paused=True)
    assert lines()["timed"].partition("rests (every day at 02:30, America/Chicago)")[2].split() == ["–", "–"]
    actions.change_delivery(**about, paused=False)
    assert "2026-09-01 07:30" in lines()["timed"]
