"""The only way out to the web. Nothing is followed, believed or waited for beyond what is said here.

Connections are opened by ``kit.egress``. Certificates are verified for the name that was asked for. No proxy, password
file or certificate is taken from the environment. A body counts only if it is whole: cut, longer than announced, packed
badly, or a web page where data should be, it is an error. What may pass by itself is tried again, with growing pauses;
what remains is a ``Retry`` or a ``NeedsAttention`` whose sentence names the host and nothing else of the address.
"""

import itertools
import json
import logging
import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import httpcore
import httpx

from schoolpassport.kit import egress
from schoolpassport.kit.egress import Deadline, Policy
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.wholefile import whole_file
from schoolpassport.kit.wire import Stream, Transport, verifying

MB, GB = 1024**2, 1024**3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_ACTED_ON: Final = frozenset({429, 503})  # what refuses a POST before it did anything
_CHUNK = 1 << 16
_SURPLUS_SECONDS = 0.2
_LONGEST_PAUSE = 6 * 3600.0
_PAGE_SIGNS: Final = (b"<!doctype html", b"<html", b"<head")
Got = TypeVar("Got")

# Both write addresses with their queries at INFO, and headers at DEBUG.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of one answer, for how long in all, and how long without a byte."""

    bytes: int
    seconds: float
    silence: float = 30.0


ANSWER: Final = Limits(bytes=64 * MB, seconds=120)
FILE: Final = Limits(bytes=20 * GB, seconds=3600)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often, and how fast, what may pass is tried again.

    ``patience`` is the longest pause that is waited for here; a longer one is left to whoever plans the job.
    """

    tries: int = 4
    first: float = 1.0
    longest: float = 30.0
    patience: float = 60.0

    def pause(self, attempt: int) -> float:
        """Doubling, and anywhere in the upper half: many that failed together do not come back together."""
        most: float = min(self.longest, self.first * 2.0 ** (attempt - 1))
        return most * (0.5 + random.random() / 2)  # noqa: S311 (no secret)


USUAL: Final = Pace()


class Unexpected(NeedsAttention):
    """An answer with a status that says no. Who knows better than the sentence looks at ``status``."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer. ``url`` is where it came from in the end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # looked up in any case
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 (whoever asked knows what to expect, and must check it)
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Retry(
                300, f"{_host(httpx.URL(self.url))} answered with what is not JSON. It is tried again."
            ) from None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the other side made of something that was handed over. ``status`` None: it did not answer.

    ``after``: for how many seconds it wants to be left alone. ``sentence`` says why it was not accepted.
    """

    status: int | None
    sentence: str = ""
    after: float = 0.0

    @property
    def accepted(self) -> bool:
        return self.status is not None and not self.sentence


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A file that is completely there."""

    path: Path
    size: int
    headers: Mapping[str, str] = field(repr=False)


class Client:
    """Calls other machines, one after the other. To be closed: ``with http.Client(…) as client``.

    ``authorities`` are certificates (PEM) to be trusted besides the usual ones. Redirects lead out like any address.
    """

    def __init__(self, *, policy: Policy, pace: Pace = USUAL, authorities: str = "", redirects: int = 0) -> None:
        self._transport = Transport(policy, verifying(authorities))
        # Time is kept by the connections themselves; only whoever waits for one to be free must be told when to stop.
        self._client = httpx.Client(transport=self._transport, trust_env=False, timeout=httpx.Timeout(None, pool=5))
        self._pace, self._redirects = pace, redirects

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        sign: Callable[[str], Mapping[str, str]] | None = None,
        limits: Limits = ANSWER,
    ) -> Answer:
        """A whole answer with a status below 300. Raises ``Unexpected``, ``NeedsAttention`` and ``Retry``.

        ``sign`` gives more headers for the address as it is sent, anew for each try: a signature counts once.
        """
        request = self._request("GET", url, headers, params=params)

        def call(deadline: Deadline) -> Answer:
            if sign:
                request.headers.update(sign(str(request.url)))
            return self._answer(request, limits, deadline)

        return self._tried(call, limits, _PASSING)

    def post(
        self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None, limits: Limits = ANSWER
    ) -> Answer:
        """The same for a form; tried again only where it surely had no effect."""
        request = self._request("POST", url, headers, form=form)
        return self._tried(lambda deadline: self._answer(request, limits, deadline), limits, _NOT_ACTED_ON)

    def hand_over(self, url: str, *, content: bytes, headers: Mapping[str, str], limits: Limits = ANSWER) -> Reply:
        """Post ``content`` once. Accepted is any status below 300; what is answered beside it is not read."""
        try:
            request = self._request("POST", url, headers, content=content)
            with self._answered(request, limits, Deadline(limits.seconds)) as response:
                return Reply(status=response.status_code)
        except _Failed as failed:
            return Reply(status=failed.status or None, sentence=failed.sentence, after=failed.after or 0.0)
        except Unexpected as refused:
            return Reply(status=refused.status, sentence=refused.sentence)
        except NeedsAttention as wrong:
            return Reply(status=None, sentence=wrong.sentence)

    def download(
        self, url: str, into: Path, *, headers: Mapping[str, str] | None = None, limits: Limits = FILE
    ) -> Downloaded:
        """Write the answer to the file ``into``: all of it, or nothing. An answer that may be cut unseen is refused."""
        request = self._request("GET", url, {"Connection": "close", **(headers or {})})
        return self._tried(lambda deadline: self._file(request, into, limits, deadline), limits, _PASSING)

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Request:
        parsed = _parsed(url)
        if params:
            parsed = parsed.copy_merge_params(dict(params))
        sent = {"User-Agent": "SchoolPassport", **(headers or {}), "Accept-Encoding": "gzip"}
        return self._client.build_request(
            method, parsed, headers=sent, data=dict(form) if form else None, content=content
        )

    def _tried(self, call: Callable[[Deadline], Got], limits: Limits, passing: frozenset[int]) -> Got:
        deadline = Deadline(limits.seconds)  # for all tries together
        for attempt in itertools.count(1):
            try:
                return call(deadline)
            except _Failed as failed:
                pause = self._pace.pause(attempt) if failed.after is None else failed.after
                again = failed.status in passing or not failed.acted
                if not again or attempt >= self._pace.tries or pause > self._pace.patience or deadline.over(pause):
                    raise Retry(min(max(pause, 60.0), _LONGEST_PAUSE), failed.sentence) from None
            time.sleep(pause)
        raise AssertionError  # pragma: no cover (the loop has no end)

    @contextmanager
    def _answered(self, request: httpx.Request, limits: Limits, deadline: Deadline) -> Iterator[httpx.Response]:
        """An answer whose status is fine and whose body is still to come; what fails on the way gets its name here."""
        host, reading = _host(request.url), request.method == "GET"
        try:
            with ExitStack() as stack:
                response = self._followed(request, limits, deadline, stack)
                _check_status(response, acted=not reading)
                yield response
        except Retry as unreachable:
            raise _Failed(unreachable.sentence, acted=False) from None
        except (httpcore.TimeoutException, TimeoutError):
            sentence = f"{host} was too slow: the answer was not complete in time. It is tried again later."
            raise _Failed(sentence, acted=not reading) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.DecodingError):
            sentence = f"{host} broke off in the middle of its answer, or garbled it. It is tried again."
            raise _Failed(sentence, acted=not reading) from None

    def _followed(self, request: httpx.Request, limits: Limits, deadline: Deadline, stack: ExitStack) -> httpx.Response:
        self._transport.begin(deadline, limits.silence)
        for _ in range(self._redirects + 1):
            response = self._client.send(request, stream=True)
            stack.callback(response.close)
            if response.status_code not in _REDIRECTS or not self._redirects:
                return response
            response.close()
            request = self._redirected(request, response)
        raise NeedsAttention(f"{_host(request.url)} leads on and on. Give the address where the data is.")

    def _redirected(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        """The next address, with what was confided to the first one only if it is the same place."""
        try:
            target = request.url.join(response.headers.get("Location", ""))
        except httpx.InvalidURL:
            raise NeedsAttention(f"{_host(request.url)} leads to an address that makes no sense.") from None
        if request.url.scheme == "https" and target.scheme != "https":
            raise NeedsAttention(f"{_host(request.url)} leads to an address without https, which is not followed.")
        kept = request.headers if _origin(target) == _origin(request.url) else {}
        headers = {name: value for name, value in kept.items() if name.lower() not in {"host", "content-length"}}
        return self._request("GET", str(target), headers)

    def _answer(self, request: httpx.Request, limits: Limits, deadline: Deadline) -> Answer:
        with self._answered(request, limits, deadline) as response:
            body = b"".join(_body(response, limits.bytes))
            _check_surplus(response, seconds=0)
            _refuse_page(response, body)
            return Answer(
                status=response.status_code, headers=response.headers, body=body, url=str(response.request.url)
            )

    def _file(self, request: httpx.Request, into: Path, limits: Limits, deadline: Deadline) -> Downloaded:
        with self._answered(request, limits, deadline) as response, whole_file(into) as file:
            if not _tells_its_end(response):
                raise NeedsAttention(
                    f"{_host(request.url)} does not say how long its answer is, so a cut file would look like a whole "
                    "one. Let it send Content-Length."
                )
            size = 0
            for chunk in _body(response, limits.bytes):
                if not size:
                    _refuse_page(response, chunk)
                size += file.write(chunk)
            _check_surplus(response, seconds=_SURPLUS_SECONDS)
            return Downloaded(path=into, size=size, headers=response.headers)


# ----------------------------------------------------------------------------------------------------------- addresses


def check_address(url: str) -> None:
    """Raises ``NeedsAttention`` for what cannot be an address; where it leads is judged when it is called."""
    _parsed(url)


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host
    except (httpx.InvalidURL, ValueError, TypeError):
        raise NeedsAttention("The address makes no sense. It begins with https:// and a host.") from None
    if parsed.scheme not in {"https", "http"} or not host:
        raise NeedsAttention("The address must begin with https:// and a host.")
    if parsed.userinfo:
        raise NeedsAttention("The address holds a name or a password. Give these in their own settings.")
    return parsed


def _host(url: httpx.URL) -> str:
    return egress.shown(url.host)


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


# ------------------------------------------------------------------------------------------------------------- answers


class _Failed(Exception):
    """One try failed in a way that may pass. ``acted`` when the other side may have done what it was asked."""

    def __init__(self, sentence: str, *, acted: bool, status: int = 0, after: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.acted, self.status, self.after = sentence, acted, status, after


def _check_status(response: httpx.Response, *, acted: bool) -> None:
    status, host = response.status_code, _host(response.request.url)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in _PASSING:
        why = "asks to be called less often" if status == HTTPStatus.TOO_MANY_REQUESTS else f"has a fault ({status})"
        sentence = f"{host} {why}. It is tried again later."
        raise _Failed(sentence, acted=acted, status=status, after=_retry_after(response.headers))
    if status in _REDIRECTS:
        said = f"{host} answers that the data is elsewhere ({status}). Give the address where it is now."
    elif status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        said = f"{host} does not accept the credentials ({status}). Check them, and what they may read there."
    elif status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        said = f"{host} has nothing at this address ({status}). Correct the address."
    else:
        said = f"{host} refuses the request ({status}). Check the settings, or ask those who look after it."
    raise Unexpected(status, said)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds, whichever way they are told. A date counts from the other side's own, whatever our clock says."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), _LONGEST_PAUSE)
    try:
        until, since = parsedate_to_datetime(said), parsedate_to_datetime(headers.get("Date", ""))
        return min(max((until - since).total_seconds(), 0.0), _LONGEST_PAUSE)
    except (TypeError, ValueError, IndexError):
        return None


def _tells_its_end(response: httpx.Response) -> bool:
    framed = "content-length" in response.headers or "chunked" in response.headers.get("transfer-encoding", "").lower()
    return framed or response.headers.get("content-encoding", "").lower() in {"gzip", "x-gzip"}


def _refuse_page(response: httpx.Response, start: bytes) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    page = start[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE_SIGNS)
    if page or (kind in {"text/html", "application/xhtml+xml"} and start):
        raise NeedsAttention(
            f"{_host(response.request.url)} answered with a web page, as for a person who must log in, instead of "
            "data. Check the address and the credentials."
        )


def _body(response: httpx.Response, most: int) -> Iterator[bytes]:
    """The body, unpacked, until it is complete. Neither what is sent nor what it unpacks to exceeds ``most`` bytes."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip"}:
        raise NeedsAttention(f"{_host(response.request.url)} packs its answers in a way that nobody asked for.")
    raw = _capped(response, response.iter_raw(_CHUNK), most)
    yield from raw if encoding in {"identity", ""} else _capped(response, _unzipped(raw), most)


def _capped(response: httpx.Response, chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise NeedsAttention(
                f"{_host(response.request.url)} sent more than {most:,} bytes, which is the most that is taken. "
                "See that the address is the right one."
            )
        yield chunk


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    engine, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    for packed in chunks:
        rest = packed
        while rest:
            if engine.eof:  # several gzip members, one after the other, are one file
                engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
            begun = True
            try:
                unpacked = engine.decompress(rest, _CHUNK)
            except zlib.error:
                raise httpx.DecodingError("bad gzip") from None
            rest = engine.unconsumed_tail or engine.unused_data
            yield unpacked
    while begun and not engine.eof and (unpacked := engine.decompress(b"", _CHUNK)):
        yield unpacked
    if begun and not engine.eof:
        raise httpx.DecodingError("cut gzip")


def _check_surplus(response: httpx.Response, *, seconds: float) -> None:
    """A body that is longer than announced was cut where it was announced to end.

    A file may be cut where nobody sees it, so the rest is waited for. An answer is asked for by the hundred, and read
    as a document, which is none when it is cut.
    """
    announced, stream = response.headers.get("content-length", ""), response.extensions.get("network_stream")
    if announced.isdigit() and isinstance(stream, Stream) and stream.surplus(int(announced), seconds=seconds):
        raise httpcore.RemoteProtocolError("more than announced")
