"""A partner with an application that is integrated in a district, as tests need it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import READING
from schoolpassport.partners.models import Application, Integration, Partner
from schoolpassport.partners.records import Client, NewCredential, NewToken, PartnerClient

BY = "test"
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Integrated:
    district_id: UUID
    partner: Partner
    application: Application
    integration: Integration
    credential: NewCredential

    def client(self, now: datetime) -> Client:
        client = shown(self.credential, now)
        assert isinstance(client, Client)
        return client

    def token(self, now: datetime, lifetime: timedelta = HOUR) -> str:
        new = actions.grant_token(
            client=self.client(now), asked=frozenset(), may=READING, lifetime=lifetime, by=BY, now=now
        )
        assert isinstance(new, NewToken)
        return new.token


def shown(credential: NewCredential, now: datetime):
    return queries.client(client_id=credential.client_id, client_secret=credential.client_secret, now=now)


def a_partner(now: datetime) -> Partner:
    return actions.register_partner(name=f"Invented Software {uuid4().hex[:12]}", by=BY, now=now)


def an_application(partner: Partner, now: datetime) -> Application:
    name = f"Invented Reader {uuid4().hex[:12]}"
    return actions.register_application(partner_id=partner.id, name=name, by=BY, now=now)


def integrated(district_id: UUID, now: datetime, partner: Partner | None = None) -> Integrated:
    partner = partner or a_partner(now)
    application = an_application(partner, now)
    integration = actions.integrate(district_id=district_id, application_id=application.id, by=BY, now=now)
    credential = actions.issue_credential(district_id=district_id, integration_id=integration.id, by=BY, now=now)
    return Integrated(district_id, partner, application, integration, credential)


def a_partner_token(partner: Partner, now: datetime, lifetime: timedelta = HOUR) -> str:
    client = shown(actions.issue_partner_credential(partner_id=partner.id, by=BY, now=now), now)
    assert isinstance(client, PartnerClient)
    return actions.grant_partner_token(client=client, lifetime=lifetime, by=BY, now=now).token
