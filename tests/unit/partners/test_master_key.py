"""A new master key: clients notice nothing, and what the old one sealed is sealed anew before it goes."""

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.conf import settings

from schoolpassport.audit import queries as audit
from schoolpassport.kit.secrets import Vault
from schoolpassport.partners import _vault, actions, queries
from schoolpassport.partners._names import Prefix, client_id
from schoolpassport.partners.models import Credential, PartnerCredential
from schoolpassport.partners.records import Client, PartnerClient, Reason
from schoolpassport.tenancy import scope
from tests.support.partners import BY, shown


@pytest.fixture
def own(app, now):
    return actions.issue_partner_credential(partner_id=app.partner.id, by=BY, now=now)


def key(*words: str) -> str:
    """The command, in a process of its own: this one plays a server that has been running since before."""
    command = [sys.executable, "-m", "schoolpassport.cli.main", "key", *words]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sealed(app) -> list[bytes]:
    with scope.inside(app.district_id):
        rows = list(Credential.objects.filter(district_id=app.district_id))
    with scope.as_partner(app.partner.id):
        rows += list(PartnerCredential.objects.filter(partner_id=app.partner.id))
    return [bytes(row.sealed_secret) for row in rows]


def test_a_running_server_goes_on_while_the_key_is_rotated_and_the_old_one_forgotten(app, own, now):
    old, before = _vault.vault(), sealed(app)
    assert len(before) == 2
    stranger = {"client_id": client_id(Prefix.CLIENT, app.district_id), "client_secret": "wrong", "now": now}
    assert queries.client(**stranger).reason is Reason.UNKNOWN
    assert "secrets sealed anew" in key("rotate")
    new = Vault.from_file(settings.ENVIRONMENT.key_file)
    assert len(new._keys) >= 2
    assert [old.is_current(each) for each in before] == [True, True]
    assert [new.is_current(each) for each in sealed(app)] == [True, True]
    assert key("forget").endswith(".\n")
    assert len(Vault.from_file(settings.ENVIRONMENT.key_file)._keys) == 1
    assert isinstance(shown(own, now), PartnerClient)
    assert queries.client(**stranger).reason is Reason.UNKNOWN
    assert isinstance(shown(app.credential, now), Client)


def test_what_was_sealed_with_the_old_key_after_the_rotation_is_sealed_anew_before_it_is_forgotten(app, now):
    late = _vault.vault()
    actions.rotate_master_key(by=BY, now=now)
    with scope.inside(app.district_id):
        rows = Credential.objects.filter(district_id=app.district_id)
        row = rows.get()
        place = {"tenant": app.district_id, "column": _vault.CREDENTIAL, "row": row.id}
        rows.update(sealed_secret=late.seal(app.credential.client_secret.encode(), **place))
    assert actions.forget_old_master_keys(by=BY, now=now) >= 1
    assert isinstance(shown(app.credential, now), Client)
    with scope.inside(app.district_id):
        acts = [event.act for event in audit.events(district_id=app.district_id)]
    assert acts.count("partners:credentials:resealed") == 2


def test_a_secret_that_no_key_opens_is_counted_and_hinders_nothing(app, other_app, now):
    with scope.inside(app.district_id):
        rows = Credential.objects.filter(district_id=app.district_id, client_id=app.credential.client_id)
        rows.update(sealed_secret=b"\1" + bytes(60))
    resealed = actions.rotate_master_key(by=BY, now=now)
    assert resealed.lost >= 1
    assert isinstance(shown(other_app.credential, now), Client)
    with scope.inside(app.district_id):
        rows.delete()


def test_every_sealed_column_is_one_that_the_rotation_knows():
    """A new one fails here until the rotation seals it anew: forgetting the old key would lose it."""
    columns = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        for field in model._meta.fields
        if field.name.startswith("sealed")
    }
    assert columns == {
        *(_vault.CREDENTIAL, _vault.MASK_SECRET, _vault.PARTNER_CREDENTIAL),
        *("sources_secret.sealed", "delivery_secret.sealed", "sharing_document.sealed", "sharing_signingkey.sealed"),
        *("webhooks_endpoint.sealed_secret", "webhooks_endpoint.sealed_previous"),
    }
