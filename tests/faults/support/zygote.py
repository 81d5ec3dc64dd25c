"""A process that has everything imported and nothing opened, and forks one child per piece of work.

Starting Python, Django and DuckDB anew takes longer than the work that is to be killed in the middle. Each child is a
process of its own, with its own connections, and is killed as one.

Lines of JSON come in and go out: ``start`` a piece of work (answer: its process id), ``wait`` for one (answer: how it
ended; ``told`` is what it said itself).
"""

import importlib
import json
import os
import sys
import traceback
from types import FrameType
from typing import Any

import django

BUSY = 3


def main() -> None:
    django.setup()
    importlib.import_module("schoolpassport.sync.actions")
    importlib.import_module("tests.faults.support.works")
    pipes: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "start":
            pid, reading = _fork(asked)
            pipes[pid] = reading
            _answer({"pid": pid})
        else:
            _answer(_end_of(asked["pid"], pipes.pop(asked["pid"])))


def _answer(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _end_of(pid: int, reading: int) -> dict[str, Any]:
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(status), "told": json.loads(told) if told else None}


def _fork(asked: dict[str, Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    os._exit(_child(asked, writing))


def _child(asked: dict[str, Any], writing: int) -> int:
    from schoolpassport.kit import killpoint
    from schoolpassport.sync.actions import DistrictBusy
    from tests.faults.support import works

    os.environ[killpoint.VARIABLE] = asked["killpoint"]
    importlib.reload(killpoint)  # as at the start of a process: the same functions, with the variable read anew
    points: list[str] = []
    if asked["trace"]:
        sys.setprofile(_recorder(killpoint.reach.__code__.co_filename, points))
    try:
        told = getattr(works, asked["work"])(**asked["facts"])
    except DistrictBusy:
        return BUSY
    except BaseException:  # noqa: BLE001 (a child says why it died, whatever it was)
        traceback.print_exc()
        return 1
    finally:
        sys.setprofile(None)
    with os.fdopen(writing, "w") as pipe:
        json.dump({"said": told, "points": points}, pipe)
    return 0


def _recorder(file: str, points: list[str]) -> Any:
    """Notes every named point that is reached."""

    def record(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == "reach" and frame.f_code.co_filename == file:
            points.append(frame.f_locals["name"])

    return record


if __name__ == "__main__":
    main()
