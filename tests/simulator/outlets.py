"""The ways by which a simulated application keeps its copy: each knows one outlet, and of that what its documents say.

A copy holds what is active, by kind and GG4L ID, in plain words (`plain`). Nothing here looks into the database.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.rosterapi import wsgi as shortcut
from schoolpassport.sharing.records import NothingShared
from tests.simulator.oracle import FILES
from tests.simulator.reading import assure
from tests.support import files, wsgi
from tests.support.partners import Integrated
from tests.support.projection import PLURALS

V1P1, WHOLE, NATIVE = "/ims/oneroster/v1p1", "/datahub/services/view", "/datahub/services"
APPLICATION = shortcut.before(WSGIHandler())
TOKEN_LASTS = timedelta(days=400)
PAGE = 150  # small enough for the larger collections to have several
HEADS = {"sourcedId", "status", "dateLastModified"}
_KINDS = {plural: kind for kind, plural in PLURALS.items()}

Json = dict[str, Any]
Key = tuple[str, str]
Copy = dict[Key, Json]


class Refused(Exception):
    """The outlet serves nothing: the answer says that nothing is shared now."""


@dataclass
class Access:
    """What an application can do at all: ask by its token, and have files made."""

    integrated: Integrated
    folder: Path
    token: str = ""
    until: Any = None

    def get(self, path: str) -> wsgi.Answer:
        now = clock.now()
        if not self.token or now > self.until - timedelta(days=1):
            self.token, self.until = self.integrated.token(now, lifetime=TOKEN_LASTS), now + TOKEN_LASTS
        answer = wsgi.call(APPLICATION, path, authorization=f"Bearer {self.token}")
        if answer.status == 403:
            raise Refused(answer.body.decode())
        assure(answer.status == 200, f"{path} was answered {answer.status}: {answer.body[:300]!r}")
        return answer

    def json(self, path: str) -> Any:
        return json.loads(self.get(path).body)

    def desk(self) -> files.Desk:
        return files.Desk(self.integrated.district_id, self.integrated.integration.id, self.folder)


def plain(kind: str, document: Json) -> tuple[Key, Json]:
    """A document without its heads; a reference is a kind and an id, and its address leads where it should."""

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(each) for each in value]
        if isinstance(value, dict) and "href" in value:
            target, id_ = value["type"], value["sourcedId"]
            assure(value["href"].endswith(f"{V1P1}/{PLURALS[target]}/{id_}"), f"an address leads astray: {value}")
            return f"{target} {id_}"
        return value

    return (kind, document["sourcedId"]), {name: told(v) for name, v in document.items() if name not in HEADS}


@dataclass
class Outlet:
    """`costly`: it is not asked on every night."""

    access: Access
    copy: Copy = field(default_factory=dict)
    costly = False

    def follow(self) -> None:
        """Bring the copy up to date. Raises `Refused`, and has changed nothing then."""
        raise NotImplementedError

    def told(self) -> Any:
        """What the copy says, as `seen` says what it should."""
        return self.copy

    @staticmethod
    def seen(right: Copy) -> Any:
        """What of the truth this outlet can tell."""
        return right

    def _take(self, kind: str, document: Json) -> None:
        key, words = plain(kind, document)
        if document["status"] == "active":
            self.copy[key] = words
        else:
            self.copy.pop(key, None)

    def _collections(self, condition: str = "") -> Iterator[tuple[str, Json]]:
        """All collections of OneRoster, page after page."""
        for plural, kind in _KINDS.items():
            path = f"{V1P1}/{plural}?limit={PAGE}{condition}&offset="
            answer = self.access.get(f"{path}0")
            total = int(answer.headers["X-Total-Count"])
            pages = [answer.body, *(self.access.get(f"{path}{n}").body for n in range(PAGE, total, PAGE))]
            for page in pages:
                yield from ((kind, each) for each in json.loads(page)[plural])


OUTLETS: dict[str, Callable[[Access], Outlet]] = {}


def outlet(made: Callable[[Access], Outlet]) -> Callable[[Access], Outlet]:
    OUTLETS[made.__name__] = made  # type: ignore[attr-defined]  # a class, which has a name
    return made


@outlet
@dataclass
class FullPull(Outlet):
    """OneRoster, everything, every time it asks."""

    costly = True

    def follow(self) -> None:
        self.copy, before = {}, self.copy
        try:
            for kind, document in self._collections():
                self._take(kind, document)
        except Refused:
            self.copy = before
            raise


@outlet
@dataclass
class Delta(Outlet):
    """OneRoster, what is newer than the newest it has."""

    since: str = ""

    def follow(self) -> None:
        newer = quote(f"dateLastModified>'{self.since}'")
        found = list(self._collections(f"&filter={newer}" if self.since else ""))
        for kind, document in found:
            self._take(kind, document)
        self.since = max([self.since, *(document["dateLastModified"] for _, document in found)])


@outlet
@dataclass
class Feed(Outlet):
    """The changes since the number that it remembers."""

    after: int = 0

    def follow(self) -> None:
        path, more = f"{WHOLE}/changes?limit={2 * PAGE}&after={self.after}", True
        while more:
            page = self.access.json(path)
            for line in page["changes"]:
                ((kind, document),) = [(name, value) for name, value in line.items() if isinstance(value, dict)]
                assure((line["change"] == "deleted") is (document["status"] != "active"), f"the feed says {line}")
                self._take(kind, document)
            path, more, self.after = page["next"], page["more"], page["after"]


@outlet
@dataclass
class Stream(Outlet):
    """All of the view in one stream of lines, of which the last says that it is whole."""

    costly = True

    def follow(self) -> None:
        *lines, end = (json.loads(line) for line in self.access.get(f"{WHOLE}/export").body.splitlines())
        assure(end["end"]["records"] == len(lines), f"a stream of {len(lines)} lines ends with {end}")
        self.copy = {}
        for kind, document in (item for line in lines for item in line.items()):
            self._take(kind, document)


@outlet
@dataclass
class Events(Outlet):
    """The native API's events, whose objects have people inside their sections."""

    held: dict[str, dict[str, Json]] = field(default_factory=dict)
    after: str = ""

    def follow(self) -> None:
        path = f"{NATIVE}/v1/events?limit=1000" + (f"&after={self.after}" if self.after else "")
        while path:
            page = self.access.json(path)
            for each in page["data"]:
                self._believe(each["data"])
            links = {link["rel"]: link["uri"] for link in page["links"]}
            path = f"{NATIVE}{links['next']}" if "next" in links else ""

    def _believe(self, event: Json) -> None:
        word, verb = event["type"].split(".")
        thing, known = event["data"]["object"], self.held.setdefault(word, {})
        if verb == "deleted":  # what is gone may be said to be gone once more, when a consent is narrowed
            known.pop(thing["id"], None)
        else:
            assure((verb == "created") is (thing["id"] not in known), f"{event['type']} of {thing['id']}, as it is not")
            known[thing["id"]] = thing
        self.after = event["id"]

    def told(self) -> Any:
        words = {"students": "student", "teachers": "teacher", "contacts": "contact"}
        sections = self.held.get("sections", {})
        return {
            "people": {
                id_: {"role": role, **_named(each)}
                for word, role in words.items()
                for id_, each in self.held.get(word, {}).items()
            },
            "classes": {id_: _kept(each, "name", "school", "course") for id_, each in sections.items()},
            "enrolled": {
                (id_, person, role)
                for id_, each in sections.items()
                for role in ("student", "teacher")
                for person in each[f"{role}s"]
            },
            "kin": {
                (id_, relation["student"])
                for id_, each in self.held.get("contacts", {}).items()
                for relation in each["student_relationships"]
            },
            "schools": {id_: each.get("name") for id_, each in self.held.get("schools", {}).items()},
        }

    @staticmethod
    def seen(right: Copy) -> Any:
        roles = {"student": "student", "teacher": "teacher", "guardian": "contact"}

        def of(kind: str) -> dict[str, Json]:
            return {id_: words for (k, id_), words in right.items() if k == kind}

        people = {
            id_: {"role": roles[each["role"]], **_short(each, first="givenName", last="familyName", email="email")}
            for id_, each in of("user").items()
        }
        for id_, each in of("demographics").items():
            if people.get(id_, {}).get("role") == "student" and "birthDate" in each:
                year, month, day = map(int, each["birthDate"].split("-"))
                people[id_]["born"] = (year, month, day)
        sections, seats = of("class"), of("enrollment").values()
        return {
            "people": people,
            "classes": {i: _short(c, name="title", school="school", course="course") for i, c in sections.items()},
            "enrolled": {
                (_id(seat["class"]), _id(seat["user"]), seat["role"])
                for seat in seats
                if "user" in seat and "class" in seat and _id(seat["class"]) in sections
            },
            "kin": {
                (_id(agent), id_)
                for id_, each in of("user").items()
                for agent in (each.get("agents", ()) if each["role"] == "student" else ())
                if people[_id(agent)]["role"] == "contact"
            },
            "schools": {id_: each.get("name") for id_, each in of("org").items() if each["type"] == "school"},
        }


def _named(person: Json) -> Json:
    born = person.get("dob")
    found = {"first": person.get("name", {}).get("first"), "last": person.get("name", {}).get("last")}
    found["email"] = person.get("email")
    if born is not None:
        month, day, year = map(int, born.split("/"))
        found["born"] = (year, month, day)
    return {name: value for name, value in found.items() if value is not None}


def _kept(thing: Json, *names: str) -> Json:
    return {name: thing[name] for name in names if name in thing}


def _short(words: Json, **names: str) -> Json:
    found = {name: words[longer] for name, longer in names.items() if longer in words}
    return {name: _id(value) if name in {"school", "course"} else value for name, value in found.items()}


def _id(reference: str) -> str:
    return reference.partition(" ")[2]


@outlet
@dataclass
class ZipFiles(Outlet):
    """OneRoster's CSV files: first all of them, then what changed since the last that were sent."""

    revision: int = 0
    costly = True

    def follow(self) -> None:
        desk = self.access.desk()
        try:
            made, revision = desk.made(FORMATS["oneroster-1.1"], self.revision)
        except NothingShared as nothing:
            raise Refused(str(nothing)) from nothing
        texts = files.unpacked(made)
        for name, file in FILES.items():
            for row in files.rows(texts.get(f"{name}.csv", "")) if f"{name}.csv" in texts else []:
                key = (file.kind, row["sourcedId"])
                if row["status"] == "tobedeleted":
                    self.copy.pop(key, None)
                else:
                    self.copy[key] = _from_row(name, row)
        self.revision = revision

    @staticmethod
    def seen(right: Copy) -> Any:
        """What a row can tell: neither children nor which school is the primary one, and nothing that is blank."""
        untold = {"children", "primarySchool"}
        return {
            key: {name: value for name, value in words.items() if name not in untold and value not in ("", {})}
            for key, words in right.items()
        }


def _from_row(name: str, row: dict[str, str]) -> Json:
    file, words = FILES[name], dict[str, Any]()
    for column, cell in row.items():
        if not cell or column in HEADS:
            continue
        attribute = file.names.get(column, column)
        if column in file.many:
            words[attribute] = [f"{file.many[column]} {each}" for each in cell.split(",")]
        elif column in file.one:
            words[attribute] = f"{file.one[column]} {cell}"
        elif column.startswith("metadata."):
            words.setdefault("metadata", {})[column.removeprefix("metadata.")] = cell
        else:
            words[attribute] = cell.split(",") if column in {"grades", "subjects"} else cell
    return words
