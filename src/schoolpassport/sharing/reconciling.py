"""Where what an application holds of a collection differs from what its view holds at a revision."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final
from uuid import UUID

from django.db import connection

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import manifests
from schoolpassport.sharing.manifests import Place

_BLOCK: Final = 1 << 16
_ID: Final = 16  # bytes


class Twice(ValueError):
    """A record was named twice. ``line``: where for the second time."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True)
class Difference:
    """Ids as 16 bytes each, in order, and how many records are what they should be.

    ``wanted``: what the application lacks or holds differently; ``surplus``: what its view does not hold.
    """

    wanted: bytes
    surplus: bytes
    same: int

    @property
    def records(self) -> int:
        """How many are wanted."""
        return len(self.wanted) // _ID

    @property
    def deleted(self) -> int:
        """How many are surplus."""
        return len(self.surplus) // _ID


def ids(packed: bytes, *, at_once: int) -> Iterator[tuple[UUID, ...]]:
    """In portions; one that is empty where there are none."""
    step = at_once * _ID
    for start in range(0, max(len(packed), 1), step):
        portion = packed[start : start + step]
        yield tuple(UUID(bytes=portion[at : at + _ID]) for at in range(0, len(portion), _ID))


def difference(
    *, district_id: UUID, place: Place, kind: str, held: IO[bytes], buckets: Collection[str] | None
) -> Difference:
    """In the caller's scope. ``held``: lines of number, id and hash as COPY takes them.

    ``buckets`` None: of the whole collection; else of these buckets, to which all that is held belongs.
    """
    facts: dict[str, Any] = {
        "district": district_id,
        "view": place.view,
        "revision": place.revision,
        "buckets": list(buckets or ()),
    }
    rows = manifests.hashes(KINDS[kind], "%(revision)s")
    chosen = "" if buckets is None else " WHERE h.bucket = ANY(%(buckets)s)"
    with connection.cursor() as wrapped:
        wrapped.execute("CREATE TEMP TABLE theirs (line bigint, id uuid, hash bytea) ON COMMIT DROP")
        with wrapped.cursor.copy("COPY theirs FROM STDIN") as copy:
            while block := held.read(_BLOCK):
                copy.write(block)
        wrapped.execute(
            "SELECT min(t.line) FROM (SELECT max(line) FROM theirs GROUP BY id HAVING count(*) > 1) t(line)"
        )
        if (line := wrapped.fetchone()[0]) is not None:
            raise Twice(line)
        wrapped.execute(
            f"CREATE TEMP TABLE ours ON COMMIT DROP AS SELECT h.record AS id, h.hash FROM ({rows}) h{chosen}", facts
        )
        wrapped.execute("ANALYZE theirs; ANALYZE ours")
        wrapped.execute(_COMPARED)
        wanted, surplus, same = wrapped.fetchone()
    return Difference(bytes(wanted), bytes(surplus), same)


_COMPARED = """
    SELECT coalesce(string_agg(uuid_send(o.id), ''::bytea ORDER BY o.id)
            FILTER (WHERE o.id IS NOT NULL AND t.hash IS DISTINCT FROM o.hash), ''::bytea),
        coalesce(string_agg(uuid_send(t.id), ''::bytea ORDER BY t.id) FILTER (WHERE o.id IS NULL), ''::bytea),
        count(*) FILTER (WHERE t.hash = o.hash)
    FROM ours o FULL JOIN theirs t ON t.id = o.id"""
