"""A folder of this machine that something else writes to."""

from pathlib import Path

from schoolpassport.sources import arrival
from schoolpassport.sources.connectors.shape import Checked, Collected, Connector, Given, Setting, Type, Watch


def _check(given: Given) -> Checked:
    found = arrival.chosen(arrival.look(arrival.allowed(given.value("path"), given.folders)))
    there = f"The package in it: {', '.join(found[:10])}." if found else "No package is in it yet."
    return Checked(ok=True, sentence=f"The folder can be read. {there}", facts={"files": found})


def _collect(given: Given, into: Path, watch: Watch) -> Collected:
    folder = arrival.allowed(given.value("path"), given.folders)
    watch("looking twice")
    seen = arrival.arrived(folder, seconds=given.number("seconds"))
    watch("copying")
    arrival.copy(folder, seen, into)
    return Collected(facts={"files": sorted(seen)})


CONNECTOR = Connector(
    name="folder",
    title="Folder on this machine",
    about="The zip file or the loose files of a folder, as they are when the run begins. "
    "OneRoster.zip wins over loose files beside it.",
    settings=(
        Setting(name="path", title="Folder", help="its path on this machine", required=True),
        Setting(
            name="seconds",
            title="Quiet seconds",
            help="so long nothing may change in the folder before its files are taken",
            type=Type.NUMBER,
            default="5",
        ),
    ),
    check=_check,
    collect=_collect,
)
