"""Settings that nobody has saved, put in the place of those that hold: each is read by the room that owns it."""

from collections.abc import Callable, Mapping
from typing import Any

from schoolpassport.matching import policies as matching
from schoolpassport.matching.policies import Registered, Unfit
from schoolpassport.quality import policies as quality
from schoolpassport.quality.policies import NotUnderstood
from schoolpassport.sources import mapping
from schoolpassport.sources import policies as shaping
from schoolpassport.sources.records import Settings
from schoolpassport.sources.schemas import Schema
from schoolpassport.sync.policies import LIMITS, ROLLOVER, BadPolicy, Limits, Rollover


class BadDraft(ValueError):
    """A document that could not hold; the message says where, and what to do."""


def laid_over(
    held: Settings, documents: Mapping[str, Any], *, schema: Schema, registered: list[Registered]
) -> Settings:
    """Settings with these documents (subject → content) in force. Raises ``BadDraft``."""
    readers: dict[str, Callable[[Any], object]] = {
        "domains": matching.domains,
        "filters": quality.filters,
        "identity": matching.several_roles,
        LIMITS: Limits.parse,
        "masters": lambda content: matching.authority(content, sources=registered),
        ROLLOVER: Rollover.parse,
        "rules": quality.rules,
        "schools": matching.schools,
        **{subject: _shaping(subject, schema) for subject in shaping.SUBJECTS},
    }
    for subject, content in documents.items():
        if subject not in readers:
            raise BadDraft(f"There is no setting “{subject}”. There are: {', '.join(sorted(readers))}.")
        try:
            readers[subject](content)
        except (NotUnderstood, Unfit, mapping.BadPolicy, BadPolicy, TypeError) as bad:
            raise BadDraft(f"{subject}: {bad}") from bad
        held = held.draft(subject, content)
    return held


def _shaping(subject: str, schema: Schema) -> Callable[[Any], object]:
    return lambda content: shaping.check(subject, content, schema)
