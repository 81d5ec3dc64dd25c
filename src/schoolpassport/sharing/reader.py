"""The only object that reads student data out of a view: pinned to a district, an application, and one revision.

It works by guessing. With the standing that this application was last seen in, the whole request is one question; the
answer carries the standing of its own moment, and where that is another one the question is asked again under it. So a
page takes one trip to the database, and what is served was always read under what was true at that moment.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.conf import settings

from schoolpassport.gradebook.queries import NAMES
from schoolpassport.gradebook.saying import name_id
from schoolpassport.kit.recent import Recent
from schoolpassport.sharing import catalogue, naming, plans, pulls, readings, relations, roundtrip, selection
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.inquiries import Inquiry
from schoolpassport.sharing.listings import Cache, Listing
from schoolpassport.sharing.models import HREF
from schoolpassport.sharing.plans import Plan
from schoolpassport.sharing.records import (
    Door,
    NothingShared,
    Page,
    PageRequest,
    Selection,
    Shared,
    Single,
    Unanswerable,
    Unknown,
)
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Answer, Pull, Standing, read, with_standing

Result = TypeVar("Result")
ListingKey = tuple[int, int, int, tuple[UUID, ...], Plan]

_ATTEMPTS = 20  # publications in the middle of one request, before it gives up
_STANDING = with_standing(None)
_CONSENT = "SELECT attributes, edition FROM sharing_consent WHERE district_id = %(district)s AND id = %(consent)s"
_HREF = HREF.encode()
_NOBODY: Mapping[str, object] = {"puller": b"", "collection": b""}
_last_seen: Recent[tuple[int, int], Standing] = Recent(10_000)  # a guess, which every answer checks
_pulls: Recent[tuple[bytes, bytes], Pull | None] = Recent(10_000)  # of puller and collection: another guess
_shared: Recent[tuple[UUID, bool], Shared] = Recent(1000)  # a consent does not change: another one follows it


@lru_cache(maxsize=64)
def _in_json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


@lru_cache(maxsize=1)
def _listings() -> Cache[ListingKey]:
    return Cache(settings.ENVIRONMENT.cache_mb << 20)


class _Step(NamedTuple, Generic[Result]):
    """One question under one guess, and what follows from an answer that bears the guess out.

    ``finish`` gives None when the answer was only a help on the way to the result.
    """

    question: Question
    holds: Callable[[Answer], bool]
    finish: Callable[[Answer], Result | None]


class Reader:
    def __init__(
        self,
        *,
        district_id: UUID,
        integration_id: UUID,
        base: str,
        door: Door | None,
        now: datetime,
        caller: bytes = b"",
        outlet: str = "",
    ) -> None:
        self._caller = caller
        self._outlet = outlet
        self._district = district_id
        self._integration = integration_id
        self._key = (district_id.int, integration_id.int)
        self._base = _in_json(base)
        self._door = door
        self._now = now

    def page(self, wanted: PageRequest) -> Page:
        """Raises ``Unanswerable``, ``Unknown`` (a parent), ``NothingShared``, and what the door raises."""
        return self._settled(lambda guess: self._step_to_page(wanted, guess))

    def one(self, collection: Collection, sourced_id: UUID, *, fields: str | None = None) -> Single:
        """A record of a collection that has no parents, as it is now. Raises the same, ``Unknown`` for the record."""
        return self._settled(lambda guess: self._step_to_one(collection, sourced_id, fields, guess))

    def inquire(self, inquiry: Inquiry[Result]) -> Result:
        """Another question about the view, under the same guard. Raises the same, and what the inquiry raises."""
        return self._settled(lambda guess: self._step_to(inquiry, guess))

    def state(self, *, revision: int | None = None) -> str:
        """A name of what is read now, or at a revision: while it is the same, so is every page. Raises the same.

        Empty for a revision that cannot be read.
        """
        standing = self._stand().standing
        if revision is not None and not pulls.is_readable(revision, standing):
            return ""
        return _state(standing, standing.revision if revision is None else revision)

    def meant(self, kind: str, name: str) -> UUID:
        """The id that the application means by its name for a record of a gradebook, which it may have written."""
        return name_id(kind, name, self._integration)

    def named(self, documents: bytes) -> bytes:
        """Documents of a gradebook, in which what the application wrote has the names that it gave it."""
        ids = naming.written(documents)
        if not ids:
            return documents
        asked = {"district": self._district, "integration": self._integration, "ids": sorted(ids)}
        row = roundtrip.ask(district_id=self._district, door=None, question=Question(NAMES, asked, keyed=True))
        return naming.named(documents, row[0] if row and row[0] else {})

    # ------------------------------------------------------------------------------------------------- guess and check

    def _settled(self, step_from: Callable[[Answer], _Step[Result]]) -> Result:
        known = _last_seen.get(self._key)
        guess, proved = (Answer(known, None, ()), False) if known else (self._stand(), True)
        for _ in range(_ATTEMPTS):
            try:
                step = step_from(guess)
            except Unanswerable:
                if proved:
                    raise
                guess, proved = self._stand(), True
                continue
            answer = self._ask(step.question)
            if step.holds(answer):
                result = step.finish(answer)
                if result is not None:
                    return result
            guess, proved = answer, True
        raise RuntimeError("the view kept moving while it was read")

    def _stand(self) -> Answer:
        return self._ask(Question(_STANDING, _NOBODY, keyed=True))

    def _ask(self, question: Question) -> Answer:
        whole = {
            "district": self._district,
            "integration": self._integration,
            "now": self._now,
            **question.parameters,
        }
        addressed = Question(question.statement, whole, keyed=question.keyed)
        row = roundtrip.ask(district_id=self._district, door=self._door, question=addressed)
        if row is None:
            raise NothingShared
        answer = read(row)
        if _last_seen.get(self._key) != answer.standing:
            _last_seen.put(self._key, answer.standing)
        if _pulls.get(walk := _walk(whole)) != answer.pull:
            _pulls.put(walk, answer.pull)
        return answer

    def _what_is_shared(self, standing: Standing) -> Shared:
        key = (standing.consent_id, standing.in_force)
        shared = _shared.get(key)
        if shared is None:
            asked = {"district": self._district, "consent": standing.consent_id}
            question = Question(_CONSENT, asked, keyed=True)
            row = roundtrip.ask(district_id=self._district, door=self._door, question=question)
            terms = catalogue.served(row[0], edition=row[1]) if row and standing.in_force else {}
            shared = Shared({kind: frozenset(names) for kind, names in terms.items()})
            _shared.put(key, shared)
        return shared

    def _step_to(self, inquiry: Inquiry[Result], guess: Answer) -> _Step[Result]:
        standing = guess.standing
        asked = inquiry.question(standing, self._what_is_shared(standing))
        parameters = {**_NOBODY, "view": standing.view, **asked.parameters}
        return _Step(
            Question(asked.statement, parameters, keyed=asked.keyed),
            lambda answer: answer.standing == standing,
            lambda answer: self._told(inquiry, answer.rest, standing),
        )

    def _told(self, inquiry: Inquiry[Result], rest: tuple[Any, ...], standing: Standing) -> Result:
        result = inquiry.answer(rest, standing)
        for told in inquiry.told(rest, standing):
            collection = Collection(Subset(told.kind, value=told.subset))
            self._read(
                collection,
                told.revision,
                None,
                part=told.part,
                school=told.school,
                records=told.records,
                total=told.total,
                ends=told.ends,
            )
        return result

    # ------------------------------------------------------------------------------------------------------- a record

    def _step_to_one(
        self, collection: Collection, sourced_id: UUID, fields: str | None, guess: Answer
    ) -> _Step[Single]:
        plan = plans.plan(Selection(collection), self._what_is_shared(guess.standing))
        names, notices = plan.selected(fields)
        standing = guess.standing

        def finish(answer: Answer) -> Single:
            if answer.rest[0] is None:
                raise Unknown
            self._read(collection, standing.revision, names, part=True)
            return Single(self._finished(answer.rest[0], names), notices)

        asked = {**_NOBODY, "view": standing.view, "revision": standing.revision, "id": sourced_id}
        return _Step(Question(plan.single, asked, keyed=True), lambda answer: answer.standing == standing, finish)

    # --------------------------------------------------------------------------------------------------------- a page

    def _step_to_page(self, wanted: PageRequest, guess: Answer) -> _Step[Page]:
        standing, parents = guess.standing, wanted.selection.parents
        plan = plans.plan(wanted.selection, self._what_is_shared(standing))
        pulling = _NOBODY if wanted.revision is not None else _pulling(plan, wanted)
        revision = pulls.revision(guess._replace(pull=_pulls.get(_walk(pulling))), wanted, self._now)
        names, notices = plan.selected(wanted.fields)
        key = (self._district.int, standing.view, revision, parents, plan)
        listing = _listings().get(key)
        asked = {
            **plan.parameters,
            **relations.parameters(parents),
            "view": standing.view,
            "revision": revision,
            **pulling,
        }

        def stands(answer: Answer) -> bool:
            return answer.standing == standing

        if listing is None:
            # It is right for its revision, whether or not that is the one on which this pull began.
            return _Step(Question(plan.listing, asked, keyed=False), stands, lambda answer: _keep(key, answer))

        def holds(answer: Answer) -> bool:
            return stands(answer) and pulls.revision(answer, wanted, self._now) == revision

        def finish(answer: Answer) -> Page:
            if not listing.found:
                raise Unknown
            if pulls.is_to_be_noted(answer, wanted, total=listing.total, now=self._now):
                self._note(asked)
            documents = (answer.rest[0] if answer.rest else None) or b""
            self._read_page(wanted, revision, names, listing.total)
            state = _state(standing, revision)
            return Page(self._finished(documents, names), listing.total, revision, notices, state)

        return _Step(_page_question(plan, listing, wanted, asked), holds, finish)

    # --------------------------------------------------------------------------------------------- what is written down

    def _read_page(self, wanted: PageRequest, revision: int, names: tuple[str, ...] | None, total: int) -> None:
        selected = wanted.selection
        last = wanted.offset + wanted.limit >= total
        self._read(
            selected.collection,
            revision,
            names,
            school=_school(selected),
            part=bool(selected.filter) or len(selected.parents) > (_school(selected) is not None),
            records=max(0, min(wanted.limit, total - wanted.offset)),
            total=total,
            ends=wanted.offset > 0 and last,
        )

    def _read(
        self,
        collection: Collection,
        revision: int,
        names: tuple[str, ...] | None,
        *,
        part: bool,
        school: UUID | None = None,
        records: int = 1,
        total: int = 0,
        ends: bool = False,
    ) -> None:
        """Note what is about to be answered; see ``readings``."""
        line = readings.Line(
            district=self._district,
            integration=self._integration,
            kind=collection.subset.kind,
            hour=readings.hour(self._now),
            revision=revision,
            caller=self._caller,
            outlet=self._outlet,
            subset=collection.subset.value,
            school=school or readings.WHOLE,
            part=part,
        )
        fields = None if names is None else catalogue.meant(collection.subset.kind, names)
        due = readings.GATHERING.note(line, records=records, total=total, fields=fields, ends=ends, at=self._now)
        for each, added in due:
            question = Question(readings.WRITE, readings.parameters(each, added), keyed=True)
            roundtrip.ask(district_id=self._district, door=None, question=question)
            readings.GATHERING.written(each)

    def _finished(self, documents: bytes, names: tuple[str, ...] | None) -> bytes:
        whole = documents.replace(_HREF, self._base)
        return whole if names is None else selection.reduced(whole, names)

    def _note(self, asked: Mapping[str, Any]) -> None:
        parameters = {**asked, "district": self._district, **pulls.times(self._now)}
        roundtrip.ask(district_id=self._district, door=None, question=Question(pulls.NOTE, parameters, keyed=True))
        _pulls.put(_walk(asked), Pull(asked["revision"], self._now))


def _state(standing: Standing, revision: int) -> str:
    """The terms belong to it: other terms may show a revision differently."""
    return f"{revision}-{standing.consent_id.hex}{'' if standing.in_force else '-ended'}"


def _school(selected: Selection) -> UUID | None:
    """The school that the path names, when it names nothing else."""
    parents = selected.collection.parents
    return selected.parents[0] if len(parents) == 1 and parents[0].subset.kind == "org" else None


def _pulling(plan: Plan, wanted: PageRequest) -> Mapping[str, object]:
    return {"puller": wanted.puller, "collection": plan.collection_name(wanted.selection.parents)}


def _walk(asked: Mapping[str, Any]) -> tuple[bytes, bytes]:
    return asked["puller"], asked["collection"]


def _keep(key: ListingKey, answer: Answer) -> None:
    found, total, ids = answer.rest
    _listings().put(key, Listing(found, total, ids or b""))


def _page_question(plan: Plan, listing: Listing, wanted: PageRequest, asked: dict[str, object]) -> Question:
    if not listing.found or wanted.offset >= listing.total:
        return Question(_STANDING, asked, keyed=True)
    limit = min(wanted.limit, listing.total - wanted.offset)
    if listing.is_whole:
        ids = listing.slice(wanted.offset, limit)
        return Question(plan.by_ids, {**asked, "ids": ids, "limit": limit}, keyed=True)
    start, skip = listing.boundary(wanted.offset)
    return Question(plan.along_the_key, {**asked, "start": start, "skip": skip, "limit": limit}, keyed=True)
