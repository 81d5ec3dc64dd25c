"""What a source remembers of each of its files, beside the links: how the file can be skimmed next time.

Also under which settings a package was read: the hashes of rows go with them, so that under others nothing is taken
for what it was.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date

from schoolpassport.quality.policies import rules
from schoolpassport.sources import policies, reading
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import FilePlan, Mode, PackagePlan, Settings
from schoolpassport.sync.skimming import Skimmed, Way

MEANING = (*policies.SUBJECTS, "schools")  # what a row means; so do rules that withhold rows
CHOICE = ("filters",)  # which rows are taken
IDENTITY = ("domains", "identity")  # whose rows they are
_MOST_MISSES = 2  # nights on end on which hardly a line came again; once may have been a clean-up


@dataclass(frozen=True, kw_only=True)
class Memory:
    """``header``: under which the lines stood whose hashes are in the state.

    ``misses``: how many nights on end lines did not come again as they were; where every row is stamped anew each
    night, none ever does.
    ``unseen``: something the file refers to went on a night on which it was not compared.
    ``meaning``: digest of the settings under which the rows were hashed.
    ``ended``, ``columns``: by which tomorrow's file is known to be cut off, or another.
    ``quiet``, ``rows``: size and digest of the file where it said nothing new, and how many rows it has; ``beside``:
    the state that it was held against. The very file, held against that very state, says nothing new again.
    """

    header: str = ""
    misses: int = 0
    unseen: bool = False
    meaning: str = ""
    ended: bool = False  # the file ended in a line end
    columns: str = ""  # which columns it had, whatever their order
    quiet: str = ""
    rows: int = 0
    beside: str = ""

    def ways(self, plan: FilePlan) -> tuple[Way, ...]:
        """How to try to skim the file. A delta says only what differs: it is read in full."""
        if plan.mode is Mode.DELTA:
            return ()
        return (Way.LINE, Way.CELLS) if self._knows(plan) and self.misses < _MOST_MISSES else (Way.CELLS,)

    def learns_lines(self, plan: FilePlan, found: Skimmed) -> bool:
        """Whether the lines of the whole file are new to the state, and worth knowing."""
        if not found.plain or found.way is Way.LINE:
            return False
        return found.way is Way.FULL or not self._knows(plan) or self.misses + 1 < _MOST_MISSES

    def says_the_same(self, plan: FilePlan, *, state: str) -> bool:
        """Whether the file is the one that said nothing new, and the state is what it was then."""
        size, _, _ = self.quiet.partition(" ")
        quiet = bool(self.quiet) and self.beside == state and size == str(plan.path.stat().st_size)
        return quiet and self.quiet == _print(plan)

    def after(self, plan: FilePlan, found: Skimmed, *, saved: bool, state: str) -> "Memory":
        """The memory of a file that was read tonight. ``saved``: its state is written, with what was learned.

        ``state``: which one the source has after tonight.
        """
        if plan.mode is Mode.DELTA:
            return self
        quiet = self.quiet if found.way is Way.SAME else _print(plan) if found.nothing_new else ""
        return replace(
            self._after(plan, found, saved=saved),
            meaning=plan.meant if saved else self.meaning,
            ended=reading.ends(plan.path),
            columns=columns(plan),
            quiet=quiet,
            rows=found.rows,
            beside=state,
        )

    def compares(self, plan: FilePlan) -> bool:
        """Whether a row of another hash says something else; under other settings every row has another."""
        return self.meaning == plan.meant

    def _after(self, plan: FilePlan, found: Skimmed, *, saved: bool) -> "Memory":
        if found.way is Way.LINE:
            return replace(self, misses=0, unseen=False)
        if not saved or not found.plain:
            return replace(self, unseen=False)
        missed = found.way is Way.CELLS and self._knows(plan)
        return Memory(header=_header(plan), misses=min(self.misses + 1, _MOST_MISSES) if missed else 0)

    def _knows(self, plan: FilePlan) -> bool:
        return self.header == _header(plan)


def of(source: Source, kind: str) -> Memory:
    return Memory(**source.prints.get(kind, {}))


def marked(plan: PackagePlan, settings: Settings) -> PackagePlan:
    """The plan, its rows hashed together with the settings that shape their reading."""
    meant = settings.digest(*MEANING) + rules(settings.get("rules")).withheld
    chosen = settings.digest(*CHOICE)
    return replace(plan, files=tuple(replace(f, meant=meant, chosen=chosen) for f in plan.files))


def said(digest: str, settings: Settings, *, on: date | None = None, decided: int = 0) -> str:
    """What a package says under these settings (and on this day, if they ask), as a hash; its own without any.

    ``decided``: how often people decided about the source's keys, after which the same package says something else.
    """
    under = settings.digest(*MEANING, *CHOICE, *IDENTITY) + rules(settings.get("rules")).withheld
    under += on.isoformat() if on else ""
    under += str(decided) if decided else ""
    return hashlib.sha256(f"{digest}{under}".encode()).hexdigest() if under else digest


def _header(plan: FilePlan) -> str:
    return ",".join(plan.headers) + plan.meant + plan.chosen


def _print(plan: FilePlan) -> str:
    """Size of a file, and a digest of it together with all that decides how its rows are hashed."""
    with plan.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(_header(plan).encode())
    return f"{plan.path.stat().st_size} {digest.hexdigest()}"


def columns(plan: FilePlan) -> str:
    return ",".join(sorted(plan.headers))
