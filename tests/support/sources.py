"""Several sources of one district, night after night."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.roster import queries as roster
from schoolpassport.roster.models import Link
from schoolpassport.sources.actions import register_source, write_setting
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope
from tests.support.nights import BY, SCHEMA, Nights, nights
from tests.support.packages import HEADERS, Package, Row, manifest, table

EASY = {"removed_share": 1, "removed_count": 10**6, "overlap_share": 0, "bad_row_share": 1}


@dataclass
class Several:
    """The first source is the SIS; ``more`` registers others."""

    sis: Nights

    @property
    def district_id(self) -> UUID:
        return self.sis.district_id

    def more(self, name: str, role: SourceRole = SourceRole.ROSTER) -> Nights:
        after = timedelta(seconds=1 + len(name))
        source = register_source(
            district_id=self.district_id, name=name, schema=SCHEMA, by=BY, now=self.sis.now + after, role=role
        )
        made = replace(self.sis, source=source, folder=self.sis.folder / name, count=0)
        made.set_limits(witnesses=1, **EASY)
        return made

    def decide(self, subject: str, content: object) -> None:
        write_setting(district_id=self.district_id, subject=subject, content=content, by=BY, now=self.sis.now)

    def record(self, id_: UUID, kind: str = "user") -> dict[str, Any]:
        with scope.inside(self.district_id):
            found = roster.record(district_id=self.district_id, kind=kind, id=id_)
        assert found is not None
        return found

    def links(self, id_: UUID) -> set[tuple[str, str, bool]]:
        """Key, rule and whether it is gone, of every key that means the record."""
        with scope.inside(self.district_id):
            found = Link.objects.filter(district_id=self.district_id, record_id=id_, kind="user")
            return {(link.key, link.rule, link.gone) for link in found}

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """The whole roster, by GG4L ID; without the places where the sources said it."""
        with scope.inside(self.district_id):
            return {
                kind: roster.records(district_id=self.district_id, kind=kind)
                for kind in ("org", "course", "class", "user", "enrollment", "demographics")
            }


def several(*, district_id: UUID, folder: Path, now: datetime) -> Several:
    sis = nights(district_id=district_id, folder=folder / "SIS", now=now)
    sis.set_limits(**EASY)
    return Several(sis)


def accounts(*rows: Row) -> dict[str, str]:
    """What a directory sends: only users, and of them only what it knows."""
    known = list(dict.fromkeys(["sourcedId", *(c for row in rows for c in row)]))
    return {"manifest.csv": manifest({"users": "bulk"}), "users.csv": table(rows, known)}


__all__ = ["HEADERS", "Package", "Several", "accounts", "several"]
