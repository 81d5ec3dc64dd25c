import threading
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from schoolpassport.audit.models import Event
from schoolpassport.partners import actions, queries
from schoolpassport.partners.models import Credential, Integration, Token
from schoolpassport.partners.records import (
    Bearer,
    Reason,
    Refused,
    UnknownApplication,
    UnknownClient,
    UnknownIntegration,
    UnknownPartner,
)
from schoolpassport.tenancy import scope
from tests.support.partners import BY, HOUR, a_partner, an_application, integrated, shown


def ledger(owner):
    with scope.inside(owner):
        lines = Event.objects.filter(district_id=owner, act__startswith="partners:").order_by("id")
        return [(line.act, line.about, line.by) for line in lines]


def the_integration(app) -> Integration:
    with scope.inside(app.district_id):
        return Integration.objects.get(district_id=app.district_id, id=app.integration.id)


def test_names_of_partners_and_applications_are_given_once(now):
    partner = a_partner(now)
    application = an_application(partner, now)
    with pytest.raises(actions.PartnerExists, match=partner.name):
        actions.register_partner(name=f" {partner.name} ", by=BY, now=now)
    with pytest.raises(actions.ApplicationExists, match=application.name):
        actions.register_application(partner_id=partner.id, name=application.name, by=BY, now=now)
    assert queries.partner(name=partner.name) == partner
    assert queries.application(name=application.name) == application
    assert ledger(partner.id) == [
        ("partners:partner:registered", f"partner:{partner.id}", BY),
        ("partners:application:registered", f"application:{application.id}", BY),
    ]


def test_what_is_not_there_is_said(district, now):
    with pytest.raises(UnknownPartner):
        queries.partner(name="nobody")
    with pytest.raises(UnknownApplication):
        queries.application(name="nothing")
    with pytest.raises(UnknownPartner):
        actions.register_application(partner_id=uuid4(), name="App of nobody", by=BY, now=now)
    with pytest.raises(UnknownApplication):
        actions.integrate(district_id=district.id, application_id=uuid4(), by=BY, now=now)
    with pytest.raises(UnknownPartner):
        actions.issue_partner_credential(partner_id=uuid4(), by=BY, now=now)
    missing = {"district_id": district.id, "integration_id": uuid4(), "by": BY, "now": now}
    for act in (actions.issue_credential, actions.end_integration, actions.note_data_completed):
        with pytest.raises(UnknownIntegration):
            act(**missing)
    with pytest.raises(UnknownIntegration):
        actions.limit_integration(**missing, expires_at=now)
    assert ledger(district.id) == []


def test_integrating_twice_makes_one_integration_and_one_line(app, now):
    again = actions.integrate(district_id=app.district_id, application_id=app.application.id, by=BY, now=now + HOUR)
    assert (again.id, again.activated_at) == (app.integration.id, now)
    assert queries.integrations(district_id=app.district_id) == [app.integration]
    assert [line for line in ledger(app.district_id) if "integration:" in line[0]] == [
        ("partners:integration:begun", f"integration:{app.integration.id}", BY)
    ]


def test_an_ended_integration_lets_nobody_in_and_begins_again_without_its_old_credentials(app, other_app, now):
    token, others = app.token(now), other_app.token(now)
    actions.end_integration(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
    refused = queries.bearer(token=token, now=now)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.INTEGRATION_ENDED
    assert shown(app.credential, now) == refused
    assert isinstance(queries.bearer(token=others, now=now), Bearer)
    with pytest.raises(UnknownIntegration):
        actions.issue_credential(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)

    resumed = actions.integrate(district_id=app.district_id, application_id=app.application.id, by=BY, now=now + HOUR)
    assert (resumed.id, resumed.activated_at, resumed.revoked_at) == (app.integration.id, now + HOUR, None)
    for answer in (queries.bearer(token=token, now=now), shown(app.credential, now)):
        assert isinstance(answer, Refused)
        assert answer.reason is Reason.CREDENTIAL_REVOKED
    assert [line[0] for line in ledger(app.district_id) if str(app.integration.id) in line[1]] == [
        "partners:integration:begun",
        "partners:integration:ended",
        "partners:integration:resumed",
    ]


def test_access_ends_at_the_instant_that_the_district_set(app, now):
    end = now + HOUR
    token = app.token(now, lifetime=4 * HOUR)
    limit = {"district_id": app.district_id, "integration_id": app.integration.id, "by": BY, "now": now}
    actions.limit_integration(**limit, expires_at=end)
    just_before = end - timedelta(milliseconds=1)
    assert isinstance(queries.bearer(token=token, now=just_before), Bearer)
    assert app.client(just_before).ends_at == end
    for answer in (queries.bearer(token=token, now=end), shown(app.credential, end)):
        assert isinstance(answer, Refused)
        assert answer.reason is Reason.INTEGRATION_EXPIRED
    actions.limit_integration(**limit, expires_at=None)
    assert isinstance(queries.bearer(token=token, now=end), Bearer)


def test_when_data_became_ready_is_remembered(app, now):
    actions.note_data_completed(
        district_id=app.district_id, integration_id=app.integration.id, by="sync", now=now + HOUR
    )
    assert the_integration(app).data_completed_at == now + HOUR
    assert ledger(app.district_id)[-1] == ("partners:data:completed", f"integration:{app.integration.id}", "sync")


def test_data_of_an_ended_integration_is_no_reason_to_stop(app, now):
    its = {"district_id": app.district_id, "integration_id": app.integration.id, "by": BY}
    actions.end_integration(**its, now=now)
    actions.note_data_completed(**its, now=now + HOUR)
    assert (the_integration(app).data_completed_at, the_integration(app).revoked_at) == (now + HOUR, now)


@pytest.mark.parametrize("way", ["issue", "rotate"])
def test_no_credential_slips_in_while_an_integration_is_being_ended(app, now, way):
    """It would hold again when the integration is resumed."""
    heard = []

    def get_one() -> None:
        try:
            if way == "issue":
                actions.issue_credential(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
            else:
                actions.rotate(client_id=app.credential.client_id, overlap=HOUR, by=BY, now=now)
        except LookupError as error:
            heard.append(type(error))
        finally:
            connection.close()

    asker = threading.Thread(target=get_one)
    with scope.inside(app.district_id):
        actions.end_integration(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
        asker.start()
        asker.join(timeout=0.5)
    asker.join()
    assert heard == [{"issue": UnknownIntegration, "rotate": UnknownClient}[way]]
    with scope.inside(app.district_id):
        assert not Credential.objects.filter(revoked_at__isnull=True).exists()


def test_applications_are_listed_with_their_partners(app, other_app):
    listed = {a.name: a.partner.name for a in queries.applications()}
    assert listed[app.application.name] == app.partner.name
    assert listed[other_app.application.name] == other_app.partner.name
    assert list(listed) == sorted(listed)


def test_an_act_inside_a_transaction_that_fails_leaves_nothing(app, now):
    before = ledger(app.district_id)
    with suppress(ZeroDivisionError), scope.inside(app.district_id):
        actions.end_integration(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
        assert len(Event.objects.all()) > len(before)
        raise ZeroDivisionError
    assert the_integration(app).revoked_at is None
    assert ledger(app.district_id) == before


def test_a_partner_sees_its_own_rows_in_every_district_and_nothing_else(app, other_app, app_elsewhere):
    mine = {app.integration.id, app_elsewhere.integration.id}
    with scope.as_partner(app.partner.id):
        assert {each.id for each in Integration.objects.all()} == mine
        assert {each.integration_id for each in Credential.objects.all()} == mine
        assert not Token.objects.exists()
        assert not Integration.objects.update(revoked_at=None)
        assert not Credential.objects.update(revoked_at=None)
        assert not Credential.objects.all().delete()[0]
    with scope.as_partner(other_app.partner.id):
        assert {each.id for each in Integration.objects.all()} == {other_app.integration.id}
    assert not Integration.objects.exists()
    assert not Credential.objects.exists()


@pytest.mark.parametrize("named", ["integration_in_district", "integration_of_application"])
def test_the_database_holds_an_integration_to_its_district_and_partner(app, other_app, now, named):
    """Else a partner could be made to read another partner's credentials."""
    wrong = {
        "integration_in_district": {"district_id": uuid4(), "partner_id": other_app.partner.id},
        "integration_of_application": {"district_id": app.district_id, "partner_id": app.partner.id},
    }[named]
    application = an_application(other_app.partner, now)
    with pytest.raises(IntegrityError, match=named), scope.inside(wrong["district_id"]):
        Integration.objects.create(**wrong, id=uuid4(), application_id=application.id, activated_at=now)


def test_the_database_holds_a_credential_to_its_integrations_partner(app, other_app, now):
    with pytest.raises(IntegrityError, match="credential_of_integration_and_partner"), scope.inside(app.district_id):
        Credential.objects.create(
            district_id=app.district_id,
            id=uuid4(),
            partner_id=other_app.partner.id,
            integration_id=app.integration.id,
            client_id="spc_",
            sealed_secret=b"",
            created_at=now,
        )


def test_the_database_holds_a_token_to_one_integration_and_to_being_a_hash(app, other_app, now):
    right = {
        "district_id": app.district_id,
        "digest": bytes(32),
        "integration_id": app.integration.id,
        "credential_id": app.client(now).credential_id,
        "scopes": [],
        "issued_at": now,
        "expires_at": now + HOUR,
    }
    for wrong, constraint in (
        ({"integration_id": other_app.integration.id}, "token_of_credential"),
        ({"digest": b"spt_in_plain"}, "tokens_are_hashes"),
        ({"expires_at": now}, "tokens_live"),
    ):
        with pytest.raises(IntegrityError, match=constraint), scope.inside(app.district_id):
            Token.objects.create(**{**right, **wrong})
    with scope.inside(app.district_id):
        Token.objects.create(**right)


def test_an_integration_is_made_once_however_many_ask_together(app, now):
    """The second asker's insert fails on the constraint, and it takes the row that is there."""
    with pytest.raises(IntegrityError, match="one_integration_per_application"), scope.inside(app.district_id):
        Integration.objects.create(
            district_id=app.district_id,
            id=uuid4(),
            partner_id=app.partner.id,
            application_id=app.application.id,
            activated_at=now,
        )


def test_listing_one_integration_or_three_takes_the_same_statements(district, now):
    integrated(district.id, now)

    def statements() -> int:
        seen = []
        with connection.execute_wrapper(lambda run, *rest: (seen.append(rest[0]), run(*rest))[1]):
            queries.integrations(district_id=district.id)
        return len(seen)

    alone = statements()
    for _ in range(2):
        integrated(district.id, now)
    assert len(queries.integrations(district_id=district.id)) == 3
    assert statements() == alone
