"""Whom clients ask for by an address is looked up by an index, as the role that serves them, inside its district."""

from uuid import uuid4

import psycopg

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import conditions, filters, relations
from schoolpassport.sharing.records import Shared

SHARED = Shared({"user": frozenset({"email", "username"})})


def plan(database, said: str) -> str:
    wanted = conditions.compiled(filters.parse(said), KINDS["user"], SHARED)
    asked = {**wanted.parameters, "district": uuid4(), "view": 1, "revision": 1}
    with psycopg.connect(database.runtime_url) as connection:
        connection.execute("SELECT set_config('sp.district', %s, true)", [str(asked["district"])])
        for way in ("seqscan", "bitmapscan"):  # by which a small table is read, whatever there is
            connection.execute(f"SET LOCAL enable_{way} = off")
        query = f"EXPLAIN SELECT r.id FROM {relations.at(KINDS['user'], 'r')} AND {wanted.sql}"
        return "\n".join(line for (line,) in connection.execute(query, asked))


def test_an_address_is_looked_up_by_its_index(database):
    found = [line for line in plan(database, "email='Kim@Cedar.example'").splitlines() if "Index Cond" in line]
    assert [line for line in found if "email_folded = " in line], found


def test_what_no_index_knows_is_looked_for_in_the_rows(database):
    (found,) = (line for line in plan(database, "username='kim'").splitlines() if "Index Cond" in line)
    assert "username" not in found, found
