"""Two applications that put, delete and read under the same names, against a plain dictionary for each.

One is shown what the other writes, now and then not. Whatever was done, each reads what the dictionaries say.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from schoolpassport.gradebook.contract import id_of
from schoolpassport.kit import clock
from schoolpassport.sharing import actions as sharing
from schoolpassport.tenancy.actions import register_district
from tests.support import packages
from tests.support.amount import amount
from tests.support.gradebooks import V1P1, V1P2, Writer, agreed, mark, task
from tests.support.nights import nights
from tests.support.readers import ref

KINDS = {"category": "categories", "lineItem": "lineItems", "result": "results"}
_EXAMPLES = count()  # each has names of its own, in one district for all of them

STEP = st.one_of(
    st.tuples(
        st.sampled_from(("put", "put", "put", "delete")), st.integers(0, 1), st.sampled_from(sorted(KINDS))
    ).flatmap(lambda step: st.tuples(*map(st.just, step), *[st.sampled_from("ab")] * 2, st.integers(0, 2))),
    st.sampled_from([("show",), ("hide",)]),
)


@dataclass
class Oracle:
    """What one application wrote: by kind and name, what it says, or None when it was deleted."""

    said: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)

    def put(self, kind: str, name: str, value: int, other: str) -> int:
        """The status of the answer by 1.1."""
        named = {"lineItem": "category", "result": "lineItem"}.get(kind)
        if named and not self.said.get((named, other)):
            return 400
        is_new = not self.said.get((kind, name))
        self.said[kind, name] = {"value": value, "other": other if named else None}
        return 201 if is_new else 200

    def delete(self, kind: str, name: str) -> int:
        if (kind, name) not in self.said:
            return 404
        self.said[kind, name] = None
        return 204

    def standing(self) -> dict[tuple[str, str], tuple[int, str | None]]:
        found = {}
        for (kind, name), said in self.said.items():
            if said is None or (kind == "result" and not self.said.get(("lineItem", said["other"]))):
                continue
            lost = kind == "lineItem" and not self.said.get(("category", said["other"]))
            found[kind, name] = (said["value"], None if lost else said["other"])
        return found


@dataclass
class World:
    apps: list[Writer]
    ids: dict[str, dict[str, UUID]]

    def put(self, app: int, kind: str, name: str, value: int, other: str, base: str) -> int:
        body = {
            "category": lambda: {"category": {"title": str(value)}},
            "lineItem": lambda: task(
                name,
                str(self.ids["class"]["k1"]),
                title=str(value),
                category=ref(other),
                gradingPeriod=ref(str(self.ids["academicSession"]["autumn"])),
            ),
            "result": lambda: mark(name, other, str(self.ids["user"]["p1"]), score=value),
        }[kind]()
        return self.apps[app].put(f"{base}/{KINDS[kind]}/{name}", body).status

    def decide(self, verb: str) -> None:
        one, two = (app.integrated.integration.id for app in self.apps)
        decide = sharing.show_grades if verb == "show" else sharing.hide_grades
        district = self.apps[0].integrated.district_id
        decide(district_id=district, writer_id=one, reader_id=two, by="test", now=clock.now())

    def read(self, app: int, start: str, base: str) -> dict[tuple[str, str], tuple[int, str | None]]:
        found = {}
        for kind, plural in KINDS.items():
            for each in self.apps[app].json(f"{base}/{plural}?limit=10000")[plural]:
                if each["status"] == "active" and (each["sourcedId"].startswith(start) or len(each["sourcedId"]) > 20):
                    value = each["score"] if kind == "result" else each["title"]
                    other = each.get({"lineItem": "category", "result": "lineItem"}.get(kind, ""), {}).get("sourcedId")
                    found[kind, each["sourcedId"]] = (int(value), other)
        return found


@pytest.fixture(scope="module")
def world(database, tmp_path_factory) -> Iterator[World]:
    now = clock.now()
    district = register_district(name="Gradebooks of two", now=now)
    found = nights(district_id=district.id, folder=tmp_path_factory.mktemp("grades"), now=now)
    found.done(packages.small())
    return World([agreed(district.id) for _ in range(2)], found.all_ids())


def shown(world: World, oracle: Oracle) -> dict[tuple[str, str], tuple[int, str | None]]:
    """What the other one reads of it: the same, under ids that are nobody's names."""
    of = world.apps[0].integrated.integration.id

    def called(kind: str, name: str) -> str:
        return str(id_of(integration_id=of, kind=kind, name=name))

    named = {"lineItem": "category", "result": "lineItem"}
    return {
        (kind, called(kind, name)): (value, other and called(named[kind], other))
        for (kind, name), (value, other) in oracle.standing().items()
    }


@settings(
    max_examples=amount("GRADEBOOKS", 5),
    database=None,
    phases=[Phase.generate],  # in one district for all examples, what failed does not fail again in the same way
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEP, min_size=4, max_size=14), base=st.sampled_from([V1P1, V1P2]))
def test_each_reads_what_it_wrote_and_what_it_is_shown_and_nothing_else(world, steps, base):
    start, oracles, is_shown = f"x{next(_EXAMPLES)}-", [Oracle(), Oracle()], False
    world.decide("hide")
    for step in steps:
        note(str(step))
        if step[0] in {"show", "hide"}:
            is_shown = step[0] == "show"
            world.decide(step[0])
            continue
        verb, app, kind, name, other, value = step
        name, other = start + name, start + other
        if verb == "put":
            expected = oracles[app].put(kind, name, value, other)
            if base == V1P2:
                expected = {200: 201, 400: 422}.get(expected, expected)
            assert world.put(app, kind, name, value, other, base) == expected, step
        else:
            path = f"{base}/{KINDS[kind]}/{name}"
            assert world.apps[app].delete(path).status == oracles[app].delete(kind, name), step
    mine = {id_ for (_, id_) in shown(world, oracles[0])}
    assert world.read(0, start, base) == oracles[0].standing()
    seen = {key: said for key, said in world.read(1, start, base).items() if key[1].startswith(start) or key[1] in mine}
    assert seen == oracles[1].standing() | (shown(world, oracles[0]) if is_shown else {})
