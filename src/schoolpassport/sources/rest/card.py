"""The dialect card: what a provider was seen to do, what that means for us, and how it stands in a source's memory."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from schoolpassport.sources.records import Trait
from schoolpassport.sources.rest.evidence import Evidence, summed
from schoolpassport.sources.rest.evidence import read as read_evidence
from schoolpassport.sources.rest.paging import How, Plan
from schoolpassport.sources.rest.ties import Way

ADDRESS, CARD, EVIDENCE, TOTAL_LIES, TIES = "of", "card", "evidence", "total lies", "resources"
_PAGING: Final = {
    How.OFFSET: "by offset, each page beginning with the last record of the one before",
    How.LINKS: "by the provider's links, until two readings agree",
    How.WHOLE: "in one answer",
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """What asking found out. ``stamp``: how a date must be written in a filter; "" when no filter by date works."""

    plan: Plan
    stamp: str
    traits: tuple[Trait, ...]

    def __getitem__(self, name: str) -> Trait:
        return next(t for t in self.traits if t.name == name)

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "plan": asdict(self.plan),
            "stamp": self.stamp,
            "traits": [[t.name, t.works, t.sentence] for t in self.traits],
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        plan = stored["plan"]
        traits = tuple(Trait(name=n, works=w, sentence=s) for n, w, s in stored["traits"])
        return cls(plan=Plan(**{**plan, "how": How(plan["how"])}), stamp=stored["stamp"], traits=traits)


def traits(memory: Mapping[str, Any]) -> tuple[Trait, ...]:
    """The whole card: what was asked, what the nights showed, and what follows."""
    if CARD not in memory:
        return ()
    card, seen = Card.load(memory[CARD]), summed(read_evidence(memory.get(EVIDENCE, [])))
    asked = tuple(_uncounted(t) if t.name == "count" and memory.get(TOTAL_LIES) else t for t in card.traits)
    tied = tuple(
        Trait(name=f"resources of {name}", works={Way.UNKNOWN: None}.get(Way(way), True), sentence=sentence)
        for name, (way, sentence) in memory.get(TIES, {}).items()
    )
    return (*asked, dates_move(seen), deletions_told(seen), *tied, _reading(card), deltas(card, seen))


def trusted(memory: Mapping[str, Any]) -> bool:
    """Whether a delta by date may be believed."""
    if CARD not in memory:
        return False
    return bool(deltas(Card.load(memory[CARD]), summed(read_evidence(memory.get(EVIDENCE, [])))).works)


def dates_move(seen: Evidence) -> Trait:
    wrong = [
        f"{seen.silent:,} of {seen.moved + seen.silent:,} records that changed kept a date a delta would have missed."
    ] * bool(seen.silent) + [f"{seen.late:,} new records came with a date of before."] * bool(seen.late)
    if wrong:
        return Trait(name="dates move", works=False, sentence=" ".join(wrong))
    if not seen.moved:
        sentence = "No record was seen to change between two full readings yet."
        return Trait(name="dates move", works=None, sentence=sentence)
    sentence = f"All {seen.moved:,} sampled records that changed between full readings had a new date."
    return Trait(name="dates move", works=True, sentence=sentence)


def deletions_told(seen: Evidence) -> Trait:
    if seen.vanished:
        sentence = (
            f"{seen.vanished:,} sampled records vanished and were never called deleted: only a full reading shows it."
        )
        return Trait(name="deletions told", works=False, sentence=sentence)
    if not seen.told:
        sentence = "No record was seen to be deleted between two full readings yet."
        return Trait(name="deletions told", works=None, sentence=sentence)
    sentence = f"All {seen.told:,} sampled records that went between full readings are called deleted."
    return Trait(name="deletions told", works=True, sentence=sentence)


def deltas(card: Card, seen: Evidence) -> Trait:
    """The conclusion: a delta is read when dates can be asked for, and were seen to move."""
    needed = [card["date filter"], dates_move(seen)]
    # Dates that were seen to move differ, even if the records of the first page are all of one date.
    needed += [card["dates"]] if card["dates"].works is False else []
    missing = next((t for t in sorted(needed, key=lambda t: t.works is None) if not t.works), None)
    if missing is None:
        return Trait(name="deltas", works=True, sentence="Between full readings, only what changed is read.")
    works = False if any(t.works is False for t in needed) else None
    sentence = f"Everything is read each time, because of “{missing.name}”: {missing.sentence}"
    return Trait(name="deltas", works=works, sentence=sentence)


def _uncounted(told: Trait) -> Trait:
    sentence = "X-Total-Count differs from the records that can be read; it is not used."
    return Trait(name=told.name, works=False, sentence=sentence)


def _reading(card: Card) -> Trait:
    order = ", in the order of ids" if card.plan.sort else ""
    sentence = f"Read {_PAGING[card.plan.how]}, {card.plan.size:,} records asked for at once{order}."
    return Trait(name="reading", works=True, sentence=sentence)
