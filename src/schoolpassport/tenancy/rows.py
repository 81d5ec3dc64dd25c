"""The lock on tenant tables, as a migration operation.

``TenantTables("roster_user")`` enables and forces row-level security, so that even the owner of the table sees only
the district that the scope names. The house test in ``tests/house`` fails on any table that lacks it.
"""

from collections.abc import Callable
from typing import Any

from django.db.migrations.operations.base import Operation

from schoolpassport.tenancy.scope import DISTRICT, ORGANISATION, PARTNER


def _same(column: str, setting: str) -> str:
    """SQL: the row belongs to whom the scope names; an unset or left-over setting is nobody."""
    return f"{column} = nullif(current_setting('{setting}', true), '')::uuid"


class _Locked(Operation):
    """Row-level security, enabled and forced, on tables of one owner."""

    reduces_to_sql = True
    reversible = True
    policy: str
    condition: str

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Row-level security is no part of the models' state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table in self.tables:
            schema_editor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            schema_editor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            schema_editor.execute(
                f'CREATE POLICY {self.policy} ON "{table}" USING ({self.condition}) WITH CHECK ({self.condition})'
            )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table in self.tables:
            schema_editor.execute(f'DROP POLICY {self.policy} ON "{table}"')
            schema_editor.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')

    def describe(self) -> str:
        return f"{type(self).__name__}: {', '.join(self.tables)}"


class TenantTables(_Locked):
    """A district's tables."""

    policy = "within_district"
    condition = _same("district_id", DISTRICT)


class PartnerTables(_Locked):
    """A partner's own tables."""

    policy = "within_partner"
    condition = _same("partner_id", PARTNER)


class OrganisationTables(_Locked):
    """Tables of whom something is told: a district or a partner."""

    policy = "within_organisation"
    condition = _same("organisation_id", ORGANISATION)


class PartnerReads(_Locked):
    """Beside the district's lock: a partner may read its own rows, in whichever district."""

    policy = "partner_reads_own"

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table in self.tables:
            condition = _same("partner_id", PARTNER)
            schema_editor.execute(f'CREATE POLICY {self.policy} ON "{table}" FOR SELECT USING ({condition})')

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for table in self.tables:
            schema_editor.execute(f'DROP POLICY {self.policy} ON "{table}"')


class _OnTables(Operation):
    """Something about tables that is no part of the models' state."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models know nothing of it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._each(schema_editor, self.there)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._each(schema_editor, self.back)

    def _each(self, schema_editor: Any, statements: Callable[[str], list[str]]) -> None:
        for table in self.tables:
            for statement in statements(table):
                schema_editor.execute(statement)

    def there(self, table: str) -> list[str]:
        raise NotImplementedError

    def back(self, table: str) -> list[str]:
        raise NotImplementedError

    def describe(self) -> str:
        return f"{type(self).__name__}: {', '.join(self.tables)}"


class Room(_OnTables):
    """Each page keeps some room, so that a row can be changed where it stands, without a line in any index.

    That holds for columns that stand in no index. A page needs room for one row.
    """

    def __init__(self, *tables: str, percent: int) -> None:
        super().__init__(*tables)
        self.percent = percent

    def there(self, table: str) -> list[str]:
        return [f'ALTER TABLE "{table}" SET (fillfactor = {100 - self.percent})']

    def back(self, table: str) -> list[str]:
        return [f'ALTER TABLE "{table}" RESET (fillfactor)']


class OneOpenVersion(_OnTables):
    """Of each record, one version at most is open. ``record`` names the columns that say which record it is of."""

    def __init__(self, *tables: str, record: str) -> None:
        super().__init__(*tables)
        self.record = record

    def there(self, table: str) -> list[str]:
        return [
            f'CREATE TRIGGER one_open_version_{event.lower()} AFTER {event} ON "{table}" '
            "REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT "
            f"EXECUTE FUNCTION public.one_open_version('{self.record}')"
            for event in ("INSERT", "UPDATE")
        ]

    def back(self, table: str) -> list[str]:
        return [f'DROP TRIGGER one_open_version_{event} ON "{table}"' for event in ("insert", "update")]
