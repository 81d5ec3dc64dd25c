"""What a reader finds, in one statement each time: the roster, a view, and whether the change log is whole."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from schoolpassport.roster.kinds import KINDS, SHARED
from schoolpassport.tenancy import scope

OPEN = 2_147_483_647
_UNSTAMPED = """regexp_replace(coalesce(to_jsonb(r)->>'doc', ''), '"dateLastModified":"[^"]*"', '')"""
_BESIDE = "to_jsonb(r) - 'rev_from' - 'rev_to' - 'seq' - 'change' - 'doc'"


@dataclass(frozen=True)
class Look:
    """Hashes of all that is open, without its times; ``whole``: the log has no gap and ends where the view says."""

    roster: str
    view: str
    whole: bool


def look(district_id: UUID, view: int | None = None) -> Look:
    """``view``: only what is in that one; whatever there is when several are to be one."""
    return _look(_STATEMENT, district_id, view)


def glance(district_id: UUID, view: int | None = None) -> Look:
    """The same by where each row lies and which transaction wrote it, for a tenth of the time.

    Other rows never look the same; the same do, as long as nobody writes them once more.
    """
    return _look(_AT_A_GLANCE, district_id, view)


def _look(statement: str, district_id: UUID, view: int | None) -> Look:
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(statement, {"d": district_id, "v": view})
        roster, content, whole = cursor.fetchone()
        return Look(roster, content, whole)


def _content(room: str, line: str) -> str:
    which = "AND view = coalesce(%(v)s, view)" if room == "sharing" else ""
    parts = " UNION ALL ".join(
        f"SELECT '{k.table}' || {line} AS line FROM {room}_{k.table} r "
        f"WHERE district_id = %(d)s AND rev_to = {OPEN} {which}"
        for k in (SHARED if room == "sharing" else KINDS).values()
    )
    return f"(SELECT md5(coalesce(string_agg(line, chr(10) ORDER BY line), '')) FROM ({parts}) x)"


def _whole() -> str:
    lines = " UNION ALL ".join(
        f"SELECT view, seq, rev_from FROM sharing_{k.table} WHERE district_id = %(d)s" for k in SHARED.values()
    )
    return (
        "(SELECT coalesce(bool_and(v.last_seq = coalesce(l.lines, 0) AND v.last_seq = coalesce(l.last, 0) "
        "AND v.last_seq = coalesce(l.distinct_lines, 0) AND v.revision = coalesce(l.revision, 0)), true) "
        "FROM sharing_view v LEFT JOIN (SELECT view, count(*) AS lines, count(DISTINCT seq) AS distinct_lines, "
        f"max(seq) AS last, max(rev_from) AS revision FROM ({lines}) x GROUP BY view) l ON l.view = v.number "
        "WHERE v.district_id = %(d)s)"
    )


_SAID = f"({_BESIDE})::text"
_STATEMENT = f"SELECT {_content('roster', _SAID)}, {_content('sharing', f'{_SAID} || {_UNSTAMPED}')}, {_whole()}"
_LIES = "ctid || ' ' || xmin"
_AT_A_GLANCE = f"SELECT {_content('roster', _LIES)}, {_content('sharing', _LIES)}, {_whole()}"


@dataclass
class Watched:
    looks: set[Look] = field(default_factory=set)


@contextmanager
def watching(
    district_id: UUID, *, pause: float = 0.04, view: int | None = None, by: Callable[[UUID, int | None], Look] = look
) -> Iterator[Watched]:
    """A reader beside whatever happens, looking again and again: at least at what was before and at what is left."""
    watched, enough, trouble = Watched({by(district_id, view)}), threading.Event(), []

    def watch() -> None:
        try:
            while not enough.is_set():
                watched.looks.add(by(district_id, view))
                enough.wait(pause)
        except BaseException as error:  # noqa: BLE001 (a thread that dies in silence would see nothing and object to nothing)
            trouble.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watched
    finally:
        enough.set()
        thread.join()
    assert not trouble, trouble
    watched.looks.add(by(district_id, view))
