"""Whom clients ask for by an address, or by whom somebody names, is looked up by an index.

As the role that serves them, inside its district.
"""

from collections.abc import Mapping
from uuid import uuid4

import psycopg
import pytest

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import conditions, filters, relations
from schoolpassport.sharing.contract import Collection, Parent, Refers, Subset
from schoolpassport.sharing.records import Shared

SHARED = Shared({"user": frozenset({"email", "username"})})


PEOPLE = """
    INSERT INTO sharing_user (district_id, view, id, rev_from, rev_to, seq, change, status, agents, orgs, resources, doc)
    SELECT %(district)s, 1, gen_random_uuid(), 1, 9, n, 'c', 'active', named, named, named, '{}'
    FROM (SELECT n, ARRAY(SELECT gen_random_uuid() FROM generate_series(0, n %% 7) WHERE n > 0) AS named
    FROM generate_series(1, 3000) n) p"""
LISTS = [field for field in KINDS["user"].fields if field.places]


def plan(database, said: str) -> str:
    wanted = conditions.compiled(filters.parse(said), KINDS["user"], SHARED)
    return explained(database, f"{relations.at(KINDS['user'], 'r')} AND {wanted.sql}", wanted.parameters)


def explained(database, rows: str, parameters: Mapping[str, object]) -> str:
    """How rows would be found in a view of some people, which is never kept."""
    asked = {**parameters, "district": uuid4(), "view": 1, "revision": 1}
    with psycopg.connect(database.runtime_url) as connection:
        connection.execute("SELECT set_config('sp.district', %s, true)", [str(asked["district"])])
        connection.execute(PEOPLE, asked)
        connection.execute("SELECT refresh_statistics(ARRAY['sharing_user'])")
        for way in ("seqscan", "bitmapscan"):  # by which a small table is read, whatever there is
            connection.execute(f"SET LOCAL enable_{way} = off")
        found = "\n".join(line for (line,) in connection.execute(f"EXPLAIN SELECT r.id FROM {rows}", asked))
        connection.rollback()
    return found


def test_an_address_is_looked_up_by_its_index(database):
    found = [line for line in plan(database, "email='Kim@Cedar.example'").splitlines() if "Index Cond" in line]
    assert [line for line in found if "email_folded = " in line], found


def test_what_no_index_knows_is_looked_for_in_the_rows(database):
    (found,) = (line for line in plan(database, "username='kim'").splitlines() if "Index Cond" in line)
    assert "username" not in found, found


@pytest.mark.parametrize("field", LISTS, ids=lambda field: field.name)
def test_who_names_somebody_is_looked_up_by_each_place_of_the_list_and_among_the_longer_ones(database, field):
    below = Collection(Subset("user"), (Parent(Subset(field.target)),), Refers(field.name))
    for place, way in enumerate(relations.ways(below), start=1):
        found = explained(database, f"{relations.at(KINDS['user'], 'r')} AND {way}", {"parent0": uuid4()})
        name = f"view_user_by_{field.column}_{place if place <= field.places else 'more'}"
        assert f"using {name} " in found, found
        assert place > field.places or f"({field.column}[{place}] = " in found, found


def test_a_list_as_a_whole_is_looked_up_by_no_index(database):
    below = Collection(Subset("user"), (Parent(Subset("user")),), Refers("agents"))
    rows = f"{relations.at(KINDS['user'], 'r')} AND {relations.members(below).sql}"
    (found,) = (line for line in explained(database, rows, {"parent0": uuid4()}).splitlines() if "Index Cond" in line)
    assert "agents" not in found, found
