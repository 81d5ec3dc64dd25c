"""Before files of any make are mapped: a proposal made of a package, and the records that a draft would make of it.

Read, looked at and thrown away; nothing is set, and no record is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from schoolpassport.kit.archive import WITH_WORKBOOKS, PackageRefused, open_package
from schoolpassport.kit.columns import quoted
from schoolpassport.sources import policies, proposing, reading, staging
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source
from schoolpassport.sources.proposing import Proposal
from schoolpassport.sources.records import ORIGIN_FILE, ORIGIN_LINE, FilePlan
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import walk as walks
from schoolpassport.sync.preview import Unread
from schoolpassport.sync.workbench import Bench, glance
from schoolpassport.tenancy import scope


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Records of one kind as they would become: how many rows, and the first with what each says and where from."""

    kind: str
    rows: int
    records: tuple[dict[str, str | int], ...]


def propose(*, district_id: UUID, source_id: UUID, origin: Path, school: str = "") -> Proposal:
    """A draft of the setting ``tables`` for this package. ``school``: its name, where no column says it.

    Raises ``Unread`` for a package that cannot be opened.
    """
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        try:
            files = open_package(origin, budget=WITH_WORKBOOKS).extract(made.places.work / "sent")
        except PackageRefused as refused:
            raise Unread(str(refused)) from refused
        return proposing.propose(made.db, files=files, folder=made.places.work / "looked", school=school)


def sample(
    *, district_id: UUID, source_id: UUID, origin: Path, drafts: Mapping[str, object], today: date, records: int = 5
) -> list[Sample]:
    """The first records of each kind that the package would bring under the drafts (subject → document).

    Raises ``BadPolicy`` for drafts that cannot be taken, and ``Unread`` for a package that cannot be read with them.
    """
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        draft = sources.settings(district_id=district_id, source_id=source_id)
    for subject, content in drafts.items():
        policies.check(subject, content, SCHEMAS[source.schema])
        draft = draft.draft(subject, content)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        walk = walks.Walk(bench=made, source=source, settings=draft, watch=lambda _: None, today=today)
        try:
            walks.collect(walk, origin)
        except walks.Refused as refusal:
            raise Unread(str(refusal)) from refusal
        return [_sample(made, plan, records) for plan in walk.plan.files]


def _sample(made: Bench, plan: FilePlan, most: int) -> Sample:
    db, table = made.db, plan.kind_table
    staged = staging.stage(db, plan)
    origin = "NULL AS file, place + 2 AS line"
    if plan.translated:
        file, line = (f"c{plan.headers.index(h)}" for h in (ORIGIN_FILE, ORIGIN_LINE))
        origin = "o.file, o.line"
        db.execute(
            f"CREATE TABLE origin_{table} AS SELECT row_number() OVER () - 1 AS place, {file} AS file, "
            f"{line}::BIGINT AS line FROM {reading.rows(plan)} LIMIT {int(most)}"
        )
        staging.forget_rejects(db)
    else:
        db.execute(f"CREATE TABLE origin_{table} AS SELECT place FROM raw_{table} LIMIT {int(most)}")
    headers = [c.header for c in plan.schema.columns]
    cells = ", ".join(quoted(h) for h in ("key", *headers, "metadata", "asked"))
    rows = db.execute(
        f"SELECT {origin}, {cells} FROM raw_{table} r JOIN origin_{table} o USING (place) ORDER BY place"
    ).fetchall()
    names = ("file", "line", "sourcedId", *(c.field.name for c in plan.schema.columns), "metadata", "asked")
    return Sample(
        kind=plan.schema.kind.name,
        rows=staged.rows,
        records=tuple({n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows),
    )
