"""What changed in a view since a number that a client remembers: each record once, as it stands."""

import json
from http import HTTPStatus
from typing import Any

from schoolpassport.roster.kinds import KINDS
from schoolpassport.rosterapi import errors
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.visits import Environ, Trouble, Visit, answered, within
from schoolpassport.rosterapi.vocabulary import CHANGES
from schoolpassport.rosterapi.whole import description, kinds, manifest
from schoolpassport.rosterapi.whole.asked import DOCUMENTS, number, query_of, refused
from schoolpassport.sharing.queries import Line, Log

_DEFAULT_LIMIT, _LARGEST_LIMIT = 1000, 10_000


def view(environ: Environ, *, prefix: str, path: str) -> Answer:
    if path == "openapi.json" and environ["REQUEST_METHOD"] == "GET":  # of no district, so it needs no token
        told = description.document(address=address_of(environ), base=prefix)
        return errors.answer(json.dumps(told).encode())

    def work(visit: Visit) -> Answer:
        match path:
            case "changes":
                return _changes(visit, prefix)
            case "manifest":
                return manifest.answer(visit)
            case _:
                raise Trouble(HTTPStatus.NOT_FOUND, "There is no such path here.")

    return answered(environ, work, refused, outlet=path if path == "manifest" else "changes")


def _changes(visit: Visit, prefix: str) -> Answer:
    visit.scopes = kinds.SCOPES
    sent = query_of(visit.environ)
    after = number(sent, "after", 0)
    limit = number(sent, "limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= _LARGEST_LIMIT:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"limit is a whole number from 1 to {_LARGEST_LIMIT}.")
    collections = sent.get("collections", "")
    wanted = kinds.asked_for(visit, collections)
    base = address_of(visit.environ) + DOCUMENTS
    found = visit.reader.inquire(Log(wanted, after=after, limit=limit, compact=True, base=base))
    within(after, found.last_seq)
    reached = found.lines[-1].seq if found.more else found.last_seq
    kept = f"collections={collections}&" if collections else ""
    facts: dict[str, Any] = {
        "after": reached,
        "more": found.more,
        "revision": found.revision,
        "next": f"{prefix}/changes?{kept}limit={limit}&after={reached}",
    }
    lines = b",".join(_shown(line) for line in found.lines)
    return errors.answer(b'{"changes":[%b],%b' % (lines, json.dumps(facts).encode()[1:]))


def _shown(line: Line) -> bytes:
    facts = {"seq": line.seq, "change": CHANGES[line.change], "revision": line.revision}
    heads = json.dumps(facts).encode()[:-1]
    return b'%b,"%b":%b}' % (heads, KINDS[line.kind].name.encode(), bytes(line.document))
