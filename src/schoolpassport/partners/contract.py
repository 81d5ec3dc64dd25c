"""The scopes a token can carry, and who keeps secrets under the master key.

A scope opens operations; which records and attributes come is the consent's matter.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from schoolpassport.kit.resealing import Resealed

PREFIX: Final = "https://purl.imsglobal.org/spec/or/v1p1/scope/"

ROSTER_CORE: Final = PREFIX + "roster-core.readonly"
ROSTER: Final = PREFIX + "roster.readonly"
"""All rostering reads, those of `ROSTER_CORE` included, except demographics. Google and Moodle ask only for this."""
DEMOGRAPHICS: Final = PREFIX + "roster-demographics.readonly"

GRADEBOOK: Final = PREFIX + "gradebook.readonly"
RESOURCES: Final = PREFIX + "resource.readonly"

CREATEPUT: Final = PREFIX + "gradebook.createput"
DELETE: Final = PREFIX + "gradebook.delete"

ROSTERING: Final = frozenset({ROSTER_CORE, ROSTER, DEMOGRAPHICS})

PREFIX_1P2: Final = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
_MEANINGS: Final = {  # what OneRoster 1.2 calls a scope → the one of 1.1 that opens the same
    **{PREFIX_1P2 + scope.removeprefix(PREFIX): scope for scope in (*ROSTERING, GRADEBOOK, RESOURCES)},
    PREFIX_1P2 + "gradebook-core.readonly": GRADEBOOK,
    PREFIX_1P2 + "resource-core.readonly": RESOURCES,
    PREFIX_1P2 + "gradebook.createput": CREATEPUT,
    PREFIX_1P2 + "gradebook.delete": DELETE,
}
_WRITES: Final = frozenset({CREATEPUT, DELETE})
CREATEPOST: Final = PREFIX_1P2 + "gradebook.createpost"  # 1.1 has no such thing
ASSESSMENT: Final = PREFIX_1P2 + "assessment.readonly"  # nor any of assessments
ASSESSMENT_CREATEPUT: Final = PREFIX_1P2 + "assessment.createput"
ASSESSMENT_DELETE: Final = PREFIX_1P2 + "assessment.delete"
_OF_1P2: Final = frozenset({CREATEPOST, ASSESSMENT_CREATEPUT, ASSESSMENT_DELETE})

WRITING: Final = frozenset({*_WRITES, *_OF_1P2, *(said for said, scope in _MEANINGS.items() if scope in _WRITES)})
"""Scopes that a token carries only if they are asked for. What may be written is the district's permission."""

READING: Final = frozenset({*ROSTERING, GRADEBOOK, RESOURCES, ASSESSMENT, *_MEANINGS}) - WRITING
"""Every scope of reading that a token of an integration can carry: one token opens every dialect."""


@lru_cache(maxsize=256)
def meant(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes in the words of OneRoster 1.1."""
    return frozenset(_MEANINGS.get(scope, scope) for scope in scopes)


ONBOARDING: Final = "onboarding.readonly"
"""A partner's own token: it opens Discovery and no district's data."""


class DistrictKeeper(Protocol):
    """Seals anew, with the newest master key, what a room keeps sealed for a district; in its scope."""

    def __call__(self, *, district_id: UUID) -> Resealed: ...


district_keepers: list[DistrictKeeper] = []
"""Every room that keeps secrets of districts; `config.wiring` fills it, so that a new key reaches all of them."""
keepers: list[Callable[[], Resealed]] = []
"""The same for secrets of the installation itself."""
