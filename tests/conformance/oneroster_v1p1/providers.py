"""A running School Passport, seen only from outside."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.conformance.oneroster_v1p1 import operations, truth, wire

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data"
IMS, DATAHUB = "/ims/oneroster/v1p1", "/datahub/services/ims/oneroster/v1p1"
PREFIXES = (IMS, DATAHUB)
PATIENCE = 120


@dataclass(frozen=True)
class Provider:
    told: Mapping[str, str] = field(repr=False)  # the one line of JSON
    roster: truth.Roster = field(repr=False)
    data_dir: Path
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    _pulled: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)

    @property
    def base(self) -> str:
        return self.told["base_url"].rstrip("/") + IMS

    def new_token(self, *scopes: str) -> str:
        form = {"grant_type": "client_credentials"} | ({"scope": " ".join(scopes)} if scopes else {})
        login = wire.basic(self.told["client_id"], self.told["client_secret"])
        answer = wire.ask_for_token(self.told["token_url"], headers=login, **form)
        assert answer.status == 200, answer
        return answer.json["access_token"]

    def token(self, *scopes: str) -> str:
        if scopes not in self._tokens:
            self._tokens[scopes] = self.new_token(*scopes)
        return self._tokens[scopes]

    def get(self, path: str, raw: str = "", *, prefix: str = IMS, **params: object) -> wire.Answer:
        """Read a path below the API's prefix; `raw` is a query string that goes out as it is."""
        search = raw or wire.query(**params)
        address = self.told["base_url"].rstrip("/") + prefix + path + (f"?{search}" if search else "")
        return wire.call(address, headers=wire.bearer(self.token()))

    def follow(self, url: str) -> wire.Answer:
        return wire.call(url, headers=wire.bearer(self.token()))

    def pull(self, collection: str) -> list[dict[str, Any]]:
        """A whole collection, in the order served. Read once."""
        if collection not in self._pulled:
            rows: list[dict[str, Any]] = []
            while True:
                answer = self.get(f"/{collection}", limit=5000, offset=len(rows))
                assert answer.status == 200, answer
                page = answer.json[collection]
                rows += page
                if not page or len(rows) >= len(self.roster.tables[collection]):
                    break
            self._pulled[collection] = rows
        return self._pulled[collection]

    @cached_property
    def ids(self) -> dict[str, dict[str, str]]:
        """Collection → the source's own id → GG4L ID. Demographics carry their user's."""
        return {
            name: {each["metadata"]["gg4l.sisId"]: each["sourcedId"] for each in self.pull(name)}
            for name in truth.COLLECTIONS
            if name != "demographics"
        }

    @cached_property
    def source_ids(self) -> dict[str, str]:
        """GG4L ID → the source's own id."""
        return {gg4l_id: key for known in self.ids.values() for key, gg4l_id in known.items()}

    def named(self, documents: list[dict[str, Any]]) -> list[str]:
        """The source's ids of the served documents, in their order: short enough to read when a test fails."""
        return [self.source_ids[each["sourcedId"]] for each in documents]

    def fill(self, text: str) -> str:
        """Replace <users:stu.1> by the GG4L ID of that user."""
        return re.sub(r"<(\w+):([^>]+)>", lambda match: self.ids[match[1]][match[2]], text)

    def path_of(self, operation: operations.Operation) -> str:
        """The operation's path with records of the small district."""

        def example(match: re.Match[str]) -> str:
            collection = operations.HOLDS[match[1]]
            known = self.ids["users" if collection == "demographics" else collection]
            return known[operations.EXAMPLES[match[1]]]

        return re.sub(r"\{(\w+)\}", example, operation.path)

    @cached_property
    def expected(self) -> dict[str, dict[str, dict[str, Any]]]:
        return {name: self.roster.documents(name, ids=self.ids, base=self.base) for name in truth.COLLECTIONS}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    ours = ("SCHOOLPASSPORT_", "DATABASE_", "DJANGO_", "PG", "PYTEST", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "schoolpassport.cli.main", *words]


def run(*words: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """One command of the product, beside the running one and on its data."""
    environment = _environment() | {"SCHOOLPASSPORT_DATA_DIR": str(data_dir)}
    return subprocess.run(
        command(*words), env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=data_dir
    )


@contextlib.contextmanager
def running(package: Path, folder: Path) -> Iterator[Provider]:
    """`schoolpassport demo --from PACKAGE`, until the block ends."""
    data_dir = folder / "data"
    log = folder / "stderr.txt"
    words = ("demo", "--json", "--port", str(_free_port()), "--data-dir", str(data_dir), "--from", str(package))
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command(*words), env=_environment(), stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder
        ) as process,
    ):
        stopper = threading.Timer(PATIENCE, process.kill)
        stopper.start()
        try:
            line = process.stdout.readline()
        finally:
            stopper.cancel()
        try:
            assert line, f"the demo said nothing; it complained:\n{log.read_text()[-3000:]}"
            told = json.loads(line)
            _wait_for(told["base_url"])
            yield Provider(told=told, roster=truth.Roster.read(package), data_dir=data_dir)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that another account may pass through: run as root, the embedded database is not root."""
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _wait_for(url: str) -> None:
    """Until the server answers anything at all. It should at once."""
    end = time.monotonic() + 60
    while True:
        try:
            wire.call(url)
        except OSError:
            assert time.monotonic() < end, f"nothing answers at {url}"
            time.sleep(0.05)
        else:
            return


def zip_small_district(target: Path, edits: Mapping[str, Callable[[str], str]] | None = None) -> Path:
    """The hand-made package. One file gets a byte order mark and CRLF, as spreadsheets write them."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((DATA / "small-district").glob("*.csv")):
            text = file.read_text(encoding="utf-8")
            text = (edits or {}).get(file.name, str)(text)
            if file.name == "users.csv":
                text = "\ufeff" + text.replace("\n", "\r\n")
            archive.writestr(file.name, text.encode("utf-8"))
    return target
