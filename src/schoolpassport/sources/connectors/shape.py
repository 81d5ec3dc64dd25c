"""The words in which a connector is declared: what it must be told, how it is tried, and how it fetches a package."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from schoolpassport.kit.egress import Policy
from schoolpassport.kit.http import FILE, USUAL, Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources.records import Trait

__all__ = ["Checked", "Collected", "Connector", "Given", "NeedsAttention", "Retry", "Setting", "Type", "Watch"]

_DIGITS = 9
Watch = Callable[[str], None]  # told what is being done, now and then


class Type(StrEnum):
    """How a form asks for a setting, and what is refused."""

    TEXT = "text"
    LINES = "lines"  # a text of several lines, like a certificate or a key
    NUMBER = "number"  # whole and not negative
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing a connector must be told. Prompts, forms and the documentation are made from it.

    What is ``secret`` is sealed when it is given, and never shown again.
    """

    name: str
    title: str
    help: str
    type: Type = Type.TEXT
    required: bool = False
    secret: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()

    def problem(self, value: str) -> str:
        """What is wrong with a value; "" when nothing is."""
        if not value:
            return f"“{self.title}” must be given: {self.help}" if self.required and not self.default else ""
        if "\0" in value or (self.type is not Type.LINES and not value.isprintable()):
            return f"“{self.title}” holds characters that cannot be seen."
        if self.type is Type.NUMBER and not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
            return f"“{self.title}” must be a whole number."
        if self.type is Type.CHOICE and value not in self.choices:
            return f"“{self.title}” must be one of: {', '.join(self.choices)}."
        return ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a connector gets to know: it has no database, no settings of the product, and no clock."""

    values: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what the last applied ``Collected`` left
    now: datetime
    schema: str
    policy: Policy = field(default_factory=Policy, repr=False)  # what the installation lets out
    pace: Pace = USUAL
    limits: Limits = FILE
    folders: tuple[Path, ...] = ()  # below which the operator lets folders be read

    def value(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def number(self, name: str) -> int:
        return int(self.value(name))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What “Test connection” found: a sentence that says what to do, if there is something to do."""

    ok: bool
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """``memory`` is given again next time, if the run that took the package was applied.

    ``answered``: the earliest moment that any answer bears, by the other side's clock; None where none bears one.
    """

    memory: Mapping[str, Any] = field(default_factory=dict)
    answered: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """For connectors whose other sides differ in what they can do.

    ``probe`` finds it out, and returns the memory in which it stands from now on; it raises as ``collect`` does.
    ``card`` reads it from a memory; nothing stands there when it was never found out.
    """

    probe: Callable[[Given], Mapping[str, Any]]
    card: Callable[[Mapping[str, Any]], tuple[Trait, ...]]


@dataclass(frozen=True, kw_only=True)
class Connector:
    """A way to come by a package.

    ``collect`` writes files into an empty folder, which becomes the package if it returns, and vanishes if it raises
    ``Retry`` or ``NeedsAttention``. ``check`` raises the same, or says that all is well. ``schemas`` names what it can
    deliver; none means: whatever the source is set to. ``asks``: the package is made of answers to this very call, and
    is no file that may lie there since yesterday. ``fetches``: there is something to fetch, now or by a timetable.
    """

    name: str
    title: str
    about: str
    settings: tuple[Setting, ...]
    check: Callable[[Given], Checked]
    collect: Callable[[Given, Path, Watch], Collected]
    schemas: tuple[str, ...] = ()
    asks: bool = False
    fetches: bool = True
    dialect: Dialect | None = None

    def problems(self, values: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
        """Everything wrong with settings, each with what to do."""
        known = {s.name for s in self.settings}
        strange = sorted({*values, *secrets} - known)
        found = [f"{self.title} has no setting “{name}”." for name in strange]
        for setting in self.settings:
            given = secrets if setting.secret else values
            if setting.name in (values if setting.secret else secrets):
                found.append(f"“{setting.title}” is {'a secret' if setting.secret else 'no secret'}.")
            elif problem := setting.problem(given.get(setting.name, "").strip()):
                found.append(problem)
        return found

    def filled(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values with the defaults of what was not given."""
        return {s.name: values.get(s.name, "").strip() or s.default for s in self.settings if not s.secret}
