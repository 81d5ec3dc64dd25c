"""A push to the partner's own server by SFTP."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from schoolpassport.delivery.transports.shape import Checked, Given, Setting, Transport
from schoolpassport.kit.sftp import Session
from schoolpassport.sources.connectors.sftp import LOGIN, login
from schoolpassport.sources.connectors.shape import Type

_EACH, _NONE = "each", "none"


def _session(given: Given) -> Session:
    told = login(given.value, given.secrets)
    return Session(told, policy=given.policy, limits=given.limits, pace=given.pace)


def _check(given: Given) -> Checked:
    with _session(given) as session:
        found = session.look(given.value("folder"))
    return Checked(
        ok=True, sentence=f"The server lets us in and shows its pinned key. Files in the folder: {len(found)}."
    )


def _send(given: Given, files: Sequence[Path]) -> Sequence[str]:
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
    return ()


TRANSPORT = Transport(
    name="sftp",
    title="Push by SFTP",
    about="Files are put onto the partner's server. Each gets its name when it is there with all its bytes, in the "
    "place of the older one. The server's key is pinned: the first test of the connection shows it, for a person to "
    "compare.",
    settings=(
        *LOGIN,
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
