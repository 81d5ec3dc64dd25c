"""A pull from a server by SFTP: the package of one folder there."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from schoolpassport.kit.sftp import Found, Login, Session
from schoolpassport.sources import arrival
from schoolpassport.sources.connectors.shape import (
    Checked,
    Collected,
    Connector,
    Given,
    Retry,
    Setting,
    Type,
    Watch,
)


def _check(given: Given) -> Checked:
    with _session(given) as session:
        found = arrival.chosen(session.look(given.value("folder")))
    there = f"The package in it: {', '.join(found[:10])}." if found else "No package is in the folder yet."
    return Checked(ok=True, sentence=f"The server lets us in and shows its pinned key. {there}", facts={"files": found})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    folder = given.value("folder")
    with _session(given) as session:
        watch("looking twice")
        found = _arrived(session, folder, given.number("seconds"))
        for name, file in found.items():
            watch(name)
            session.fetch(folder, name, file, into / name)
            if name.lower().endswith(".zip"):
                arrival.check_zip(into / name)
    arrival.check_manifest(into, found)
    return Collected(facts={"files": sorted(found)})


def _arrived(session: Session, folder: str, seconds: float) -> dict[str, Found]:
    """The package, if nothing of it changed between two looks."""
    before = session.look(folder)
    arrival.refuse_unfinished({name: arrival.Seen(f.size, f.changed * 10**9) for name, f in before.items()})
    time.sleep(seconds)
    after = session.look(folder)
    names = arrival.chosen(after)
    if changed := next((n for n in names if before.get(n) != after[n]), None) or (None if names else "The package"):
        raise Retry(arrival.SOON, f"{changed} changed while it was looked at: it is still being written.")
    return {name: after[name] for name in names}


def login(value: Callable[[str], str], secrets: Mapping[str, str]) -> Login:
    """What ``LOGIN`` was told."""
    return Login(
        host=value("host"),
        port=int(value("port")),
        user=value("user"),
        password=secrets.get("password", ""),
        key=secrets.get("key", ""),
        passphrase=secrets.get("passphrase", ""),
        fingerprints=frozenset(value("host_key").replace(",", " ").split()),
    )


def _session(given: Given) -> Session:
    told = login(given.value, given.secrets)
    return Session(told, policy=given.policy, limits=given.limits, pace=given.pace)


LOGIN = (
    Setting(name="host", title="Host", help="the server's name or address", required=True),
    Setting(name="port", title="Port", help="where it listens", type=Type.NUMBER, default="22"),
    Setting(name="user", title="User name", help="as whom to log in", required=True),
    Setting(name="password", title="Password", help="of the user, when there is no key", secret=True),
    Setting(name="key", title="Private key", help="as ssh-keygen writes it", type=Type.LINES, secret=True),
    Setting(name="passphrase", title="Passphrase", help="of an encrypted private key", secret=True),
    Setting(
        name="host_key",
        title="Host key",
        help="the server's fingerprint, SHA256:…; empty at first: the test of the connection shows it",
    ),
    Setting(name="folder", title="Folder", help="its path on the server; empty: where the user arrives"),
)
"""Where a folder is, and as whom to go there: for whatever pulls from a server, or pushes to one."""


CONNECTOR = Connector(
    name="sftp",
    title="Pull by SFTP",
    about="The zip file or the loose files of a folder on an SFTP server, fetched when the run begins. The server's "
    "key is pinned: the first test of the connection shows it, and a person compares it. OneRoster.zip wins over loose "
    "files beside it.",
    settings=(
        *LOGIN,
        Setting(
            name="seconds",
            title="Quiet seconds",
            help="so long the files must stay the same before they are taken",
            type=Type.NUMBER,
            default="10",
        ),
    ),
    check=_check,
    collect=_collect,
)
