"""Two sides and what is between them: a district, one application, and the requests that it makes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.rosterapi import wsgi
from schoolpassport.rosterapi.urls import PREFIXES
from schoolpassport.sharing import actions, agreements, catalogue
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.models import Consent
from schoolpassport.sharing.records import Contents, Proposal
from schoolpassport.tenancy.actions import register_district
from tests.support.clockwork import Clockwork
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small
from tests.support.partners import Integrated, integrated
from tests.support.wsgi import Answer, call

APPLICATION = wsgi.before(WSGIHandler())
KINDS = ("org", "academicSession", "course", "user", "class", "enrollment")


DAY = timedelta(days=1)
MORNING = datetime(2026, 9, 1, 6, tzinfo=UTC)


def a_district(folder: Path) -> Nights:
    """With the small roster; whatever its source leaves out goes at once."""
    registered = register_district(name=f"Cedar Plain {uuid4().hex[:12]}", now=MORNING)
    sis = nights(district_id=registered.id, folder=folder, now=MORNING)
    sis.set_limits(removed_share=1, removed_count=10**6, overlap_share=0, witnesses=1)
    sis.done(small())
    return sis


def between(sis: Nights, clock: Clockwork) -> "Two":
    """A new application beside the district, and a token that lasts for more than a year."""
    app = integrated(sis.district_id, MORNING)
    return Two(sis, app, clock, app.token(MORNING, lifetime=400 * DAY))


def contents(*kinds: str, **more: Any) -> Contents:
    return Contents(attributes=catalogue.everything(kinds=kinds or KINDS), **more)


@dataclass
class Two:
    """``clock`` is what the edges read; whoever acts here acts at its present instant."""

    sis: Nights
    app: Integrated
    clock: Clockwork
    token: str

    @property
    def place(self) -> dict[str, UUID]:
        return {"district_id": self.sis.district_id, "integration_id": self.app.integration.id}

    @property
    def now(self) -> datetime:
        return self.clock.now

    def draft(self, side: Side, what: Contents | None = None, **terms: Any) -> Consent:
        proposal = Proposal(contents=what or contents(), **terms)
        return actions.draft(**self.place, proposal=proposal, side=side, by=BY, now=self.now)

    def take(self, consent: Consent, act: Act, side: Side, **more: Any) -> Consent:
        return actions.take(
            district_id=self.sis.district_id,
            consent_id=consent.id,
            act=act,
            side=side,
            by=BY,
            now=self.now,
            **more,
        )

    def agreed(self, what: Contents | None = None, **terms: Any) -> Consent:
        """Asked for by the partner, and approved by the district."""
        consent = self.draft(Side.PARTNER, what, **terms)
        self.take(consent, Act.SEND, Side.PARTNER)
        return self.take(consent, Act.APPROVE, Side.DISTRICT)

    def get(self, path: str) -> Answer:
        return call(APPLICATION, f"{PREFIXES[0]}/{path}", authorization=f"Bearer {self.token}")

    def served(self, path: str = "users") -> dict[str, str] | str:
        """What the application is served: status by the source's own id; or the sentence by which it is refused."""
        answer = self.get(path)
        told = json.loads(answer.body)
        if answer.status != 200:
            return f"{answer.status} {told['imsx_description']}"
        keys = {str(id_): key for kind in ("user", "org", "class") for key, id_ in self.sis.ids(kind).items()}
        return {keys[r["sourcedId"]]: r["status"] for r in told[next(iter(told))]}

    def state(self, consent: Consent) -> str:
        found = agreements.history(district_id=self.sis.district_id, consent_id=consent.id).consent
        return str(found.state)
