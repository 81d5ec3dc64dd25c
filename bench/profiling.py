"""Where a run spends its time, statement by statement: ``--profile FOLDER``."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg

_LONGEST = 20_000
_SLOW = 0.2  # seconds
_EXPLAINED = (
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    "CREATE TEMP TABLE ",
)  # all of ours that name these tables are AS SELECT


class Profile:
    """Each statement with its wall time, our processor time, and that of its database backend (to 10 ms)."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, float, str, str]] = []
        self.plans: list[str] = []
        self._begun = time.perf_counter(), time.process_time()

    @contextmanager
    def timed(self, engine: str, statement: str, backend: int = 0) -> Iterator[None]:
        wall, cpu, theirs = time.perf_counter(), time.process_time(), _cpu(backend)
        try:
            yield
        finally:
            self.rows.append(
                (
                    time.perf_counter() - wall,
                    time.process_time() - cpu,
                    _cpu(backend) - theirs,
                    engine,
                    " ".join(statement.split())[:_LONGEST],
                )
            )

    def report(self, path: str) -> None:
        wall, cpu = time.perf_counter() - self._begun[0], time.process_time() - self._begun[1]
        lines = [f"wall {wall:.2f} s, own cpu {cpu:.2f} s"]
        for engine in sorted({r[3] for r in self.rows}):
            mine = [r for r in self.rows if r[3] == engine]
            sums = [sum(column) for column in list(zip(*mine, strict=True))[:3]]
            lines.append(
                f"{engine}: {len(mine)} statements, wall {sums[0]:.2f}, own cpu {sums[1]:.2f}, backend {sums[2]:.2f}"
            )
        lines.append("   wall    own  backend")
        lines += [f"{w:7.3f} {c:7.3f} {b:7.3f} {e} {s}" for w, c, b, e, s in self.rows]
        lines += ["", f"plans of the database's statements of {_SLOW} s and more:", *self.plans]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def begin() -> Profile:
    """Time every statement of this process from now on."""
    profile = Profile()
    connect = duckdb.connect
    duckdb.connect = lambda *a, **k: _Columns(connect(*a, **k), profile)  # type: ignore[assignment]  # no types come with it
    _wrap(profile, "execute")
    _wrap_copy(profile)
    return profile


class _Columns:
    """A DuckDB connection whose statements are timed."""

    __class__ = duckdb.DuckDBPyConnection  # type: ignore[assignment]  # Splink asks what it is given

    def __init__(self, db: Any, profile: Profile) -> None:
        self._db, self._profile = db, profile

    def execute(self, statement: str | duckdb.Statement, *arguments: object) -> object:
        with self._profile.timed("duckdb", statement if isinstance(statement, str) else statement.query):
            return self._db.execute(statement, *arguments)

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)


def _wrap(profile: Profile, name: str) -> None:
    original: Callable[..., Any] = getattr(psycopg.Cursor, name)

    def execute(self: Any, query: Any, *a: Any, **k: Any) -> Any:
        text = _text(query, self)
        plan = _plan(original, self.connection, text, *a, **k)
        with profile.timed("postgres", text, self.connection.info.backend_pid):
            done = original(self, query, *a, **k)
        if plan and profile.rows[-1][0] >= _SLOW:
            profile.plans += ["", f"{profile.rows[-1][0]:.3f} s {profile.rows[-1][4]}", *plan]
        return done

    setattr(psycopg.Cursor, name, execute)


def _wrap_copy(profile: Profile) -> None:
    original: Callable[..., Any] = psycopg.Cursor.copy

    @contextmanager
    def copy(self: Any, statement: Any, *a: Any, **k: Any) -> Iterator[Any]:
        with (
            profile.timed("postgres", _text(statement, self), self.connection.info.backend_pid),
            original(self, statement, *a, **k) as made,
        ):
            yield made

    psycopg.Cursor.copy = copy  # type: ignore[method-assign]  # no types come with it


def _plan(execute: Callable[..., Any], connection: Any, text: str, *a: Any, **k: Any) -> list[str]:
    """How the planner means to do it, asked before it is done."""
    ours = " roster_" in text or " sharing_" in text  # and not Django's own, which quotes all names
    if not ours or ";" in text or not text.lstrip("( ").upper().startswith(_EXPLAINED):
        return []
    with psycopg.Cursor(connection) as cursor:
        execute(cursor, "EXPLAIN " + text, *a, **k)
        return [str(line) for (line,) in cursor.fetchall()]


def _text(query: Any, cursor: Any) -> str:
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    return query if isinstance(query, str) else str(query.as_string(cursor))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / 100
