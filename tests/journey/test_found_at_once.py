"""What clients ask for by an address or an id is found by an index, by the plan that is made once for all of them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from schoolpassport.kit import pipeline, postgres
from schoolpassport.roster.kinds import KINDS, SHARED
from schoolpassport.sharing import catalogue, plans, roundtrip, values
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.records import Selection, Shared
from tests.support import rows

DISTRICT = UUID(int=7)
EVERYTHING = Shared({kind: frozenset(names) for kind, names in catalogue.everything(kinds=tuple(SHARED)).items()})


def sought() -> Iterator[tuple[str, str]]:
    """What records of each kind are said to be found by, each a path of filters."""
    for kind in SHARED.values():
        for path in ("sourcedId", *(f"{f.name}{'.sourcedId' if f.is_reference else ''}" for f in kind.fields)):
            value = values.find(kind, EVERYTHING, path, prefix="")
            if value is not None and value.indexed:
                yield kind.name, path


def column(kind: str, path: str) -> str:
    if path == "sourcedId":
        return "id"
    field = KINDS[kind][path.removesuffix(".sourcedId")]
    return field.folded if field.sought else field.column


@pytest.fixture(scope="module")
def connection(database) -> Iterator["psycopg.Connection[Any]"]:
    """Inside a transaction that comes to nothing, in which a view has sixty records of each kind, and nobody else any.

    Among many districts of a few records the planner would hold all indexes equal.
    """
    with psycopg.connect(database.superuser_url) as connection:
        for kind in SHARED.values():
            table = f"sharing_{kind.table}"
            connection.execute(f"DELETE FROM {table}")
            for number in range(60):
                whole = rows.row(connection, table, thing=uuid4(), district_id=DISTRICT, seq=number)
                rows.insert(connection, table, whole)
            connection.execute(f"ANALYZE {table}")
        connection.execute(f"SET LOCAL ROLE {postgres.RUNTIME}")
        yield connection
        connection.rollback()


def found_by(connection: "psycopg.Connection[Any]", kind: str, said: str, **more: object) -> str:
    """The condition of the index in the plan that is made once for all who ask this; with ids for those of a page."""
    plan = plans.plan(Selection(Collection(Subset(kind)), filter=said), EVERYTHING)
    sql, names = pipeline._numbered(plan.statements.in_order if more else plan.statements.few)
    known = {"integration": DISTRICT, "view": 1, "revision": 1, "limit": 100, "now": "2026-09-01", "puller": ""}
    asked = {"district": DISTRICT, "collection": "", **known, **plan.parameters, **more}
    connection.execute(roundtrip._ENTER_SORTED, [str(DISTRICT)])
    connection.execute(b"PREPARE few AS " + sql)
    given = ", ".join(f"'{asked[name]}'" for name in names)
    lines = [str(line) for (line,) in connection.execute(f"EXPLAIN EXECUTE few ({given})")]
    connection.execute("DEALLOCATE few")
    scan = next(place for place, line in enumerate(lines) if f"on sharing_{KINDS[kind].table} r" in line)
    return next(line for line in lines[scan:] if "Index Cond" in line)


def test_what_is_said_to_be_found_by_an_index_is(connection):
    for kind, path in sought():
        condition = found_by(connection, kind, f"{path}='{uuid4()}'")
        assert f"({column(kind, path)} = " in condition, (kind, path, condition)


def test_it_is_addresses_ids_and_what_large_kinds_name():
    assert {found for found in sought() if found[0] in {"user", "enrollment", "org"}} == {
        *(("user", "sourcedId"), ("user", "email"), ("org", "sourcedId")),
        *(("enrollment", "sourcedId"), ("enrollment", "user.sourcedId"), ("enrollment", "class.sourcedId")),
    }


def test_what_no_index_knows_is_looked_for_in_the_rows(connection):
    condition = found_by(connection, "user", "username='kim'")
    assert "username" not in condition, condition


def test_the_records_of_a_page_are_met_on_one_walk_along_their_ids(connection):
    for kind in SHARED:
        condition = found_by(connection, kind, "", ids=f"{{{uuid4()},{uuid4()}}}", oldest=1)
        assert "(id = ANY (" in condition, (kind, condition)
        assert "(rev_from >= " in condition, (kind, condition)  # versions from before are not met on it
