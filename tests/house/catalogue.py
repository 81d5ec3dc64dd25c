"""What must be true of every table, view, key and role, asked of PostgreSQL's own catalogue.

Each check takes a connection and returns sentences about what is wrong. None of them knows the tables by name: a new
table is checked the moment it exists. The only list is ``SHARED``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import Connection, sql

from schoolpassport.kit import postgres

# Tables that belong to no district and no partner, each with the reason why that is right.
SHARED = {
    "tenancy_district": "the register of districts; their names are public",
    "partners_partner": "the register of partners; their names are public",
    "partners_application": "the register of applications; their names are public",
    "sharing_signingkey": "the installation's own keys for receipts: one set for all districts, private parts sealed",
    "sharing_datarequirements": "what applications ask of any district; no district's data",
    "django_migrations": "which migrations have run",
    "procrastinate_jobs": "one queue for all workers; jobs carry ids, never data",
    "procrastinate_events": "when jobs changed their state",
    "procrastinate_periodic_defers": "which recurring jobs were queued",
    "procrastinate_workers": "the heartbeats of workers",
}

# Functions that run with their owner's rights, each with the reason why the runtime role may call it.
LENT = {"refresh_statistics(text[])": "only the owner may ANALYZE a table, and the planner must know of a large load"}

OWNERS = {
    "district_id": "sp.district",
    "organisation_id": "sp.organisation",
    "partner_id": "sp.partner",
}  # column → the setting that opens its rows

_HOUSE = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"


@dataclass(frozen=True)
class Table:
    oid: int
    name: str
    locked: bool
    forced: bool
    owner: str  # the column that says whose a row is; "" when nobody's


def tables(connection: Connection) -> list[Table]:
    """All tables; one that has both columns is the district's."""
    found = connection.execute(
        f"""SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity,
                   coalesce((SELECT min(a.attname) FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY (%s)), '')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_HOUSE} AND c.relkind IN ('r', 'p', 'f') ORDER BY c.relname""",
        [list(OWNERS)],
    )
    return [Table(*row) for row in found]


def owned(connection: Connection) -> list[Table]:
    return [table for table in tables(connection) if table.owner and table.name not in SHARED]


# ---------------------------------------------------------------------------------------------------------- the locks


def _belongs(column: str) -> str:
    """How PostgreSQL writes down the condition of ``tenancy.rows``."""
    return f"({column} = (NULLIF(current_setting('{OWNERS[column]}'::text, true), ''::text))::uuid)"


def unlocked(connection: Connection) -> Iterator[str]:
    """A table whose rows somebody could see from outside their owner's scope."""
    present = tables(connection)
    for table in present:
        if table.name in SHARED:
            if table.owner == "district_id":
                yield f"{table.name} is listed as shared, but it has a district_id"
        elif not table.owner:
            yield f"{table.name} belongs to nobody: give it a district_id, or a line in SHARED with the reason"
        else:
            yield from _open_doors(connection, table)
    for name in sorted(SHARED.keys() - {table.name for table in present}):
        yield f"SHARED lists {name}, which is not there"


def _open_doors(connection: Connection, table: Table) -> Iterator[str]:
    if not table.locked:
        yield f"{table.name}: row-level security is off"
    if not table.forced:
        yield f"{table.name}: row-level security does not hold for the owner (FORCE is missing)"
    policies = connection.execute(
        """SELECT polname, polcmd, polpermissive, polroles = '{0}', pg_get_expr(polqual, polrelid),
                  pg_get_expr(polwithcheck, polrelid)
           FROM pg_policy WHERE polrelid = %s ORDER BY polname""",
        [table.oid],
    ).fetchall()
    lock = _belongs(table.owner)
    if not any(policy[1:] == ("*", True, True, lock, lock) for policy in policies):
        yield f"{table.name}: no policy compares {table.owner} with {OWNERS[table.owner]} for reading and writing"
    reads = ("r", True, True, _belongs("partner_id"), None)
    for name, *rest in policies:
        # Permissive policies add up: every further one is a further way in.
        if tuple(rest) not in {("*", True, True, lock, lock), reads}:
            yield f"{table.name}: the policy {name} opens it in a way that is not in tenancy.rows"


def ownerless_keys(connection: Connection) -> Iterator[str]:
    """Indexes, and with them primary keys and unique constraints, that do not begin with whose the row is.

    A unique constraint without the district would tell one district what another one has; an index without it cannot
    be distributed by district.
    """
    for table in owned(connection):
        found = connection.execute(
            """SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = %s ORDER BY 1""",
            [table.oid],
        ).fetchall()
        yield from (
            f"{index} on {table.name} does not begin with {table.owner}" for index, c in found if c != table.owner
        )
        exclusions = connection.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s AND contype = 'x'", [table.oid]
        )
        yield from (f"{name} on {table.name} is an exclusion constraint: look at it by hand" for (name,) in exclusions)
        if not connection.execute(
            "SELECT 1 FROM pg_constraint WHERE conrelid = %s AND contype = 'p'", [table.oid]
        ).fetchone():
            yield f"{table.name} has no primary key"


def crossing_references(connection: Connection) -> Iterator[str]:
    """Foreign keys that could lead to another owner's row: PostgreSQL checks them past row-level security."""
    owner = {table.name: table.owner for table in owned(connection)}
    found = connection.execute(
        """SELECT k.conname, f.relname, t.relname, fa.attname, ta.attname
           FROM pg_constraint k
           JOIN pg_class f ON f.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
           JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.conkey[1]
           JOIN pg_attribute ta ON ta.attrelid = t.oid AND ta.attnum = k.confkey[1]
           WHERE k.contype = 'f' ORDER BY 1"""
    )
    for name, here, there, column, target in found:
        if there in owner and not owner.get(here) == owner[there] == column == target:
            yield f"{name} of {here} does not lead from {owner[there]} to {owner[there]} of {there}"


# -------------------------------------------------------------------------------------------------------- ways around


def leaking_views(connection: Connection) -> Iterator[str]:
    """Views run with their maker's rights unless told otherwise; materialised ones have no row-level security."""
    found = connection.execute(
        f"""SELECT c.relname, c.relkind, coalesce(c.reloptions, '{{}}') FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_HOUSE} AND c.relkind IN ('v', 'm', 'f') ORDER BY 1"""
    )
    for name, kind, options in found:
        if kind == "m":
            yield f"{name} is a materialised view: it shows everybody's rows to everybody"
        elif kind == "f":
            yield f"{name} is a foreign table: its rows are out of the lock's reach"
        elif not {"security_invoker=true", "security_invoker=on", "security_invoker=1"} & set(options):
            yield f"{name} is a view without security_invoker"


def borrowed_rights(connection: Connection) -> Iterator[str]:
    """SECURITY DEFINER functions that the runtime role may call: each one is a way out of its own rights.

    The few that are listed tell nothing, look nowhere but in the system's own schema, and are not open to everybody.
    """
    found = connection.execute(
        f"""SELECT p.oid::regprocedure::text, p.prorettype = 'void'::regtype,
                   coalesce(p.proconfig, '{{}}') @> ARRAY['search_path=pg_catalog, pg_temp'],
                   EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0)
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE {_HOUSE} AND p.prosecdef AND has_function_privilege(%s, p.oid, 'EXECUTE') ORDER BY 1""",
        [postgres.RUNTIME],
    ).fetchall()
    for name, silent, pinned, open_to_all in found:
        if name not in LENT:
            yield f"{name} runs with its owner's rights: it needs a line in LENT with the reason"
        if not silent:
            yield f"{name} runs with its owner's rights and returns something"
        if not pinned:
            yield f"{name} runs with its owner's rights wherever the caller's search_path leads"
        if open_to_all:
            yield f"{name} runs with its owner's rights for everybody"
    yield from (f"LENT lists {name}, which is not there" for name in sorted(LENT.keys() - {row[0] for row in found}))


def powers(connection: Connection, role: str = postgres.RUNTIME) -> Iterator[str]:
    """What a role has that would let it past the locks, or change them."""
    attributes = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
    flags = connection.execute(
        sql.SQL("SELECT {} FROM pg_roles WHERE rolname = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, attributes))
        ),
        [role],
    ).fetchone()
    if flags is None:
        yield f"there is no role {role}"
        return
    yield from (f"{role} has {name}" for name, has in zip(attributes, flags, strict=True) if has)
    for query, sentence in _POWERS:
        found = connection.execute(query, {"role": role}).fetchall()
        yield from (f"{role} {sentence} {name}" for (name,) in found)


# TRUNCATE passes row-level security by; REFERENCES and TRIGGER let one look at rows that a policy hides.
_POWERS = (
    (
        """SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
           JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %(role)s ORDER BY 1""",
        "is a member of",
    ),
    (
        f"""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE {_HOUSE} AND pg_get_userbyid(c.relowner) = %(role)s ORDER BY 1""",
        "owns",
    ),
    (
        f"""SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE {_HOUSE} AND pg_get_userbyid(p.proowner) = %(role)s ORDER BY 1""",
        "owns the function",
    ),
    (
        "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = %(role)s ORDER BY 1",
        "owns the schema",
    ),
    (
        f"""SELECT n.nspname FROM pg_namespace n
            WHERE {_HOUSE} AND has_schema_privilege(%(role)s, n.oid, 'CREATE') ORDER BY 1""",
        "may create things in the schema",
    ),
    (
        "SELECT datname FROM pg_database WHERE datname = current_database() AND pg_get_userbyid(datdba) = %(role)s",
        "owns the database",
    ),
    *(
        (
            f"""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE {_HOUSE} AND c.relkind IN ('r', 'p', 'f') AND has_table_privilege(%(role)s, c.oid, '{right}')
                ORDER BY 1""",
            f"may {right}",
        )
        for right in ("TRUNCATE", "REFERENCES", "TRIGGER")
    ),
)


# ----------------------------------------------------------------------------------------------------- what is visible


def visible(connection: Connection) -> dict[str, int]:
    """How many rows of each owned table this connection sees as it is."""
    one_query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(table.name), sql.Identifier(table.name))
        for table in owned(connection)
    )
    return dict(connection.execute(one_query).fetchall())
