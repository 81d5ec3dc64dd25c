"""A view written as files, and files read back as rows."""

import csv
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from schoolpassport.delivery import _workroom, making
from schoolpassport.delivery.formats import Format, Mode
from schoolpassport.sharing import exports

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Desk:
    """Where one application's files are made, in a folder of their own each time."""

    district_id: UUID
    integration_id: UUID
    folder: Path

    def make(self, format_: Format, since: int = 0, mode: Mode = Mode.FULL) -> making.Made:
        return self.made(format_, since, mode)[0]

    def finished(self, format_: Format) -> set[str]:
        """The kinds whose files the database writes."""
        return set(self._copy(format_, since=0)[1].finished)

    def made(self, format_: Format, since: int = 0, mode: Mode = Mode.FULL) -> tuple[making.Made, int]:
        """The files, and of which revision of the view they are."""
        room, exported = self._copy(format_, since)
        made = making.make(format_, exported, room=room, mode=Mode.DELTA if since else mode)
        return made, exported.extent.revision

    def copied(self, format_: Format) -> dict[str, str]:
        """The rows of the view that files would be made of, by kind."""
        room, _ = self._copy(format_, since=0)
        return {path.stem: path.read_text(encoding="utf-8") for path in room.rows.glob("*.rows")}

    def _copy(self, format_: Format, since: int) -> tuple[making.Room, exports.Exported]:
        number = len(list(self.folder.iterdir())) if self.folder.exists() else 0
        room = making.Room(folder=self.folder / str(number), memory_mb=200, threads=1)
        room.prepare()
        exported = _workroom.copied(
            district_id=self.district_id, integration_id=self.integration_id, format_=format_, since=since, room=room
        )
        return room, exported

    def texts(self, format_: Format, since: int = 0) -> dict[str, str]:
        return unpacked(self.make(format_, since))


def together(*formats: Format) -> Format:
    """The files of several formats at once, each named after its own: a view is copied once for all of them."""
    files = (replace(file, name=f"{format_.name} {file.name}") for format_ in formats for file in format_.files)
    return Format(name="together", title="together", about="", files=tuple(files), modes=(Mode.FULL, Mode.DELTA))


def of(format_: str, texts: dict[str, str]) -> dict[str, Rows]:
    """The rows of one of them, by the names of its files."""
    return {name.removeprefix(f"{format_} "): rows(text) for name, text in texts.items() if name.startswith(format_)}


def unpacked(made: making.Made) -> dict[str, str]:
    """Every file of a package, by its name."""
    found = {}
    for file in made.files:
        if file.path.suffix != ".zip":
            found[file.path.name] = file.path.read_text(encoding="utf-8")
            continue
        with zipfile.ZipFile(file.path) as package:
            found |= {name: package.read(name).decode() for name in package.namelist()}
    return found


def rows(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text)))


def headers(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text)))
