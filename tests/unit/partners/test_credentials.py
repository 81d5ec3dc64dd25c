import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from schoolpassport.kit.ids import short
from schoolpassport.kit.secrets import SealBroken, Vault
from schoolpassport.partners import _vault, actions, queries
from schoolpassport.partners.models import Credential
from schoolpassport.partners.records import (
    Bearer,
    Client,
    NewCredential,
    PartnerClient,
    Reason,
    Refused,
    UnknownClient,
)
from schoolpassport.tenancy import scope
from tests.support.partners import BY, HOUR, a_partner, a_partner_token, shown

DAY = timedelta(days=1)


def reason(answer) -> Reason:
    assert isinstance(answer, Refused)
    return answer.reason


def test_who_shows_the_secret_is_known(app, now):
    client = shown(app.credential, now)
    assert client == Client(
        district_id=app.district_id,
        integration_id=app.integration.id,
        credential_id=client.credential_id,
        client_id=app.credential.client_id,
        ends_at=None,
    )


def test_ids_and_secrets_name_their_kind_and_owner_and_are_no_shorter_than_promised(app, now):
    own = actions.issue_partner_credential(partner_id=app.partner.id, by=BY, now=now)
    assert app.credential.client_id.startswith(f"spc_{short(app.district_id)}.")
    assert own.client_id.startswith(f"spp_{short(app.partner.id)}.")
    assert [len(each.client_id) for each in (app.credential, own)] == [4 + 22 + 1 + 22] * 2
    for secret in (app.credential.client_secret, own.client_secret):
        assert secret.startswith("sps_")
        assert len(secret) == 4 + 43


def test_an_unknown_client_a_wrong_secret_and_a_forged_district_get_the_same_answer(app, other_district, now):
    client_id, secret = app.credential.client_id, app.credential.client_secret
    tail = client_id.partition(".")[2]
    wrong = [
        (client_id, secret[:-1] + ("A" if secret[-1] != "A" else "B")),
        (client_id, ""),
        (client_id, secret + "\udcff"),
        (f"spc_{short(app.district_id)}.{short(uuid4())}", secret),
        (f"spc_{short(other_district.id)}.{tail}", secret),
        (f"spc_{short(uuid4())}.{tail}", secret),
        (f"spp_{short(app.district_id)}.{tail}", secret),
        (f"spt_{short(app.district_id)}.{tail}", secret),
        (client_id + "\n", secret),
        ("\0", secret),
        ("", ""),
    ]
    answers = [queries.client(client_id=each, client_secret=shown, now=now) for each, shown in wrong]
    assert answers == [Refused(Reason.UNKNOWN, "There is no client with this id and this secret.")] * len(wrong)


def test_an_unknown_client_costs_as_much_work_as_a_wrong_secret(app, now):
    opened = []

    def watch(frame, event, _):
        if event == "call" and frame.f_code is Vault.open.__code__:
            opened.append(frame.f_locals["column"])

    shown(app.credential, now)  # what is made once per process is made now
    queries.client(client_id=f"spc_{short(uuid4())}.{short(uuid4())}", client_secret="wrong", now=now)
    for client_id in (app.credential.client_id, f"spc_{short(app.district_id)}.{short(uuid4())}"):
        sys.setprofile(watch)
        try:
            queries.client(client_id=client_id, client_secret="wrong", now=now)
        finally:
            sys.setprofile(None)
    assert opened == ["partners_credential.sealed_secret"] * 2


def test_a_rotated_credential_goes_on_for_the_overlap_and_its_tokens_with_it(app, now):
    token = app.token(now, lifetime=100 * HOUR)
    new = actions.rotate(client_id=app.credential.client_id, overlap=DAY, by=BY, now=now)
    assert new.client_id != app.credential.client_id
    just_before, end = now + DAY - timedelta(milliseconds=1), now + DAY
    for at in (now, just_before):
        assert isinstance(shown(app.credential, at), Client)
        assert isinstance(shown(new, at), Client)
        assert isinstance(queries.bearer(token=token, now=at), Bearer)
    assert reason(shown(app.credential, end)) is Reason.CREDENTIAL_EXPIRED
    assert reason(queries.bearer(token=token, now=end)) is Reason.CREDENTIAL_EXPIRED
    assert isinstance(shown(new, end + 1000 * DAY), Client)


def test_rotating_again_never_prolongs_the_old_credential(app, now):
    old = app.credential.client_id
    actions.rotate(client_id=old, overlap=HOUR, by=BY, now=now)
    actions.rotate(client_id=old, overlap=DAY, by=BY, now=now)
    assert app.client(now).ends_at == now + HOUR
    with pytest.raises(UnknownClient):
        actions.rotate(client_id=old, overlap=DAY, by=BY, now=now + HOUR)
    with pytest.raises(ValueError, match="negative"):
        actions.rotate(client_id=old, overlap=-HOUR, by=BY, now=now)


def test_without_an_overlap_the_old_credential_ends_now(app, now):
    new = actions.rotate(client_id=app.credential.client_id, overlap=timedelta(0), by=BY, now=now)
    assert reason(shown(app.credential, now)) is Reason.CREDENTIAL_EXPIRED
    assert isinstance(shown(new, now), Client)


def test_a_revoked_credential_and_its_tokens_are_dead_at_once_and_only_those(app, now):
    second = actions.issue_credential(district_id=app.district_id, integration_id=app.integration.id, by=BY, now=now)
    token, spared = (
        app.token(now),
        actions.grant_token(client=shown(second, now), asked=set(), may={"a"}, lifetime=HOUR, by=BY, now=now),
    )
    actions.revoke_credential(client_id=app.credential.client_id, by=BY, now=now)
    assert reason(shown(app.credential, now)) is Reason.CREDENTIAL_REVOKED
    assert reason(queries.bearer(token=token, now=now)) is Reason.CREDENTIAL_REVOKED
    assert isinstance(shown(second, now), Client)
    assert isinstance(queries.bearer(token=spared.token, now=now), Bearer)
    for act in (actions.revoke_credential, lambda **k: actions.rotate(overlap=HOUR, **k)):
        with pytest.raises(UnknownClient):
            act(client_id=app.credential.client_id, by=BY, now=now)


def test_a_partners_own_credential_is_rotated_and_revoked_in_the_same_way(now):
    partner = a_partner(now)
    old = actions.issue_partner_credential(partner_id=partner.id, by=BY, now=now)
    new = actions.rotate(client_id=old.client_id, overlap=HOUR, by=BY, now=now)
    assert [type(shown(each, now)) for each in (old, new)] == [PartnerClient] * 2
    assert reason(shown(old, now + HOUR)) is Reason.CREDENTIAL_EXPIRED
    token = a_partner_token(partner, now)
    actions.revoke_credential(client_id=new.client_id, by=BY, now=now)
    assert reason(shown(new, now)) is Reason.CREDENTIAL_REVOKED
    assert not isinstance(queries.partner_bearer(token=token, now=now), Refused)


@pytest.mark.parametrize("client_id", ["", "spc_", "nobody", "spt_x.y"])
def test_what_is_no_client_id_is_unknown_to_every_act(client_id, now):
    with pytest.raises(UnknownClient):
        actions.revoke_credential(client_id=client_id, by=BY, now=now)
    with pytest.raises(UnknownClient):
        actions.rotate(client_id=client_id, overlap=HOUR, by=BY, now=now)


def test_a_sealed_secret_put_into_another_row_does_not_open(app, other_app, now):
    with scope.inside(app.district_id):
        stolen = Credential.objects.get(district_id=app.district_id, client_id=other_app.credential.client_id)
        Credential.objects.filter(district_id=app.district_id, client_id=app.credential.client_id).update(
            sealed_secret=stolen.sealed_secret
        )
    with pytest.raises(SealBroken):
        queries.client(client_id=app.credential.client_id, client_secret=other_app.credential.client_secret, now=now)


def test_a_running_process_opens_what_a_newer_master_key_sealed(app, now):
    old = _vault.vault()
    newer = Vault.rotate(settings.ENVIRONMENT.key_file)  # another process would do this
    with scope.inside(app.district_id):
        row = Credential.objects.get(district_id=app.district_id, client_id=app.credential.client_id)
        row.sealed_secret = newer.seal(
            app.credential.client_secret.encode(), tenant=app.district_id, column=_vault.CREDENTIAL, row=row.id
        )
        row.save(update_fields=["sealed_secret"])
    assert _vault.vault() is old
    assert isinstance(shown(app.credential, now), Client)


def test_what_is_to_be_handed_over_does_not_print_itself(app, now):
    token = actions.grant_token(client=app.client(now), asked=set(), may={"a"}, lifetime=HOUR, by=BY, now=now)
    assert repr(app.credential) == f"NewCredential(client_id='{app.credential.client_id}')"
    assert token.token not in repr(token)
    assert app.credential.client_secret not in repr(NewCredential("id", app.credential.client_secret))
    assert app.credential.client_secret not in repr(queries.onboardings(partner_id=app.partner.id, now=now))
