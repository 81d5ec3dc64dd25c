"""Random contents of consents, such as could be agreed, and random conditions on the records of a kind."""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from schoolpassport.kit import conditions
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents

LEAVES: dict[str, list[tuple[str, str, Any]]] = {
    "org": [("name", "equals", "north"), ("type", "not equals", "district")],
    "academicSession": [("title", "equals", "A"), ("title", "not empty", "")],
    "course": [("grades", "one of", ["07"]), ("grades", "empty", ""), ("title", "contains", "us")],
    "user": [
        *[("role", "equals", "student"), ("role", "not equals", "teacher"), ("email", "empty", "")],
        *[("givenName", "begins with", "a"), ("metadata.house", "equals", "red")],
    ],
    "class": [("title", "equals", "Red"), ("title", "ends with", "E")],
    "enrollment": [("role", "equals", "teacher")],
    "demographics": [("sex", "equals", "male"), ("sex", "not one of", ["male"])],
}


def leaf(said: tuple[str, str, Any]) -> dict[str, Any]:
    attribute, test, value = said
    return {"attribute": attribute, "is": test} | ({"value": value} if value else {})


def tree(dice: random.Random, kind: str, depth: int = 2) -> dict[str, Any]:
    if not depth or dice.random() < 0.5:
        return leaf(dice.choice(LEAVES[kind]))
    word = dice.choice(["all", "any", "not"])
    if word == "not":
        return {"not": tree(dice, kind, depth - 1)}
    return {word: [tree(dice, kind, depth - 1) for _ in range(dice.randint(1, 2))]}


def contents(dice: random.Random, *, kinds: Sequence[str], schools: Sequence[UUID]) -> Contents:
    """Kinds, schools, attributes, masks and filters by chance; what the standard requires is never left out."""
    shared: dict[str, list[str]] = {}
    masks: dict[str, str] = {}
    for kind in kinds:
        if dice.random() < 0.15:
            continue
        most = dice.choice([0.0, 0.1, 0.5])
        kept = [a for a in catalogue.attributes(kind) if a.required or dice.random() >= most]
        shared[kind] = [a.name for a in kept]
        likely = dice.choice([0.0, 0.3, 0.9])
        followers = {a.name for a in kept if a.follows and a.follows in shared[kind]}
        masks |= {a.key: dice.choice(a.masks) for a in kept if a.masks and dice.random() < likely}
        for name in followers & {key.partition(".")[2] for key in masks}:  # masked as what it follows, or not by choice
            del masks[f"{kind}.{name}"]
    return Contents(
        attributes=shared,
        schools=None if dice.random() < 0.4 else dice.sample(schools, dice.randint(0, 2)),
        masks=masks,
        filters={
            kind: conditions.parse(tree(dice, kind)) for kind in shared if kind in LEAVES and dice.random() < 0.15
        },
    )
