from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from schoolpassport.kit.ids import short
from schoolpassport.kit.secrets import token_digest
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import DEMOGRAPHICS, ONBOARDING, ROSTER, ROSTER_CORE, ROSTERING
from schoolpassport.partners.models import PartnerToken, Token
from schoolpassport.partners.records import Bearer, PartnerBearer, Reason, Refused, UnknownToken
from schoolpassport.tenancy import scope
from tests.support.partners import BY, HOUR, a_partner, a_partner_token, shown

TICK = timedelta(milliseconds=1)


def reason(answer) -> Reason:
    assert isinstance(answer, Refused)
    return answer.reason


def granted(app, now, asked=frozenset(), lifetime=HOUR):
    return actions.grant_token(client=app.client(now), asked=asked, may=ROSTERING, lifetime=lifetime, by=BY, now=now)


def test_a_token_opens_its_integration(app, now):
    new = granted(app, now, asked={ROSTER})
    assert new.token.startswith(f"spt_{short(app.district_id)}.")
    assert len(new.token) == 4 + 22 + 1 + 43
    assert queries.bearer(token=new.token, now=now) == Bearer(
        district_id=app.district_id,
        integration_id=app.integration.id,
        credential_id=app.client(now).credential_id,
        scopes=frozenset({ROSTER}),
        token_digest=token_digest(new.token),
        expires_at=now + HOUR,
    )


def test_a_token_is_good_until_the_instant_it_expires(app, now):
    token = app.token(now)
    assert isinstance(queries.bearer(token=token, now=now + HOUR - TICK), Bearer)
    assert reason(queries.bearer(token=token, now=now + HOUR)) is Reason.TOKEN_EXPIRED


def test_a_revoked_token_is_dead_at_once_and_only_it(app, now):
    token, spared = app.token(now), app.token(now)
    actions.revoke_token(token=token, by=BY, now=now)
    actions.revoke_token(token=token, by=BY, now=now)
    assert reason(queries.bearer(token=token, now=now)) is Reason.TOKEN_REVOKED
    assert isinstance(queries.bearer(token=spared, now=now), Bearer)


def test_a_new_token_leaves_older_ones_alone(app, now):
    tokens = [app.token(now + i * TICK) for i in range(3)]
    assert [type(queries.bearer(token=each, now=now + HOUR - TICK)) for each in tokens] == [Bearer] * 3


def test_a_token_with_a_forged_district_or_tail_finds_nothing(app, other_district, now):
    token = app.token(now)
    head, _, tail = token.partition(".")
    forged = [
        f"spt_{short(other_district.id)}.{tail}",
        f"spt_{short(uuid4())}.{tail}",
        f"{head}.{'A' * 43}",
        f"spq_{short(app.district_id)}.{tail}",
        token[:-1],
        token + "A",
        token + "\n",
        f" {token}",
        token.replace("spt_", "SPT_"),
        app.credential.client_id,
        "\0",
        "",
    ]
    assert [queries.bearer(token=each, now=now) for each in forged] == [queries.UNKNOWN_TOKEN] * len(forged)
    assert isinstance(queries.bearer(token=token, now=now), Bearer)


def test_parsing_a_token_asks_nobody(app, now):
    token = app.token(now)
    with connection.execute_wrapper(lambda *_: pytest.fail("the database was asked")):
        assert queries.parse_token(token) == (app.district_id, token_digest(token))
        assert queries.parse_token(token.replace("spt_", "spq_")) is None
        assert queries.parse_partner_token(token) is None
        assert [queries.parse_token(each) for each in (token + "A", token + "\n", " " + token, token[:-1])] == [
            None
        ] * 4


def test_the_state_of_a_token_is_one_statement_inside_its_district(app, other_district, now):
    token = app.token(now)
    district_id, digest = queries.parse_token(token)
    sql, params = queries.bearer_state_sql(district_id=district_id, digest=digest)
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(sql, params)
        (state,) = cursor.fetchall()
    with scope.inside(other_district.id), connection.cursor() as cursor:
        cursor.execute(sql, params)
        assert cursor.fetchall() == []
    judged = queries.judge_bearer(state=state, district_id=district_id, digest=digest, now=now)
    assert judged == queries.bearer(token=token, now=now)


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (set(), ROSTERING),
        ({ROSTER}, {ROSTER}),
        ({ROSTER_CORE, DEMOGRAPHICS}, {ROSTER_CORE, DEMOGRAPHICS}),
        ({ROSTER, "https://purl.imsglobal.org/spec/or/v1p1/scope/gradebook.readonly"}, {ROSTER}),
        ({ROSTER, "made up"}, {ROSTER}),
    ],
)
def test_a_token_carries_what_is_asked_for_and_may_be_had(app, now, asked, got):
    new = granted(app, now, asked=asked)
    assert new.scopes == got
    assert queries.bearer(token=new.token, now=now).scopes == got


def test_asking_only_for_what_cannot_be_had_is_refused_and_grants_nothing(app, now):
    assert reason(granted(app, now, asked={"made up"})) is Reason.NO_SCOPE
    with scope.inside(app.district_id):
        assert not Token.objects.exists()


def test_a_token_ends_with_its_credential_if_that_is_sooner(app, now):
    actions.rotate(client_id=app.credential.client_id, overlap=timedelta(minutes=10), by=BY, now=now)
    new = granted(app, now)
    assert (new.expires_in, new.expires_at) == (600, now + timedelta(minutes=10))


def test_tokens_expired_for_a_day_are_deleted_when_the_next_is_granted(app, other_app, now):
    old, others = app.token(now), other_app.token(now)
    forgotten = now + HOUR + actions.KEPT_AFTER_EXPIRY
    app.token(forgotten)
    assert reason(queries.bearer(token=old, now=forgotten)) is Reason.TOKEN_EXPIRED
    app.token(forgotten + TICK)
    assert queries.bearer(token=old, now=forgotten) == queries.UNKNOWN_TOKEN
    assert reason(queries.bearer(token=others, now=forgotten)) is Reason.TOKEN_EXPIRED


def test_what_ended_for_good_is_said_before_what_can_be_renewed(app, now):
    token = app.token(now)
    actions.end_integration(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
    assert reason(queries.bearer(token=token, now=now + 2 * HOUR)) is Reason.INTEGRATION_ENDED


def test_a_partners_own_token_is_no_districts_and_lives_and_dies_likewise(app, now):
    token = a_partner_token(app.partner, now)
    partner_id, digest = queries.parse_partner_token(token)
    bearer = queries.partner_bearer(token=token, now=now)
    assert bearer == PartnerBearer(app.partner.id, bearer.credential_id, digest, now + HOUR)
    assert partner_id == app.partner.id
    assert queries.bearer(token=token, now=now) == queries.UNKNOWN_TOKEN
    assert queries.partner_bearer(token=app.token(now), now=now) == queries.UNKNOWN_TOKEN
    forged = token.replace(short(app.partner.id), short(a_partner(now).id))
    assert queries.partner_bearer(token=forged, now=now) == queries.UNKNOWN_TOKEN
    assert reason(queries.partner_bearer(token=token, now=now + HOUR)) is Reason.TOKEN_EXPIRED
    actions.revoke_token(token=token, by=BY, now=now)
    assert reason(queries.partner_bearer(token=token, now=now)) is Reason.TOKEN_REVOKED


def test_a_partners_token_dies_with_its_credential_and_old_ones_are_deleted(now):
    partner = a_partner(now)
    credential = actions.issue_partner_credential(partner_id=partner.id, by=BY, now=now)
    old = actions.grant_partner_token(client=shown(credential, now), lifetime=HOUR, by=BY, now=now)
    assert old.scopes == {ONBOARDING}
    later = now + HOUR + actions.KEPT_AFTER_EXPIRY + TICK
    new = actions.grant_partner_token(client=shown(credential, later), lifetime=HOUR, by=BY, now=later)
    with scope.as_partner(partner.id):
        assert [bytes(each.digest) for each in PartnerToken.objects.all()] == [token_digest(new.token)]
    actions.revoke_credential(client_id=credential.client_id, by=BY, now=later)
    assert reason(queries.partner_bearer(token=new.token, now=later)) is Reason.CREDENTIAL_REVOKED


@pytest.mark.parametrize("kind", ["spt_", "spq_", "no token"])
def test_revoking_what_is_not_there_is_said(app, now, kind):
    with pytest.raises(UnknownToken):
        actions.revoke_token(token=f"{kind}{short(app.district_id)}.{'A' * 43}", by=BY, now=now)
