"""Who belongs to the records of one page: the people of its classes, and the pupils of its guardians.

Dialects that show lists inside a record ask for them by page, and nothing here grows with the district. Pupils name
their guardians and not the other way round: they are looked up by what stands at each place of their lists.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.inquiries import Told
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.relations import at, naming
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing, with_standing

_PEOPLE = with_standing(
    Condition(
        f"""SELECT jsonb_agg(jsonb_build_array(e.class_id, e.user_id, e.role, coalesce(e."primary", false))
            ORDER BY e.class_id, e."primary" IS TRUE DESC, e.user_id)::text AS people
        FROM {at(KINDS["enrollment"], "e")} AND e.status = 'active' AND e.class_id = ANY(%(ids)s::uuid[])
        AND e.user_id IS NOT NULL"""
    )
)
_USER = KINDS["user"]
_PUPILS = with_standing(
    Condition(
        f"""SELECT jsonb_agg(jsonb_build_array(p.named, p.id) ORDER BY p.named, p.id)::text AS pupils
        FROM ({naming(_USER, _USER["agents"], "r.status = 'active' AND r.role = 'student'")}) p"""
    )
)


@dataclass(frozen=True)
class Member:
    class_id: str
    user_id: str
    role: str | None


@dataclass(frozen=True)
class PeopleOf:
    """The inquiry for the living enrollments of classes: a primary teacher first, then by id."""

    classes: tuple[UUID, ...]
    revision: int

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        return Question(_PEOPLE, {"ids": list(self.classes), "revision": self.revision}, keyed=False)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> list[Member]:  # noqa: ARG002 (asked at one revision)
        return [Member(class_, user, role) for class_, user, role, _ in json.loads(rest[0] or b"[]")]

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        return [Told("enrollment", self.revision, len(self.answer(rest, standing)))]


@dataclass(frozen=True)
class PupilsOf:
    """The inquiry for the living students who name these users as their agents: (agent, student) pairs."""

    agents: tuple[UUID, ...]
    revision: int

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        return Question(_PUPILS, {"ids": list(self.agents), "revision": self.revision}, keyed=True)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> list[tuple[str, str]]:  # noqa: ARG002 (asked at one revision)
        return [(agent, pupil) for agent, pupil in json.loads(rest[0] or b"[]")]

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        return [Told("user", self.revision, len(self.answer(rest, standing)), subset="student")]
