"""Three sources, random nights and random master fields, against a plain reckoning of what each record must hold.

``CLAIMS=100`` tries more stories than every run of the tests affords, ``CLAIMS_FROM=1000`` others.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from schoolpassport.roster import queries as roster
from schoolpassport.roster.models import Link
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support.amount import amount
from tests.support.nights import Nights
from tests.support.packages import HEADERS, Row, manifest, org, table, user
from tests.support.sources import Several, several

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
NIGHTS, PEOPLE = 10, 6
ATTRIBUTES = {"email": "email", "phone": "phone", "sms": "sms", "middleName": "middle_name"}
SEEDS = range(amount("CLAIMS_FROM", 0), amount("CLAIMS_FROM", 0) + amount("CLAIMS", 2))
Said = dict[str, str]


@dataclass
class Oracle:
    """Sources in order of registration; the last only adds. Persons by the number that all sources know them by."""

    order: list[str]
    adds: str
    rules: dict[str, list[tuple[str, str]]]  # attribute → (source, rule)
    says: dict[str, dict[str, Said]] = field(default_factory=dict)  # source → person → what it says now
    stands: dict[str, Said] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def night(self, source: str, told: dict[str, Said]) -> None:
        before = {s: dict(people) for s, people in self.says.items()}
        known = set(self.stands)
        if source == self.adds:  # nobody new, and nobody who is gone is found; who was found before is
            here = {p for p in told if (p in known and p not in self.gone) or p in before.get(source, {})}
            told = {p: told[p] for p in here}
        self.says[source] = told
        for person in set(told) | set(before.get(source, {})):
            self._reckon(person, before, new=person not in known)

    def _reckon(self, person: str, before: dict[str, dict[str, Said]], *, new: bool) -> None:
        alive = [s for s in self.order if s != self.adds and person in self.says.get(s, {})]
        if not alive:
            self.gone.add(person)
            return
        stood = {} if person in self.gone or new else self.stands[person]
        self.gone.discard(person)
        self.stands[person] = {a: self._value(a, person, stood, before) for a in ATTRIBUTES}

    def _value(self, attribute: str, person: str, stood: Said, before: dict[str, dict[str, Said]]) -> str:
        first, kept = self._ranked(attribute)
        now = [self.says.get(s, {}).get(person, {}).get(attribute, "") for s in first]
        then = [before.get(s, {}).get(person, {}).get(attribute, "") for s in first]
        later = [self.says.get(s, {}).get(person, {}).get(attribute, "") for s in kept]
        stays = stood.get(attribute, "") if kept and not any(then) else ""
        return next((v for v in [*now, stays, *later] if v), "")

    def _ranked(self, attribute: str) -> tuple[list[str], list[str]]:
        named = self.rules.get(attribute, [])
        masters = [s for s, rule in named if rule == "master"]
        if not masters:
            masters = [s for s in self.order if s != self.adds and s not in dict(named)][:1]
        fills = [s for s, rule in named if rule == "fill"]
        fills += [s for s in self.order if s not in dict(named) and s not in masters]
        return masters + fills, [s for s, rule in named if rule == "keep"]


@dataclass
class Story:
    chance: random.Random
    district: Several
    sources: dict[str, Nights]
    oracle: Oracle
    ids: dict[str, UUID] = field(default_factory=dict)  # person → the id first seen

    def go_on(self, nights: int) -> None:
        for _ in range(nights):
            self.night()
            self.check()

    def night(self) -> None:
        name = self.chance.choice(list(self.sources))
        before = self.oracle.says.get(name, {})
        told = {f"N{n}": self._said(before.get(f"N{n}")) for n in range(PEOPLE) if self.chance.random() < 0.7}
        if not told:
            return
        run = self.sources[name].run(self._files(name, told))
        assert run.state in {"done", "unchanged"}, (run.state, run.message, self.sources[name].sentences(run))
        self.oracle.night(name, told)

    def _said(self, before: Said | None) -> Said:
        if before is not None and self.chance.random() < 0.5:
            return before
        return {a: self.chance.choice(["", f"{a}-{self.chance.randrange(9)}"]) for a in ATTRIBUTES}

    def _files(self, name: str, told: dict[str, Said]) -> dict[str, str]:
        keyed = [(f"{name}-{person}", person, said) for person, said in told.items()]
        rows: list[Row] = [
            user(key, username=person, userIds="", identifier=person, **said) for key, person, said in keyed
        ]
        for row, (_, person, _) in zip(rows, keyed, strict=True):
            row |= {"givenName": f"G{person}", "familyName": f"F{person}"}
        if name == self.oracle.adds:
            rows = [{**row, "orgSourcedIds": "", "enabledUser": ""} for row in rows]
            return {"manifest.csv": manifest({"users": "bulk"}), "users.csv": table(rows, HEADERS["users"])}
        orgs = table([org("s1", parentSourcedId="")], HEADERS["orgs"])
        modes = {"orgs": "bulk", "users": "bulk"}
        return {"manifest.csv": manifest(modes), "orgs.csv": orgs, "users.csv": table(rows, HEADERS["users"])}

    def check(self) -> None:
        district_id = self.district.district_id
        with scope.inside(district_id):
            found = {r["identifier"]: r for r in roster.records(district_id=district_id, kind="user")}
            links = {(ln.key, ln.record_id) for ln in Link.objects.filter(district_id=district_id, kind="user")}
        seen = {p: {a: found[p][c] or "" for a, c in ATTRIBUTES.items()} for p in found if p not in self.oracle.gone}
        assert seen == {p: said for p, said in self.oracle.stands.items() if p not in self.oracle.gone}
        assert {p for p, r in found.items() if r["status"] != "active"} == self.oracle.gone
        ids = {person: record["id"] for person, record in found.items()}
        assert {p: ids[p] for p in self.ids} == self.ids, "an id changed"
        assert len(set(ids.values())) == len(ids)
        assert {(key.partition("-")[2], id_) for key, id_ in links} == set(ids.items()), "a key means another person"
        self.ids |= ids


def story(seed: int, folder: Path) -> Story:
    chance = random.Random(seed)
    registered = register_district(name=f"Amber Valley {uuid4()}", now=NOW)
    district = several(district_id=registered.id, folder=folder, now=NOW)
    sources = {
        "SIS": district.sis,
        "Two": district.more("Two"),
        "Directory": district.more("Directory", SourceRole.ENRICHMENT),
    }
    rules = {
        a: [(s, chance.choice(["master", "fill", "keep"])) for s in chance.sample(list(sources), chance.randrange(3))]
        for a in ATTRIBUTES
    }
    entries = [{"attribute": a, "source": s, "rule": r} for a, named in rules.items() for s, r in named]
    district.decide("masters", {"user": entries})
    return Story(chance, district, sources, Oracle(list(sources), "Directory", rules))


@pytest.mark.parametrize("seed", SEEDS)
def test_records_hold_what_the_claims_come_to(seed, tmp_path):
    told = story(seed, tmp_path)
    told.go_on(NIGHTS)
    assert told.oracle.stands, "nothing was told"


@pytest.mark.parametrize("wrong", ["a rule", "a person who is not gone"])
def test_the_reckoning_finds_what_is_wrong(wrong, tmp_path):
    """The controls: an oracle that believes something else must disagree within as many nights."""
    told = story(1, tmp_path)
    if wrong == "a rule":
        told.oracle.rules = {a: [("Directory", "master")] for a in ATTRIBUTES}
        told.district.decide("masters", {"user": []})
    else:
        told.oracle.adds = "nobody"
    with pytest.raises(AssertionError):
        told.go_on(NIGHTS * 2)
