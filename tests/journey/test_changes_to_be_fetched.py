"""Changes that lie on the managed SFTP service until somebody fetches them, or does not."""

import subprocess
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from schoolpassport.delivery import accounts, actions, queries, sending
from schoolpassport.delivery.lying import Sent
from schoolpassport.delivery.models import Shipment
from schoolpassport.delivery.records import Plan
from schoolpassport.delivery.transports import TRANSPORTS
from schoolpassport.kit import clock, fetched
from schoolpassport.kit.fetched import Lies, Mark
from schoolpassport.kit.recovery import Retry
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing.catalogue import everything
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from tests.support import files, openssh, partners
from tests.support.nights import BY, nights
from tests.support.packages import small, user
from tests.support.sftpservice import account, got, logged_in, serving, with_a_key

NAME = "OneRoster.zip"


class Partner:
    """One whose view is delivered as changes, night after night."""

    def __init__(self, district, tmp_path, now) -> None:
        self.sis = nights(district_id=district.id, folder=tmp_path / "sis", now=now)
        self.app = partners.integrated(district.id, now).integration.id
        self.about = {"district_id": district.id, "integration_id": self.app}
        self.share(everything())
        plan = Plan(name="nightly", format="oneroster-1.1", mode="delta", transport="managed")
        self.delivery = actions.add_delivery(**self.about, plan=plan, by=BY, now=now)
        self.file = accounts.outbox(**self.about) / NAME

    def share(self, attributes) -> None:
        sharing.agree(**self.about, contents=Contents(attributes=attributes), by=BY, now=self.sis.now)

    def night(self, *people: str) -> Shipment:
        """These people come to those whom everybody knows; what changed is sent."""
        self.sis.now += timedelta(days=1)
        self.sis.done(small().with_rows("users", *(user(who) for who in people)))
        return self.sent()

    def sent(self) -> Shipment:
        asked = actions.ask(district_id=self.delivery.district_id, name=self.delivery.name, by=BY, now=self.sis.now)
        ids = {"district_id": asked.district_id, "delivery_id": asked.delivery_id, "number": asked.number}
        done = actions.send(**ids, now=self.sis.now)
        assert done is not None
        return done


def told(file: Path) -> dict[str, str]:
    """Who is in a file → with which status."""
    return {row["username"]: row["status"] for row in users(file)}


def ids(file: Path) -> set[str]:
    return {row["sourcedId"] for row in users(file)}


def users(file: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(file) as package:
        return files.rows(package.read("users.csv").decode())


@pytest.fixture
def partner(district, tmp_path, now) -> Partner:
    return Partner(district, tmp_path, now)


def test_changes_that_nobody_fetched_are_told_again_with_those_that_came_since(partner, district, now, tmp_path):
    sftp = openssh.program("sftp", "openssh-client")
    made = with_a_key(district, now, "reader", tmp_path, app=partner.app)

    def get(port: int) -> dict[str, str]:
        options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={tmp_path}/known", "IdentitiesOnly=yes"]
        words = [w for o in options for w in ("-o", o)]
        command = [sftp, "-q", "-b", "-", "-i", f"{tmp_path}/key", "-P", str(port), *words, f"{made.login}@127.0.0.1"]
        asked = f"ls -l\nget {NAME} fetched.zip\n"
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        return told(tmp_path / "fetched.zip")

    with serving(tmp_path) as port:
        assert partner.night().since == 0
        get(port)
        first, second = partner.night("first"), partner.night("second", "first")
        assert (first.since, second.since, second.revision) == (1, 1, 3)
        assert get(port) == {"first": "active", "second": "active"}
        assert partner.sent().state == "unchanged"
        third = partner.night("second", "first", "third")
        assert (third.since, get(port)) == (3, {"third": "active"}), "what was fetched is not told again"


def test_what_may_have_been_fetched_or_not_is_followed_by_everything(partner, district, now, tmp_path):
    made = account(district, now, "reader", app=partner.app)
    assert partner.night().since == 0
    with serving(tmp_path) as port:
        with logged_in(port, made) as (steps, _, client):
            steps.do(client.get(NAME, tmp_path / "whole.zip"))
        assert partner.night("first").since == 1
        older = partner.file.read_bytes()
        with logged_in(port, made) as (steps, _, client):
            reading = steps.do(client.open(NAME, "rb"))
            begin = steps.do(reading.read(100))
            assert partner.sent().state == "unchanged", "it lies there until there is something else to say"
            second = partner.night("first", "second")
            assert (second.since, {"first", "second"} - told(partner.file).keys()) == (0, set())
            assert begin + steps.do(reading.read()) == older, "who reads on gets the one that was begun"
            steps.do(reading.close())
        assert fetched.at(partner.file).mark is Mark.NEVER, "and has not got this one"
        with logged_in(port, made) as (steps, _, client):
            reading = steps.do(client.open(NAME, "rb"))
            steps.do(reading.read())  # all of it, and goes without a word
        assert partner.night("first", "second", "third").since == 0
        with logged_in(port, made) as (steps, _, client):
            steps.do(client.get(NAME, tmp_path / "whole.zip"))
        assert partner.night("first", "second", "third", "fourth").since == 4
        partner.file.unlink()
        assert partner.sent().since == 0, "what is gone unfetched is told again, though nothing changed"


def test_the_end_of_a_consent_is_told_of_what_was_fetched_whatever_was_not(partner):
    partner.night("first")
    fetched_whole = ids(partner.file)
    got(partner.file.parent)
    assert partner.night("second").since == 1
    sharing.revoke(**partner.about, by=BY, now=partner.sis.now)
    ended = partner.sent()
    assert (ended.state, ended.since, ids(partner.file)) == ("sent", 1, fetched_whole)


def test_a_file_that_is_fetched_while_its_follower_is_made_is_not_replaced_by_it(partner, tmp_path):
    partner.night()
    new = tmp_path / NAME
    new.write_bytes(b"new")
    there = fetched.at(partner.file)
    ready = replace(sending.given(partner.delivery, {}), assumed={NAME: there})
    fetched.begin(partner.file)
    with pytest.raises(Retry):
        TRANSPORTS["managed"].send(ready, [new])
    assert fetched.at(partner.file) == Lies(made=there.made, mark=Mark.BEGUN)
    now_so = replace(ready, assumed={NAME: fetched.at(partner.file)})
    TRANSPORTS["managed"].send(now_so, [new])
    assert partner.file.read_bytes() == b"new"
    assert [path.name for path in partner.file.parent.iterdir()] == [NAME]


DATED = """
files:
  - file: "people_{date}.csv"
    rows: user
    key: [Id]
    columns:
      - {header: Id, from: username}
      - {header: Mail, from: email}
      - {header: What, change: {add: A, change: C, delete: D}}
"""


def test_files_of_other_terms_are_not_fetched_and_what_nobody_fetched_of_them_comes_again(partner, district, tmp_path):
    sis, ready = partner.sis, partner.file.parent
    sis.now = clock.now() - timedelta(days=3)
    actions.save_format(**partner.about, name="own", content=DATED, by=BY, now=sis.now)
    plan = Plan(name="dated", format="own", mode="delta", transport="managed")
    partner.delivery = actions.add_delivery(**partner.about, plan=plan, by=BY, now=sis.now)
    made = account(district, sis.now, "reader", app=partner.app)

    def seen() -> set[str]:
        with serving(tmp_path) as port, logged_in(port, made) as (steps, _, client):
            return set(steps.do(client.listdir("/"))) - {".", ".."}

    partner.night()
    got(ready)
    assert partner.night("first").since > 0
    assert len(seen()) == 2, "as long as the terms hold"
    sis.now = clock.now()
    partner.share({kind: [n for n in names if n != "email"] for kind, names in everything().items()})
    assert seen() == set()
    sis.now += timedelta(days=5)
    assert partner.sent().since == 0
    (last,) = seen()
    rows = files.rows((ready / last).read_text(encoding="utf-8"))
    assert "first" in {row["Id"] for row in rows}
    assert {row["Mail"] for row in rows} == {""}
    assert [path.name for path in ready.iterdir()] == [last]


def test_of_what_was_sent_long_ago_nothing_is_read(partner):
    def sent_again(number: int, at: datetime) -> Shipment:
        about = {"district_id": partner.delivery.district_id, "delivery_id": partner.delivery.id, "number": number}
        file = {"name": f"{number}.zip", "made": number}
        return Shipment(**about, cause="x", state="sent", asked_at=at, finished_at=at, revision=number, files=[file])

    def asked() -> list[Sent]:
        about = {"district_id": partner.delivery.district_id, "delivery_id": partner.delivery.id}
        return queries.files_sent(**about)

    assert asked() == []
    day, now = timedelta(days=1), partner.sis.now
    with scope.inside(partner.delivery.district_id):
        Shipment.objects.bulk_create(sent_again(n, now + n * day) for n in range(1, 301))
    with CaptureQueriesContext(connection) as said:
        found = asked()
    assert found == [Sent(name=f"{n}.zip", made=n, revision=n, is_last=n == 300) for n in range(300, 208, -1)]
    (statement,) = (q["sql"] for q in said if 'finished_at" >=' in q["sql"])
    with scope.inside(partner.delivery.district_id), connection.cursor() as cursor:
        cursor.execute("SELECT refresh_statistics(ARRAY['delivery_shipment'])")  # or all indexes look equal
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "shipment_by_end" in plan, plan
        sent_again(301, now + 900 * day).save(force_insert=True)
    assert [(s.name, s.is_last) for s in asked()] == [("301.zip", True), ("300.zip", False)]
