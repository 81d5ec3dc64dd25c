"""The words in which a transport is declared: what it must be told, how it is tried, and how files go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schoolpassport.kit.egress import Policy
from schoolpassport.kit.fetched import Lies
from schoolpassport.kit.http import FILE, USUAL, Limits, Pace
from schoolpassport.sources.connectors.shape import Checked, Setting

__all__ = ["Checked", "Given", "Setting", "Transport"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a transport gets to know. ``outbox``: where files for an account of the managed service are put.

    ``assumed``: what changes rely on, of the files there; where it is otherwise by now, they must be made anew.
    ``over``: files there that go when the new ones come, and when they were made. ``room``: how many bytes may lie
    there. ``kept``: files of the last deliveries there, and when they were made; what else was fetched may go for room.
    """

    values: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    outbox: Path
    assumed: Mapping[str, Lies] = field(default_factory=dict)
    over: Mapping[str, int] = field(default_factory=dict)
    room: int
    kept: frozenset[tuple[str, int]] = frozenset()
    policy: Policy = field(default_factory=Policy, repr=False)
    pace: Pace = USUAL
    limits: Limits = FILE

    def value(self, name: str) -> str:
        return self.values.get(name, "").strip()


@dataclass(frozen=True, kw_only=True)
class Transport:
    """A way by which files go. ``send`` brings all of them, each whole or not at all, and may be called again.

    It returns sentences about what else it did. Both raise ``Retry`` and ``NeedsAttention``.
    """

    name: str
    title: str
    about: str
    settings: tuple[Setting, ...]
    check: Callable[[Given], Checked]
    send: Callable[[Given, Sequence[Path]], Sequence[str]]

    def problems(self, values: Mapping[str, str]) -> list[str]:
        """Everything wrong with settings (no secrets), each with what to do."""
        known = {s.name: s for s in self.settings}
        found = [f"{self.title} has no setting “{name}”." for name in sorted(set(values) - set(known))]
        for setting in self.settings:
            if setting.secret and setting.name in values:
                found.append(f"“{setting.title}” is a secret; it is given by itself.")
            elif not setting.secret and (problem := setting.problem(values.get(setting.name, "").strip())):
                found.append(problem)
        return found

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        return {s.name: values.get(s.name, "").strip() or s.default for s in self.settings if not s.secret}
