"""The rows of ``sync_absence``: out to the columns of a walk, back in its one transaction, and what a person chose."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Func, IntegerField, Q

from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import Batch
from schoolpassport.sync.contract import Which
from schoolpassport.sync.models import Absence, AbsenceState, Run
from schoolpassport.sync.policies import ASKED_ANEW
from schoolpassport.sync.waiting import Turned

_COPY_BYTES = 1 << 20
_COLUMNS = "kind, key, record_id, witnesses, state, explicit, rule, reason"


def export(*, district_id: UUID, source_id: UUID, into: Path) -> Path | None:
    """What waits of a source, as CSV; None when nothing does."""
    if not Absence.objects.filter(district_id=district_id, source_id=source_id).exists():
        return None
    with connection.cursor() as wrapped, into.open("wb") as file:
        statement = (
            f"COPY (SELECT {_COLUMNS} FROM sync_absence WHERE district_id = %s AND source_id = %s) "
            "TO STDOUT (FORMAT csv, FORCE_QUOTE (key, reason))"
        )
        with wrapped.cursor.copy(statement, [district_id, source_id]) as copy:
            for block in copy:
                file.write(block)
    return into


def recall(
    *, district_id: UUID, source_id: UUID, digest: str, observed: datetime | None, now: datetime | None, into: Path
) -> tuple[Path | None, tuple[int, ...]]:
    """What waits of a source already (``export``), and the numbers of runs that observed no other thing than this."""
    waited = export(district_id=district_id, source_id=source_id, into=into)
    if waited is None:
        return None, ()
    return waited, _same(district_id, source_id, digest, observed, now)


def asks_for_witness(
    *, district_id: UUID, source_id: UUID, digest: str, observed: datetime | None, now: datetime | None
) -> bool:
    """Whether anything waits for a witness that this package can be though its bytes came before."""
    if observed is None:
        return False
    waits = Absence.objects.filter(district_id=district_id, source_id=source_id, state="witness", explicit=False)
    if not waits.exists():
        return False
    same = _same(district_id, source_id, digest, observed, now)
    return waits.exclude(witnesses__overlap=list(same)).exists()


def _same(
    district_id: UUID, source_id: UUID, digest: str, observed: datetime | None, now: datetime | None
) -> tuple[int, ...]:
    """Runs of the very same bytes, but for those before which the source had been asked long ago.

    Long ago by both clocks, its own and ours: one of them may have been set right in between.
    """
    runs = Run.objects.filter(district_id=district_id, source_id=source_id, input_digest=digest)
    if observed is not None and now is not None:
        long_ago = Q(observed_at__lte=observed - ASKED_ANEW, finished_at__lte=now - ASKED_ANEW)
        runs = runs.filter(Q(observed_at__isnull=True) | Q(finished_at__isnull=True) | ~long_ago)
    return tuple(runs.values_list("number", flat=True))


def keep(*, district_id: UUID, source_id: UUID, run: int, turned: Turned) -> None:
    """Write down what a night changed, in the caller's scope and transaction."""
    if turned.is_empty:
        return
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor
        cursor.execute(
            "CREATE TEMP TABLE turned (kind text, key text, record_id uuid, witnesses int[], state text, "
            "explicit bool, rule text, reason text) ON COMMIT DROP; "
            "CREATE TEMP TABLE over (kind text, key text) ON COMMIT DROP"
        )
        for table, path in (("turned", turned.waiting), ("over", turned.over)):
            with path.open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while block := file.read(_COPY_BYTES):
                    copy.write(block)
            cursor.execute(f"ANALYZE {table}")
        mine = {"d": district_id, "s": source_id, "r": run}
        cursor.execute(
            "DELETE FROM sync_absence a USING over o WHERE a.district_id = %(d)s AND a.source_id = %(s)s "
            "AND a.kind = o.kind AND a.key = o.key",
            mine,
        )
        cursor.execute(
            f"INSERT INTO sync_absence (district_id, source_id, {_COLUMNS}, since_run, run) "
            f"SELECT %(d)s, %(s)s, {_COLUMNS}, %(r)s, %(r)s FROM turned "
            "ON CONFLICT (district_id, source_id, kind, key) DO UPDATE SET witnesses = excluded.witnesses, "
            "state = excluded.state, explicit = excluded.explicit, rule = excluded.rule, reason = excluded.reason, "
            "run = excluded.run",
            mine,
        )
        cursor.execute("DROP TABLE turned; DROP TABLE over")


def forget_relinked(*, district_id: UUID, source_id: UUID, revision: int) -> None:
    """What waits under keys that mean others since that revision begins anew, in the caller's scope and transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM sync_absence a USING roster_relink r WHERE a.district_id = %(d)s AND a.source_id = %(s)s "
            "AND r.district_id = %(d)s AND r.source_id = %(s)s AND r.kind = a.kind AND r.key = a.key "
            "AND r.revision = %(r)s",
            {"d": district_id, "s": source_id, "r": revision},
        )


def withdraw(*, district_id: UUID, source_id: UUID, run: int) -> None:
    """What a run missed is missed no more, for its package was misread, in the caller's scope and transaction.

    What a person decided to keep is kept.
    """
    of_source = Absence.objects.filter(district_id=district_id, source_id=source_id)
    of_source.filter(since_run=run).exclude(state=AbsenceState.KEPT).delete()
    of_source.filter(witnesses__contains=[run]).update(
        witnesses=Func("witnesses", run, function="array_remove", output_field=ArrayField(IntegerField()))
    )


# ------------------------------------------------------------------------------------------------- what a person chose


@contextmanager
def chosen(*, district_id: UUID, which: Which, work: Path) -> Iterator[None]:
    """The temporary table ``chosen`` (source_id, kind, key, record_id), in the caller's scope and transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE chosen ON COMMIT DROP AS SELECT source_id, kind, key, record_id FROM sync_absence "
            "WHERE district_id = %(d)s AND (state = 'held' OR (state = 'kept' AND record_id = ANY(%(ids)s::uuid[]))) "
            "AND (%(s)s::uuid IS NULL OR source_id = %(s)s) AND (%(r)s::int IS NULL OR run = %(r)s) "
            "AND (cardinality(%(kinds)s::text[]) = 0 OR kind = ANY(%(kinds)s)) "
            "AND (cardinality(%(ids)s::uuid[]) = 0 OR record_id = ANY(%(ids)s))",
            {
                "d": district_id,
                "s": which.source_id,
                "r": which.run,
                "kinds": list(which.kinds),
                "ids": list(which.ids),
            },
        )
        if which.schools:
            _only_of(cursor, district_id, which.schools, work)
        try:
            yield
        finally:
            if connection.is_usable() and not connection.needs_rollback:
                cursor.execute("DROP TABLE chosen")


def _only_of(cursor: Any, district_id: UUID, schools: tuple[UUID, ...], work: Path) -> None:  # noqa: ANN401 (Django's wrapper)
    cursor.execute("CREATE TEMP TABLE place (id uuid, school uuid, grade text) ON COMMIT DROP")
    for kind in _kinds(cursor):
        ids = _ids(cursor, "SELECT record_id FROM chosen WHERE kind = %s", [kind], work / "chosen.tsv")
        roster.export_places(district_id=district_id, kind=kind, ids=ids, into=work / "places.csv")
        _load(cursor, "place", work / "places.csv")
    cursor.execute(
        "DELETE FROM chosen WHERE record_id NOT IN (SELECT id FROM place WHERE school = ANY(%s))", [list(schools)]
    )
    cursor.execute("DROP TABLE place")


def choose_bound(*, district_id: UUID, work: Path) -> None:
    """What waits and is bound to a record that goes, goes with it; in the order of kinds, so chains go whole."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bound (id uuid) ON COMMIT DROP")
        for kind in KINDS.values():
            targets = sorted({f.target for f in kind.references if f.binding and f.target != kind.name})
            goes = "SELECT record_id FROM chosen WHERE kind = ANY(%s)"
            waits = "SELECT record_id FROM sync_absence WHERE district_id = %s AND kind = %s AND state <> 'kept'"
            to = _ids(cursor, goes, [targets], work / "chosen.tsv")
            ids = _ids(cursor, waits, [district_id, kind.name], work / "waiting.tsv")
            if not targets or not to.stat().st_size or not ids.stat().st_size:
                continue
            roster.export_bound(district_id=district_id, kind=kind.name, ids=ids, to=to, into=work / "bound.csv")
            _load(cursor, "bound", work / "bound.csv")
            cursor.execute(
                "INSERT INTO chosen SELECT source_id, kind, key, record_id FROM sync_absence a WHERE district_id = %s "
                "AND kind = %s AND state <> 'kept' AND record_id IN (SELECT id FROM bound) AND NOT EXISTS (SELECT FROM "
                "chosen c WHERE c.source_id = a.source_id AND c.kind = a.kind AND c.key = a.key)",
                [district_id, kind.name],
            )
            cursor.execute("TRUNCATE bound")
        cursor.execute("DROP TABLE bound")


def chosen_sources() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT source_id FROM chosen ORDER BY source_id")
        return [row[0] for row in cursor.fetchall()]


def chosen_counts(source_id: UUID | None = None) -> dict[str, int]:
    """How many of each kind, in the catalogue's order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(*) FROM chosen WHERE %(s)s::uuid IS NULL OR source_id = %(s)s GROUP BY kind",
            {"s": source_id},
        )
        found = dict(cursor.fetchall())
    return {kind: found[kind] for kind in KINDS if kind in found}


def batches(*, source_id: UUID, work: Path) -> list[Batch]:
    """The removals that were chosen of a source, as the roster takes them."""
    empty = work / "empty.tsv"
    empty.touch()
    made = []
    with connection.cursor() as cursor:
        for kind in KINDS:
            path = work / f"missing_{KINDS[kind].table}.tsv"
            query = "SELECT record_id, key FROM chosen WHERE source_id = %s AND kind = %s"
            made.append(
                Batch(kind=kind, settled=empty, missing=_ids(cursor, query, [source_id, kind], path), uneasy=empty)
            )
    return made


def forget_chosen(*, district_id: UUID) -> None:
    _on_chosen(f"DELETE FROM sync_absence a USING chosen c WHERE {_SAME}", {"d": district_id})


def keep_chosen(*, district_id: UUID, reason: str) -> None:
    """They stay until their source brings them back."""
    _on_chosen(
        f"UPDATE sync_absence a SET state = 'kept', reason = %(why)s FROM chosen c WHERE {_SAME}",
        {"d": district_id, "why": reason},
    )


_SAME = "a.district_id = %(d)s AND a.source_id = c.source_id AND a.kind = c.kind AND a.key = c.key"


def _on_chosen(statement: str, facts: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)


def _kinds(cursor: Any) -> list[str]:  # noqa: ANN401 (Django's wrapper)
    cursor.execute("SELECT DISTINCT kind FROM chosen")
    return sorted(kind for (kind,) in cursor.fetchall())


def _ids(cursor: Any, query: str, facts: list[Any], into: Path) -> Path:  # noqa: ANN401 (Django's wrapper)
    with into.open("wb") as file, cursor.cursor.copy(f"COPY ({query}) TO STDOUT", facts) as copy:
        for block in copy:
            file.write(block)
    return into


def _load(cursor: Any, table: str, path: Path) -> None:  # noqa: ANN401 (Django's wrapper)
    with path.open("rb") as file, cursor.cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
        while block := file.read(_COPY_BYTES):
            copy.write(block)
