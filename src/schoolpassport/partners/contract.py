"""The scopes a token can carry, and who keeps secrets under the master key.

A scope opens operations; which records and attributes come is the consent's matter.
"""

from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

from schoolpassport.kit.resealing import Resealed

PREFIX: Final = "https://purl.imsglobal.org/spec/or/v1p1/scope/"

ROSTER_CORE: Final = PREFIX + "roster-core.readonly"
ROSTER: Final = PREFIX + "roster.readonly"
"""All rostering reads, those of `ROSTER_CORE` included, except demographics. Google and Moodle ask only for this."""
DEMOGRAPHICS: Final = PREFIX + "roster-demographics.readonly"

ROSTERING: Final = frozenset({ROSTER_CORE, ROSTER, DEMOGRAPHICS})

ONBOARDING: Final = "onboarding.readonly"
"""A partner's own token: it opens Discovery and no district's data."""


class DistrictKeeper(Protocol):
    """Seals anew, with the newest master key, what a room keeps sealed for a district; in its scope."""

    def __call__(self, *, district_id: UUID) -> Resealed: ...


district_keepers: list[DistrictKeeper] = []
"""Every room that keeps secrets of districts; `config.wiring` fills it, so that a new key reaches all of them."""
keepers: list[Callable[[], Resealed]] = []
"""The same for secrets of the installation itself."""
