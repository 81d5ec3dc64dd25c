"""What the room says to others: frozen values, and the errors of its doors.

A refusal is a value: it is an expected answer. An error is for people who name what is not there.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Reason(StrEnum):
    """Why somebody is not let in. One reason covers an unknown name and a wrong secret, so that neither can be told."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_KIND = "wrong kind"
    TOKEN_EXPIRED = "token expired"  # noqa: S105 (a reason, no secret)
    TOKEN_REVOKED = "token revoked"  # noqa: S105 (a reason, no secret)
    CREDENTIAL_EXPIRED = "credential expired"
    CREDENTIAL_REVOKED = "credential revoked"
    INTEGRATION_EXPIRED = "integration expired"
    INTEGRATION_ENDED = "integration ended"
    WRONG_TIME = "wrong time"
    REPLAYED = "replayed"
    NO_SCOPE = "no scope"


@dataclass(frozen=True)
class Refused:
    """Who is refused may read the sentence. It never holds what they sent."""

    reason: Reason
    sentence: str


@dataclass(frozen=True)
class Bearer:
    """An integration that proved who it is, by a token or by a signed request.

    `token_digest` names what it was proved with and is the same for all requests of one pull: the token's hash, or for
    signed requests, which have no token, a hash of the credential. `expires_at`: when the proof is worth nothing more.
    """

    district_id: UUID
    integration_id: UUID
    credential_id: UUID
    scopes: frozenset[str]
    token_digest: bytes
    expires_at: datetime


@dataclass(frozen=True)
class PartnerBearer:
    """A partner that proved who it is. It may discover its districts; it sees no roster."""

    partner_id: UUID
    credential_id: UUID
    token_digest: bytes
    expires_at: datetime


@dataclass(frozen=True)
class Client:
    """An integration that showed the secret of one of its credentials, which ends at `ends_at` if that is known."""

    district_id: UUID
    integration_id: UUID
    credential_id: UUID
    client_id: str
    ends_at: datetime | None


@dataclass(frozen=True)
class PartnerClient:
    """A partner that showed the secret of one of its own credentials."""

    partner_id: UUID
    credential_id: UUID
    client_id: str
    ends_at: datetime | None


@dataclass(frozen=True)
class NewCredential:
    """To be handed over. Does not print its secret."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class NewToken:
    """To be handed over; only its hash is kept. Does not print itself."""

    token: str = field(repr=False)
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        return int((self.expires_at - self.issued_at).total_seconds())


@dataclass(frozen=True)
class SignedRequest:
    """What an OAuth 1.0a signature is about.

    `url` is absolute, as the client wrote it in front of any proxy, without the query; `query` is as sent, undecoded;
    `authorization` is the value of that header.
    """

    method: str
    url: str
    query: str
    authorization: str


@dataclass(frozen=True)
class Onboarding:
    """One district that a partner may connect to, with what it needs for that."""

    district_id: UUID
    district_name: str
    client_id: str
    client_secret: str = field(repr=False)
    activated_at: datetime
    data_completed_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PartnersIntegration:
    """One of a partner's applications in one district. ``expires_at``: when access ends or ended, whatever ends it."""

    id: UUID
    district_id: UUID
    district_name: str
    application_id: UUID
    activated_at: datetime
    data_completed_at: datetime | None
    ended: bool
    expires_at: datetime | None
    integration_expires_at: datetime | None
    sharing_state: str

    def is_open(self, now: datetime) -> bool:
        """Whether it has neither been ended nor run out; what is shared is another question."""
        return not self.ended and (self.integration_expires_at is None or self.integration_expires_at > now)

    def status(self, now: datetime) -> str:
        """``ended``, ``expired``, ``not_shared`` (nothing was ever proposed), or the state of its consent."""
        if self.ended:
            return "ended"
        over = self.expires_at is not None and self.expires_at <= now
        if over and (not self.is_open(now) or self.sharing_state in {"", "active", "suspended", "approved", "sent"}):
            return "expired"
        return self.sharing_state or "not_shared"


class UnknownPartner(LookupError):
    """No partner has this name or id."""


class UnknownApplication(LookupError):
    """No application has this name or id."""


class UnknownIntegration(LookupError):
    """The district has no such integration, or it has ended."""


class UnknownClient(LookupError):
    """No credential that still holds has this client id."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"No credential that still holds has the client id {client_id}.")


class UnknownToken(LookupError):
    """There is no such token."""
