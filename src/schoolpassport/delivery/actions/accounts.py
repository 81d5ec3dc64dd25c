"""Accounts of the managed SFTP service."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.db import IntegrityError, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.delivery import accounts
from schoolpassport.delivery.models import Account
from schoolpassport.delivery.records import NAME, Access, BadDelivery, NewAccount, UnknownAccount
from schoolpassport.kit.egress import Networks
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.secrets import new_secret
from schoolpassport.kit.sftpservice import is_public_key
from schoolpassport.tenancy import scope

_NOTHING: Mapping[str, object] = MappingProxyType({})


def add_account(
    *, district_id: UUID, name: str, integration_id: UUID | None, access: Access, by: str, now: datetime
) -> NewAccount:
    """An account of the SFTP service: the district's own system (no integration) puts files, a partner fetches them.

    Without a public key it gets a secret, which is shown this once. Raises ``BadDelivery``.
    """
    if not NAME.fullmatch(name) or "." in name:
        raise BadDelivery(f"An account cannot be called “{name}”: use letters, digits, hyphens and underscores.")
    _check_access(access)
    secret = "" if access.keys else new_secret("")
    account = Account(
        district_id=district_id,
        id=new_id(),
        login=accounts.login(name, district_id),
        integration_id=integration_id,
        proof=accounts.proof(secret) if secret else "",
        keys=list(access.keys),
        networks=list(access.networks),
        quota=access.quota or accounts.QUOTA,
        created_at=now,
    )
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError as error:
            raise BadDelivery(f"The district has an account “{name}” already.") from error
        _note(account, "add", by, now)
    folder = accounts.landing(account) if integration_id is None else None
    return NewAccount(login=account.login, secret=secret, folder=folder)


def end_account(*, district_id: UUID, login: str, by: str, now: datetime) -> None:
    """Nobody logs in with it any more; whoever is logged in is put out within seconds. Raises ``UnknownAccount``."""
    with scope.inside(district_id):
        found = Account.objects.select_for_update().filter(district_id=district_id, login=login, ended_at=None).first()
        if found is None:
            raise UnknownAccount(f"There is no account “{login}”.")
        found.ended_at = now
        found.save(update_fields=["ended_at"])
        _note(found, "end", by, now)


def set_quota(*, district_id: UUID, login: str, quota: int, by: str, now: datetime) -> None:
    """Let so many bytes lie there from now on; what lies there stays. Raises ``UnknownAccount``."""
    with scope.inside(district_id):
        found = Account.objects.select_for_update().filter(district_id=district_id, login=login, ended_at=None).first()
        if found is None:
            raise UnknownAccount(f"There is no account “{login}”.")
        before, found.quota = found.quota, quota
        found.save(update_fields=["quota"])
        _note(found, "quota", by, now, {"before": before, "after": quota})


def _check_access(access: Access) -> None:
    for key in access.keys:
        if not is_public_key(key):
            raise BadDelivery("A public key is not one as OpenSSH writes them, like “ssh-ed25519 AAAA…”.")
    try:
        Networks.parse(" ".join(access.networks))
    except ValueError as wrong:
        raise BadDelivery(str(wrong)) from wrong


def _note(account: Account, what: str, by: str, now: datetime, facts: Mapping[str, object] = _NOTHING) -> None:
    audit.note(
        district_id=account.district_id,
        act=f"delivery:account:{what}",
        about=str(account.id),
        by=by,
        now=now,
        facts={"fetches_for": str(account.integration_id) if account.integration_id else None, **facts},
    )
