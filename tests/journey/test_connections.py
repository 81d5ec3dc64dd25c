"""From a source's server into the roster: connected, tried, fetched, taken; and its secrets seen nowhere."""

import contextlib
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.apps import apps
from django.conf import settings
from django.db import connection

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import sources as command
from schoolpassport.cli.commands import sync as sync_command
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.partners import actions as partners
from schoolpassport.sources import actions, queries
from schoolpassport.sources.models import Secret, Source
from schoolpassport.sync import actions as sync
from schoolpassport.sync import tasks
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from tests.support import lookup, packages
from tests.support.hostile import PAGE, answer, first, serving
from tests.support.packages import small

BY = "test"
TOKEN = "tok-9f2e77a1c4"


@pytest.fixture(autouse=True)
def _own_network(monkeypatch, tmp_path):
    """This machine counts as a network that the operator has allowed."""
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    env = replace(settings.ENVIRONMENT, egress=here, folders=(tmp_path,))
    monkeypatch.setattr(settings, "ENVIRONMENT", env)


@pytest.fixture
def source(district, now) -> Source:
    return actions.register_source(district_id=district.id, name="SIS", schema="oneroster-1.1", by=BY, now=now)


@pytest.fixture
def zipped(tmp_path) -> bytes:
    return packages.zipped(tmp_path / "made.zip", small()).read_bytes()


def connect(source, now, connector="https", secrets=None, **values):
    given = {"token": TOKEN} if secrets is None and connector == "https" else secrets or {}
    actions.connect_source(
        district_id=source.district_id,
        source_id=source.id,
        connector=connector,
        values=values,
        secrets=given,
        by=BY,
        now=now,
    )


def fetched(source, now):
    run = sync.ask(district_id=source.district_id, source_id=source.id, by=BY, now=now)
    return sync.walk(district_id=source.district_id, run_id=run.id)


def of(source) -> Source:
    with scope.inside(source.district_id):
        return queries.source(district_id=source.district_id, id_or_name=source.id)


def test_a_package_is_fetched_and_taken(source, now, zipped):
    with serving({"/oneroster": answer("200 OK", zipped, Content_Type="application/zip")}) as server:
        connect(source, now, address=server.url("/oneroster"))
        checked = actions.check_connection(district_id=source.district_id, source_id=source.id, now=now)
        run, again = fetched(source, now), fetched(source, now + timedelta(days=1))
    assert (checked.ok, run.state, run.revision) == (True, "done", 1), checked.sentence
    assert again.state == "unchanged"
    assert all(f"Bearer {TOKEN}" in head for head in server.heads)


def test_loose_files_are_fetched_one_by_one(source, now):
    texts = small().texts()
    with serving({f"/x/{name}": answer("200 OK", text.encode()) for name, text in texts.items()}) as server:
        connect(source, now, address=server.url("/x"), files=" ".join(texts))
        assert fetched(source, now).state == "done"


def run_of(source, id_) -> Run:
    with scope.inside(source.district_id):
        return Run.objects.get(district_id=source.district_id, id=id_)


def test_what_may_pass_leaves_a_run_that_can_be_walked_again(source, now, zipped):
    busy = first(1, answer("429 Too Many", Retry_After="900"), answer("200 OK", zipped))
    with serving({"/x": busy}) as server:
        connect(source, now, address=server.url("/x"))
        run = sync.ask(district_id=source.district_id, source_id=source.id, by=BY, now=now)
        with pytest.raises(Retry) as later:
            sync.walk(district_id=source.district_id, run_id=run.id)
        failed = run_of(source, run.id)
        done = sync.walk(district_id=source.district_id, run_id=run.id)
    assert (failed.state, failed.message) == ("failed", later.value.sentence)
    assert "less often" in failed.message
    assert (done.state, done.revision) == ("done", 1)


def test_a_worker_waits_as_long_as_the_other_side_asks_and_longer_each_time():
    class Job:
        attempts = 0

    pauses = []
    for Job.attempts in range(6):
        decision = tasks._TRIES.get_retry_decision(exception=Retry(900, "x"), job=Job)
        pauses.append(decision and decision.retry_at)
    assert pauses[5] is None
    assert pauses[0] < pauses[1] < pauses[2]


def test_what_needs_a_person_refuses_the_run_with_the_sentence(source, now):
    with serving({"/x": answer("200 OK", PAGE)}) as server:
        connect(source, now, address=server.url("/x"))
        run = fetched(source, now)
    assert run.state == "refused"
    assert "web page" in run.message


def test_a_test_of_the_connection_says_what_to_do(source, now):
    with serving({"/x": answer("401 Unauthorized")}) as server:
        connect(source, now, address=server.url("/x"))
        checked = actions.check_connection(district_id=source.district_id, source_id=source.id, now=now)
    assert not checked.ok
    assert "credentials" in checked.sentence


@pytest.mark.parametrize(
    ("connector", "values", "secrets", "word"),
    [
        ("nothing", {}, {}, "No connector"),
        ("https", {}, {}, "Address"),
        ("https", {"address": "https://x/", "colour": "red"}, {}, "colour"),
        ("https", {"address": "https://x/", "token": TOKEN}, {}, "is a secret"),
        ("https", {"address": "https://x/\x1b[2J"}, {}, "cannot be seen"),
        ("folder", {"path": "/x", "seconds": "soon"}, {}, "whole number"),
        ("landing", {"path": "/x", "mixed": "maybe"}, {}, "wait, take"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_and_nothing_is_kept(source, now, connector, values, secrets, word):
    with pytest.raises(actions.BadConnection, match=word) as raised:
        connect(source, now, connector, secrets or {}, **values)
    assert TOKEN not in str(raised.value)
    assert of(source).connector == "upload"


# ------------------------------------------------------------------------------------------------------------- secrets


def dump(district_id) -> str:
    tables = [m._meta.db_table for m in apps.get_models() if m.__module__.startswith("schoolpassport.")]
    said = []
    with scope.inside(district_id), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT coalesce(string_agg(r::text, chr(10)), %s) FROM "{table}" r', [""])
            said.append(cursor.fetchone()[0])
    return "\n".join(said)


def test_a_secret_is_in_no_table_no_log_no_sentence_and_no_exception(source, now, caplog):
    caplog.set_level(logging.DEBUG)
    with serving({"/x": answer("401 No"), "/y": answer("500 No", Retry_After="900")}) as server:
        for path in ("/x", "/y"):
            connect(source, now, address=server.url(path))
            run = sync.ask(district_id=source.district_id, source_id=source.id, by=BY, now=now)
            with contextlib.suppress(Retry):
                sync.walk(district_id=source.district_id, run_id=run.id)
        listed = CliRunner().invoke(command.command, ["list", "--district", str(source.district_id), "--json"])
    kept = dump(source.district_id)
    assert "/x" in kept  # the control: the rest of the connection is there
    for spelling in (TOKEN, TOKEN.encode().hex()):
        assert spelling not in kept + caplog.text + listed.output


def test_a_sealed_secret_opens_in_its_own_place_only(source, now, other_district):
    connect(source, now, address="https://x.example/")
    with scope.inside(source.district_id):
        sealed = bytes(Secret.objects.get(district_id=source.district_id).sealed)
    other = actions.register_source(
        district_id=source.district_id, name="Other", schema="oneroster-1.1", by=BY, now=now
    )
    far = actions.register_source(district_id=other_district.id, name="SIS", schema="oneroster-1.1", by=BY, now=now)
    for thief in (other, far):
        connect(thief, now, secrets={}, address="https://x.example/")
        with scope.inside(thief.district_id):
            Secret.objects.create(
                district_id=thief.district_id, source_id=thief.id, name="token", sealed=sealed, set_at=now
            )
        checked = actions.check_connection(district_id=thief.district_id, source_id=thief.id, now=now)
        assert "cannot be opened" in checked.sentence


def test_secrets_live_through_a_new_master_key_and_the_loss_of_the_old_one(source, now, zipped):
    with serving({"/x": answer("200 OK", zipped)}) as server:
        connect(source, now, address=server.url("/x"))
        resealed = partners.rotate_master_key(by=BY, now=now)
        partners.forget_old_master_keys(by=BY, now=now)
        assert fetched(source, now).state == "done"
    assert resealed.done >= 1
    assert TOKEN in server.heads[-1]


def test_secrets_that_are_not_given_stay_and_those_of_another_connector_go(source, now):
    connect(source, now, address="https://x.example/")
    connect(source, now, secrets={}, address="https://y.example/")
    with scope.inside(source.district_id):
        assert Secret.objects.filter(district_id=source.district_id).count() == 1
    connect(source, now, "folder", {}, path="/x")
    with scope.inside(source.district_id):
        assert Secret.objects.filter(district_id=source.district_id).count() == 0


def test_the_ledger_tells_who_connected_what_and_no_secret(source, now):
    connect(source, now, address="https://x.example/")
    connect(source, now, secrets={}, address="https://y.example/")
    with scope.inside(source.district_id):
        facts = [e.facts for e in audit.events(district_id=source.district_id) if e.act == "sources:connection:set"]
    assert {f["after"]["address"] for f in facts} == {"https://x.example/", "https://y.example/"}
    assert TOKEN not in repr(facts)


# ------------------------------------------------------------------------------------------------------------- folders


def test_a_landing_folder_is_taken_when_its_set_is_complete(source, now, tmp_path):
    folder = tmp_path / "landing"
    folder.mkdir()
    texts = small().texts()
    connect(source, now, "landing", path=str(folder), seconds="0")
    with pytest.raises(Retry, match="No package"):
        fetched(source, now)
    for name, text in texts.items():
        if name != "users.csv":
            (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(Retry, match=r"declares users\.csv"):
        fetched(source, now)
    (folder / "users.csv").write_text(texts["users.csv"], encoding="utf-8")
    assert fetched(source, now).state == "done"
    assert set(of(source).memory["taken"]) == set(texts)
    changed = small().changed("users", small().rows["users"][0]["sourcedId"], givenName="Ada").texts()
    (folder / "users.csv").write_text(changed["users.csv"] + "\n", encoding="utf-8")
    with pytest.raises(Retry, match="still the one of last time"):
        fetched(source, now)
    connect(source, now, "landing", path=str(folder), seconds="0", mixed="take")
    assert fetched(source, now).state == "done"


def test_no_folder_but_the_operators_is_read(source, now, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    for path in ("/etc", f"{tmp_path}/../..", str(tmp_path / "link")):
        connect(source, now, "folder", path=path, seconds="0")
        run = fetched(source, now)
        assert (run.state, "may be read" in run.message) == ("refused", True)


def test_an_upload_source_says_that_it_fetches_nothing(source, now):
    assert "Hand a package over" in fetched(source, now).message
    with pytest.raises(NeedsAttention):
        actions.collect(
            district_id=source.district_id,
            source_id=source.id,
            into=settings.ENVIRONMENT.data_dir / "x",
            watch=print,
            now=now,
        )


# ------------------------------------------------------------------------------------------------------ the terminal


def test_a_directory_that_is_connected_adds_to_others_and_what_cannot_be_connected_is_no_source(district, tmp_path):
    place = ["--district", str(district.id)]
    run = CliRunner().invoke
    (tmp_path / "password").write_text("x\n")
    add = ["add", "Accounts", "--connector", "ldap", "--set", "host=ldap.amber.example", *place]
    failed = run(command.command, add)
    assert failed.exit_code == 1
    with scope.inside(district.id):
        assert queries.sources(district_id=district.id) == []
    given = ["--set", "base=dc=amber", "--set", "user=cn=reader", "--secret-file", f"password={tmp_path / 'password'}"]
    assert run(command.command, [*add, *given]).exit_code == 0
    with scope.inside(district.id):
        (made,) = queries.sources(district_id=district.id)
    assert (made.schema, made.role) == ("directory", "enrichment")
    again = run(sync_command.command, [str(tmp_path), "--source", "Accounts", "--role", "roster", *place])
    assert (again.exit_code, "“Accounts” is enrichment since it was made" in again.output) == (1, True)
    nowhere = run(sync_command.command, ["trend", "user", "--source", "SIS", *place])
    assert (nowhere.exit_code, "No source “SIS” in this district" in nowhere.output) == (1, True)


def test_a_source_is_connected_checked_and_fetched_from_the_terminal(source, tmp_path, zipped):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    place = ["--district", str(source.district_id)]
    run = CliRunner().invoke
    with serving({"/x": first(2, answer("200 OK", zipped), answer("503 No", Retry_After="900"))}) as server:
        add = ["add", "SIS", "--connector", "https", "--set", f"address={server.url('/x')}"]
        added = run(command.command, [*add, "--secret-file", f"token={tmp_path / 'token'}", *place])
        checked = run(command.command, ["check", "SIS", *place])
        fetched_ = run(command.command, ["fetch", "SIS", *place])
        down = run(command.command, ["fetch", "SIS", *place])
    assert (added.exit_code, checked.exit_code, fetched_.exit_code) == (0, 0, 0), added.output + fetched_.output
    assert "arrives whole" in checked.output
    assert "done as revision 1" in fetched_.output
    assert (down.exit_code, "has a fault (503)" in down.output) == (1, True)


def test_a_slip_of_the_keyboard_makes_no_second_sis(district, tmp_path):
    place = ["--district", str(district.id)]
    package = packages.folder(tmp_path / "package", small())

    def sync_(*more):
        done = CliRunner().invoke(sync_command.command, [str(package), *more, *place])
        return done.exit_code, done.output

    assert sync_()[0] == 0  # the first source of a district is made
    for wrong, *more in (("sis",), ("SIS2", "--schema", "oneroster-1.1"), ("SSI", "--role", "enrichment")):
        code, said = sync_("--source", wrong, *more)
        assert (code, f"No source “{wrong}” in this district. There are: “SIS”. Did you mean “SIS”?" in said) == (
            1,
            True,
        )
        assert f"sources add {wrong} --connector upload" in said
    code, said = sync_("--source", "Lockers")
    assert (code, "There are: “SIS”. To add another: schoolpassport sources add Lockers" in said) == (1, True)
    with scope.inside(district.id):
        (only,) = queries.sources(district_id=district.id)
    assert sync_("--source", str(only.id))[0] == 0
    with scope.inside(district.id):
        assert queries.sources(district_id=district.id) == [only]
