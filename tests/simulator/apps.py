"""Applications beside the district, each with a consent of its own and one outlet. After every night each one's copy is
what the consent makes of the oracle's roster, worked out record by record (`tests/support/projection.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from schoolpassport.partners import actions as partners_actions
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.models import Consent
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from tests.simulator.oracle import Records
from tests.simulator.outlets import OUTLETS, V1P1, Access, Copy, Outlet, Refused, plain
from tests.simulator.reading import Divergence, assure
from tests.support import partners
from tests.support.nights import BY
from tests.support.projection import FOLLOWS, ORDER, Ids, Terms, project

EVERY = 6  # nights from one asking of a costly outlet to the next
# Of what the world has, what a mask changes.
MASKED = (
    "user.givenName",
    "user.familyName",
    "user.email",
    "user.username",
    "user.identifier",
    "user.phone",
    "user.grades",
    "user.agents",
    "user.gg4l.sisId",
    "demographics.birthDate",
    "demographics.sex",
    "class.grades",
    "org.parent",
)


@dataclass
class App:
    """`terms`: what is shared by the consent in force; none yet before the first."""

    name: str
    random: Random
    access: Access
    outlet: Outlet
    terms: Terms
    consent: Consent | None = None
    suspended: bool = False
    nights: int = 0
    right: tuple[object, Copy] | None = None  # for which roster and terms, and what it must hold then

    @property
    def district_id(self) -> UUID:
        return self.access.integrated.district_id

    # ------------------------------------------------------------------------------------------- what people agree on

    def live(self, schools: Mapping[str, UUID], now: datetime) -> str:
        """What becomes of the consent today, in words; mostly nothing."""
        if self.suspended:
            return self.resume(now) if self.random.random() < 0.3 else ""
        if self.random.random() < 0.03:
            return self.suspend(now)
        if self.random.random() < 0.06:
            return self.agree(some_terms(self.random, list(schools)), schools, now)
        if self.random.random() < 0.04:
            return self.unshare_a_school(schools, now)
        return ""

    def unshare_a_school(self, schools: Mapping[str, UUID], now: datetime) -> str:
        shared = list(schools) if self.terms.schools is None else list(self.terms.schools)
        if len(shared) < 2:
            return ""
        shared.remove(self.random.choice(shared))
        return self.agree(replace(self.terms, schools=tuple(shared)), schools, now)

    def agree(self, terms: Terms, schools: Mapping[str, UUID], now: datetime) -> str:
        """Both sides say yes to other terms; they hold at once."""
        named = None if terms.schools is None else tuple(s for s in terms.schools if s in schools)
        masks = _with_followers(terms)
        kept = {
            kind: [n for n in names if masks.get(f"{kind}.{n}") != "drop"] for kind, names in terms.attributes.items()
        }
        self.consent = sharing.agree(
            district_id=self.district_id,
            integration_id=self.access.integrated.integration.id,
            contents=Contents(
                attributes=terms.attributes,
                schools=None if named is None else [schools[s] for s in named],
                masks=terms.masks,
            ),
            by=BY,
            now=now,
        )
        self.terms = replace(terms, attributes=kept, schools=named, masks=masks, secret=self._secret(now))
        return f"{self.name} is shared {'all' if named is None else ' '.join(named) or 'no'} schools, {terms.masks}"

    def _secret(self, now: datetime) -> bytes:
        with scope.inside(self.district_id):
            return partners_actions.mask_secret(
                district_id=self.district_id, integration_id=self.access.integrated.integration.id, now=now
            )

    def suspend(self, now: datetime) -> str:
        self._step(Act.SUSPEND, now)
        self.suspended = True
        return f"{self.name} is suspended"

    def resume(self, now: datetime) -> str:
        self._step(Act.RESUME, now)
        self.suspended = False
        return f"{self.name} is resumed"

    def _step(self, act: Act, now: datetime) -> None:
        assert self.consent is not None
        facts = {"district_id": self.district_id, "consent_id": self.consent.id, "by": BY, "now": now}
        self.consent = sharing.take(act=act, side=Side.DISTRICT, **facts)

    # ------------------------------------------------------------------------------------------------------ a night

    def check(self, roster: Records, ids: Ids, *, printed: str, whole: bool = False) -> None:
        """Ask the outlet, and compare. `printed`: the same for the same roster. `whole`: a costly outlet, too."""
        self.nights += 1
        if self.consent is None:
            return
        if self.outlet.costly and not whole and self.nights % EVERY:
            return
        try:
            self.outlet.follow()
        except Refused as refused:
            assure(self.suspended, f"{self.name} is served nothing, and it should be: {refused}")
            return
        assure(not self.suspended, f"{self.name} is suspended, and it is served")
        if self.right is None or self.right[0] != (printed, self.terms):
            self.right = (printed, self.terms), self.outlet.seen(seen(roster, ids, self.terms))
        there, right = self.outlet.told(), self.right[1]
        if there != right:
            raise Divergence(f"{self.name}'s copy is not what it should be: {_differences(there, right)}")


def _with_followers(terms: Terms) -> dict[str, str]:
    """What says a value again is masked alike, or withheld where that mask does not fit (docs/sharing.md)."""
    masks = dict(terms.masks)
    for name, leader in FOLLOWS.items():
        if (mask := terms.masks.get(f"user.{leader}")) and terms.shows("user", name):
            masks[f"user.{name}"] = mask if name.startswith("preferred") else "drop"
    return masks


def seen(roster: Records, ids: Ids, terms: Terms) -> Copy:
    """What an application may hold, in the words of a copy."""
    there = project(roster, ids, replace(terms, base=V1P1))
    return dict(plain(kind, expected.doc) for (kind, _), expected in there.items())


def _differences(there: dict[Any, Any], right: dict[Any, Any]) -> str:
    more, less = there.keys() - right.keys(), right.keys() - there.keys()
    other = [(key, there[key], right[key]) for key in there.keys() & right.keys() if there[key] != right[key]]
    if any(isinstance(value, dict) and len(value) > 50 for _, value, _ in other):
        return "; ".join(f"{key}: {_differences(a, b)}" for key, a, b in other if isinstance(a, dict))
    return f"{len(more)} too many {list(more)[:3]}, {len(less)} missing {list(less)[:3]}, {len(other)} otherwise {other[:2]}"


def some_terms(random: Random, schools: list[str]) -> Terms:
    """Everything or some of it, plain or masked, of all schools or of some."""
    attributes = dict[str, list[str]]()
    for kind in ORDER:
        if kind in {"demographics", "course"} and random.random() < 0.3:
            continue
        share = random.choice((1.0, 1.0, 0.6))
        attributes[kind] = [a.name for a in catalogue.attributes(kind) if a.required or random.random() < share]
    able = [a for key in MASKED if (a := catalogue.attribute(key)).name in attributes.get(key.partition(".")[0], ())]
    masked = random.sample(able, min(len(able), random.choice((0, 2, 5))))
    named = None if random.random() < 0.4 else tuple(sorted(random.sample(schools, random.randint(1, len(schools)))))
    return Terms(attributes, named, {a.key: random.choice(a.masks) for a in masked})


def begin(name: str, *, district_id: UUID, random: Random, folder: Path, now: datetime) -> App:
    """An application with an outlet of this name; nothing is shared with it before the first `agree`."""
    access = Access(partners.integrated(district_id, now), folder / name)
    return App(name, random, access, OUTLETS[name](access), Terms({}))
