"""Reference A2, K2, L3: a stolen dump and the logs hold no secret and no token."""

import logging

from django.apps import apps
from django.db import connection

from schoolpassport.kit.secrets import token_digest
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import ROSTERING
from schoolpassport.partners.records import Bearer
from schoolpassport.tenancy import scope
from tests.support.partners import BY, HOUR, a_partner_token, shown
from tests.unit.partners.test_signed_requests import signed

SPELLINGS = (
    lambda text: text,
    lambda text: text.partition(".")[2] or text[4:],  # without what is no secret
    lambda text: text.encode().hex(),
)


def dump(district_id, partner_id) -> dict[str, str]:
    """Every row of every table of the product that both owners can see, as text (bytes are hexadecimal there)."""
    tables = [m._meta.db_table for m in apps.get_models() if m.__module__.startswith("schoolpassport.")]
    with scope.inside(district_id), connection.cursor() as cursor:
        kept = _rows(cursor, tables)
    with scope.as_partner(partner_id), scope.inside(partner_id), connection.cursor() as cursor:
        return {table: kept[table] + text for table, text in _rows(cursor, tables).items()}


def _rows(cursor, tables) -> dict[str, str]:
    found = {}
    for table in tables:
        cursor.execute(f'SELECT coalesce(string_agg(r::text, chr(10)), %s) FROM "{table}" r', [""])
        found[table] = cursor.fetchone()[0]
    return found


def test_no_table_and_no_log_holds_a_secret_or_a_token(app, now, caplog):
    caplog.set_level(logging.DEBUG)
    own = actions.issue_partner_credential(partner_id=app.partner.id, by=BY, now=now)
    rotated = actions.rotate(client_id=app.credential.client_id, overlap=HOUR, by=BY, now=now)
    token, partner_token = app.token(now), a_partner_token(app.partner, now)
    with scope.inside(app.district_id):
        facts = {"district_id": app.district_id, "integration_id": app.integration.id, "now": now}
        drawn_from = actions.mask_secret(**facts)
        assert actions.mask_secret(**facts) == drawn_from, "made once, and kept"
    queries.bearer(token=token, now=now)
    shown(app.credential, now)
    queries.client(client_id=app.credential.client_id, client_secret=rotated.client_secret, now=now)
    accepted = actions.accept_signed(request=signed(app, now), scopes=ROSTERING, now=now)
    refused = signed(app, now, client_secret=rotated.client_secret)
    actions.accept_signed(request=refused, scopes=ROSTERING, now=now)
    actions.revoke_token(token=app.token(now), by=BY, now=now)
    assert isinstance(accepted, Bearer)

    kept = dump(app.district_id, app.partner.id)
    partners_tables = {name: text for name, text in kept.items() if name.startswith("partners_")}
    assert all(partners_tables.values()), "each table of the room must have had something to betray"
    everything = "\n".join(kept.values())
    assert token_digest(token).hex() in everything  # so would be a token that was kept
    assert app.credential.client_id in everything

    secrets = [each.client_secret for each in (app.credential, own, rotated)]
    for secret in (*secrets, token, partner_token, drawn_from.decode()):
        for spelling in SPELLINGS:
            assert spelling(secret) not in everything
            assert spelling(secret) not in _said(caplog)


def _said(caplog) -> str:
    ours = [r for r in caplog.records if not r.name.startswith("oauthlib.oauth1.rfc5849")]  # the test's own client
    return "\n".join(record.getMessage() for record in ours)
