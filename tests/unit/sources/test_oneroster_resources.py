"""Which resources a class uses: shown by the class, or asked for class by class; and that it lost one, also by a delta."""

import pytest

from schoolpassport.kit.recovery import Retry
from schoolpassport.sources.rest import card
from tests.support import oneroster_provider as fake
from tests.support.oneroster_provider import Quirks, provider, provider_1p2, serving
from tests.support.packages import small
from tests.unit.sources.test_oneroster_dialect import EARLY, LATE, Nights
from tests.unit.sources.test_oneroster_rest import REST, given, modes, pulled, rows

ASKS = {"also": "resources", "one_by_one": "10"}
BOOKS = ("b1", "b2", "b/3")


def equipped(quirks: Quirks | None = None, make=provider):
    """Two classes, one of which uses two books."""
    books = tuple({"sourcedId": b, "vendorResourceId": f"v-{b}", "title": f"Book {b}"} for b in BOOKS)
    made = make(small().with_rows("resources", *books), quirks)
    made.uses = {"classes/k1": ["b1", "b/3"], "courses/alg": ["b2"]}
    return made


def ties(into, file="classResources", owner="classSourcedId") -> set[tuple[str, str]]:
    return {(r[owner], r["resourceSourcedId"]) for r in rows(into).get(file, {}).values()}


def told(memory) -> dict[str, tuple[bool | None, str]]:
    return {t.name: (t.works, t.sentence) for t in card.traits(memory) if t.name.startswith("resources of")}


WAYS = {
    "a good provider": Quirks(),
    "nothing is 404": Quirks(nothing_is_404=True),
    "one at a time": Quirks(clamp=1),
    "links only": Quirks(clamp=1, cursor=True, link="good"),
    "nothing counted": Quirks(clamp=1, total="none"),
    "tokens that expire": Quirks(token_life=4),
    "429 on its way": Quirks(faults={n: fake.status(429, Retry_After="0") for n in (40, 52, 60)}),
}


@pytest.mark.parametrize("quirks", WAYS.values(), ids=WAYS.keys())
def test_what_classes_do_not_show_is_asked_for_one_by_one(quirks, tmp_path):
    with serving(equipped(quirks)) as made:
        collected = pulled(made, tmp_path / "got", **ASKS)
    into = tmp_path / "got"
    assert ties(into) == {("k1", "b1"), ("k1", "b/3")}
    assert ties(into, "courseResources", "courseSourcedId") == {("alg", "b2")}
    assert modes(into)["classResources"] == "bulk"
    assert told(collected.memory)["resources of classes"] == (True, "They were asked for one by one, of 2 classes.")


def test_the_resources_of_one_dot_two_are_below_their_own_service(tmp_path):
    with serving(equipped(make=provider_1p2)) as made:
        asked = given(made, schema="oneroster-1.2", **ASKS)
        (tmp_path / "got").mkdir()
        REST.collect(asked, tmp_path / "got", lambda _: None)
    assert ties(tmp_path / "got") == {("k1", "b1"), ("k1", "b/3")}
    assert any(path.startswith("/ims/oneroster/resources/v1p2/classes/k1/resources?") for path in made.asked)


def carried(into) -> set[tuple[str, str]]:
    return ties(into, "userResources", "userSourcedId")


def test_one_dot_two_is_asked_what_people_use_and_1_1_is_not(tmp_path):
    for make, asked in ((provider_1p2, {("p1", "b1"), ("p1", "b/3"), ("t1", "b2")}), (provider, set())):
        made = equipped(make=make)
        made.uses = {"users/p1": ["b1", "b/3"], "users/t1": ["b2"]}
        (into := tmp_path / make.__name__).mkdir()
        with serving(made):
            known = Nights(made, into, schema=f"oneroster-{made.version}", **ASKS)
            assert carried(known.pull()) == asked
        assert bool(made.hits["users/resources"]) is bool(asked)


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "asked"])
def test_somebody_who_lost_a_resource_is_seen_by_a_delta(shown, tmp_path):
    made = equipped(make=provider_1p2)

    def uses(*books: str) -> None:
        made.uses = None if shown else {"users/p1": list(books)}
        if shown:
            next(r for r in made.world["users"] if r["sourcedId"] == "p1")["resources"] = [*books]

    with serving(made):
        known = Nights(made, tmp_path, schema="oneroster-1.2", overlap_hours="0", **ASKS)
        uses("b1", "b2")
        known.pull()
        for name, stamp in (("Ada", EARLY), ("Bea", LATE)):
            person = next(r for r in made.world["users"] if r["sourcedId"] == "p2")
            person |= {"givenName": name, "dateLastModified": stamp}
            into = known.pull()
        assert (modes(into)["users"], modes(into)["userResources"]) == ("delta", "bulk")
        assert carried(into) == {("p1", "b1"), ("p1", "b2")}
        assert rows(into)["roles"], "what else is told of people goes along"
        uses("b2")  # and no date moves
        assert carried(known.pull()) == {("p1", "b2")}


@pytest.mark.parametrize(
    ("values", "asked"),
    [({"also": "resources"}, 0), ({**ASKS, "one_by_one": "1"}, 0), ({**ASKS, "also": "none"}, 0), (ASKS, 3)],
)
def test_nobody_is_asked_who_was_not_allowed_to_be(values, asked, tmp_path):
    """Neither by default, nor where there are more classes than allowed; two requests tell of one that uses something."""
    with serving(equipped()) as made:
        pulled(made, tmp_path / "got", **values)
    assert made.hits["classes/resources"] == asked
    assert bool(ties(tmp_path / "got")) is bool(asked)


@pytest.mark.parametrize(("quirks", "uses"), [(Quirks(refuses_below=True), {}), (Quirks(), None)], ids=["403", "404"])
def test_a_provider_that_tells_nothing_of_single_classes_is_read_without(quirks, uses, tmp_path):
    made = equipped(quirks)
    made.uses = uses
    with serving(made):
        collected = pulled(made, tmp_path / "got", **ASKS)
    assert "classResources" not in modes(tmp_path / "got")
    assert modes(tmp_path / "got")["classes"] == "bulk"
    assert told(collected.memory)["resources of classes"][0] is None


def test_a_provider_that_fails_half_way_gives_no_package(tmp_path):
    with serving(equipped()) as made:
        pulled(made, tmp_path / "once", **ASKS)
        last = next(n for n, path in enumerate(made.asked) if "/classes/" in path)
    broken = Quirks(faults={n: fake.status(500) for n in range(last, last + 9)})
    with serving(equipped(broken)) as made, pytest.raises(Retry):
        pulled(made, tmp_path / "got", **ASKS)
    assert made.hits["classes"] > 0
    assert not (tmp_path / "got" / "manifest.csv").exists()


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "asked"])
def test_a_class_that_lost_a_resource_is_seen_by_a_delta(shown, tmp_path):
    made = equipped()

    def uses(*books: str) -> None:
        refs = [{"href": f"https://x.example/{b}", "sourcedId": b, "type": "resource"} for b in books]
        if shown:
            made.uses = None
            next(r for r in made.world["classes"] if r["sourcedId"] == "k1")["resources"] = refs
        else:
            made.uses = {"classes/k1": list(books)}

    with serving(made):
        known = Nights(made, tmp_path, overlap_hours="0", **ASKS)
        uses("b1", "b2")
        # Of courses, none shows any; where they may be asked one by one, they are, and are read whole for it.
        read = {"classes": "delta", "classResources": "bulk"} | ({} if shown else {"courses": "delta"})
        known.pull()
        books = made.world["resources"]
        for name, stamp in (("Ada", EARLY), ("Bea", LATE)):
            package = small().changed("users", "p1", givenName=name)
            made.set(package, stamp=stamp)
            made.world["resources"] = books
            uses("b1", "b2")
            into = known.pull()
        assert modes(into) == {"users": "delta", **read}
        assert ties(into) == {("k1", "b1"), ("k1", "b2")}
        uses("b2")  # and no date moves
        into = known.pull()
    assert ties(into) == {("k1", "b2")}
    assert modes(into) == read
