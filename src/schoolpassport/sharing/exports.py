"""One view at one pinned revision as columns: what files are made of, copied out of the database without a row in hand.

Each kind becomes a text file that DuckDB reads: its finished documents, one a line; where a kind stores none, columns
(``READ``): ``sourcedId``, ``status``, the number of the view revision, its attributes. Only rows of the view are read,
so what the consent hides or masks is hidden and masked here. Kinds with a layout become finished files instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sharing import documents, finishing, stretches
from schoolpassport.sharing.models import HREF
from schoolpassport.sharing.records import Finished, Layout, NothingShared
from schoolpassport.sharing.standing import COLUMNS, Standing, read, with_standing

READ: Final = (
    r"delim = '\t', quote = chr(2), escape = chr(2), header = false, auto_detect = false, nullstr = '', "
    "allow_quoted_nulls = false"
)
"""DuckDB's options of ``read_csv`` for columns, beside their names. No JSON text holds a tab or that quote."""

_COPY = r"(FORMAT csv, DELIMITER E'\t', QUOTE E'\x02')"
_HREF = HREF.encode()
_ESCAPE = b"\\"
_LINE_ENDS = (rb"\n", rb"\r")  # as JSON writes them
_STANDING = with_standing(None)
_ATTEMPTS = 5
_NO_LAYOUTS: Mapping[str, Layout] = MappingProxyType({})
BEFORE: Final = "before"
FINISHED: Final = "finished"
HEAD: Final = ("sourcedId", "status", "revision")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Where a view stands. ``at``: the instant of its revision; None before the first. ``terms``: what it stands on.

    ``oldest``: the first revision under these terms; what is of an older one may not be shared any more.
    """

    view: int
    revision: int
    at: datetime | None
    terms: tuple[object, ...] = ()
    in_force: bool
    oldest: int = 0


@dataclass(frozen=True, kw_only=True)
class Exported:
    """``instants``: of each view revision, as its records tell it. ``rows``: how many of each kind.

    ``finished``: the kinds whose file is what it is going to be (``path``, ``FINISHED``). ``line_ends``: whether a text
    in the others may hold one.
    """

    extent: Extent
    since: int
    instants: dict[int, datetime]
    rows: dict[str, int]
    finished: Mapping[str, Finished] = field(default_factory=dict)
    line_ends: bool = True


def extent(*, district_id: UUID, integration_id: UUID) -> Extent:
    """In the caller's scope. Raises ``NothingShared``."""
    return _extent(district_id, _standing(district_id, integration_id))


def still_holds(*, district_id: UUID, integration_id: UUID, exported: Exported) -> bool:
    """Whether what was exported may still be handed over, in the caller's scope. Raises ``NothingShared``."""
    return extent(district_id=district_id, integration_id=integration_id).terms == exported.extent.terms


def columns(kind: str) -> tuple[str, ...]:
    """What the columns of a kind are called that stores no documents."""
    return (*HEAD, *(f.name for f in KINDS[kind].fields if f.name != "metadata"), "metadata")


def path(folder: Path, kind: str, part: str = "") -> Path:
    return folder / (f"{kind}.{part}.rows" if part else f"{kind}.rows")


def write(
    *,
    district_id: UUID,
    integration_id: UUID,
    kinds: Iterable[str],
    since: int,
    folder: Path,
    whole: Iterable[str] = (),
    layouts: Mapping[str, Layout] = _NO_LAYOUTS,
) -> Exported:
    """Put these kinds of the view into a folder, all of one revision, in the caller's scope.

    ``since`` 0: what is active. Else: what changed after that revision, as it is now, and under ``before`` what the
    same records were then; of the kinds named ``whole`` what is active, too, under the name ``all``. ``layouts``: the
    kinds that become finished files where what is active is asked for, unless their extensions need more than that.

    Raises ``NothingShared``. When the consent changes meanwhile, everything is written anew: no file is made under
    terms that had ended when it was done.
    """
    beside = tuple(whole)
    parts = {name: _parts(KINDS[name], since, whole=name in beside) for name in kinds}
    return _settled(district_id, integration_id, parts, since, folder, _NO_LAYOUTS if since else layouts)


def write_both(*, district_id: UUID, integration_id: UUID, kinds: Iterable[str], since: int, folder: Path) -> Exported:
    """The same, and what is active twice: as it is now, and under ``before`` as it was at that revision."""
    parts = {name: {"": _active(KINDS[name]), BEFORE: _then(KINDS[name])} for name in kinds}
    return _settled(district_id, integration_id, parts, since, folder, _NO_LAYOUTS)


_Parts = Mapping[str, Mapping[str, str]]  # kind → part → SQL


def _settled(
    district_id: UUID, integration_id: UUID, parts: _Parts, since: int, folder: Path, layouts: Mapping[str, Layout]
) -> Exported:
    for _ in range(_ATTEMPTS):
        standing = _standing(district_id, integration_id)
        made = _write(district_id, standing, parts, since, folder, layouts)
        if _terms(_standing(district_id, integration_id)) == _terms(standing):
            return made
    raise RuntimeError("the consent kept changing while the view was written")


def _terms(standing: Standing) -> tuple[object, ...]:
    """A newer revision does not matter: the older one can be read as long as its terms hold."""
    return tuple(value for name, value in standing._asdict().items() if name != "revision")


def _write(
    district_id: UUID, standing: Standing, parts: _Parts, since: int, folder: Path, layouts: Mapping[str, Layout]
) -> Exported:
    facts: dict[str, Any] = {
        "district": district_id,
        "view": standing.view,
        "revision": standing.revision,
        "since": since,
    }
    with connection.cursor() as wrapped:
        wrapped.execute(
            "SELECT number, at, seq_to FROM sharing_viewrevision WHERE district_id = %(district)s AND view = %(view)s "
            "AND number <= %(revision)s",
            facts,
        )
        told = wrapped.fetchall()
        facts["seq"] = next((seq for number, _, seq in told if number == since), 0)
        finished = _finish(wrapped.cursor, layouts, facts, folder)
        put = {
            (name, part): _put(wrapped.cursor, KINDS[name], query, facts, path(folder, name, part))
            for name, queries in parts.items()
            for part, query in queries.items()
            if name not in finished
        }
    return Exported(
        extent=_extent(district_id, standing),
        since=since,
        instants={number: at for number, at, _ in told},
        rows={name: file.rows for (name, part), file in put.items() if not part}
        | {name: made.rows for name, made in finished.items()},
        finished=finished,
        line_ends=any(file.line_ends for file in put.values()),
    )


def _finish(
    cursor: Any,  # noqa: ANN401 (psycopg's own cursor)
    layouts: Mapping[str, Layout],
    facts: dict[str, Any],
    folder: Path,
) -> dict[str, Finished]:
    made: dict[str, Finished] = {}
    for name, layout in layouts.items():
        kind = KINDS[name]
        into = path(folder, name, FINISHED)
        written = finishing.write(cursor, kind, layout, rows=_living(kind), facts=facts, into=into)
        if written is not None:
            made[name] = written
    return made


def _standing(district_id: UUID, integration_id: UUID) -> Standing:
    asked: dict[str, Any] = {
        "district": district_id,
        "integration": integration_id,
        "now": None,  # files are made for minutes: whether a consent has expired is asked at each look
    }
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, asked)
        row = cursor.fetchone()
    if row is None:
        raise NothingShared
    return read(row[:COLUMNS], row[COLUMNS:]).standing


def _extent(district_id: UUID, standing: Standing) -> Extent:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at FROM sharing_viewrevision WHERE district_id = %s AND view = %s AND number = %s",
            [district_id, standing.view, standing.revision],
        )
        found = cursor.fetchone()
    return Extent(
        view=standing.view,
        revision=standing.revision,
        at=found[0] if found else None,
        in_force=standing.in_force,
        oldest=standing.oldest_readable,
        terms=_terms(standing),
    )


# ----------------------------------------------------------------------------------------------------------------- SQL


def _parts(kind: Kind, since: int, *, whole: bool) -> Mapping[str, str]:
    if not since:
        return {"": _active(kind)}
    return {"": _changed(kind), BEFORE: _before(kind)} | ({"all": _active(kind)} if whole else {})


def _told(kind: Kind) -> str:
    """SQL: the columns of a row ``r``. JSON text never holds the sign on which hrefs stand, so it goes."""
    if kind.stored_document:
        return f"replace(r.doc, chr({ord(HREF)}), '')"
    own = ", ".join(f"r.{quoted(f.column)}::text" for f in kind.fields if f.name != "metadata")
    return f"r.id, r.status, r.rev_from, {own}, {documents.metadata('r')}"


def _rows(kind: Kind, alias: str = "r") -> str:
    return f"sharing_{kind.table} {alias} WHERE {alias}.district_id = %(district)s AND {alias}.view = %(view)s"


def _at(number: str, alias: str = "r") -> str:
    return f"{alias}.rev_from <= {number} AND {alias}.rev_to > {number}"


def _living(kind: Kind) -> str:
    return f"{_rows(kind)} AND {_at('%(revision)s')} AND r.status = 'active'"


def _active(kind: Kind) -> str:
    return f"SELECT {_told(kind)} FROM {_living(kind)}"


def _documents(kind: Kind) -> str:
    """SQL: the same as lines, hrefs still on their sign."""
    return stretches.statement("d.doc || chr(10)", _living(kind), "r.doc")


def _then(kind: Kind) -> str:
    return f"SELECT {_told(kind)} FROM {_rows(kind)} AND {_at('%(since)s')} AND r.status = 'active'"


def _changed(kind: Kind) -> str:
    """SQL: what stands now of the lines of the change log since then. Whoever came and went in between is no news."""
    there = f"SELECT FROM {_rows(kind, 'b')} AND b.id = r.id AND {_at('%(since)s', 'b')} AND b.status = 'active'"
    return (
        f"SELECT {_told(kind)} FROM {_rows(kind)} AND r.seq > %(seq)s AND {_at('%(revision)s')} "
        f"AND (r.status = 'active' OR EXISTS ({there}))"
    )


def _before(kind: Kind) -> str:
    changed = f"SELECT c.id FROM {_rows(kind, 'c')} AND c.seq > %(seq)s AND {_at('%(revision)s', 'c')}"
    then = f"{_at('%(since)s')} AND r.status = 'active'"
    return f"SELECT {_told(kind)} FROM {_rows(kind)} AND {then} AND r.id IN ({changed})"


class _File(NamedTuple):
    rows: int
    line_ends: bool = True


def _put(cursor: Any, kind: Kind, query: str, facts: dict[str, Any], into: Path) -> _File:  # noqa: ANN401 (psycopg's own cursor)
    """Documents of all that is active come along the key, and in large pieces."""
    into.unlink(missing_ok=True)
    if not kind.stored_document or query != _active(kind):
        return _File(_copy(cursor, query, facts, into))
    rows, line_ends = 0, False
    ask = partial(stretches.read, _documents(kind), facts)
    with into.open("xb") as file:
        for stretch in stretches.follow(ask, at_once=stretches.DOCUMENTS, place=documents.ID_AT):
            file.write(stretch.lines.replace(_HREF, b""))
            rows += stretch.rows
            line_ends = line_ends or _tells_line_end(stretch.lines)
    return _File(rows, line_ends)


def _tells_line_end(lines: bytes) -> bool:
    """A single byte is found a hundred times as fast as two, and hardly any stretch has it."""
    return _ESCAPE in lines and any(each in lines for each in _LINE_ENDS)


def _copy(cursor: Any, query: str, facts: dict[str, Any], into: Path) -> int:  # noqa: ANN401 (psycopg's own cursor)
    with into.open("xb") as file, cursor.copy(f"COPY ({query}) TO STDOUT {_COPY}", facts) as copy:
        for block in copy:
            file.write(block)
    return max(0, int(cursor.rowcount))
