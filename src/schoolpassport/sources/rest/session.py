"""One page of one collection, asked for with the right to have it: the address, the login, the shape of the answer."""

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec

from schoolpassport.kit.egress import Policy
from schoolpassport.kit.http import ANSWER, Answer, Client, Limits, Pace, Unexpected
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources.rest import signing

Record = dict[str, Any]
OAUTH2: Final = "oauth2"
WAYS: Final = (OAUTH2, *signing.METHODS)
PATHS: Final = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}
# OneRoster 1.2 serves these beside the rostering, below the same host (1.2, 3.1).
_SERVICES: Final = {
    "resources": "/resources/",
    **dict.fromkeys(("categories", "lineItems", "results", "scoreScales"), "/gradebook/"),
    **dict.fromkeys(("assessmentLineItems", "assessmentResults"), "/gradebook/"),
}
_SCOPES: Final = "roster.readonly roster-demographics.readonly"


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where a provider is, and how it lets us in. ``version`` is that of OneRoster."""

    address: str
    version: str
    way: str
    client_id: str
    secret: str = field(repr=False)
    token_address: str = ""
    scopes: str = ""
    authority: str = field(default="", repr=False)

    @property
    def base(self) -> str:
        """The address, with the standard's path where only a host was given. Raises ``NeedsAttention``."""
        base = self.address.rstrip("/")
        path = urlsplit(base).path
        other = {"1.1": "v1p2", "1.2": "v1p1"}[self.version]
        if other in path.split("/"):
            raise NeedsAttention(
                f"The address is that of OneRoster {other[1]}.{other[3]}, but this source is set to OneRoster "
                f"{self.version}. Correct the address, or make the source anew with the other schema."
            )
        return base if path else base + PATHS[self.version]

    @property
    def asked_scopes(self) -> str:
        prefix = f"https://purl.imsglobal.org/spec/or/v{self.version.replace('.', 'p')}/scope/"
        return self.scopes or " ".join(prefix + name for name in _SCOPES.split())


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one answer said. ``total`` and ``following`` are claims of the provider's headers."""

    records: list[Record] = field(repr=False)
    ids: list[str] = field(repr=False)
    total: int | None
    following: str = field(repr=False)
    date: datetime | None


class Session:
    """Asks a provider, page by page. To be closed: ``with Session(…) as session``."""

    def __init__(self, access: Access, *, policy: Policy, pace: Pace, limits: Limits, now: datetime) -> None:
        self.access, self.base, self.now = access, access.base, now
        self._begun = time.monotonic()
        self._pace = pace
        self.limits = limits
        self._answer_limits = Limits(
            bytes=min(ANSWER.bytes, limits.bytes),
            seconds=min(ANSWER.seconds, limits.seconds),
            silence=min(ANSWER.silence, limits.silence),
        )
        self._client = Client(policy=policy, pace=pace, authorities=access.authority)
        self._token, self._below = "", ""
        self.date = now  # by the provider's own clock, where it tells
        self.answered: datetime | None = None  # the earliest of these: what a cache kept bears the time of its making

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__()

    @property
    def host(self) -> str:
        return urlsplit(self.base).hostname or ""

    @contextmanager
    def below(self, collection: str, id_: str) -> Iterator[None]:
        """Within it, collections are those of one record: ``/classes/4711/resources``."""
        self._below = f"{collection}/{quote(id_, safe='')}/"
        try:
            yield
        finally:
            self._below = ""

    def page(self, collection: str, **query: str) -> Page:
        """One page. Raises ``Unexpected``, ``NeedsAttention`` and ``Retry``."""
        return self._read(self._address(collection, query), collection)

    def follow(self, page: Page, collection: str) -> Page:
        """The page after, where the provider says it is: on its own host, or nowhere."""
        here = urlsplit(self.base)
        target = urlsplit(urljoin(f"{self._address(collection, {})}", page.following))
        if (target.hostname or "").lower() != (here.hostname or "").lower() or target.scheme not in {"http", "https"}:
            raise NeedsAttention(
                f"{self.host} sends us to another host for the rest of its {collection}, which is not followed. "
                "Let it link to itself."
            )
        # Behind a proxy, providers name the scheme and the port they see. Both are taken from the address given.
        url = f"{here.scheme}://{here.netloc}{target.path}" + (f"?{target.query}" if target.query else "")
        return self._read(url, collection)

    def _address(self, collection: str, query: Mapping[str, str]) -> str:
        base = self.base
        if service := _SERVICES.get(collection) if self.access.version == "1.2" else None:
            base = base.replace("/rostering/", service)
        return f"{base}/{self._below}{collection}" + (f"?{urlencode(query, quote_via=quote, safe='')}" if query else "")

    def _read(self, url: str, collection: str) -> Page:
        """A garbled page is asked for again: it may be a glitch of a proxy, and much was read before it."""
        for attempt in range(1, self._pace.tries + 1):
            answer = self._get(url)
            try:
                page = _page(answer, collection, self.host)
            except Retry:
                if attempt == self._pace.tries:
                    raise
                time.sleep(self._pace.pause(attempt))
            else:
                self.date = page.date or self.date
                self.answered = min(self.date, self.answered or self.date) if page.date else self.answered
                return page
        raise AssertionError  # pragma: no cover (the last try returns or raises)

    def _get(self, url: str) -> Answer:
        """With one new token when the old one is not taken any more; what is refused after that is refused."""
        fresh = self.access.way == OAUTH2 and not self._token
        try:
            return self._client.get(url, sign=self._sign, limits=self._answer_limits)
        except Unexpected as no:
            if no.status != HTTPStatus.UNAUTHORIZED or self.access.way != OAUTH2 or fresh:
                raise
        self._token = ""
        return self._client.get(url, sign=self._sign, limits=self._answer_limits)

    def _sign(self, url: str) -> dict[str, str]:
        access = self.access
        if access.way == OAUTH2:
            self._token = self._token or self._new_token()
            return {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        now = self.now + timedelta(seconds=time.monotonic() - self._begun)
        header = signing.authorization(
            url, way=access.way, key=access.client_id, secret=access.secret, stamp=int(now.timestamp())
        )
        return {"Authorization": header, "Accept": "application/json"}

    def _new_token(self) -> str:
        """The login in the header as the standard says, else in the form, as many want it (RFC 6749, 2.3.1)."""
        access = self.access
        form = {"grant_type": "client_credentials", "scope": access.asked_scopes}
        both = f"{quote(access.client_id, safe='')}:{quote(access.secret, safe='')}"
        header = {"Authorization": f"Basic {_base64(both)}", "Accept": "application/json"}
        try:
            answer = self._client.post(access.token_address, form=form, headers=header, limits=self._answer_limits)
        except Unexpected as no:
            if no.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise
            answer = self._token_by_form(form)
        said = answer.json()
        token = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise NeedsAttention(f"{_host(access.token_address)} gave no token. Check the token address.")
        return token

    def _token_by_form(self, form: Mapping[str, str]) -> Answer:
        access = self.access
        login = {"client_id": access.client_id, "client_secret": access.secret}
        try:
            return self._client.post(
                access.token_address,
                form={**form, **login},
                headers={"Accept": "application/json"},
                limits=self._answer_limits,
            )
        except Unexpected as no:
            raise Unexpected(
                no.status,
                f"{_host(access.token_address)} gives no token for these credentials ({no.status}). Check client id "
                "and secret, the token address, and whether the scopes are allowed to this client.",
            ) from None


def _page(answer: Answer, collection: str, host: str) -> Page:
    try:
        said = msgspec.json.decode(answer.body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Retry(300, f"{host} answered with what is not JSON. It is tried again.") from None
    records = _records(said, collection, host)
    return Page(
        records=records,
        ids=[_id(r) for r in records],
        total=_total(answer.headers),
        following=_following(answer.headers.get("Link", "")),
        date=_date(answer.headers.get("Date", "")),
    )


def _records(said: Any, collection: str, host: str) -> list[Record]:  # noqa: ANN401 (JSON of a stranger; checked here)
    """The list of the envelope: named as the standard says, in any case, or the only list there is."""
    if isinstance(said, dict):
        named = {name.casefold(): value for name, value in said.items()}
        lists = [value for value in said.values() if isinstance(value, list)]
        if collection.casefold() in named:
            said = named[collection.casefold()]
        elif len(lists) == 1 and not any(name.startswith("imsx_") for name in named):
            said = lists[0]
        else:
            said = [None, ""]  # success by its status, and no collection in it
    listed = said if isinstance(said, list) else [] if said is None else [said]
    records = [r for r in listed if isinstance(r, dict)]
    if any(not isinstance(r, dict | None) for r in listed):
        raise NeedsAttention(
            f"{host} answered without a list of {collection}, though it says that all is well. Check the address, or "
            "ask those who look after it."
        )
    return records


def _id(record: Record) -> str:
    id_ = record.get("sourcedId")
    return str(id_).strip() if isinstance(id_, str | int) else ""


def _total(headers: Mapping[str, str]) -> int | None:
    said = headers.get("X-Total-Count", "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 12 else None  # noqa: PLR2004 (no roster has more)


def _following(link: str) -> str:
    """The target of ``rel=next`` (RFC 8288), however it is quoted and cased; "" when there is none."""
    for part in link.split("<")[1:]:
        target, _, parameters = part.partition(">")
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "rel" and "next" in value.strip(" ,\"'").lower().split():
                return target.strip()
    return ""


def _date(said: str) -> datetime | None:
    try:
        return parsedate_to_datetime(said).astimezone(UTC)
    except (TypeError, ValueError, IndexError):
        return None


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _host(url: str) -> str:
    return urlsplit(url).hostname or "The token address"
