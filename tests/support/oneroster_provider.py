"""A OneRoster provider over real HTTP that behaves as the real ones do: each quirk is a field.

What it serves is made from the rows of a CSV package, so a test can hold what was pulled against what there is.
"""

import base64
import hmac
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from oauthlib.oauth1.rfc5849 import signature as rfc5849
from oauthlib.oauth1.rfc5849.utils import escape

from tests.support.packages import Package, Row

PATH = "/ims/oneroster/v1p1"
PATHS_1P2 = {
    **dict.fromkeys(("lineItems", "results", "categories"), "/ims/oneroster/gradebook/v1p2"),
    "resources": "/ims/oneroster/resources/v1p2",
}
ID, SECRET = "client-17", "s3cr3t-8b1f60"
STAMP = "2026-08-20T05:00:00.000Z"
NOW = 1_788_242_400.0  # 2026-09-01T06:00:00Z: what its clock says
REFERENCES = {
    "parentSourcedId": ("parent", "org"),
    "schoolYearSourcedId": ("schoolYear", "academicSession"),
    "orgSourcedId": ("org", "org"),
    "orgSourcedIds": ("orgs", "org"),
    "courseSourcedId": ("course", "course"),
    "schoolSourcedId": ("school", "org"),
    "termSourcedIds": ("terms", "academicSession"),
    "agentSourcedIds": ("agents", "user"),
    "classSourcedId": ("class", "class"),
    "userSourcedId": ("user", "user"),
}
LISTS = {"grades", "subjects", "subjectCodes", "periods"}
BOOLEANS = {"enabledUser", "primary", "asian", "white", "hispanicOrLatinoEthnicity"}

Record = dict[str, Any]
Fault = Callable[["Handler"], None]


@dataclass
class Quirks:
    """``faults``: number of a request for data → what happens instead. ``drift``: called before each such request."""

    clamp: int = 0
    refuse_above: int = 0
    ignores_limit: bool = False
    ignores_offset: bool = False
    cursor: bool = False  # paged by its own links only
    past_end: int = 200
    total: str = "true"  # true, none, page (counts the page), more (counts what it does not show)
    link: str = "none"  # none, good, lower, relative, other host, http
    sorts: bool = True
    shuffles: bool = False
    filters: str = "true"  # true, ignored, refused, status only, days (of which it takes whole ones only)
    booleans: str = "text"  # text, json, capital, digit
    numbers: bool = False
    singles: bool = False  # a list of one is given as the one
    bare: bool = False  # references are ids
    nulls: bool = False  # what is not there is null
    cased: bool = False  # words of enumerations in upper case
    extras: bool = False
    bom: bool = False
    envelope: str = ""
    hides_deleted: bool = False
    keeps_dates: bool = False  # dateLastModified does not move
    dates: str = "true"  # true, none, answer (that of the answer), future, same
    missing: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    token_life: int = 0  # requests
    login_by_form: bool = False
    nothing_is_404: bool = False  # of the resources of a class that uses none
    refuses_below: bool = False
    faults: dict[int, Fault] = field(default_factory=dict)
    drift: Callable[["Provider", int], None] | None = None


@dataclass
class Provider:
    """The records by collection, in the order in which they are served."""

    world: dict[str, list[Record]]
    quirks: Quirks
    port: int = 0
    version: str = "1.1"
    clock: float = NOW
    uses: dict[str, list[str]] | None = None  # classes/k1 → resources; None: nobody tells
    asked: list[str] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    nonces: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(7), repr=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path_of('users')}"

    def path_of(self, collection: str) -> str:
        if self.version == "1.2":
            return PATHS_1P2.get(collection, "/ims/oneroster/rostering/v1p2")
        return PATH

    @property
    def token_address(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def settings(self, **more: str) -> dict[str, str]:
        return {"address": self.address, "token_address": self.token_address, "client_id": ID, **more}

    def set(self, package: Package, *, stamp: str = STAMP) -> None:
        """Hold what the package says; what it changes gets the stamp, what it lacks is called deleted."""
        said = {file: {r["sourcedId"]: record(file, r) for r in rows} for file, rows in package.rows.items()}
        for file in said.keys() | self.world.keys():
            old = {r["sourcedId"]: r for r in self.world.get(file, [])}
            self.world[file] = [
                *(self._kept(old.get(key), new, stamp) for key, new in said.get(file, {}).items()),
                *(self._dropped(r, stamp) for key, r in old.items() if key not in said.get(file, {})),
            ]

    def _kept(self, old: Record | None, new: Record, stamp: str) -> Record:
        same = old is not None and {**old, "dateLastModified": ""} == {**new, "dateLastModified": ""}
        still = same or (old is not None and self.quirks.keeps_dates)
        return {**new, "dateLastModified": old["dateLastModified"] if old and still else stamp}

    def _dropped(self, old: Record, stamp: str) -> Record:
        gone = old["status"] == "tobedeleted" or self.quirks.keeps_dates
        return {**old, "status": "tobedeleted", "dateLastModified": old["dateLastModified"] if gone else stamp}


def record(file: str, row: Row) -> Record:
    """A row of the CSV as the JSON of the same thing, as the standard writes it."""
    made: Record = {"sourcedId": row["sourcedId"], "status": "active", "dateLastModified": STAMP}
    metadata = {c.removeprefix("metadata."): v for c, v in row.items() if c.startswith("metadata.") and v}
    for column, cell in row.items():
        if not cell or column in made or column.startswith("metadata.") or column == "password":
            continue
        if column in REFERENCES:
            name, kind = REFERENCES[column]
            kind = "academicSession" if (file, name) == ("academicSessions", "parent") else kind
            refs = [{"href": f"https://x.example/{kind}s/{i}", "sourcedId": i, "type": kind} for i in cell.split(",")]
            made[name] = refs if column.endswith("Ids") else refs[0]
        elif column == "userIds":
            pairs = [p.strip("{}").split(":", 1) for p in cell.split(",")]
            made[column] = [{"type": kind, "identifier": id_} for kind, id_ in pairs]
        else:
            made[column] = cell.split(",") if column in LISTS else cell
    return made | ({"metadata": metadata} if metadata else {})


def provider(package: Package, quirks: Quirks | None = None) -> Provider:
    world = {file: [record(file, r) for r in rows] for file, rows in package.rows.items()}
    return Provider(world, quirks or Quirks())


def provider_1p2(package: Package, quirks: Quirks | None = None) -> Provider:
    """The same roster as OneRoster 1.2 tells it: a user's role and orgs are roles, in a list."""
    made = provider(package, quirks)
    made.version = "1.2"
    for person in made.world["users"]:
        role, orgs = person.pop("role"), person.pop("orgs")
        kinds = ["primary", *["secondary"] * (len(orgs) - 1)]
        person["roles"] = [{"roleType": k, "role": role, "org": org} for k, org in zip(kinds, orgs, strict=True)]
    return made


@contextmanager
def serving(made: Provider) -> Iterator[Provider]:
    handler = type("Handling", (Handler,), {"provider": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        made.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()


# ------------------------------------------------------------------------------------------------------------- faults


def status(code: int, **headers: str) -> Fault:
    return lambda h: h.say(code, b"{}", {n.replace("_", "-"): v for n, v in headers.items()})


def page_for_people(h: "Handler") -> None:
    h.say(200, b"<!DOCTYPE html><html><body>Log in</body></html>", {"Content-Type": "text/html"})


def cut(h: "Handler") -> None:
    h.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"users": [')
    h.close_connection = True


def cut_in_a_chunk(h: "Handler") -> None:
    h.wfile.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n{"users": [')
    h.close_connection = True


def half_a_document(h: "Handler") -> None:
    h.say(200, b'{"users": [{"sourcedId": "u1"}')


def success_without_data(h: "Handler") -> None:
    h.say(200, b'{"imsx_codeMajor": "failure", "imsx_description": "try later"}')


# ------------------------------------------------------------------------------------------------------------ serving


class Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet; two would wait for one another

    def log_message(self, *_: object) -> None:
        pass

    def say(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(code)
        given = {
            "Content-Type": "application/json",
            "Date": formatdate(self.provider.clock, usegmt=True),
            **(headers or {}),
        }
        for name, value in {**given, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        by_form = form.get("client_id") == [ID] and form.get("client_secret") == [SECRET]
        basic = self.headers.get("Authorization", "").startswith("Basic ") and not self.provider.quirks.login_by_form
        if self.path != "/token" or not (by_form or (basic and self._is_login())):
            self.say(401, b"{}")
            return
        token = f"token-{len(self.provider.tokens)}"
        self.provider.tokens[token] = 0
        self.say(200, json.dumps({"access_token": token, "token_type": "bearer", "expires_in": 3600}).encode())

    def _is_login(self) -> bool:
        return base64.b64decode(self.headers["Authorization"][6:]).decode() == f"{ID}:{SECRET}"

    def do_GET(self) -> None:
        made, parts = self.provider, urlsplit(self.path)
        with made.lock:
            number = len(made.asked)
            made.asked.append(self.path)
            if not self._allowed():
                self.say(401, b"{}")
            elif number in made.quirks.faults:
                made.quirks.faults[number](self)
            else:
                if made.quirks.drift:
                    made.quirks.drift(made, number)
                path, _, name = parts.path.rpartition("/")
                query, base = dict(parse_qsl(parts.query)), made.path_of(name)
                if below := re.fullmatch(rf"{re.escape(base)}/(classes|courses|users)/([^/]+)", path):
                    self._below(below[1], unquote(below[2]), query)
                else:
                    self._collection(name if path == base else "nothing", query)

    def _allowed(self) -> bool:
        said = self.headers.get("Authorization", "")
        if said.startswith("OAuth "):
            return self._is_signed(said)
        token = said.removeprefix("Bearer ")
        if token not in self.provider.tokens:
            return False
        self.provider.tokens[token] += 1
        life = self.provider.quirks.token_life
        return not life or self.provider.tokens[token] <= life

    def _is_signed(self, said: str) -> bool:
        given = dict(re.findall(r'(\w+)="([^"]*)"', said))
        signature = next(v for _, v in parse_qsl(f"x={given.pop('oauth_signature')}"))
        if given["oauth_nonce"] in self.provider.nonces:
            return False
        self.provider.nonces.add(given["oauth_nonce"])
        url = f"http://{self.headers['Host']}{self.path}"
        signed = [*given.items(), *parse_qsl(urlsplit(url).query, keep_blank_values=True)]
        base = rfc5849.signature_base_string("GET", rfc5849.base_string_uri(url), rfc5849.normalize_parameters(signed))
        algorithm = {"HMAC-SHA256": "sha256", "HMAC-SHA1": "sha1"}[given["oauth_signature_method"]]
        made = hmac.digest(f"{escape(SECRET)}&".encode(), base.encode(), algorithm)
        return base64.b64encode(made).decode() == signature

    def _collection(self, name: str, query: dict[str, str]) -> None:
        made, quirks = self.provider, self.provider.quirks
        made.hits[name] += 1
        if name in quirks.missing or name in quirks.forbidden or name not in made.world:
            self.say(403 if name in quirks.forbidden else 404, b"{}")
            return
        if quirks.refuse_above and int(query.get("limit", 100)) > quirks.refuse_above:
            self.say(400, b'{"imsx_codeMinor": "invalid data"}')
            return
        no_day = quirks.filters == "days" and re.search("'.*T.*'", query.get("filter", ""))
        if "filter" in query and (quirks.filters == "refused" or no_day):
            self.say(400, b'{"imsx_codeMinor": "invalid_filter_field"}')
            return
        self._records(name, query, self._chosen(name, query))

    def _below(self, owners: str, id_: str, query: dict[str, str]) -> None:
        """The resources of one class: what the world says that it uses."""
        made, used = self.provider, self.provider.uses
        made.hits[f"{owners}/resources"] += 1
        known = [] if used is None else used.get(f"{owners}/{id_}", [])
        if used is None or (made.quirks.nothing_is_404 and not known):
            self.say(404, b"{}")
            return
        if made.quirks.refuses_below:
            self.say(403, b"{}")
            return
        self._records("resources", query, [r for r in made.world["resources"] if r["sourcedId"] in known])

    def _chosen(self, name: str, query: dict[str, str]) -> list[Record]:
        made, quirks = self.provider, self.provider.quirks
        found = [self._dated(r) for r in made.world[name]]
        if quirks.hides_deleted:
            found = [r for r in found if r["status"] != "tobedeleted"]
        if "filter" in query and quirks.filters != "ignored":
            field_, operator, value = re.fullmatch(r"(\w+)(>|=)'(.*)'", query["filter"]).groups()
            if operator == ">" and quirks.filters == "days":
                found = [r for r in found if r.get(field_, "")[:10] > value]
            elif operator == ">" and quirks.filters != "status only":
                found = [r for r in found if r.get(field_, "") > value]
            elif operator == "=":
                found = [r for r in found if r.get(field_) == value]
        if quirks.sorts and "sort" in query:
            found.sort(key=lambda r: r.get(query["sort"], ""), reverse=query.get("orderBy") == "desc")
        elif quirks.shuffles:
            made.chance.shuffle(found)
        return found

    def _dated(self, told: Record) -> Record:
        how = self.provider.quirks.dates
        if how == "none":
            return {n: v for n, v in told.items() if n != "dateLastModified"}
        instead = {
            "answer": f"2026-09-01T06:00:{len(self.provider.asked) % 60:02}.000Z",
            "future": "2031-01-01T00:00:00.000Z",
            "same": "2026-09-01T00:00:00.000Z",
        }.get(how)
        return {**told, "dateLastModified": instead} if instead else told

    def _records(self, name: str, query: dict[str, str], found: list[Record]) -> None:
        quirks = self.provider.quirks
        limit = len(found) if quirks.ignores_limit else int(query.get("limit", 100))
        limit = min(limit, quirks.clamp) if quirks.clamp else limit
        offset = int(query.get("after", 0)) if quirks.cursor else int(query.get("offset", 0))
        offset = 0 if quirks.ignores_offset else offset
        page = found[offset : offset + limit]
        if offset and offset >= len(found) and quirks.past_end != 200:
            self.say(quirks.past_end, b"{}")
            return
        headers = self._headers(query, offset + limit, len(found), len(page))
        said: Any = [self._spoken(r) for r in page]
        if quirks.singles and len(said) == 1:
            said = said[0]
        body = json.dumps({quirks.envelope or name: said}, indent=1).encode()
        self.say(200, (b"\xef\xbb\xbf" if quirks.bom else b"") + body, headers)

    def _headers(self, query: dict[str, str], reached: int, total: int, page: int) -> dict[str, str]:
        quirks, headers = self.provider.quirks, {}
        told = {"true": total, "page": page, "more": total + 7}.get(quirks.total)
        if told is not None:
            headers["X-Total-Count"] = str(told)
        if quirks.link != "none" and reached < total:
            after = {**query, ("after" if quirks.cursor else "offset"): str(reached)}
            place = f"{urlsplit(self.path).path}?{urlencode(after, quote_via=quote)}"
            host = f"http://127.0.0.1:{self.provider.port}"
            if quirks.link == "other host":
                host = f"http://localhost:{self.provider.port}"
            url = place if quirks.link == "relative" else host + place
            form = f"<{url}>; rel=next" if quirks.link == "lower" else f'<{url}>; rel="next", <{host}>; rel="first"'
            headers["link" if quirks.link == "lower" else "Link"] = form
        return headers

    def _spoken(self, told: Record) -> Record:
        quirks, said = self.provider.quirks, dict(told)
        for name in BOOLEANS & said.keys():
            on = said[name] == "true"
            words = {"json": on, "capital": str(on), "digit": int(on)}
            said[name] = words.get(quirks.booleans, said[name])
        for name, value in list(said.items()):
            if quirks.bare and isinstance(value, dict) and "href" in value:
                said[name] = value["sourcedId"]
            if isinstance(value, list) and value and quirks.bare and isinstance(value[0], dict) and "href" in value[0]:
                said[name] = [v["sourcedId"] for v in value]
            if quirks.singles and isinstance(said[name], list) and len(said[name]) == 1:
                said[name] = said[name][0]
            if quirks.cased and name in {"status", "role", "type", "classType", "sex"}:
                said[name] = value.upper()
            if quirks.numbers and name in {"schoolYear", "sourcedId"} and isinstance(value, str) and value.isdigit():
                said[name] = int(value)
        if quirks.nulls:
            said = {"middleName": None, "agents": None, "metadata": None, "parent": None, "endDate": None} | said
        if quirks.extras:
            said |= {"x_vendor": {"deep": [1, 2]}, "children": [{"sourcedId": "x"}], "note": "a\r\nb"}
        return said
