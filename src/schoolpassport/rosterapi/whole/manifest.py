"""What a view adds up to at a revision, signed: a client that adds up its copy sees whether it is the same."""

import json
from http import HTTPStatus
from typing import Final

from schoolpassport.rosterapi import errors
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.visits import Trouble, Visit
from schoolpassport.rosterapi.whole import kinds
from schoolpassport.rosterapi.whole.asked import as_asked, query_of, refused, revision
from schoolpassport.sharing import actions, queries
from schoolpassport.sharing.queries import PlaceOf

_SECONDS: Final = "20"


def answer(visit: Visit) -> Answer:
    """``collections``, ``revision``, and ``buckets=true`` for the hashes of which those of collections are made.

    No record is told of, so nothing is written down of reading. What was added up meanwhile is told only if it can
    still be read when it is done.
    """
    visit.scopes = kinds.SCOPES
    sent = query_of(visit.environ)
    wanted = kinds.asked_for(visit, sent.get("collections", ""))
    buckets = sent.get("buckets", "false")
    if buckets not in {"true", "false"}:
        raise Trouble(HTTPStatus.BAD_REQUEST, "buckets is true or false.")
    asked = revision(sent)
    place = visit.reader.inquire(PlaceOf(asked))
    as_asked(asked, place.revision)
    try:
        actions.check_added_up(district_id=visit.district_id, place=place, kinds=wanted)
    except actions.AddedUpLater:
        return _later()
    found = queries.total(district_id=visit.district_id, place=place, kinds=wanted)
    as_asked(place.revision, visit.reader.inquire(PlaceOf(place.revision)).revision)
    facts = found.said()
    if buckets == "true":
        facts["buckets"] = found.by_bucket()
    integration_id = visit.bearer().integration_id
    facts["jws"] = queries.signed_manifest(
        found, district_id=visit.district_id, integration_id=integration_id, now=visit.now
    )
    return errors.answer(json.dumps(facts).encode())


def _later() -> Answer:
    sentence = f"So much is new that it is added up in the background; ask again in {_SECONDS} seconds."
    answer = refused(HTTPStatus.SERVICE_UNAVAILABLE, sentence, None)
    answer.headers["Retry-After"] = _SECONDS
    return answer
