"""Where a bench works: a data directory of its own with a server, the packages, and districts to load them into."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bench.processes import Server
from bench.progress import say
from schoolpassport.demo.generator import Size, write_changed, write_day, write_shuffled
from schoolpassport.kit import clock, postgres

BY = "bench"
DISTRICT = "Cedar Hollow Unified School District"


@dataclass(frozen=True)
class District:
    """A registered district with one source and one application, which may see everything."""

    id: UUID
    source_id: UUID
    integration_id: UUID


@dataclass(frozen=True)
class Packages:
    day1: Path
    day2: Path
    shuffled: Path

    @staticmethod
    def files(folder: Path) -> list[str]:
        """The data files, largest last so that engines start alike; the manifest is none."""
        return [
            str(p) for p in sorted(folder.glob("*.csv"), key=lambda p: p.stat().st_size) if p.name != "manifest.csv"
        ]


@dataclass(frozen=True)
class Place:
    data_dir: Path
    server: Server
    owner_url: str
    superuser_url: str


@contextmanager
def a_place(chosen: Path | None, *, keep: bool) -> Iterator[Place]:
    """A running, migrated server; Django is set up in this process. Everything is removed afterwards unless kept."""
    parent = chosen or Path(tempfile.mkdtemp(prefix="sp-bench-"))
    parent.mkdir(parents=True, exist_ok=True)
    if chosen is None:
        parent.chmod(0o711)  # as root, the server runs under another account, which must pass
    data_dir = parent / "data"
    for name in [n for n in os.environ if n.startswith(("SCHOOLPASSPORT_", "DATABASE_", "DJANGO_", "PG"))]:
        if name not in {"SCHOOLPASSPORT_SYNC_MEMORY_MB", "SCHOOLPASSPORT_SYNC_THREADS", "SCHOOLPASSPORT_CACHE_MB"}:
            del os.environ[name]
    os.environ["SCHOOLPASSPORT_DATA_DIR"] = str(data_dir)
    os.environ["SCHOOLPASSPORT_REQUESTS_PER_MINUTE"] = "0"  # how fast, not how often
    os.environ["DJANGO_SETTINGS_MODULE"] = "schoolpassport.config.settings"
    try:
        from schoolpassport.config import startup  # noqa: PLC0415 (only now may Django's settings be read)

        server = startup.prepare()
        assert server is not None
        yield Place(
            data_dir=data_dir,
            server=Server(data_dir),
            owner_url=server.dsn(role=postgres.OWNER),
            superuser_url=server.dsn(role=postgres.SUPERUSER),
        )
    finally:
        _leave(data_dir, parent, keep=keep)


def _leave(data_dir: Path, parent: Path, *, keep: bool) -> None:
    from django.db import connections  # noqa: PLC0415 (see above)

    connections.close_all()
    if keep:
        say(f"kept, with its server running: {parent}")
        return
    postgres.stop(data_dir=data_dir, mode="immediate")
    shutil.rmtree(parent, ignore_errors=True)


def write_packages(folder: Path, *, size: Size, seed: int, shuffled: bool = True) -> Packages:
    """Day one, day two with 1 % changed, and day two as another system would write it. Those that are there, stay."""
    made = Packages(day1=folder / "day1", day2=folder / "day2", shuffled=folder / "shuffled")
    if not made.day1.is_dir():
        say(f"writing day one: {size.users:,} users, {size.classes:,} classes, {size.enrollments:,} enrollments")
        write_day(folder=made.day1, seed=seed, size=size, district_name=DISTRICT)
    if not made.day2.is_dir():
        say("writing day two: 1 % changed")
        write_changed(folder=made.day2, seed=seed, size=size, district_name=DISTRICT)
    if shuffled and not made.shuffled.is_dir():
        say("writing day two in another row and column order")
        write_shuffled(folder_in=made.day2, folder_out=made.shuffled, seed=seed)
    return made


def a_district() -> District:
    """With the guard's limits raised: in a big district 1 % of everybody is more than a guard should let pass.

    One witness, so that what a night removes is seen on that night.
    """
    from schoolpassport.sources.actions import register_source  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.sync.actions import set_limits  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.tenancy.actions import register_district  # noqa: PLC0415 (not before Django is set up)

    district = register_district(name=f"{DISTRICT} {uuid.uuid4().hex[:8]}", now=clock.now())
    source = register_source(district_id=district.id, name="SIS", schema="oneroster-1.1", by=BY, now=clock.now())
    integration = an_integration(district.id)
    set_limits(
        district_id=district.id,
        by=BY,
        now=clock.now(),
        witnesses=1,
        removed_count=1_000_000_000,
        school_removed_share=1,
        school_removed_count=1_000_000_000,
    )
    return District(id=district.id, source_id=source.id, integration_id=integration)


def an_integration(district_id: UUID, *, shield: int = 0) -> UUID:
    """Of another application, which may see everything, behind a level of Privacy Shield; its view is published."""
    from schoolpassport.partners import actions as partners  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.roster.kinds import SHARED  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sharing import actions as sharing  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sharing import catalogue  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sharing import shield as shields  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sharing.records import Contents  # noqa: PLC0415 (not before Django is set up)

    mark = uuid.uuid4().hex[:8]
    partner = partners.register_partner(name=f"Invented Software {mark}", by=BY, now=clock.now())
    application = partners.register_application(
        partner_id=partner.id, name=f"Invented Reader {mark}", by=BY, now=clock.now()
    )
    integration = partners.integrate(district_id=district_id, application_id=application.id, by=BY, now=clock.now())
    contents = Contents(attributes=catalogue.everything(kinds=tuple(SHARED)))
    sharing.agree(
        district_id=district_id,
        integration_id=integration.id,
        contents=shields.raised(contents, level=shield, takes=lambda _key: True),
        by=BY,
        now=clock.now(),
    )
    return integration.id
