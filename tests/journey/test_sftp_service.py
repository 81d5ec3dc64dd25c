"""The managed SFTP service, as districts' systems and partners meet it, and as somebody meets it who should not."""

import asyncio
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta

import asyncssh
import psycopg
import pytest

from schoolpassport.delivery import accounts, actions, queries
from schoolpassport.delivery.models import Account
from schoolpassport.kit import clock
from schoolpassport.kit.sftpservice import Guesses
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing.catalogue import everything
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.records import Contents
from schoolpassport.sources import arrival
from schoolpassport.tenancy import scope
from tests.support import cutting, openssh, partners
from tests.support.nights import BY
from tests.support.sftpservice import account, logged_in, serving, session


def test_openssh_puts_a_package_that_the_landing_folder_takes_and_a_partner_fetches_with_a_key(district, now, tmp_path):
    sftp = openssh.program("sftp", "openssh-client")
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "key").write_bytes(key.export_private_key())
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "users.csv").write_text("sourcedId\nu1\n")
    keys = (key.export_public_key().decode().strip(),)
    sis = account(district, now, "sis", keys=keys)
    app = partners.integrated(district.id, now).integration.id
    partner = account(district, now, "reader", app=app, keys=keys)
    ready = accounts.outbox(district_id=district.id, integration_id=app)
    ready.mkdir(parents=True)
    (ready / "OneRoster.zip").write_bytes(b"zip")

    def ask(port: int, login: str, *lines: str) -> subprocess.CompletedProcess[str]:
        options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={tmp_path}/known", "IdentitiesOnly=yes"]
        words = [w for o in options for w in ("-o", o)]
        return subprocess.run(
            [sftp, "-q", "-b", "-", "-i", f"{tmp_path}/key", "-P", str(port), *words, f"{login}@127.0.0.1"],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
        )

    with serving(tmp_path) as port:
        put = ask(
            port, sis.login, "put -p users.csv", "put users.csv users.csv", "put users.csv b.csv", "rm b.csv", "ls -1"
        )
        assert put.returncode == 0, put.stderr
        assert put.stdout.splitlines()[-1] == "users.csv"
        assert list(arrival.look(sis.folder)) == ["users.csv"]
        assert (sis.folder / "users.csv").read_text() == "sourcedId\nu1\n"
        fetched = ask(port, partner.login, "get OneRoster.zip fetched.zip", "ls -1")
        assert fetched.returncode == 0, fetched.stderr
        assert (tmp_path / "fetched.zip").read_bytes() == b"zip"
        for login, line in (
            *((partner.login, w) for w in ("put users.csv", "rm OneRoster.zip", "rename OneRoster.zip x")),
            *((sis.login, w) for w in ("get users.csv x", "mkdir in", "symlink /etc/passwd a", "ln users.csv b")),
        ):
            assert ask(port, login, line).returncode != 0, line
        shell = [
            "ssh",
            "-o",
            "BatchMode=yes",
            "-i",
            f"{tmp_path}/key",
            "-p",
            str(port),
            "-o",
            "StrictHostKeyChecking=no",
        ]
        shell += ["-o", f"UserKnownHostsFile={tmp_path}/known", f"{sis.login}@127.0.0.1", "id"]
        assert b"uid" not in subprocess.run(shell, capture_output=True, timeout=60, check=False).stdout
    assert [p.name for p in sis.folder.iterdir()] == ["users.csv"]


def answers(process: subprocess.Popen[str]) -> bool:
    """Whether the session goes on: what there is can be listed."""
    try:
        process.stdin.write("ls -1\n")
    except BrokenPipeError:
        return False
    return any(line == "there.csv\n" for line in iter(process.stdout.readline, ""))


@pytest.mark.parametrize("change", ["ended", "changed"])
def test_who_is_logged_in_is_put_out_when_the_account_ends_or_changes(district, now, tmp_path, change):
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "key").write_bytes(key.export_private_key())
    (tmp_path / "key").chmod(0o600)
    keys = (key.export_public_key().decode().strip(),)
    made, other = account(district, now, "sis", keys=keys), account(district, now, "other", keys=keys)
    for each in (made, other):
        each.folder.mkdir(parents=True)
        (each.folder / "there.csv").write_text("")
    with (
        serving(tmp_path, recheck=0.2) as port,
        session(tmp_path, port, made.login) as ours,
        session(tmp_path, port, other.login) as theirs,
        logged_in(port, made, client_keys=[key], password=None) as (runner, connection, files),
    ):
        assert answers(ours)
        assert answers(theirs)
        half = runner.do(files.open("users.csv", "wb"))
        runner.do(half.write(b"n" * 50_000))
        if change == "ended":
            actions.end_account(district_id=district.id, login=made.login, by=BY, now=now)
        else:
            with scope.inside(district.id):
                Account.objects.filter(district_id=district.id, login=made.login).update(networks=["127.0.0.0/8"])
        runner.do(asyncio.wait_for(connection.wait_closed(), 5))
        begun = time.monotonic()
        while answers(ours):
            assert time.monotonic() < begun + 5
            time.sleep(0.1)
        assert ours.wait(5) != 0
        assert answers(theirs), "nobody else is put out"
    folders = accounts.entry(queries.sftp_accounts(district_id=district.id)[1])
    left = [path.name for folder in (folders.folder, folders.aside) for path in folder.iterdir()]
    assert left == ["there.csv"], "nothing of what was being put is left"


def test_an_application_fetches_nothing_while_its_consent_rests_and_nothing_old_when_it_is_over(
    district, now, tmp_path
):
    app = partners.integrated(district.id, now).integration.id
    made = account(district, now, "reader", app=app)
    ready = accounts.outbox(district_id=district.id, integration_id=app)
    ready.mkdir(parents=True)
    (ready / "old.csv").write_text("older terms")
    contents = Contents(attributes=everything(kinds=("org",)))
    facts = {"district_id": district.id, "by": BY}

    def agreed(**more):
        return sharing.agree(**facts, integration_id=app, contents=contents, now=now, **more).id

    def taken(consent, act: Act):
        sharing.take(**facts, consent_id=consent, act=act, side=Side.DISTRICT, now=clock.now())

    def seen(port: int) -> set[str]:
        with logged_in(port, made) as (steps, _, client):
            there = set(steps.do(client.listdir("/"))) - {".", ".."}
            for name in {"old.csv", "new.csv"} - there:
                with pytest.raises(asyncssh.SFTPNoSuchFile):
                    steps.do(client.open(name, "rb"))
            return there

    with serving(tmp_path, recheck=0.2) as port:
        consent = agreed()
        assert seen(port) == {"old.csv"}
        with logged_in(port, made) as (steps, connection, _):
            taken(consent, Act.SUSPEND)
            steps.do(asyncio.wait_for(connection.wait_closed(), 5))
        assert seen(port) == set()
        taken(consent, Act.RESUME)
        assert seen(port) == {"old.csv"}
        taken(consent, Act.REVOKE)
        (ready / "new.csv").write_text("all is taken back")
        assert seen(port) == {"new.csv"}
        agreed(expires_at=clock.now() + timedelta(seconds=3))
        assert seen(port) == {"new.csv", "old.csv"}
        time.sleep(3)
        assert seen(port) == set(), "at its last instant, whether a worker runs or not"


def test_nothing_outside_the_folder_can_be_seen_or_written(district, now, tmp_path):
    made = account(district, now, "sis", quota=10_000)
    other = account(district, now, "other")
    for each in (made, other):
        each.folder.mkdir(parents=True)
    (other.folder / "theirs.csv").write_text("secret")
    (made.folder / "link.csv").symlink_to("/etc/passwd")
    with serving(tmp_path) as port, logged_in(port, made) as (runner, connection, files):
        escapes = [
            "../other/theirs.csv",
            f"/{other.folder}/theirs.csv",
            "link.csv",
            "a/../../other/theirs.csv",
            ".hidden",
        ]
        escapes += ["x" * 300, "new\nline.csv", "a/b.csv", "/etc/passwd"]
        for path in escapes:
            for do, arguments in (
                *((files.stat, (path,)), (files.open, (path, "rb")), (files.remove, (path,))),
                *(() if path == "link.csv" else ((files.open, (path, "wb")), (files.rename, ("own.csv", path)))),
            ):
                with pytest.raises(asyncssh.SFTPError):
                    runner.do(do(*arguments))
        assert runner.do(files.listdir("/")) == [".", ".."]

        async def put(name: str, size: int) -> None:
            async with files.open(name, "wb") as file:
                await file.write(b"x" * size)

        runner.do(put("own.csv", 9_000))
        with pytest.raises(asyncssh.SFTPError, match="none of it was"):
            runner.do(put("more.csv", 2_000))
        runner.do(put("own.csv", 8_000))
        with pytest.raises(asyncssh.SFTPError, match="not changed"):
            runner.do(files.open("own.csv", "ab"))
        with pytest.raises(asyncssh.Error):
            runner.do(connection.run("id"))
        with pytest.raises(asyncssh.Error):
            runner.do(connection.open_connection("127.0.0.1", port))
    assert {p.name for p in made.folder.iterdir()} == {"own.csv", "link.csv"}
    assert (made.folder / "own.csv").stat().st_size == 8_000


def test_wherever_an_upload_is_cut_the_folder_holds_no_part_of_it(district, now, tmp_path):
    made = account(district, now, "sis")
    size = 120_000
    with serving(tmp_path) as port:

        def put(after: int | None) -> int:
            with cutting.before(port, after) as wire:
                try:
                    with logged_in(wire.port, made) as (runner, _, files):

                        async def write() -> None:
                            async with files.open("users.csv", "wb") as file:
                                await file.write(b"n" * size)

                        runner.do(asyncio.wait_for(write(), 5))
                except (OSError, asyncssh.Error, TimeoutError):
                    pass
                return wire.passed

        made.folder.mkdir(parents=True)
        for cut in (3_000, 20_000, 60_000, 100_000, size - 2_000, size + 1_000):
            put(cut)
            assert list(made.folder.iterdir()) == [], f"cut at {cut}"
        put(None)
        assert [(p.name, p.stat().st_size) for p in made.folder.iterdir()] == [("users.csv", size)]
    aside = accounts.entry(queries.sftp_accounts(district_id=district.id)[0]).aside
    assert list(aside.iterdir()) == []


def refused(port: int, made, **other) -> bool:
    try:
        with logged_in(port, made, **other):
            return False
    except (asyncssh.Error, OSError):
        return True


def test_who_guesses_is_soon_not_listened_to_and_who_has_ended_or_comes_from_elsewhere_neither(district, now, tmp_path):
    seconds = [0.0]
    made, far = account(district, now, "sis"), account(district, now, "far", networks=("192.0.2.0/24",))
    with serving(tmp_path, Guesses(lambda: seconds[0])) as port:
        assert not refused(port, made)
        assert refused(port, far)
        for login in (made.login, "sis", "nobody.AAAAAAAAAAAAAAAAAAAAAA"):
            assert refused(port, made, username=login, password="wrong")
        for _ in range(4):
            assert refused(port, made, password="wrong")
        assert refused(port, made), "after five failures even the right word is not listened to"
        seconds[0] = 601
        assert not refused(port, made)
        actions.end_account(district_id=district.id, login=made.login, by=BY, now=now)
        assert refused(port, made)


def test_a_secret_is_kept_as_argon2id_only(district, now):
    made = account(district, now, "sis")
    (kept,) = queries.sftp_accounts(district_id=district.id)
    assert kept.proof.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert made.secret not in kept.proof
    assert accounts.is_proved(made.secret, kept.proof)
    assert not accounts.is_proved(made.secret + "x", kept.proof)
    assert not accounts.is_proved(made.secret, "")
    assert made.secret not in repr(made)


def test_guesses_count_by_whom_and_by_what_and_are_forgotten_in_time():
    seconds = [0.0]
    guesses = Guesses(lambda: seconds[0])
    for n in range(20):
        guesses.note("192.0.2.1", f"name{n}")
    assert guesses.too_many("192.0.2.1")
    assert not guesses.too_many("192.0.2.2", "name1")
    for n in range(50):
        guesses.note(f"198.51.100.{n}", "often")
    assert guesses.too_many("203.0.113.9", "often")
    seconds[0] = 700
    assert not guesses.too_many("192.0.2.1")
    assert not guesses.too_many("203.0.113.9", "often")


def test_who_logs_in_after_the_database_was_restarted_is_let_in(database, district, now):
    made = account(district, now, "sis")
    with psycopg.connect(database.superuser_url, autocommit=True) as watching:
        others = {pid for (pid,) in watching.execute("SELECT pid FROM pg_stat_activity")}
        with as_the_product_serves() as port:
            with logged_in(port, made):
                pass
            for (pid,) in watching.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"):
                if pid not in others:
                    watching.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            with logged_in(port, made) as (steps, _, client):
                assert set(steps.do(client.listdir("/"))) == {".", ".."}


@contextmanager
def as_the_product_serves():
    """The command itself, in a process of its own. Yields the port."""
    command = [sys.executable, "-m", "schoolpassport.cli.main", "sftp", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield int(re.search(r"port (\d+)", process.stderr.readline())[1])
        finally:
            process.terminate()
