"""A push to the partner's own server by SFTP."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from schoolpassport.delivery.transports.shape import Checked, Given, Setting, Transport
from schoolpassport.kit.sftp import Login, Session
from schoolpassport.sources.connectors.shape import Type

_EACH, _NONE = "each", "none"


def _session(given: Given) -> Session:
    login = Login(
        host=given.value("host"),
        port=int(given.value("port")),
        user=given.value("user"),
        password=given.secrets.get("password", ""),
        key=given.secrets.get("key", ""),
        passphrase=given.secrets.get("passphrase", ""),
        fingerprints=frozenset(given.value("host_key").replace(",", " ").split()),
    )
    return Session(login, policy=given.policy, limits=given.limits, pace=given.pace)


def _check(given: Given) -> Checked:
    with _session(given) as session:
        found = session.look(given.value("folder"))
    return Checked(
        ok=True, sentence=f"The server lets us in and shows its pinned key. Files in the folder: {len(found)}."
    )


def _send(given: Given, files: Sequence[Path]) -> None:
    folder, signs = given.value("folder"), given.value("done") == _EACH
    with _session(given) as session, TemporaryDirectory() as here:
        nothing = Path(here) / "done"
        nothing.touch()
        for file in files:
            if signs:  # who waits for the sign must not take the older one for it
                session.remove(folder, f"{file.name}.done")
            session.put(file, folder, file.name)
        for file in files if signs else ():
            session.put(nothing, folder, f"{file.name}.done")


TRANSPORT = Transport(
    name="sftp",
    title="Push by SFTP",
    about="Files are put onto the partner's server. Each gets its name when it is there with all its bytes, in the "
    "place of the older one. The server's key is pinned: the first test of the connection shows it, for a person to "
    "compare.",
    settings=(
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
        Setting(
            name="done",
            title="Signs",
            help="whether an empty file NAME.done follows each file when all are there",
            type=Type.CHOICE,
            choices=(_NONE, _EACH),
            default=_NONE,
        ),
    ),
    check=_check,
    send=_send,
)
