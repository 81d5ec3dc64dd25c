"""A pull from a provider's OneRoster API: every collection, page by page, made into the package of the same version."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import columns
from schoolpassport.kit.http import Unexpected
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
from schoolpassport.sources.rest import cells, paging, probing, writing
from schoolpassport.sources.rest.paging import Plan
from schoolpassport.sources.rest.session import OAUTH2, WAYS, Access, Session
from schoolpassport.sources.schemas import SCHEMAS

_MEMORY_MB, _THREADS = 512, 2
_NOT_OFFERED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.GONE})
_TRIED = "users"  # the largest of those that everybody has, but for enrollments
_NEVER_EMPTY = frozenset({"orgs", "users"})


def _check(given: Given) -> Checked:
    offered, lacking = [], []
    with _session(given) as session:
        for name in reversed(_wanted(given)):
            try:
                session.page(name, limit="1", offset="0")
                offered.append(name)
            except Unexpected as no:
                lacking.append(_lacking(session, name, no))
    without = f" Not offered, and left out: {', '.join(lacking)}." if lacking else ""
    sentence = f"The provider lets us in and shows {', '.join(offered)}.{without}"
    return Checked(ok=True, sentence=sentence, facts={"offered": offered, "not offered": lacking})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    with _session(given) as session, _bench(into) as bench:
        pull = _Pull(given, session, bench, watch)
        pull.everything(into)
    return Collected(facts=pull.facts)


@dataclass(frozen=True, kw_only=True)
class _Bench:
    db: DuckDBPyConnection
    scratch: Path


class _Pull:
    def __init__(self, given: Given, session: Session, bench: _Bench, watch: Watch) -> None:
        self._given, self._session, self._bench, self._watch = given, session, bench, watch
        self._schema = SCHEMAS[given.schema]
        self._files = cells.files(self._schema)
        self._plan = self._planned()
        self.facts: dict[str, list[str]] = {"files": [], "not offered": [], "empty": []}

    def _planned(self) -> Plan:
        try:
            return probing.plan(self._session, _TRIED, size=max(1, self._given.number("page_size")))
        except Unexpected as no:
            _lacking(self._session, _TRIED, no)
            raise

    def everything(self, into: Path) -> None:
        """Write what the provider holds, as a whole truth."""
        modes: dict[str, str] = {}
        for name in _wanted(self._given):
            if table := self._load(name):
                written = writing.write_bulk(self._bench.db, table, self._files[name], into, self._bench.scratch)
                if name not in written:
                    self._empty(name)
                modes |= dict.fromkeys(written, "bulk")
        writing.write_manifest(self._schema, modes, into)
        self.facts["files"] = sorted(modes)

    def _load(self, name: str, filter_: str = "") -> writing.Table | None:
        bench = self._bench
        try:
            pulled = paging.pull(self._session, bench.db, name, self._plan, bench.scratch, self._watch, filter_)
        except Unexpected as no:
            self.facts["not offered"].append(_lacking(self._session, name, no))
            return None
        self._watch(f"writing {name}")
        table = writing.load(bench.db, pulled.path, self._files[name], metadata=not self._schema.inputs)
        for path in bench.scratch.glob("*.ndjson"):
            path.unlink()
        return table

    def _empty(self, name: str) -> None:
        if name in _NEVER_EMPTY:
            raise NeedsAttention(
                f"{self._session.host} shows no {name} at all. Check what these credentials may read there."
            )
        self.facts["empty"].append(name)


def _lacking(session: Session, name: str, no: Unexpected) -> str:
    """The name of a collection that can be done without; raises for any other, with a sentence that names it."""
    if no.status not in _NOT_OFFERED:
        raise no
    if name in cells.OPTIONAL:
        return name
    if no.status == HTTPStatus.FORBIDDEN:
        do = "Let these credentials read them, or check the scopes."
    else:
        do = "Correct the address: it ends like /ims/oneroster/v1p1, before the names of collections."
    raise NeedsAttention(f"{session.host} shows no {name} at this address ({no.status}). {do}")


@contextmanager
def _bench(into: Path) -> Iterator[_Bench]:
    """A place for what is being read, beside the files, gone when they are there."""
    with tempfile.TemporaryDirectory(dir=into, prefix=".") as name:
        scratch = Path(name)
        with columns(folder=scratch, memory_mb=_MEMORY_MB, threads=_THREADS) as db:
            yield _Bench(db=db, scratch=scratch)


def _session(given: Given) -> Session:
    return Session(_access(given), policy=given.policy, pace=given.pace, limits=given.limits, now=given.now)


def _access(given: Given) -> Access:
    access = Access(
        address=given.value("address"),
        version=SCHEMAS[given.schema].version,
        way=given.value("login"),
        client_id=given.value("client_id"),
        secret=given.secrets.get("client_secret", ""),
        token_address=given.value("token_address"),
        scopes=given.value("scopes"),
        authority=given.value("authority"),
    )
    if access.way == OAUTH2 and not access.token_address:
        raise NeedsAttention("“Token address” must be given for OAuth 2: the provider's documentation names it.")
    if not access.secret:
        raise NeedsAttention("The client secret is missing. Give it: schoolpassport sources secrets.")
    return access


def _wanted(given: Given) -> list[str]:
    """The collections to be read, those that refer before those that are referred to."""
    also = given.value("also").replace(",", " ").split()
    if strange := sorted(set(also) - set(cells.OPTIONAL) - {"none"}):
        raise NeedsAttention(f"“Also” cannot hold {strange[0]!r}: it may name {', '.join(cells.OPTIONAL)}, or none.")
    return [name for name in cells.ORDER if name in {*cells.REQUIRED, *also}]


CONNECTOR = Connector(
    name="oneroster-rest",
    title="OneRoster API",
    about="A provider's OneRoster 1.1 or 1.2 API (the source's schema says which), read page by page when the run "
    "begins, and made into a package of that version: whole, or not at all.",
    settings=(
        Setting(
            name="address",
            title="Address",
            help="of the API, like https://sis.example/ims/oneroster/v1p1; a host alone gets the standard's path",
            required=True,
        ),
        Setting(
            name="login",
            title="Login",
            help="OAuth 2 client credentials, or requests signed by OAuth 1.0a",
            type=Type.CHOICE,
            choices=WAYS,
            default=OAUTH2,
        ),
        Setting(name="client_id", title="Client id", help="or consumer key, from the provider", required=True),
        Setting(name="client_secret", title="Client secret", help="or consumer secret", secret=True),
        Setting(name="token_address", title="Token address", help="where OAuth 2 gives tokens"),
        Setting(name="scopes", title="Scopes", help="separated by blanks; empty: all of rostering, read only"),
        Setting(
            name="also",
            title="Also",
            help=f"what to read besides the roster, of: {', '.join(cells.OPTIONAL)}; or none",
            default="demographics",
        ),
        Setting(
            name="page_size",
            title="Page size",
            help="how many records to ask for at once; fewer may come",
            type=Type.NUMBER,
            default="2000",
        ),
        Setting(
            name="authority",
            title="Certificate authority",
            help="PEM, when the server's certificate is signed by an authority of your own",
            type=Type.LINES,
        ),
    ),
    check=_check,
    collect=_collect,
    schemas=("oneroster-1.1", "oneroster-1.2"),
)
