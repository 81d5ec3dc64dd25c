"""A source calls its records by other keys, all at once: set work on links, in one revision.

The new key gets the record that the old one meant. What the old key meant is remembered; where the new package gives
it to nobody, its link stays and is gone; where it is somebody else's now, the record that it meant and that has no new
key is kept under a key that no source gives (``aside``), so that it is missed, and its removal waits as usual.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.roster.joining import UNSEEN, NotJoined
from schoolpassport.roster.models import REMAPPED, Migration, Refusal
from schoolpassport.roster.records import Remapped
from schoolpassport.roster.writing import Writer

_COPY_BYTES = 1 << 20
_MINE = "l.district_id = %(d)s AND l.source_id = %(source)s"


def aside(key: str, number: object) -> str:
    """SQL: the key under which a record is kept that lost its own to another."""
    return f"{key} || ' (before migration ' || {number} || ')'"


@dataclass(frozen=True, kw_only=True)
class Remapping:
    """One migration on its way, in the caller's scope and transaction. ``writer`` holds the lock."""

    writer: Writer
    cursor: Any  # psycopg's
    district_id: UUID
    source_id: UUID
    by: str
    now: datetime

    def remap(self, files: Remapped) -> Migration:
        """Raises ``NotJoined`` when a file says what cannot be."""
        last = Migration.objects.filter(district_id=self.district_id).order_by("-number").first()
        number = last.number + 1 if last else 1
        self._load("move", "kind text, key text, was text, id uuid, evidence jsonb", files.moves)
        self._load("freed", "kind text, key text", files.freed)
        self._load("parted", "kind text, key text, id uuid", files.parted)
        self._check()
        self._remember(number)
        self._move_links(number)
        self._move_claims()
        counts = self._counted()
        self._run("DROP TABLE move; DROP TABLE freed; DROP TABLE parted; DROP TABLE put_aside")
        self.writer.finish(cause=f"migration {number}", now=self.now, always=True)
        return Migration.objects.create(
            district_id=self.district_id,
            number=number,
            source_id=self.source_id,
            by=self.by,
            at=self.now,
            revision=self.writer.revision,
            counts=counts,
        )

    def _load(self, table: str, columns: str, path: Path) -> None:
        self._run(f"CREATE TEMP TABLE {table} ({columns}) ON COMMIT DROP")
        with path.open("rb") as file, self.cursor.copy(f"COPY {table} FROM STDIN") as copy:
            while block := file.read(_COPY_BYTES):
                copy.write(block)
        self._run(f"ANALYZE {table}")

    def _check(self) -> None:
        twice = " UNION ALL ".join(
            f"SELECT kind, {column}::text AS what FROM move GROUP BY 1, 2 HAVING count(*) > 1"
            for column in ("key", "was", "id")
        )
        self._refuse(twice, "is named twice: one new key for one record")
        unknown = (
            f"SELECT kind, was AS what FROM move m WHERE NOT EXISTS (SELECT FROM roster_link l WHERE {_MINE} "
            "AND l.kind = m.kind AND l.key = m.was AND l.record_id = m.id)"
        )
        self._refuse(unknown, "is no key by which the source calls that record")

    def _refuse(self, wrong: str, sentence: str) -> None:
        self._run(f"SELECT kind, what FROM ({wrong}) w LIMIT 1")
        if (found := self.cursor.fetchone()) is not None:
            raise NotJoined(f"{found[0]} “{found[1]}” {sentence}.")

    def _remember(self, number: int) -> None:
        """``put_aside``: links of keys that pass to others, of records that get no new key. And what all keys meant."""
        self._run(
            f"CREATE TEMP TABLE put_aside ON COMMIT DROP AS SELECT l.*, {aside('l.key', '%(n)s::text')} AS became "
            f"FROM roster_link l JOIN (SELECT kind, key FROM move UNION SELECT kind, key FROM freed) t "
            f"ON l.kind = t.kind AND l.key = t.key WHERE {_MINE} AND NOT EXISTS "
            "(SELECT FROM move m WHERE m.kind = l.kind AND m.was = l.key)",
            n=number,
        )
        self._run("ANALYZE put_aside")
        self._run(
            "INSERT INTO roster_relink (district_id, source_id, kind, key, revision, was_id, rule, evidence, "
            "migration, became) SELECT l.district_id, l.source_id, l.kind, l.key, %(r)s, l.record_id, l.rule, "
            f"l.evidence, %(n)s, m.key FROM move m JOIN roster_link l ON {_MINE} AND l.kind = m.kind AND l.key = m.was "
            "UNION ALL SELECT district_id, source_id, kind, key, %(r)s, record_id, rule, evidence, %(n)s, became "
            "FROM put_aside",
            n=number,
        )
        self._run(
            "INSERT INTO roster_refusal (district_id, source_id, kind, key, record_id, migration, by, at) "
            "SELECT DISTINCT %(d)s::uuid, %(source)s::uuid, kind, key, id, %(n)s::int, %(by)s, %(at)s::timestamptz "
            "FROM parted ON CONFLICT DO NOTHING",
            n=number,
            by=self.by,
            at=self.now,
        )

    def _move_links(self, number: int) -> None:
        self._run(
            "DELETE FROM roster_link l USING (SELECT kind, key FROM freed UNION SELECT kind, key FROM move) t "
            f"WHERE {_MINE} AND l.kind = t.kind AND l.key = t.key"
        )
        self._run(
            f"UPDATE roster_link l SET gone = true FROM move m WHERE {_MINE} AND l.kind = m.kind AND l.key = m.was"
        )
        into = (
            "INSERT INTO roster_link (district_id, source_id, kind, key, record_id, row_hash, gone, rule, evidence, "
            "revision) "
        )
        self._run(
            f"{into} SELECT %(d)s, %(source)s, kind, key, id, %(unseen)s, false, '{REMAPPED}', "
            "evidence || jsonb_build_object('migration', %(n)s::int), %(r)s FROM move ORDER BY id",
            n=number,
        )
        self._run(
            f"{into} SELECT district_id, source_id, kind, became, record_id, %(unseen)s, gone, '{REMAPPED}', "
            "jsonb_build_object('migration', %(n)s::int), %(r)s FROM put_aside ORDER BY record_id",
            n=number,
        )

    def _move_claims(self) -> None:
        """What a key said about a record goes with it; a question about a key that moved does not arise any more."""
        mine = "c.district_id = %(d)s AND c.source_id = %(source)s AND c.kind = k.kind AND c.key = k.key"
        moved = "(SELECT kind, was AS key, key AS became FROM move UNION ALL SELECT kind, key, became FROM put_aside)"
        self._run(
            f"CREATE TEMP TABLE carried ON COMMIT DROP AS SELECT c.*, k.became FROM roster_claim c JOIN {moved} k "
            f"ON {mine}"
        )
        self._run(f"DELETE FROM roster_claim c USING {moved} k WHERE {mine}")
        columns = "district_id, source_id, kind, {}, record_id, said, line, origin, revision"
        self._run(f"INSERT INTO roster_claim ({columns.format('key')}) SELECT {columns.format('became')} FROM carried")
        self._run("DROP TABLE carried")
        self._run(f"DELETE FROM roster_question c USING {moved} k WHERE {mine} AND c.answer = ''")

    def _counted(self) -> dict[str, int]:
        self._run("SELECT kind, count(*) FROM move GROUP BY kind ORDER BY kind")
        return {str(kind): int(count) for kind, count in self.cursor.fetchall()}

    # -------------------------------------------------------------------------------------------------------- undoing

    def undo(self, number: int) -> Migration:
        """The links as they were. Nothing of the source may have been applied since: who asks has to see to it."""
        migration = Migration.objects.filter(district_id=self.district_id, number=number).first()
        if migration is None:
            raise NotJoined(f"There is no migration {number}.")
        if migration.undone_revision is not None:
            raise NotJoined(f"Migration {number} was undone already, by {migration.undone_by}.")
        self._load_back(migration)
        self._check_back()
        self._displace(number)
        self._carry_back()
        self._links_back()
        self._run(
            "INSERT INTO roster_relink (district_id, source_id, kind, key, revision, was_id, rule, migration, became) "
            f"SELECT %(d)s, %(source)s, kind, became, %(r)s, was_id, '{REMAPPED}', %(n)s, key FROM back UNION ALL "
            "SELECT district_id, source_id, kind, key, %(r)s, record_id, rule, %(n)s, became FROM displaced",
            n=number,
        )
        self._run("DROP TABLE back; DROP TABLE carried; DROP TABLE displaced")
        Refusal.objects.filter(district_id=self.district_id, source_id=self.source_id, migration=number).delete()
        self.writer.finish(cause=f"migration {number} undone", now=self.now, always=True)
        migration.undone_by, migration.undone_revision = self.by, self.writer.revision
        migration.save(update_fields=["undone_by", "undone_revision"])
        return migration

    def _load_back(self, migration: Migration) -> None:
        """``back``: what each key meant, and what the key that it became means by now."""
        self._run(
            "CREATE TEMP TABLE back ON COMMIT DROP AS SELECT r.kind, r.key, r.became, r.was_id, r.rule, r.evidence, "
            "n.gone, n.record_id AS means FROM roster_relink r LEFT JOIN roster_link n "
            "ON n.district_id = r.district_id AND n.source_id = r.source_id AND n.kind = r.kind AND n.key = r.became "
            "WHERE r.district_id = %(d)s AND r.source_id = %(source)s AND r.migration = %(n)s AND r.revision = %(was)s",
            n=migration.number,
            was=migration.revision,
        )
        self._run("ANALYZE back")

    def _check_back(self) -> None:
        # Of a person, not of what is beside them.
        self._run(
            "SELECT kind, became FROM back WHERE means IS DISTINCT FROM was_id ORDER BY kind DESC, became LIMIT 1"
        )
        if (moved := self.cursor.fetchone()) is not None:
            raise NotJoined(
                f"{moved[0]} “{moved[1]}” means another record since the migration, by a merge, a split or an answer. "
                "Undo that first."
            )

    def _displace(self, number: int) -> None:
        """``displaced``: links that the migrating run made, of keys that mean again what they meant before it.

        Their records are kept under keys that no source gives, and missed with the next package.
        """
        self._run(
            "CREATE TEMP TABLE displaced ON COMMIT DROP AS SELECT l.*, l.key || ' (of migration ' || %(n)s::text "
            f"|| ')' AS became FROM roster_link l JOIN back b ON {_MINE} AND l.kind = b.kind AND l.key = b.key "
            "WHERE l.record_id <> b.was_id AND NOT EXISTS "
            "(SELECT FROM back o WHERE o.kind = l.kind AND o.became = l.key)",
            n=number,
        )

    def _carry_back(self) -> None:
        """``carried``: claims go where their keys go. A question about a key that moves does not arise any more."""
        self._run(
            "CREATE TEMP TABLE carried ON COMMIT DROP AS SELECT c.*, b.key AS back_to FROM roster_claim c JOIN "
            "(SELECT kind, became, key FROM back UNION ALL SELECT kind, key, became FROM displaced) b "
            "ON c.district_id = %(d)s AND c.source_id = %(source)s AND c.kind = b.kind AND c.key = b.became"
        )
        self._run(
            "DELETE FROM roster_question l USING "
            "(SELECT kind, became AS key FROM back UNION SELECT kind, key FROM back) t "
            f"WHERE {_MINE} AND l.kind = t.kind AND l.key = t.key AND l.answer = ''"
        )

    def _links_back(self) -> None:
        for table in ("roster_claim", "roster_link"):
            self._run(
                f"DELETE FROM {table} l USING (SELECT kind, became AS key FROM back UNION SELECT kind, key FROM back) "
                f"t WHERE {_MINE} AND l.kind = t.kind AND l.key = t.key"
            )
        self._run(
            "INSERT INTO roster_link (district_id, source_id, kind, key, record_id, row_hash, gone, rule, evidence, "
            "revision) SELECT %(d)s, %(source)s, kind, key, was_id, %(unseen)s, gone, rule, evidence, %(r)s FROM back "
            "UNION ALL SELECT district_id, source_id, kind, became, record_id, %(unseen)s, gone, rule, evidence, "
            "%(r)s FROM displaced"
        )
        columns = "district_id, source_id, kind, {}, record_id, said, line, origin, revision"
        self._run(f"INSERT INTO roster_claim ({columns.format('key')}) SELECT {columns.format('back_to')} FROM carried")

    def _run(self, statement: str, **more: object) -> None:
        self.writer.run(statement, None, source=self.source_id, unseen=UNSEEN, **more)
