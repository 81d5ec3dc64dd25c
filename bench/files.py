"""The rows about files: a OneRoster zip beside DuckDB's CSV, and a push by SFTP beside OpenSSH's own client."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from bench import processes
from bench.figures import NO_GOAL, Figure, at_least, at_most
from bench.place import BY, District, Place
from bench.progress import say
from bench.syncs import Measured
from schoolpassport.config import environment
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.sftp import Login, Session

_DELIVERY = "nightly"
_WHERE = "/usr/sbin:/usr/local/sbin:/usr/bin:/bin"
_PATIENCE = 10.0
_MEGABYTE = 1_000_000


# ---------------------------------------------------------------------------------------------------------- the zip


def measure_files(place: Place, district: District, *, folder: Path, rounds: int) -> list[Figure]:
    """A delivery that lies ready for its application: the view copied out, made into files, zipped."""
    outbox = _set_up(district)
    folder.mkdir()
    measured = Measured()
    task = {"district": str(district.id), "delivery": _DELIVERY}
    for number in range(1, rounds + 1):
        made = processes.run("bench.making", task, server=place.server)
        if made.said["state"] != "sent":
            raise RuntimeError(f"the delivery came out as {made.said['state']}: {made.said['sentence']}")
        (whole,) = outbox.iterdir()
        with zipfile.ZipFile(whole) as packed:
            packed.extractall(folder)
        paths = sorted(str(path) for path in folder.glob("*.csv") if path.name != "manifest.csv")
        bare = processes.run(
            "bench.writing",
            {"paths": paths, "folder": str(_fresh(folder / "again")), "threads": environment.read().sync_threads},
        )
        cpu = made.said["cpu"] + made.server_cpu
        measured.add("cpu", cpu)
        measured.add("floor", bare.said["cpu"])
        measured.add("wall", made.said["wall"])
        measured.add("bare wall", bare.said["wall"])
        say(
            f"zip, round {number} of {rounds}: {made.said['rows']:,} rows, {made.said['bytes'] / _MEGABYTE:.1f} MB, "
            f"wall {made.said['wall']:.2f}, cpu {made.said['cpu']:.2f} + database {made.server_cpu:.2f}, "
            f"peak {made.said['peak_mb']:.0f} MB; DuckDB cpu {bare.said['cpu']:.2f}, wall {bare.said['wall']:.2f}"
        )
    shutil.rmtree(folder)
    return [
        Figure.of(
            "OneRoster zip of a whole view",
            runs=measured["cpu"],
            floors=measured["floor"],
            unit="s cpu",
            goal=at_most(4),
        ),
        Figure.of(
            "OneRoster zip of a whole view, wall",
            runs=measured["wall"],
            floors=measured["bare wall"],
            unit="s wall",
            goal=NO_GOAL,
        ),
    ]


def _set_up(district: District) -> Path:
    """A delivery after each request, changed or not; where its files will lie."""
    from schoolpassport.delivery import accounts, actions  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.delivery.records import Plan  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.kit import clock  # noqa: PLC0415 (not before Django is set up)

    plan = Plan(name=_DELIVERY, format="oneroster-1.1", transport="managed", always=True)
    actions.add_delivery(
        district_id=district.id, integration_id=district.integration_id, plan=plan, by=BY, now=clock.now()
    )
    return accounts.outbox(district_id=district.id, integration_id=district.integration_id)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


# --------------------------------------------------------------------------------------------------------- the push


def measure_push(*, folder: Path, rounds: int, megabytes: int, seed: int) -> list[Figure]:
    """One file that cannot be made smaller, to an OpenSSH server on this machine, in turns with OpenSSH's client.

    Where there is no OpenSSH there is no row, and the reason is told.
    """
    missing = [name for name in ("sshd", "sftp") if shutil.which(name, path=_WHERE) is None]
    if missing:
        say(f"no row about SFTP: there is no {' and no '.join(missing)} here (Debian: openssh-server, openssh-client)")
        return []
    folder.mkdir()
    local = folder / "whole.bin"
    chance = random.Random(seed)  # noqa: S311 (nobody's secret)
    with local.open("wb") as whole:
        whole.writelines(chance.randbytes(_MEGABYTE) for _ in range(megabytes))  # more at once is too great for it
    measured = Measured()
    with _openssh(folder) as (login, key):
        policy = Policy(networks=Networks.parse("127.0.0.1/32"))
        for number in range(1, rounds + 1):
            begun, cpu = time.perf_counter(), time.process_time()
            with Session(login, policy=policy) as session:
                session.put(local, str(folder / "there"), "ours.bin")
            ours, spent = time.perf_counter() - begun, time.process_time() - cpu
            begun = time.perf_counter()
            _put_by_openssh(local, folder, login, key)
            theirs = time.perf_counter() - begun
            if (folder / "there" / "ours.bin").read_bytes() != (folder / "there" / "theirs.bin").read_bytes():
                raise RuntimeError("what arrived is not what was sent")
            measured.add("ours", megabytes / ours)
            measured.add("theirs", megabytes / theirs)
            say(
                f"push of {megabytes} MB, round {number} of {rounds}: {ours:.2f} s, cpu {spent:.2f}; "
                f"OpenSSH {theirs:.2f} s (both with their login)"
            )
    shutil.rmtree(folder)
    return [
        Figure.of(
            f"SFTP push of {megabytes} MB",
            runs=measured["ours"],
            floors=measured["theirs"],
            unit="MB/s",
            goal=at_least(0.5),
        )
    ]


@contextmanager
def _openssh(folder: Path) -> Iterator[tuple[Login, Path]]:
    """A server for one key on a port of this machine; the folder ``there`` is for what arrives."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd, as root, goes into seclusion
    (folder / "there").mkdir()
    host, mine = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    key = folder / "mine"
    for path, private in ((folder / "host", host), (key, mine)):
        path.write_bytes(private.export_private_key())
        path.chmod(0o600)
    (folder / "authorized").write_bytes(mine.export_public_key())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host.export_public_key().decode()}", encoding="utf-8")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nSubsystem sftp internal-sftp\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nLogLevel ERROR\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([str(shutil.which("sshd", path=_WHERE)), "-D", "-e", "-f", str(config)])
    try:
        _wait(process, port)
        yield (
            Login(
                host="127.0.0.1",
                port=port,
                user=pwd.getpwuid(os.geteuid()).pw_name,
                key=mine.export_private_key().decode(),
                fingerprints=frozenset({host.get_fingerprint("sha256")}),
            ),
            key,
        )
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("OpenSSH's server did not come up")


def _put_by_openssh(local: Path, folder: Path, login: Login, key: Path) -> None:
    """With a new name first and the final one afterwards, as we do."""
    there = folder / "there"
    told = f"put {local} {there}/theirs.part\nrename {there}/theirs.part {there}/theirs.bin\n"
    options = ("IdentitiesOnly=yes", f"UserKnownHostsFile={folder}/known", "StrictHostKeyChecking=yes")
    command = [str(shutil.which("sftp", path=_WHERE)), "-q", "-F", "none", "-i", str(key), "-P", str(login.port)]
    command += [word for option in options for word in ("-o", option)]
    subprocess.run(
        [*command, "-b", "-", f"{login.user}@{login.host}"], input=told.encode(), check=True, stdout=subprocess.DEVNULL
    )
