"""The same records as another system would write them: nothing that means anything is different."""

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from schoolpassport.demo.generator.engine import bounded

_BOM = b"\xef\xbb\xbf"
_PIECE = 1 << 20
_STAMP = """strftime(
    TIMESTAMP '2026-11-02' + to_milliseconds((md5_number_lower('seed' || no) % 1000000000)::BIGINT),
    '%Y-%m-%dT%H:%M:%S.%gZ')"""


def write_shuffled(*, folder_in: Path, folder_out: Path, seed: int) -> None:
    """Rewrite a bulk package: another order of rows and columns, a byte order mark, CRLF.

    Every row says ``active`` and has a new timestamp although it is bulk. ``metadata`` columns stay at the right, where
    the standard wants them.
    """
    folder_out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="shuffle-") as scratch, bounded(Path(scratch)) as db:
        for source in sorted(folder_in.glob("*.csv")):
            plain = Path(scratch) / source.name
            if source.name == "manifest.csv":
                _shuffle_lines(source, plain, seed)
            else:
                _shuffle_records(db, source, plain, seed)
            _rewrite(plain, folder_out / source.name)


def _shuffle_records(db: duckdb.DuckDBPyConnection, source: Path, target: Path, seed: int) -> None:
    rows = db.read_csv(str(source), header=True, all_varchar=True, sep=",", quotechar='"', escapechar='"')
    columns = sorted(rows.columns, key=lambda column: (column.startswith("metadata."), _chance(seed, column)))
    stamp = _STAMP.replace("seed", str(int(seed)))
    fresh = {"status": "'active'", "dateLastModified": stamp}
    numbered = rows.project("*, row_number() OVER () AS no")
    shuffled = numbered.order(f"md5_number_lower('{int(seed)}' || ':' || no), no")
    shuffled.project(", ".join(f"{fresh.get(c, _named(c))} AS {_named(c)}" for c in columns)).to_csv(
        str(target), header=True
    )


def _shuffle_lines(source: Path, target: Path, seed: int) -> None:
    header, *lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    target.write_bytes("".join([header, *sorted(lines, key=lambda line: _chance(seed, line))]).encode())


def _rewrite(plain: Path, target: Path) -> None:
    """Line ends only: no field of a package holds one, so they can be replaced without reading the fields."""
    with plain.open("rb") as source, target.open("wb") as sink:
        sink.write(_BOM)
        while piece := source.read(_PIECE):
            sink.write(piece.replace(b"\n", b"\r\n"))


def _chance(seed: int, text: str) -> str:
    return sha256(f"{seed}:{text}".encode()).hexdigest()


def _named(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
