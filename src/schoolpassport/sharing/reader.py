"""The only object that reads student data out of a view: pinned to a district, an application, and one revision.

It works by guessing. With the standing that this application was last seen in, the whole request is one question; the
answer carries the standing of its own moment, and where that is another one the question is asked again under it. So a
page takes one trip to the database, and what is served was always read under what was true at that moment.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar, Union
from uuid import UUID

from django.conf import settings

from schoolpassport.gradebook.queries import NAMES
from schoolpassport.gradebook.saying import name_id
from schoolpassport.kit.recent import Recent
from schoolpassport.sharing import (
    catalogue,
    instants,
    naming,
    plans,
    pulls,
    readings,
    relations,
    roundtrip,
    selection,
)
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.inquiries import Inquiry
from schoolpassport.sharing.instants import Instants
from schoolpassport.sharing.listings import Cache, Listing
from schoolpassport.sharing.models import HREF
from schoolpassport.sharing.plans import Plan, Statements
from schoolpassport.sharing.records import (
    Door,
    NothingShared,
    Notice,
    Page,
    PageRequest,
    Selection,
    Shared,
    Single,
    Unanswerable,
    Unknown,
)
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import COLUMNS, Answer, Pull, Standing, read, with_pull, with_standing

Result = TypeVar("Result")
ListingKey = tuple[int, int, int, tuple[UUID, ...], Plan]

_ATTEMPTS = 20  # publications in the middle of one request, before it gives up
_STANDING, _PULL = with_standing(None), with_pull(None)
_INSTANTS = with_standing(instants.QUESTION)
_CONSENT = "SELECT attributes, edition FROM sharing_consent WHERE district_id = %(district)s AND id = %(consent)s"
_HREF = HREF.encode()
_NOBODY: Mapping[str, object] = {"puller": b"", "collection": b""}
_FEW = 100  # records of a filter that an index knows: brought with their number, and nothing is kept of them
_last_seen: Recent[tuple[int, int], Standing] = Recent(10_000)  # a guess, which every answer checks
_pulls: Recent[tuple[bytes, bytes], Pull | None] = Recent(10_000)  # of puller and collection: another guess
_tidied: Recent[UUID, datetime] = Recent(10_000)  # when pulls of a district that are over were last taken away
_shared: Recent[tuple[int, bool], Shared] = Recent(1000)  # a consent does not change: another one follows it


@lru_cache(maxsize=64)
def _in_json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


@lru_cache(maxsize=1)
def _listings() -> Cache[ListingKey, Listing]:
    return Cache(settings.ENVIRONMENT.cache_mb << 20)


@lru_cache(maxsize=1)
def _instants() -> Cache[tuple[int, int], Instants]:
    return Cache(settings.ENVIRONMENT.cache_mb << 15)  # a thirty-second of what listings have


class _Step(NamedTuple, Generic[Result]):
    """One question under one guess, and what follows from an answer that bears the guess out.

    ``finish`` gives the result or, when the answer was only a help on the way to it, the next step.
    """

    question: Question
    holds: Callable[[Answer], bool]
    finish: Callable[[Answer], Union[Result, "_Step[Result]"]]


class _Meant(NamedTuple):
    """A page as it is to be read: at one revision, in statements; ``names`` and ``notices`` as ``Plan.selected``."""

    wanted: PageRequest
    standing: Standing
    revision: int
    plan: Plan
    parameters: dict[str, Any]
    names: tuple[str, ...] | None
    notices: tuple[Notice, ...]


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
        step: _Step[Result] | None = None
        for _ in range(_ATTEMPTS):
            try:
                step = step or step_from(guess)
            except Unanswerable:
                if proved:
                    raise
                guess, proved = self._stand(), True
                continue
            answer = self._ask(step.question)
            found = step.finish(answer) if step.holds(answer) else None
            if found is not None and not isinstance(found, _Step):
                return found
            step, guess, proved = found, answer, True
        raise RuntimeError("the view kept moving while it was read")

    def _stand(self) -> Answer:
        return self._ask(Question(_STANDING, {}, keyed=True))

    def _ask(self, question: Question) -> Answer:
        whole = {
            "district": self._district,
            "integration": self._integration,
            "now": self._now,
            **question.parameters,
        }
        statement, _, keyed, sorts, _, also = question
        addressed = Question(statement, whole, keyed, sorts, COLUMNS, also)
        row = roundtrip.ask(district_id=self._district, door=self._door, question=addressed)
        if row is None:
            raise NothingShared
        answer = read(row[0], row[1:])
        if _last_seen.get(self._key) != answer.standing:
            _last_seen.put(self._key, answer.standing)
        if "puller" in whole and _pulls.get(walk := _walk(whole)) != answer.pull:
            _pulls.put(walk, answer.pull)
        return answer

    def _what_is_shared(self, standing: Standing) -> Shared:
        key = (standing.consent_id.int, standing.in_force)
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
        return _Step(
            asked._replace(parameters={"view": standing.view, **asked.parameters}),
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

        def holds(answer: Answer) -> bool:
            return answer.standing == standing

        def finish(answer: Answer) -> Single:
            if answer.rest[0] is None:
                raise Unknown
            self._read(collection, standing.revision, names, part=True)
            return Single(self._finished(answer.rest[0], names), notices)

        asked = {"view": standing.view, "revision": standing.revision, "id": sourced_id}
        merged = _Step(Question(plan.statements.merged, asked, keyed=True), holds, finish)
        return _Step(
            Question(plan.statements.single, asked, keyed=True),
            holds,
            lambda answer: merged if answer.rest[0] is None else finish(answer),
        )

    # --------------------------------------------------------------------------------------------------------- a page

    def _step_to_page(self, wanted: PageRequest, guess: Answer) -> _Step[Page]:
        standing, selected = guess.standing, wanted.selection
        pulling = _NOBODY if wanted.revision is not None else _pulling(wanted)
        revision = pulls.revision(guess._replace(pull=_pulls.get(_walk(pulling))), wanted, self._now)
        if instants.are_named(selected.filter):
            known = _instants().get((self._district.int, standing.view)) or Instants()
            if known.newest < revision:
                return self._step_to_instants(known, wanted, standing)
            selected = replace(selected, filter=known.in_their_words(selected.filter, revision))
        plan = plans.plan(selected, self._what_is_shared(standing))
        key = (self._district.int, standing.view, revision, selected.parents, plan)
        asked = {**plan.parameters, **relations.parameters(selected.parents), "view": standing.view}
        asked["revision"] = revision
        meant = _Meant(wanted, standing, revision, plan, asked, *plan.selected(wanted.fields))
        listing = _listings().get(key)
        if listing is not None:
            return self._step_along(listing, meant, pulling)
        # It is right for its revision, whether or not that is the one on which this pull began.
        listed: _Step[Page] = _Step(
            Question(plan.statements.listing, {**asked, **pulling}, keyed=False),
            lambda answer: answer.standing == standing,
            lambda answer: self._listed(key, answer, wanted),
        )
        few = plan.are_few and wanted.offset == 0
        return self._step_to_few(meant, listed) if few else listed

    def _listed(self, key: ListingKey, answer: Answer, wanted: PageRequest) -> _Step[Page]:
        found, total, ids, oldest = answer.rest
        _listings().put(key, Listing(found, total, ids or b"", oldest or 0))
        return self._step_to_page(wanted, answer)

    def _step_along(self, listing: Listing, meant: _Meant, pulling: Mapping[str, object]) -> _Step[Page]:
        wanted, asked = meant.wanted, {**meant.parameters, **pulling}
        begun = Answer(meant.standing, _pulls.get(_walk(pulling)), ())
        noted = listing.found and pulls.is_to_be_noted(begun, wanted, total=listing.total, now=self._now)

        def holds(answer: Answer) -> bool:
            same = answer.standing == meant.standing
            return same and pulls.revision(answer, wanted, self._now) == meant.revision

        def finish(answer: Answer) -> Page:
            if not listing.found:
                raise Unknown
            if pulls.is_to_be_noted(answer, wanted, total=listing.total, now=self._now):
                self._note(asked, noted=noted)
            return self._paged(meant, answer.rest[0] if answer.rest else None, listing.total)

        question = _page_question(meant.plan.statements, listing, wanted, asked)
        return _Step(question._replace(also=pulls.NOTE) if noted else question, holds, finish)

    def _step_to_few(self, meant: _Meant, listed: _Step[Page]) -> _Step[Page]:
        """All at once where they are few, as an index lets us hope; else ``listed`` is next."""
        most = min(_FEW, meant.wanted.limit)

        def finish(answer: Answer) -> Page | _Step[Page]:
            total, documents = answer.rest
            return listed if total > most else self._paged(meant, documents, total)

        asked = {**meant.parameters, "limit": most}
        question = Question(meant.plan.statements.few, asked, keyed=True, sorted=True)
        return _Step(question, lambda answer: answer.standing == meant.standing, finish)

    def _paged(self, meant: _Meant, documents: bytes | None, total: int) -> Page:
        self._read_page(meant.wanted, meant.revision, meant.names, total)
        shown = self._finished(documents or b"", meant.names)
        return Page(shown, total, meant.revision, meant.notices, _state(meant.standing, meant.revision))

    def _step_to_instants(self, known: Instants, wanted: PageRequest, standing: Standing) -> _Step[Page]:
        def finish(answer: Answer) -> _Step[Page]:
            found = known.followed_by(answer.rest[0] or b"", newest=standing.revision)
            _instants().put((self._district.int, standing.view), found)
            return self._step_to_page(wanted, answer)

        asked = {"view": standing.view, "known": known.newest, "revision": standing.revision}
        return _Step(Question(_INSTANTS, asked, keyed=True), lambda answer: answer.standing == standing, finish)

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

    def _note(self, asked: Mapping[str, Any], *, noted: bool) -> None:
        """``noted``: it was guessed that this would be asked for, and came in the trip of the page."""
        parameters = {**asked, "district": self._district, "now": self._now, "stale": pulls.stale(self._now)}
        if not noted:
            roundtrip.ask(district_id=self._district, door=None, question=Question(pulls.NOTE, parameters, keyed=True))
        _pulls.put(_walk(asked), Pull(asked["revision"], self._now))
        last = _tidied.get(self._district)
        if last is None or last <= self._now - pulls.TIDIED_AFTER:
            _tidied.put(self._district, self._now)
            roundtrip.ask(district_id=self._district, door=None, question=Question(pulls.TIDY, parameters, keyed=True))


def _state(standing: Standing, revision: int) -> str:
    """The terms belong to it: other terms may show a revision differently."""
    return f"{revision}-{standing.consent_id.hex}{'' if standing.in_force else '-ended'}"


def _school(selected: Selection) -> UUID | None:
    """The school that the path names, when it names nothing else."""
    parents = selected.collection.parents
    return selected.parents[0] if len(parents) == 1 and parents[0].subset.kind == "org" else None


def _pulling(wanted: PageRequest) -> Mapping[str, object]:
    return {"puller": wanted.puller, "collection": plans.name(wanted.selection)}


def _walk(asked: Mapping[str, Any]) -> tuple[bytes, bytes]:
    return asked["puller"], asked["collection"]


def _page_question(said: Statements, listing: Listing, wanted: PageRequest, asked: dict[str, object]) -> Question:
    if not listing.found or wanted.offset >= listing.total:
        return Question(_PULL, asked, keyed=True)
    limit = min(wanted.limit, listing.total - wanted.offset)
    if listing.is_whole and said.in_order:
        asked = {**asked, "ids": listing.array(wanted.offset, limit), "oldest": listing.oldest}
        return Question(said.in_order, asked, keyed=True, sorted=True)
    if listing.is_whole:
        ids = listing.slice(wanted.offset, limit)
        return Question(said.by_ids, {**asked, "ids": ids, "limit": limit, "oldest": listing.oldest}, keyed=True)
    start, skip = listing.boundary(wanted.offset)
    return Question(said.along_the_key, {**asked, "start": start, "skip": skip, "limit": limit}, keyed=True)
