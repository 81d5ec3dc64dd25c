"""The landing area of managed SFTP: where a district's own system uploads, file by file, whenever it likes.

A set counts as complete when nothing is open, nothing changed between two looks, all that its manifest declares is
there, and no file of it is left from the set before.
"""

from pathlib import Path

from schoolpassport.sources import arrival
from schoolpassport.sources.connectors.shape import Checked, Collected, Connector, Given, Setting, Type, Watch

WAIT, TAKE = "wait", "take"


def _check(given: Given) -> Checked:
    seen = arrival.look(arrival.allowed(given.value("path"), given.folders))
    found, writing = arrival.chosen(seen), arrival.unfinished(seen)
    there = f"The package in it: {', '.join(found[:10])}." if found else "Nothing has been uploaded yet."
    still = f" {len(writing)} files are still being written." if writing else ""
    return Checked(ok=True, sentence=f"The landing folder can be read. {there}{still}", facts={"files": found})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    folder = arrival.allowed(given.value("path"), given.folders)
    watch("looking twice")
    seen = arrival.arrived(folder, seconds=given.number("seconds"))
    if given.value("mixed") == WAIT:
        arrival.refuse_mixed(seen, sorted(seen), given.memory.get("taken", {}))
    watch("copying")
    arrival.copy(folder, seen, into)
    arrival.check_manifest(into, seen)
    return Collected(memory={"taken": {n: s.said() for n, s in seen.items()}}, facts={"files": sorted(seen)})


CONNECTOR = Connector(
    name="landing",
    title="Landing folder (managed SFTP)",
    about="A folder that the district's system uploads into. A set is taken when it is complete: closed, quiet, all "
    "that its manifest declares, nothing left from the set before. OneRoster.zip wins over loose files beside it.",
    settings=(
        Setting(name="path", title="Folder", help="the landing folder's path on this machine", required=True),
        Setting(
            name="seconds",
            title="Quiet seconds",
            help="so long nothing may change in the folder before a set counts as complete",
            type=Type.NUMBER,
            default="30",
        ),
        Setting(
            name="mixed",
            title="Files of two days",
            help="whether new files wait for those that are still the ones of last time, or all are taken as they are",
            type=Type.CHOICE,
            choices=(WAIT, TAKE),
            default=WAIT,
        ),
    ),
    check=_check,
    collect=_collect,
)
