"""Files by SFTP: from a server that behaves, from one that does not, and from the one that most schools run."""

import dataclasses
import logging
import os
import time
from pathlib import Path

import asyncssh
import pytest

from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.http import Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.sftp import Login, Session, UnknownKey
from tests.support import cutting, lookup, openssh, sftpserver
from tests.support.sftpserver import PASSWORD, USER, Behaviour

HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
QUICK = Pace(tries=3, first=0.01, longest=0.02)
SHORT = Limits(bytes=20_000_000, seconds=6, silence=1.0)
BIG = os.urandom(9_000_000)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "users.csv").write_bytes(BIG)
    (folder / "orgs.csv").write_bytes(b"sourcedId\no1\n")
    (folder / "inner").mkdir()
    (folder / "link.csv").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def login(server, **other) -> Login:
    made = Login(
        host="127.0.0.1",
        port=server.port,
        user=USER,
        password=PASSWORD,
        fingerprints=frozenset({server.fingerprint}),
    )
    return dataclasses.replace(made, **other)


def session(given: Login, **other) -> Session:
    return Session(given, **{"policy": HERE, "limits": SHORT, "pace": QUICK, **other})


def pull(server, into: Path, name="users.csv", **other):
    with session(login(server), **other) as open_:
        open_.fetch("", name, open_.look("")[name], into / name)


def test_files_are_listed_and_fetched_whole(root, into):
    with sftpserver.serving(root) as server:
        with session(login(server)) as open_:
            assert set(open_.look("/")) == {"users.csv", "orgs.csv"}
        pull(server, into)
    assert (into / "users.csv").read_bytes() == BIG
    assert [p.name for p in into.iterdir()] == ["users.csv"]


def test_a_transfer_that_breaks_off_goes_on_where_it_was(root, into):
    with sftpserver.serving(root, Behaviour(drop_after=5_000_000, drops=1)) as server:
        pull(server, into)
    assert (into / "users.csv").read_bytes() == BIG
    assert server.read_from.count(0) == 1


def changes(path: Path):
    def change():
        path.write_bytes(b"other\n")

    return change


@pytest.mark.parametrize(
    ("behaviour", "word"),
    [
        (lambda _: Behaviour(drop_after=5_000_000, drops=99), "broke off"),
        (lambda _: Behaviour(drop_after=0, drops=99), "broke off"),
        (lambda _: Behaviour(stall=True), "slow"),
        (lambda root: Behaviour(on_stat=changes(root / "users.csv")), "changed meanwhile"),
        (lambda root: Behaviour(on_stat=lambda: (root / "users.csv").unlink(missing_ok=True)), "taken away"),
    ],
    ids=["dropped", "dropped at once", "stalls", "changes", "goes"],
)
def test_no_misbehaviour_leaves_a_file_or_gives_a_secret_away(root, into, behaviour, word, caplog):
    caplog.set_level(logging.DEBUG)
    begun = time.monotonic()
    with sftpserver.serving(root, behaviour(root)) as server, pytest.raises((Retry, NeedsAttention)) as raised:
        pull(server, into)
    assert word in raised.value.sentence
    assert time.monotonic() - begun < 15
    assert list(into.iterdir()) == []
    assert PASSWORD not in raised.value.sentence + caplog.text + repr(raised.value.__cause__)


def test_ten_thousand_files_are_listed(root):
    for number in range(10_000):
        (root / f"old-{number}.csv").touch()
    with (
        sftpserver.serving(root) as server,
        session(login(server), limits=Limits(bytes=9, seconds=60, silence=30)) as open_,
    ):
        assert len(open_.look("")) == 10_002


def test_a_file_that_is_too_large_is_not_begun(root, into):
    with sftpserver.serving(root) as server, pytest.raises(NeedsAttention, match="most that is taken"):
        pull(server, into, limits=Limits(bytes=1000, seconds=5, silence=1))
    assert server.read_from == []


@pytest.mark.parametrize("name", [b"../../escaped", b"/etc/cron.d/x", b"..", b"a/b"])
def test_a_name_that_leads_elsewhere_is_refused(root, into, name):
    with sftpserver.serving(root, Behaviour(strange_name=name)) as server, pytest.raises(NeedsAttention, match="name"):
        pull(server, into, name.decode())
    assert not (into.parent / "escaped").exists()


# -------------------------------------------------------------------------------------------------------- who it is


def test_first_contact_shows_the_key_and_tells_the_server_nothing(root):
    with sftpserver.serving(root) as server:
        with session(login(server, fingerprints=frozenset())) as open_, pytest.raises(UnknownKey) as raised:
            open_.look("")
        assert raised.value.fingerprint == server.fingerprint
        assert server.fingerprint in raised.value.sentence
        assert server.logins == []


def test_a_changed_key_stops_everything(root):
    with sftpserver.serving(root) as server:
        other = frozenset({asyncssh.generate_private_key("ssh-ed25519").get_fingerprint("sha256")})
        with session(login(server, fingerprints=other)) as open_, pytest.raises(UnknownKey, match="another key"):
            open_.look("")
        assert server.logins == []


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD), (USER, "")])
def test_who_is_not_let_in_is_told_so(root, user, password):
    with sftpserver.serving(root) as server:
        given = login(server, user=user, password=password)
        with session(given) as open_, pytest.raises(NeedsAttention, match="let this user in"):
            open_.look("")


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_key_opens_too_encrypted_or_not(root, into, passphrase):
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key("openssh", passphrase=passphrase or None).decode()
    with sftpserver.serving(root, authorized=key) as server:
        with session(login(server, password="", key=text, passphrase=passphrase)) as open_:
            assert "users.csv" in open_.look("")
        if passphrase:
            for wrong in ("", "wrong"):
                with pytest.raises(NeedsAttention, match=r"passphrase"):
                    session(login(server, key=text, passphrase=wrong))


def test_a_key_that_is_none_is_said_to_be():
    with pytest.raises(NeedsAttention, match="ssh-keygen"):
        session(Login(host="x", user="x", key="hello"))


def test_old_encryption_is_refused(root):
    # Both sides see that they have nothing in common, and the first to hang up may cut the other's word off.
    often = Pace(tries=40, first=0.01, longest=0.1)
    with sftpserver.serving(root, encryption_algs=["aes128-cbc"]) as server:
        with session(login(server), pace=often) as open_, pytest.raises(NeedsAttention, match="encryption"):
            open_.look("")
        assert server.logins == []


def test_the_same_addresses_are_called_as_by_any_door(root):
    with sftpserver.serving(root) as server:
        with session(login(server), policy=Policy(resolve=lookup.numbers)) as open_, pytest.raises(NeedsAttention):
            open_.look("")
        assert server.logins == []


# ------------------------------------------------------------------------------------------------------ the real one


@pytest.fixture
def sshd(tmp_path, root):
    """OpenSSH, as Debian has it, on a port of this machine, for one key."""
    with openssh.serving(tmp_path, root) as login_:
        yield login_


def test_openssh_hands_files_over(sshd, root, into):
    with session(sshd) as open_:
        found = open_.look(str(root))
        assert set(found) == {"users.csv", "orgs.csv"}
        open_.fetch(str(root), "users.csv", found["users.csv"], into / "users.csv")
    assert (into / "users.csv").read_bytes() == BIG
    with session(dataclasses.replace(sshd, fingerprints=frozenset())) as open_, pytest.raises(UnknownKey) as raised:
        open_.look(str(root))
    assert raised.value.fingerprint in sshd.fingerprints
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with (
        session(dataclasses.replace(sshd, key=stranger)) as open_,
        pytest.raises(NeedsAttention, match="let this user"),
    ):
        open_.look(str(root))


OLD, NEW = b"old" * 1000, os.urandom(300_000)


def test_a_file_is_put_in_the_place_of_the_older_one_and_nothing_else_is_left(sshd, root, into):
    (into / "new").write_bytes(NEW)
    (root / "inner" / "users.csv").write_bytes(OLD)
    with session(sshd) as open_:
        open_.put(into / "new", f"{root}/inner", "users.csv")
        open_.put(into / "new", f"{root}/inner", "more.csv")
        open_.remove(f"{root}/inner", "more.csv")
        open_.remove(f"{root}/inner", "more.csv")
    assert {p.name: p.read_bytes() for p in (root / "inner").iterdir()} == {"users.csv": NEW}


def test_wherever_a_put_is_cut_nobody_sees_a_half_file(sshd, root, into):
    """Cut after so many bytes on their way to the server: in the greeting, in the file, at its end, at its naming."""
    (into / "new").write_bytes(NEW)
    final = root / "inner" / "users.csv"

    def put(after: int | None) -> tuple[bool, int]:
        final.write_bytes(OLD)
        with cutting.before(sshd.port, after) as proxy:
            try:
                with session(dataclasses.replace(sshd, port=proxy.port), pace=Pace(tries=1)) as open_:
                    open_.put(into / "new", f"{root}/inner", "users.csv")
            except (Retry, NeedsAttention):
                return False, proxy.passed
        return True, proxy.passed

    said, whole = put(None)
    assert (said, final.read_bytes()) == (True, NEW)
    cuts = [*range(0, 4000, 1300), *range(4000, whole - 600, whole // 8), *range(whole - 600, whole, 75)]
    for cut in cuts:
        said, _ = put(cut)
        assert (said, final.read_bytes() == OLD) == (False, True), f"after a cut at {cut}"
    halves = [p for p in final.parent.glob(".users.csv.*.part") if p.stat().st_size < len(NEW)]
    assert len(halves) > 3, "the cuts never fell into the file itself"


def test_a_server_that_cannot_replace_in_one_step_is_given_new_names_only(root, into):
    (into / "new").write_bytes(NEW)
    (root / "taken.csv").write_bytes(OLD)
    with sftpserver.serving(root, Behaviour(no_posix_rename=True)) as server, session(login(server)) as open_:
        open_.put(into / "new", "", "fresh.csv")
        with pytest.raises(NeedsAttention, match="in one step"):
            open_.put(into / "new", "", "taken.csv")
    assert ((root / "fresh.csv").read_bytes(), (root / "taken.csv").read_bytes()) == (NEW, OLD)
    assert not [p for p in root.iterdir() if p.name.endswith(".part")]
