"""The scopes a token can carry. A scope opens operations; which records and attributes come is the consent's matter."""

from typing import Final

PREFIX: Final = "https://purl.imsglobal.org/spec/or/v1p1/scope/"

ROSTER_CORE: Final = PREFIX + "roster-core.readonly"
ROSTER: Final = PREFIX + "roster.readonly"
"""All rostering reads, those of `ROSTER_CORE` included, except demographics. Google and Moodle ask only for this."""
DEMOGRAPHICS: Final = PREFIX + "roster-demographics.readonly"

ROSTERING: Final = frozenset({ROSTER_CORE, ROSTER, DEMOGRAPHICS})

ONBOARDING: Final = "onboarding.readonly"
"""A partner's own token: it opens Discovery and no district's data."""
