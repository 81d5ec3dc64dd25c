"""A pull from a web server: one zip file, or several files beside one another."""

import base64
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from schoolpassport.kit.http import Client
from schoolpassport.sources import arrival
from schoolpassport.sources.connectors.shape import (
    Checked,
    Collected,
    Connector,
    Given,
    NeedsAttention,
    Setting,
    Type,
    Watch,
)

_ZIP = b"PK\x03\x04"
_HOPS = 3  # storage services hand downloads on to their own machines; each hop is judged like the first address


def _check(given: Given) -> Checked:
    """Fetch the first file and throw it away: nothing less tells whether it arrives whole."""
    name = next(iter(_names(given)), "")
    with tempfile.TemporaryDirectory() as scratch, _client(given) as client:
        got = client.download(
            _address(given, name), Path(scratch) / "tried", headers=_headers(given), limits=given.limits
        )
        what = name or _named(given, got.path).name
    return Checked(ok=True, sentence=f"{what} arrives whole: {got.size:,} bytes.", facts={"bytes": got.size})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    names = _names(given)
    with _client(given) as client:
        for name in names:
            watch(name)
            client.download(_address(given, name), into / name, headers=_headers(given), limits=given.limits)
        if not names:
            watch("downloading")
            _named(
                given,
                client.download(
                    _address(given, ""), into / "arrived", headers=_headers(given), limits=given.limits
                ).path,
            )
    for path in into.glob("*.zip"):
        arrival.check_zip(path)
    return Collected(facts={"files": sorted(path.name for path in into.iterdir())})


def _client(given: Given) -> Client:
    return Client(policy=given.policy, pace=given.pace, authorities=given.value("authority"), redirects=_HOPS)


def _headers(given: Given) -> dict[str, str]:
    if token := given.secrets.get("token", ""):
        return {"Authorization": f"Bearer {token}"}
    if user := given.value("user"):
        both = f"{user}:{given.secrets.get('password', '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
    return {}


def _names(given: Given) -> list[str]:
    """The files that are fetched one by one; none when the address is that of a single file."""
    names = given.value("files").replace(",", " ").split()
    for name in names:
        if not name.lower().endswith((".csv", ".zip")) or "/" in name or name.startswith("."):
            raise NeedsAttention("“Files” must be names like users.csv, separated by blanks.")
    if len(set(names)) < len(names):
        raise NeedsAttention("“Files” names a file twice.")
    return names


def _address(given: Given, name: str) -> str:
    base = given.value("address")
    return f"{base.rstrip('/')}/{quote(name)}" if name else base


def _named(given: Given, arrived: Path) -> Path:
    """A zip file is known by its first bytes, whatever its address is called; any other file by its name."""
    with arrived.open("rb") as file:
        is_zip = file.read(len(_ZIP)) == _ZIP
    name = "OneRoster.zip" if is_zip else unquote(urlsplit(given.value("address")).path).rsplit("/", 1)[-1]
    if not is_zip and (not name.lower().endswith(".csv") or name.startswith(".")):
        raise NeedsAttention("What the address gives is neither a zip file nor called NAME.csv. Correct the address.")
    return arrived.rename(arrived.with_name(name))


CONNECTOR = Connector(
    name="https",
    title="Pull by HTTPS",
    about="A zip file at an address, or several files beside one another, fetched when the run begins.",
    settings=(
        Setting(
            name="address",
            title="Address",
            help="https://…, of the zip file, or of the folder when files are named below",
            required=True,
        ),
        Setting(name="files", title="Files", help="names like “orgs.csv users.csv”; empty: the address is one file"),
        Setting(name="user", title="User name", help="for servers that ask for a name and a password"),
        Setting(name="password", title="Password", help="of the user", secret=True),
        Setting(name="token", title="Token", help="sent as “Authorization: Bearer …”, instead of a user", secret=True),
        Setting(
            name="authority",
            title="Certificate authority",
            help="PEM, when the server's certificate is signed by an authority of your own",
            type=Type.LINES,
        ),
    ),
    check=_check,
    collect=_collect,
)
