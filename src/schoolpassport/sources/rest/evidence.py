"""What two full readings tell of the time between: whether dates moved where records did, and deletions were told.

Of each collection a sample is remembered: hashes of the records whose ids' hashes are the smallest. So the same
records are in the sample of every night, as long as they are there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.sources.rest.cells import File
from schoolpassport.sources.rest.writing import DATE, Table

SAMPLE: Final = 500  # records of a collection
NIGHTS: Final = 5  # as many comparisons are remembered
_HEX: Final = 8
_GONE: Final = "gone".ljust(_HEX)

Sample = dict[str, str]  # hash of the id → hash of what the record says (or _GONE), and that of its date


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Records of the sample, between two full readings.

    ``moved``: changed, with a date that a delta would have seen. ``silent``: changed without. ``late``: new, with a
    date so old that no delta would have brought them. ``told``: called deleted. ``vanished``: gone without a word.
    """

    moved: int = 0
    silent: int = 0
    late: int = 0
    told: int = 0
    vanished: int = 0

    def __add__(self, other: Self) -> "Evidence":
        mine, theirs = asdict(self), asdict(other)
        return Evidence(**{name: mine[name] + theirs[name] for name in mine})


def read(memory: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    return [Evidence(**night) for night in memory]


def summed(nights: Iterable[Evidence]) -> Evidence:
    return sum(nights, Evidence())


@dataclass(frozen=True)
class Seen:
    """A record of the sample tonight. ``late``: its date is older than what a delta would have asked for."""

    id: str
    says: str
    dated: str
    late: bool


def sample(db: Columns, table: Table, made: tuple[File, ...], asked_from: datetime | None) -> list[Seen]:
    """The sample of the records in ``got``. ``asked_from``: where a delta would have begun."""
    cells = [quoted(h) for h in table.headers] + [f"v.{quoted(f.exploded)}::VARCHAR" for f in made[1:]]
    said = ", ".join(f"coalesce({c}, '')" for c in cells)
    since = literal(asked_from.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")) if asked_from else "NULL"
    late = f"{DATE} <= CAST({since} AS TIMESTAMP)" if asked_from else "false"
    found = db.execute(
        f"SELECT left(md5({quoted('sourcedId')}), {_HEX}) AS id, "
        f"CASE WHEN gone THEN {literal(_GONE)} ELSE left(md5(concat_ws(chr(31), {said})), {_HEX}) END, "
        f"left(md5(coalesce(modified, '')), {_HEX}), "
        f"coalesce({late}, true) "
        f"FROM got WHERE {quoted('sourcedId')} IS NOT NULL ORDER BY id LIMIT {SAMPLE}"
    ).fetchall()
    return [Seen(*row) for row in found]


def remembered(seen: Iterable[Seen]) -> Sample:
    return {s.id: s.says + s.dated for s in seen}


def compare(before: Mapping[str, str], seen: list[Seen]) -> Evidence:
    """What happened to the records that both samples would hold."""
    now = {s.id: s for s in seen}
    bound = min(max(ids) if len(ids) >= SAMPLE else "~" for ids in (before, now))
    known = [s for s in seen if s.id <= bound and s.id in before]
    changed = [s for s in known if before[s.id][:_HEX] != s.says]
    dated = [s for s in changed if before[s.id][_HEX:] != s.dated and not s.late]
    new = [s for s in seen if s.id <= bound and s.id not in before and s.says != _GONE]
    gone = [id_ for id_, said in before.items() if id_ <= bound and id_ not in now and said[:_HEX] != _GONE]
    return Evidence(
        moved=len(dated),
        silent=len(changed) - len(dated),
        late=sum(s.late for s in new),
        told=sum(s.says == _GONE for s in changed),
        vanished=len(gone),
    )
