"""Whom lists of references name, looked up by place, against plain Python: at several revisions, whatever the step."""

import json
from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing.contract import AnyOf, Collection, Meets, Names, Parent, Refers, Subset
from schoolpassport.sharing.queries import PartOf, PupilsOf, Reader, Role, Stretch, view_for
from schoolpassport.sharing.records import PageRequest, Selection
from tests.support.plain_views import FIRST_MORNING, PlainView, a_plain_view

NOW = FIRST_MORNING + timedelta(days=30)
REVISIONS = (1, 2, 3)
PEOPLE, SCHOOLS, BOOKS, CLASSES = ([str(uuid4()) for _ in range(many)] for many in (70, 6, 5, 4))
PLACES = {name: KINDS["user"][name].places for name in ("agents", "orgs", "resources")}
USER = Subset("user")
STUDENTS = Subset("user", "role", "student")
OF_A_SCHOOL = Collection(STUDENTS, (Parent(Subset("org")),), Refers("orgs"))
EVERYBODY_OF_A_SCHOOL = Collection(USER, (Parent(Subset("org")),), Refers("orgs"))
WITH_A_BOOK = Collection(USER, (Parent(Subset("resource")),), Refers("resources"))
HERS = Collection(USER, (Parent(USER),), AnyOf((Refers("agents"), Meets(mine="teacher", theirs="student"))))
HIS = Collection(STUDENTS, (Parent(USER),), AnyOf((Refers("agents"), Names("user", "agents"))))
PARENTS = {OF_A_SCHOOL: SCHOOLS, EVERYBODY_OF_A_SCHOOL: SCHOOLS, WITH_A_BOOK: BOOKS, HERS: PEOPLE, HIS: PEOPLE}

Record = dict[str, Any]


def refs(keys: Iterable[str]) -> list[dict[str, str]]:
    return [{"sourcedId": key} for key in keys]


def person(key: str, dice: Random) -> Record:
    """With lists of any length, in which some stand twice: what two guardians were before they became one."""
    found = {
        "agents": dice.choices(PEOPLE, k=dice.choice((0, 1, 2, 2, 3, 5, 7))),
        "orgs": dice.choices(SCHOOLS, k=dice.choice((1, 1, 2, 4))),
        "resources": dice.choices(BOOKS, k=dice.choice((0, 0, 1, 3, 6))),
    }
    role = dice.choice(("student", "student", "student", "teacher", "parent", "guardian"))
    return {"sourcedId": key, "role": role} | {name: refs(keys) for name, keys in found.items() if keys}


@pytest.fixture(scope="module")
def view() -> PlainView:
    """Three revisions: lists grow, shrink and change places, people go and come back; another application sees all."""
    from schoolpassport.tenancy.actions import register_district

    dice, district = Random("named"), register_district(name=f"Lime Landing {uuid4()}", now=FIRST_MORNING).id
    views = [a_plain_view(district) for _ in range(2)]
    enrolled = [
        {"sourcedId": str(uuid4()), "user": {"sourcedId": who}, "class": {"sourcedId": dice.choice(CLASSES)}}
        | {"role": dice.choice(("student", "student", "teacher"))}
        for who in PEOPLE[:40]
    ]
    things = {"org": [{"sourcedId": key, "type": "school"} for key in SCHOOLS], "resource": refs(BOOKS)}
    people = {key: person(key, dice) for key in PEOPLE}
    for number in REVISIONS:
        some = [each for key, each in people.items() if number != 2 or key not in PEOPLE[60:]]
        views[0].publish({**things, "class": refs(CLASSES), "enrollment": enrolled, "user": some})
        views[1].publish({**things, "user": list(people.values())})
        people |= {key: person(key, dice) for key in PEOPLE[::3]}
    return views[0]


def reader_of(view: PlainView) -> Reader:
    return view_for(district_id=view.district_id, integration_id=view.integration_id, base="http://x", now=NOW)


def named(record: Record, name: str) -> list[str]:
    return [each["sourcedId"] for each in record.get(name, ())]


def living(view: PlainView, kind: str, revision: int) -> dict[str, Record]:
    return {key: each for key, each in view.shown(kind, revision).items() if each["status"] == "active"}


def parents_are_there(collection: Collection, parent: str, people: dict[str, Record]) -> bool:
    """Who is gone has no collection."""
    return PARENTS[collection] is not PEOPLE or parent in people


def members(
    view: PlainView,
    collection: Collection,
    parent: str,
    revision: int,
    *,
    people: dict[str, Record] | None = None,
    places: int = 100,
) -> list[str]:
    """By whom the parent is named in the first so many places, and who belongs to it otherwise."""
    people = living(view, "user", revision) if people is None else people
    field = {OF_A_SCHOOL: "orgs", EVERYBODY_OF_A_SCHOOL: "orgs", WITH_A_BOOK: "resources"}.get(collection, "agents")
    found = {key for key, each in people.items() if parent in named(each, field)[:places]}
    if collection is HERS:
        roles = [
            (e["user"]["sourcedId"], e["class"]["sourcedId"], e["role"])
            for e in living(view, "enrollment", revision).values()
        ]
        taught = {class_ for user, class_, role in roles if (user, role) == (parent, "teacher")}
        found |= {user for user, class_, role in roles if class_ in taught and role == "student" and user in people}
    if collection is HIS:
        found |= people.keys() & set(named(living(view, "user", revision).get(parent, {}), "agents"))
    if collection.subset is STUDENTS:
        found = {key for key in found if people[key]["role"] == "student"}
    return sorted(found)


COLLECTIONS = st.sampled_from(list(PARENTS)).flatmap(lambda c: st.tuples(st.just(c), st.sampled_from(PARENTS[c])))
EDGES = st.none() | st.sampled_from(PEOPLE)


@settings(max_examples=150)
@given(
    COLLECTIONS,
    st.sampled_from(REVISIONS),
    st.integers(1, 20),
    st.sampled_from((0, 0, 3)),
    EDGES,
    st.booleans(),
    st.booleans(),
)
def test_any_part_below_a_parent_is_that_of_the_whole_in_its_order(
    view, of, revision, limit, skip, edge, backwards, narrowed
):
    (collection, parent), people = of, living(view, "user", revision)
    assume(parents_are_there(collection, parent, people))
    roles = (Role("student"), Role("guardian")) if narrowed else ()
    whole = [
        key
        for key in members(view, collection, parent, revision)
        if not roles or people[key]["role"] in {"student", "guardian"}
    ]
    side = {"before" if backwards else "after": UUID(edge) if edge else UUID(int=(2**128 - 1) * backwards)}
    stretch = Stretch(
        collection, (UUID(parent),), roles, limit=limit, skip=skip, revision=revision, counted=True, **side
    )
    part = reader_of(view).inquire(PartOf(stretch))
    ahead = [key for key in whole if not edge or (key < edge if backwards else key > edge)]
    ahead = ahead[::-1] if backwards else ahead
    assert [each["sourcedId"] for each in json.loads(part.documents)] == sorted(ahead[skip : skip + limit])
    assert (part.more, part.total, part.revision) == (len(ahead) > skip + limit, len(whole), revision)


@settings(max_examples=40)
@given(
    COLLECTIONS,
    st.sampled_from(REVISIONS),
    st.integers(1, 30),
    st.integers(0, 30),
    st.sampled_from(("", "role")),
    st.booleans(),
)
def test_any_page_below_a_parent_is_the_slice_of_the_whole(view, of, revision, limit, offset, sort, active):
    collection, parent = of
    shown = view.shown("user", revision)
    assume(parents_are_there(collection, parent, shown))
    whole = members(view, collection, parent, revision, people=living(view, "user", revision) if active else shown)
    selection = Selection(collection, (UUID(parent),), filter="status='active'" if active else "", sort=sort)
    page = reader_of(view).page(PageRequest(selection, limit, offset, revision=revision))
    expected = sorted(whole, key=lambda key: (shown[key]["role"] if sort else "", key))
    found = [each["sourcedId"] for each in json.loads(b"[" + page.documents + b"]")]
    assert (found, page.total) == (expected[offset : offset + limit], len(whole))


def pupils(view: PlainView, agents: Iterable[str], revision: int, *, places: int = 100) -> list[tuple[str, str]]:
    students = {key: each for key, each in living(view, "user", revision).items() if each["role"] == "student"}
    return sorted(
        (agent, key)
        for agent in agents
        for key, each in students.items()
        for a in named(each, "agents")[:places]
        if a == agent
    )


@pytest.mark.parametrize("revision", REVISIONS)
def test_pupils_of_guardians_are_those_who_name_them_as_often_as_they_do(view, revision):
    found = reader_of(view).inquire(PupilsOf(tuple(map(UUID, PEOPLE)), revision))
    assert found == pupils(view, PEOPLE, revision)
    (one,) = {agent for agent, _ in found[:1]}
    assert reader_of(view).inquire(PupilsOf((UUID(one),), revision)) == pupils(view, [one], revision)
    assert reader_of(view).inquire(PupilsOf((uuid4(),), revision)) == []


def test_the_places_that_have_an_index_alone_would_not_do(view):
    """The control: there is somebody behind them for each collection, and somebody who is named twice."""
    for collection, parents in PARENTS.items():
        places = PLACES["orgs" if parents is SCHOOLS else "resources" if parents is BOOKS else "agents"]
        assert any(members(view, collection, p, 3) != members(view, collection, p, 3, places=places) for p in parents)
    found = pupils(view, PEOPLE, 3)
    assert found != pupils(view, PEOPLE, 3, places=PLACES["agents"])
    assert len(found) > len(set(found))
