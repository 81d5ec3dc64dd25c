"""Columns that a file had the last time and has no more: what the records of its source would lose with them.

One that was renamed looks as if it were blank in every row. Nothing tells the two apart, and so a person does.
"""

from collections.abc import Iterable, Iterator

from schoolpassport.roster import queries as roster
from schoolpassport.sources.manifest import METADATA
from schoolpassport.sources.models import Source
from schoolpassport.sources.policies import Shaping
from schoolpassport.sources.records import FilePlan, Mode
from schoolpassport.sync import memory
from schoolpassport.sync.guard import Reason, Rule


def reasons(source: Source, plans: Iterable[FilePlan], shaping: Shaping) -> list[Reason]:
    """Why a package without these columns waits for a person; read inside the district's scope.

    A delta says nothing about rows that it does not hold, and what a translated file lacks was judged as it was sent.
    """
    whole = (p for p in plans if p.mode is Mode.BULK and not p.translated)
    return [reason for plan in whole for reason in _of_file(source, plan, shaping)]


def _of_file(source: Source, plan: FilePlan, shaping: Shaping) -> Iterator[Reason]:
    kind, file = plan.schema.kind, plan.schema.file_name
    had = memory.of(source, kind.name).columns
    for header in sorted(set(had.split(",")) - set(plan.headers)) if had else ():
        told = roster.count_told(
            district_id=source.district_id,
            source_id=source.id,
            kind=kind.name,
            attributes=_fed(plan, header, shaping),
        )
        if told:
            sentence = (
                f"{file} has no column “{header}” any more, and had it the last time: {told:,} {kind.plural} would "
                "lose what stood there."
            )
            yield Reason(rule=Rule.COLUMN_GONE, kind=kind.name, sentence=sentence)


def _fed(plan: FilePlan, header: str, shaping: Shaping) -> tuple[str, ...]:
    """The attributes that a column feeds: by the schema, or as the attributes mapping says."""
    feeds = shaping.feeds_of(plan.schema.kind.name)
    own = {c.header: c.field.name for c in plan.schema.columns if not c.field.gathered}
    own |= {target: target for target in (*feeds, header) if target.startswith(METADATA)}
    origins = {target: feeds[target].header if target in feeds else target for target in own}
    return tuple(name for target, name in own.items() if origins[target] == header)
