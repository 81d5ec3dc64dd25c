"""Of each record, one version at most is open: the database says so, whoever writes, and in whatever order."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.errors import UniqueViolation

from schoolpassport.roster.kinds import KINDS, SHARED
from tests.support import rows

OPEN = 2_147_483_647
TABLES = [f"{room}_{kind.table}" for room, kinds in (("roster", KINDS), ("sharing", SHARED)) for kind in kinds.values()]


@pytest.fixture
def runtime(database) -> Iterator[Connection]:
    """The role that requests and jobs run as, in one district, for one transaction that never was."""
    with psycopg.connect(database.runtime_url) as connection:
        connection.execute("SELECT set_config('sp.district', %s, true)", [str(uuid4())])
        yield connection
        connection.rollback()


def district(connection: Connection) -> UUID:
    (found,) = connection.execute("SELECT current_setting('sp.district')::uuid").fetchone()
    return found


def write(connection: Connection, table: str, *versions: tuple[int, int], thing: UUID, **given: object) -> None:
    """Versions (from, to) of one record, in one statement."""
    made = [
        rows.row(connection, table, thing=thing, district_id=district(connection), rev_from=begin, rev_to=end)
        | ({"seq": hash((thing, begin)) % 1_000_000} if table.startswith("sharing") else {})
        | given
        for begin, end in versions
    ]
    line = sql.SQL("({})").format(sql.SQL(", ").join([sql.Placeholder()] * len(made[0])))
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES {}").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, made[0])),
            sql.SQL(", ").join([line] * len(made)),
        ),
        [value for each in made for value in each.values()],
    )


def reopen(connection: Connection, table: str, thing: UUID) -> None:
    connection.execute(
        sql.SQL("UPDATE {} SET rev_to = %s WHERE district_id = %s AND id = %s").format(sql.Identifier(table)),
        [OPEN, district(connection), thing],
    )


@pytest.mark.parametrize("table", TABLES)
def test_two_open_versions_in_one_statement_are_refused(runtime, table):
    with pytest.raises(UniqueViolation, match=f"two open versions in {table}"):
        write(runtime, table, (1, OPEN), (2, OPEN), thing=uuid4())


@pytest.mark.parametrize("table", TABLES)
def test_a_second_open_version_is_refused_whichever_comes_first(runtime, table):
    for first, second in ((1, 2), (2, 1), (2, 3), (0, 1)):
        thing = uuid4()
        write(runtime, table, (first, OPEN), thing=thing)
        with pytest.raises(UniqueViolation, match=f"{thing} would have two"), runtime.transaction():
            write(runtime, table, (second, OPEN), thing=thing)


@pytest.mark.parametrize("table", TABLES)
def test_a_closed_version_cannot_be_opened_beside_an_open_one(runtime, table):
    thing = uuid4()
    write(runtime, table, (1, 2), (2, OPEN), thing=thing)
    with pytest.raises(UniqueViolation, match="two open versions"):
        reopen(runtime, table, thing)


@pytest.mark.parametrize("table", TABLES)
def test_the_only_version_can_be_closed_opened_and_followed(runtime, table):
    thing, other = uuid4(), uuid4()
    write(runtime, table, (1, 2), thing=thing)
    reopen(runtime, table, thing)
    runtime.execute(sql.SQL("UPDATE {} SET rev_to = 3").format(sql.Identifier(table)))
    write(runtime, table, (3, OPEN), thing=thing)
    write(runtime, table, (3, OPEN), thing=other)


def test_two_views_hold_an_open_version_each(runtime):
    thing = uuid4()
    for view in (1, 2):
        write(runtime, "sharing_user", (2, OPEN), thing=thing, view=view)


def test_the_first_revision_of_a_view_beside_others_is_not_compared_row_with_row(runtime):
    """The planner thinks of a view that is being filled as of one row; comparing each with each would take minutes."""
    many(runtime, view=1, revision=2)
    runtime.execute("SELECT refresh_statistics(ARRAY['sharing_category'])")
    runtime.execute("SET LOCAL enable_nestloop = off")  # as publications of much have it
    runtime.execute("SET LOCAL statement_timeout = '20s'")
    many(runtime, view=2, revision=1)
    held = runtime.execute("SELECT view, count(*) FROM sharing_category GROUP BY view ORDER BY view").fetchall()
    assert held == [(1, 20_000), (2, 20_000)]


def test_whose_rows_are_fresh_is_found_out_once(runtime):
    """Beside a district that is known, the rows of a large one were sorted out anew for each that is stored."""
    many(runtime, view=1, revision=1)
    runtime.execute("SELECT refresh_statistics(ARRAY['sharing_category'])")
    runtime.execute("SELECT set_config('sp.district', %s, true)", [str(uuid4())])
    runtime.execute("SET LOCAL statement_timeout = '20s'")
    many(runtime, view=1, revision=1, count=100_000)
    assert runtime.execute("SELECT count(*) FROM sharing_category").fetchone() == (100_000,)


def many(connection: Connection, *, view: int, revision: int, count: int = 20_000) -> None:
    """As many rows of a view as would be felt, in one statement."""
    thing = district(connection)
    made = rows.row(connection, "sharing_category", thing=thing, district_id=thing, rev_from=revision, rev_to=OPEN)
    given = {**made, "view": view, "id": sql.SQL("gen_random_uuid()"), "seq": sql.SQL("n")}
    values = [v if isinstance(v, sql.SQL) else sql.Literal(v) for v in given.values()]
    connection.execute(
        sql.SQL("INSERT INTO sharing_category ({}) SELECT {} FROM generate_series(1, {}) n").format(
            sql.SQL(", ").join(map(sql.Identifier, given)), sql.SQL(", ").join(values), sql.Literal(count)
        )
    )


def test_a_version_is_closed_where_it_stands(runtime):
    """The point of it: no index hears of a closing. ``rev_to`` stands in none, and pages have room."""
    indexed = runtime.execute(
        """SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
           WHERE c.relname = ANY (%s) AND pg_get_indexdef(i.indexrelid) LIKE '%%rev_to%%'""",
        [TABLES],
    ).fetchall()
    assert indexed == []
    roomy = runtime.execute(
        "SELECT count(*) FROM pg_class WHERE relname = ANY (%s) AND reloptions::text LIKE '%%fillfactor%%'", [TABLES]
    ).fetchone()
    assert roomy == (len(TABLES),)
