"""Work done in another process, which can be killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a piece of work ended: the exit code, or minus the signal; what it said; which points it passed."""

    code: int
    said: str = ""
    points: tuple[str, ...] = ()


class Children:
    def __init__(self, zygote: "subprocess.Popen[str]") -> None:
        self._zygote = zygote

    def start(self, work: str, *, killpoint: str = "", trace: bool = False, **facts: object) -> int:
        """Begin a piece of work (a function of ``works``); returns the process id of the child that does it."""
        told = {name: str(value) for name, value in facts.items()}
        asked = {"do": "start", "work": work, "killpoint": killpoint, "trace": trace, "facts": told}
        return int(self._ask(asked)["pid"])

    def wait(self, pid: int) -> Ended:
        answer = self._ask({"do": "wait", "pid": pid})
        told = answer["told"] or {"said": "", "points": []}
        return Ended(answer["code"], told["said"], tuple(told["points"]))

    def run(self, work: str, *, killpoint: str = "", trace: bool = False, **facts: object) -> Ended:
        return self.wait(self.start(work, killpoint=killpoint, trace=trace, **facts))

    def kill(self, pid: int) -> Ended:
        os.kill(pid, signal.SIGKILL)  # still our zygote's child, so the number is not another's
        return self.wait(pid)

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(asked) + "\n")
        self._zygote.stdin.flush()
        line = self._zygote.stdout.readline()
        assert line, "the process that forks has died"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def children() -> Iterator[Children]:
    """Ready when the first answer comes; gone with all it started when the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.support.zygote"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as zygote:
        try:
            yield Children(zygote)
        finally:
            zygote.kill()
