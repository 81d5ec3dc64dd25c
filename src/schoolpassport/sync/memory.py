"""What a source remembers of each of its files, beside the links: how the file can be skimmed next time."""

from dataclasses import dataclass, replace

from schoolpassport.sources.models import Source
from schoolpassport.sources.records import FilePlan, Mode
from schoolpassport.sync.skimming import Skimmed, Way


@dataclass(frozen=True, kw_only=True)
class Memory:
    """``header``: under which the lines stood whose hashes are in the state.

    ``lines``: whether lines come again as they were; where every row is stamped anew each night, none does.
    ``unseen``: something the file refers to went on a night on which it was not compared.
    """

    header: str = ""
    lines: bool = False
    unseen: bool = False

    def ways(self, plan: FilePlan) -> tuple[Way, ...]:
        """How to try to skim the file. A delta says only what differs: it is read in full."""
        if plan.mode is Mode.DELTA:
            return ()
        return (Way.LINE, Way.CELLS) if self.lines and self.header == _header(plan) else (Way.CELLS,)

    def learns_lines(self, plan: FilePlan, way: Way) -> bool:
        """Whether the lines of the whole file are new to the state."""
        return way is Way.FULL or (way is Way.CELLS and self.header != _header(plan))


def of(source: Source, kind: str) -> Memory:
    return Memory(**source.prints.get(kind, {}))


def after(before: Memory, plan: FilePlan, found: Skimmed, *, saved: bool) -> Memory:
    """The memory of a file that was compared tonight. ``saved``: its state is written, with what was learned."""
    if plan.mode is Mode.DELTA:
        return before
    if found.way is Way.CELLS and before.header == _header(plan):
        return replace(before, lines=False, unseen=False)
    if saved and before.learns_lines(plan, found.way):
        return Memory(header=_header(plan), lines=True)
    return replace(before, unseen=False)


def _header(plan: FilePlan) -> str:
    return ",".join(plan.headers)
