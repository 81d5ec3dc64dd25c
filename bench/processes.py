"""What work costs: processor time of a process and of the database server, and how much memory a process took.

The processor time of PostgreSQL is that of all its processes: those that live are read from /proc, those that ended are
in the postmaster's account of its children. Where there is no /proc (macOS), it is not known and left out.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
HAS_PROC = (_PROC / "self" / "stat").exists()
_TICK = os.sysconf("SC_CLK_TCK")
_SETTLING = 5.0  # seconds that a backend may need to end after its client has


@dataclass(frozen=True)
class Cost:
    """What one child process did. ``said`` is its last line, as JSON; ``server_cpu`` is 0 where there is no /proc."""

    wall: float
    cpu: float  # of the child as a whole, interpreter start included
    server_cpu: float
    said: Mapping[str, Any]


class Server:
    """The processor time of a PostgreSQL server and all of its processes."""

    def __init__(self, data_dir: Path) -> None:
        self.postmaster = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    def cpu(self) -> float:
        if not HAS_PROC:
            return 0.0
        while True:  # until no child passed from the living to the account of the dead while we looked
            before = _stat(self.postmaster)
            living = sum(int(child[11]) + int(child[12]) for child in self._children())
            after = _stat(self.postmaster)
            if before[13:15] == after[13:15]:
                return (living + sum(int(ticks) for ticks in after[11:15])) / _TICK

    def backends(self) -> int:
        return len(list(self._children()))

    def _children(self) -> list[list[str]]:
        found = []
        for entry in _PROC.iterdir() if HAS_PROC else ():
            if entry.name.isdigit():
                try:
                    fields = _stat(int(entry.name))
                except OSError:  # it ended meanwhile
                    continue
                if int(fields[1]) == self.postmaster:
                    found.append(fields)
        return found

    def settle(self, backends: int) -> None:
        """Wait until no more processes are there than before."""
        deadline = time.monotonic() + _SETTLING
        while self.backends() > backends and time.monotonic() < deadline:
            time.sleep(0.02)


def tree_cpu(pid: int) -> float:
    """Processor time of a process and of all that live below it; 0 where there is no /proc."""
    parents: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in _PROC.iterdir() if HAS_PROC else ():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except OSError:  # it ended meanwhile
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    waiting, total = [pid], 0
    while waiting:
        one = waiting.pop()
        total += ticks.get(one, 0)
        waiting += parents.get(one, [])
    return total / _TICK


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, which may hold anything: 0 is the state, 1 the parent."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def run(
    module: str, task: Mapping[str, object], *, server: Server | None = None, env: Mapping[str, str] | None = None
) -> Cost:
    """Run ``python -m <module>`` with a task as its argument, and say what it cost."""
    backends, before = (server.backends(), server.cpu()) if server else (0, 0.0)
    begun = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(task)],
        stdout=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if child.returncode:
        raise RuntimeError(f"{module} ended with {child.returncode}: {said}")
    if server:
        server.settle(backends)
    *lines, last = said.splitlines()
    for line in lines:
        print(line)
    return Cost(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        server_cpu=server.cpu() - before if server else 0.0,
        said=json.loads(last),
    )


def peak_mb() -> float:
    """The most memory this process ever held. (What ``getrusage`` says of a child may be its parent's peak.)."""
    status = _PROC / "self" / "status"
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
