"""The locks on the real tables, and for each lock a table, view or role on which the check finds fault."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql

from schoolpassport.kit import postgres
from schoolpassport.tenancy import scope
from tests.house import catalogue
from tests.support import rows

UNCHANGING = {
    "audit_event",
    "sources_setting",
    "sharing_consentstep",
    "sharing_receipt",
}  # nobody can change or delete a row of these

CHECKS = {
    check.__name__: check
    for check in (
        catalogue.unlocked,
        catalogue.ownerless_keys,
        catalogue.crossing_references,
        catalogue.leaking_views,
        catalogue.borrowed_rights,
        catalogue.powers,
    )
}

LOCK = "district_id = nullif(current_setting('sp.district', true), '')::uuid"
GOOD_TABLE = f"""
    CREATE TABLE bad (district_id uuid, id uuid, partner_id uuid, name text, PRIMARY KEY (district_id, id));
    ALTER TABLE bad ENABLE ROW LEVEL SECURITY;
    ALTER TABLE bad FORCE ROW LEVEL SECURITY;
    CREATE POLICY lock ON bad USING ({LOCK}) WITH CHECK ({LOCK});
    """


@pytest.fixture
def owner(database) -> Iterator[Connection]:
    """The owner, for one transaction that never was."""
    with database.as_owner() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def runtime(database) -> Iterator[Connection]:
    """A fresh connection of the role that requests and jobs run as, in which no district was ever entered."""
    with psycopg.connect(database.runtime_url, autocommit=True) as connection:
        yield connection


# ------------------------------------------------------------------------------------------------------ the catalogue


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_wrong_with_the_database(owner, check):
    assert list(CHECKS[check](owner)) == []


def test_the_checks_look_at_the_tables_that_matter(owner):
    by_owner = {table.name: table.owner for table in catalogue.owned(owner)}
    assert by_owner["roster_user"] == by_owner["sharing_user"] == by_owner["audit_event"] == "district_id"
    assert by_owner["partners_credential"] == "district_id"
    assert by_owner["partners_partnercredential"] == "partner_id"
    assert by_owner["messaging_notice"] == "organisation_id"


def test_a_table_that_is_as_it_should_be_is_no_problem(owner):
    owner.execute(GOOD_TABLE)
    assert {name: list(check(owner)) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


BAD = {
    "no lock at all": (
        """ALTER TABLE bad NO FORCE ROW LEVEL SECURITY;
           ALTER TABLE bad DISABLE ROW LEVEL SECURITY;
           DROP POLICY lock ON bad""",
        [
            "bad: row-level security is off",
            "bad: row-level security does not hold for the owner (FORCE is missing)",
            "bad: no policy compares district_id with sp.district for reading and writing",
        ],
    ),
    "a lock that the owner walks through": (
        "ALTER TABLE bad NO FORCE ROW LEVEL SECURITY",
        ["bad: row-level security does not hold for the owner (FORCE is missing)"],
    ),
    "a lock on reading only": (
        f"DROP POLICY lock ON bad; CREATE POLICY lock ON bad FOR SELECT USING ({LOCK})",
        [
            "bad: no policy compares district_id with sp.district for reading and writing",
            "bad: the policy lock opens it in a way that is not in tenancy.rows",
        ],
    ),
    "a lock that writing passes": (
        "ALTER POLICY lock ON bad WITH CHECK (true)",
        [
            "bad: no policy compares district_id with sp.district for reading and writing",
            "bad: the policy lock opens it in a way that is not in tenancy.rows",
        ],
    ),
    "a lock of another setting": (
        "ALTER POLICY lock ON bad USING (district_id = nullif(current_setting('sp.partner', true), '')::uuid)",
        [
            "bad: no policy compares district_id with sp.district for reading and writing",
            "bad: the policy lock opens it in a way that is not in tenancy.rows",
        ],
    ),
    "a second door": (
        "CREATE POLICY staff ON bad FOR SELECT USING (true)",
        ["bad: the policy staff opens it in a way that is not in tenancy.rows"],
    ),
    "nobody's table": (
        "CREATE TABLE worse (id uuid PRIMARY KEY)",
        ["worse belongs to nobody: give it a district_id, or a line in SHARED with the reason"],
    ),
    "nobody's table in a corner": (
        "CREATE SCHEMA corner; CREATE TABLE corner.worse (id uuid PRIMARY KEY)",
        ["worse belongs to nobody: give it a district_id, or a line in SHARED with the reason"],
    ),
    "a partition without its own lock": (
        f"""DROP TABLE bad; CREATE TABLE bad (district_id uuid, id uuid, PRIMARY KEY (district_id, id))
            PARTITION BY HASH (district_id);
            CREATE TABLE bad_0 PARTITION OF bad FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            ALTER TABLE bad ENABLE ROW LEVEL SECURITY; ALTER TABLE bad FORCE ROW LEVEL SECURITY;
            CREATE POLICY lock ON bad USING ({LOCK}) WITH CHECK ({LOCK})""",
        [
            "bad_0: row-level security is off",
            "bad_0: row-level security does not hold for the owner (FORCE is missing)",
            "bad_0: no policy compares district_id with sp.district for reading and writing",
        ],
    ),
    "a shared table that has gone": (
        "DROP TABLE procrastinate_workers CASCADE",
        ["SHARED lists procrastinate_workers, which is not there"],
    ),
    "a shared table that got a district": (
        "ALTER TABLE procrastinate_workers ADD COLUMN district_id uuid",
        ["procrastinate_workers is listed as shared, but it has a district_id"],
    ),
    "a primary key without the district": (
        "ALTER TABLE bad DROP CONSTRAINT bad_pkey, ADD PRIMARY KEY (id)",
        ["bad_pkey on bad does not begin with district_id"],
    ),
    "no primary key": ("ALTER TABLE bad DROP CONSTRAINT bad_pkey", ["bad has no primary key"]),
    "a name that is unique in all districts": (
        "ALTER TABLE bad ADD CONSTRAINT one_name UNIQUE (name)",
        ["one_name on bad does not begin with district_id"],
    ),
    "an index on an expression": (
        "CREATE INDEX by_name ON bad (lower(name))",
        ["by_name on bad does not begin with district_id"],
    ),
    "a partner's index on a district's table": (
        "CREATE INDEX by_partner ON bad (partner_id)",
        ["by_partner on bad does not begin with district_id"],
    ),
    "an exclusion": (
        "ALTER TABLE bad ADD CONSTRAINT apart EXCLUDE USING btree (district_id WITH =, name WITH =)",
        ["apart on bad is an exclusion constraint: look at it by hand"],
    ),
    "a reference into any district": (
        """ALTER TABLE bad ADD CONSTRAINT by_name UNIQUE (name);
           CREATE TABLE bad2 (district_id uuid, name text REFERENCES bad (name), PRIMARY KEY (district_id, name));
           ALTER TABLE bad2 ENABLE ROW LEVEL SECURITY""",
        ["bad2_name_fkey of bad2 does not lead from district_id to district_id of bad"],
    ),
    "a view with its maker's rights": (
        "CREATE VIEW peek AS SELECT * FROM bad",
        ["peek is a view without security_invoker"],
    ),
    "a view that says no": (
        "CREATE VIEW peek WITH (security_invoker = false) AS SELECT * FROM bad",
        ["peek is a view without security_invoker"],
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW peek AS SELECT * FROM bad",
        ["peek is a materialised view: it shows everybody's rows to everybody"],
    ),
    "a function with its maker's rights": (
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM bad'",
        [
            "peek() runs with its owner's rights: it needs a line in LENT with the reason",
            "peek() runs with its owner's rights and returns something",
            "peek() runs with its owner's rights wherever the caller's search_path leads",
            "peek() runs with its owner's rights for everybody",
        ],
    ),
    "a lent function that lost its bounds": (
        """ALTER FUNCTION refresh_statistics(text[]) RESET search_path;
           GRANT EXECUTE ON FUNCTION refresh_statistics(text[]) TO public""",
        [
            "refresh_statistics(text[]) runs with its owner's rights wherever the caller's search_path leads",
            "refresh_statistics(text[]) runs with its owner's rights for everybody",
        ],
    ),
    "a lent function that has gone": (
        "DROP FUNCTION refresh_statistics(text[])",
        ["LENT lists refresh_statistics(text[]), which is not there"],
    ),
    "a role that may empty a table": (
        f"GRANT TRUNCATE ON bad TO {postgres.RUNTIME}",
        [f"{postgres.RUNTIME} may TRUNCATE bad"],
    ),
    "a role that may build": (
        f"CREATE SCHEMA attic; GRANT CREATE ON SCHEMA attic TO {postgres.RUNTIME}",
        [f"{postgres.RUNTIME} may create things in the schema attic"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_each_check_can_fail(owner, name):
    """The control. What is expected must be found; a lock left out may well be reported by more than one check."""
    change, expected = BAD[name]
    owner.execute(GOOD_TABLE)
    owner.execute(change)
    found = {problem for check in CHECKS.values() for problem in check(owner)}
    assert found >= set(expected)


def test_a_view_that_keeps_its_readers_rights_is_no_problem(owner):
    owner.execute(GOOD_TABLE + "; CREATE VIEW peek WITH (security_invoker) AS SELECT * FROM bad")
    assert list(catalogue.leaking_views(owner)) == []


# ------------------------------------------------------------------------------------------------------------ the role


def test_the_check_of_powers_can_fail(owner):
    """The control: PostgreSQL's superuser and our owner have what the runtime role must not have."""
    assert f"{postgres.SUPERUSER} has rolbypassrls" in catalogue.powers(owner, postgres.SUPERUSER)
    assert {f"{postgres.OWNER} owns roster_user", f"{postgres.OWNER} may TRUNCATE roster_user"} <= set(
        catalogue.powers(owner, postgres.OWNER)
    )
    assert list(catalogue.powers(owner, "nobody at all")) == ["there is no role nobody at all"]


def test_the_runtime_role_cannot_unlock_anything(runtime):
    for attempt in (
        "ALTER TABLE roster_user DISABLE ROW LEVEL SECURITY",
        "DROP POLICY within_district ON roster_user",
        "CREATE TABLE mine (id uuid)",
        f"SET ROLE {postgres.OWNER}",
        f"SET ROLE {postgres.SUPERUSER}",
        f"ALTER ROLE {postgres.RUNTIME} BYPASSRLS",
        "TRUNCATE roster_user",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            runtime.execute(attempt)


# ------------------------------------------------------------------------------------------------------------ the data


@pytest.fixture(scope="module")
def inhabited(database) -> tuple[UUID, UUID]:
    """Two owners, each a district and a partner at once, each with one row in every table that has an owner."""
    both = (uuid4(), uuid4())
    with psycopg.connect(database.runtime_url, autocommit=True) as connection:
        for owner in both:
            with connection.transaction():
                for register in ("tenancy_district", "partners_partner", "partners_application"):
                    values = rows.row(connection, register, thing=owner, name=owner.hex)
                    rows.insert(connection, register, values)
                enter(connection, owner)
                rows.insert_all(connection, of_every_table(connection, owner))
    return both


def of_every_table(connection: Connection, owner: UUID) -> dict[str, dict]:
    return {table.name: rows.row(connection, table.name, thing=owner) for table in catalogue.owned(connection)}


def enter(connection: Connection, owner: UUID) -> None:
    for setting in (scope.DISTRICT, scope.PARTNER, scope.ORGANISATION):
        connection.execute("SELECT set_config(%s, %s, true)", [setting, str(owner)])


def test_whoever_is_inside_sees_its_own_row_of_every_table(runtime, inhabited):
    """There is data that could have been seen: without this, the tests below would prove nothing."""
    for owner in inhabited:
        with runtime.transaction():
            enter(runtime, owner)
            assert catalogue.visible(runtime) == {table.name: 1 for table in catalogue.owned(runtime)}


@pytest.mark.usefixtures("inhabited")
def test_a_connection_that_never_entered_a_district_sees_no_row_of_any_table(runtime):
    assert set(catalogue.visible(runtime).values()) == {0}


def test_a_connection_that_has_left_a_district_sees_no_row_of_any_table(runtime, inhabited):
    with runtime.transaction():
        enter(runtime, inhabited[0])
    assert runtime.execute("SELECT current_setting('sp.district', true)").fetchone() == ("",)
    assert set(catalogue.visible(runtime).values()) == {0}


def test_a_rolled_back_visit_leaves_nothing_open(runtime, inhabited):
    with runtime.transaction(force_rollback=True):
        enter(runtime, inhabited[0])
    assert set(catalogue.visible(runtime).values()) == {0}


@pytest.mark.usefixtures("inhabited")
def test_a_district_that_is_not_there_has_no_rows(runtime):
    with runtime.transaction():
        enter(runtime, uuid4())
        assert set(catalogue.visible(runtime).values()) == {0}


@pytest.mark.usefixtures("inhabited")
def test_even_the_owner_of_the_tables_sees_nothing_from_outside(owner):
    assert set(catalogue.visible(owner).values()) == {0}


@pytest.mark.usefixtures("inhabited")
def test_rows_without_a_lock_would_have_been_counted(owner):
    """The control of the tests above."""
    owner.execute("ALTER TABLE roster_user NO FORCE ROW LEVEL SECURITY")
    seen = {name for name, count in catalogue.visible(owner).items() if count}
    assert seen == {"roster_user"}


def test_nobody_can_write_a_row_for_somebody_else_in_any_table(runtime, inhabited):
    here, there = inhabited
    refused = []
    for table, values in of_every_table(runtime, there).items():
        with runtime.transaction(force_rollback=True):
            enter(runtime, here)
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="violates row-level security policy"):
                rows.insert(runtime, table, values)
        refused.append(table)
    assert refused == [table.name for table in catalogue.owned(runtime)]


def test_nobody_can_give_a_row_away_or_touch_somebody_elses_in_any_table(runtime, inhabited):
    here, there = inhabited
    for table in catalogue.owned(runtime):
        name, owner = sql.Identifier(table.name), sql.Identifier(table.owner)
        if table.name in UNCHANGING:
            continue  # nobody can change its rows at all: see below
        with runtime.transaction(force_rollback=True):
            enter(runtime, here)
            theirs = sql.SQL("{} WHERE {} = %s")
            touched = runtime.execute(sql.SQL("DELETE FROM ") + theirs.format(name, owner), [there])
            assert touched.rowcount == 0
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="violates row-level security policy"):
                runtime.execute(sql.SQL("UPDATE {} SET {} = %s").format(name, owner), [there])


def test_a_partner_reads_its_own_integrations_and_writes_none(runtime, inhabited):
    here, _ = inhabited
    with runtime.transaction():
        runtime.execute("SELECT set_config('sp.partner', %s, true)", [str(here)])
        seen = {name: count for name, count in catalogue.visible(runtime).items() if count}
        assert seen == {
            "partners_integration": 1,
            "partners_credential": 1,
            "partners_partnercredential": 1,
            "partners_partnertoken": 1,
        }
        assert runtime.execute("SELECT DISTINCT partner_id FROM partners_integration").fetchall() == [(here,)]
        assert runtime.execute("UPDATE partners_integration SET revoked_at = now()").rowcount == 0
        assert runtime.execute("DELETE FROM partners_credential").rowcount == 0


@pytest.mark.parametrize(
    "attempt",
    ["UPDATE {} SET district_id = district_id", "DELETE FROM {}", "TRUNCATE {}"],
    ids=["update", "delete", "truncate"],
)
@pytest.mark.parametrize("table", sorted(UNCHANGING))
def test_the_ledger_and_what_was_decided_cannot_be_changed(runtime, inhabited, attempt, table):
    with runtime.transaction(force_rollback=True):
        enter(runtime, inhabited[0])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"permission denied for table {table}"):
            runtime.execute(attempt.format(table))


@pytest.mark.parametrize("attempt", ["UPDATE {} SET district_id = district_id", "DELETE FROM {}"])
def test_tables_that_are_no_ledger_can_be_changed(runtime, inhabited, attempt):
    """The control: it is the ledger's own grants that refuse, not the way we ask."""
    with runtime.transaction(force_rollback=True):
        enter(runtime, inhabited[0])
        assert runtime.execute(attempt.format("sync_step")).rowcount == 1
