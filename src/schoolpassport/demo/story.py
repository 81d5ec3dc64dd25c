"""Two applications of one district: other terms, other outlets, and what both are told when a school leaves.

Beacon Books reads pupils and teachers as they are, by the OneRoster API. Harbor Math asked for less and gets it behind
Privacy Shield, as a CSV of its own on an SFTP server.
"""

import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from schoolpassport.delivery import actions as delivery
from schoolpassport.delivery.records import Access, NewAccount, Plan
from schoolpassport.demo.asking import ask, token_of
from schoolpassport.kit import clock, sftp
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.partners import actions as partners
from schoolpassport.partners.records import NewCredential
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import agreements, catalogue, shield, signatures
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.records import Contents, Proposal
from schoolpassport.sync.contract import Reach

BY: Final = "demo"
_KINDS = ("org", "academicSession", "course", "class", "user", "enrollment")
_PUPILS = "pupils"
FORMAT: Final = """\
about: One line for each pupil, as Harbor Math wants it
style: {delimiter: ";", line_end: crlf}
files:
  - file: pupils.csv
    rows: user
    where: {attribute: role, is: equals, value: student}
    order: [sourcedId]
    columns:
      - {header: Pupil, from: sourcedId}
      - {header: Name, do: [{do: template, text: "{givenName} {familyName}"}]}
      - {header: E-mail, from: email}
      - {header: Grade, from: grades}
"""


@dataclass(frozen=True, kw_only=True)
class App:
    name: str
    integration_id: UUID
    credential: NewCredential


@dataclass(frozen=True, kw_only=True)
class Told:
    """One act of the story, in lines for a terminal, and what a script would like to know of it."""

    title: str
    lines: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)


def tell(*, district_id: UUID, base: str) -> Iterator[Told]:
    """Everything goes through the doors that everybody uses. ``base``: where the API is served."""
    beacon = _app(district_id, "Beacon Learning", "Beacon Books")
    harbor = _app(district_id, "Harbor Learning", "Harbor Math")
    plain = Contents(attributes=catalogue.everything(kinds=_KINDS), purpose="Lending books")
    sharing.agree(district_id=district_id, integration_id=beacon.integration_id, contents=plain, by=BY, now=clock.now())
    masked = shield.raised(replace(plain, purpose="Practice sheets"), level=2, takes=lambda _: True)
    yield _agreed(district_id, harbor, masked)
    yield _read(base, beacon)
    with _files_served() as (port, key):
        account = _plan_files(district_id, harbor)
        yield _fetched(district_id, account, port, key, "Harbor Math fetches its own CSV by SFTP")
        schools = ask(f"{base}/ims/oneroster/v1p1/schools", token=token_of(base, beacon.credential))["orgs"]
        gone, stay = schools[-1], [UUID(s["sourcedId"]) for s in schools[:-1]]
        yield _unshared(district_id, base, ((beacon, plain), (harbor, masked)), stay, gone["name"])
        yield _fetched(district_id, account, port, key, "… and so does the next file")
    yield _receipts(district_id, beacon, harbor)


def _app(district_id: UUID, partner: str, name: str) -> App:
    now = clock.now()
    owner = partners.register_partner(name=partner, by=BY, now=now)
    app = partners.register_application(partner_id=owner.id, name=name, by=BY, now=now)
    integration = partners.integrate(district_id=district_id, application_id=app.id, by=BY, now=now)
    credential = partners.issue_credential(district_id=district_id, integration_id=integration.id, by=BY, now=now)
    return App(name=name, integration_id=integration.id, credential=credential)


def _agreed(district_id: UUID, app: App, contents: Contents) -> Told:
    """The long way: the partner drafts and sends, the district looks at it and approves."""
    consent = sharing.draft(
        district_id=district_id,
        integration_id=app.integration_id,
        proposal=Proposal(contents=contents),
        side=Side.PARTNER,
        by=BY,
        now=clock.now(),
    )
    for act, side in ((Act.SEND, Side.PARTNER), (Act.APPROVE, Side.DISTRICT)):
        consent = sharing.take(
            district_id=district_id, consent_id=consent.id, act=act, side=side, by=BY, now=clock.now()
        )
    masks = ", ".join(f"{key} by {mask}" for key, mask in contents.masks.items())
    return Told(
        title="Two applications, two consents",
        lines=(
            "Beacon Books: the whole district, names and e-mail addresses as they are.",
            f"{app.name}: drafted by the partner, approved by the district, and {consent.state}.",
            f"Privacy Shield level {contents.shield}: {masks}.",
        ),
        facts={"state": str(consent.state), "masks": dict(contents.masks)},
    )


def _read(base: str, app: App) -> Told:
    page = ask(f"{base}/ims/oneroster/v1p1/students?limit=1", token=token_of(base, app.credential))
    [pupil] = page["users"]
    line = f"{pupil['givenName']} {pupil['familyName']}, {pupil.get('email', 'no e-mail')}"
    return Told(title=f"{app.name} reads OneRoster 1.1", lines=(f"GET /students?limit=1: {line}",), facts=pupil)


def _plan_files(district_id: UUID, app: App) -> NewAccount:
    now, app_id = clock.now(), app.integration_id
    delivery.save_format(district_id=district_id, integration_id=app_id, name=_PUPILS, content=FORMAT, by=BY, now=now)
    plan = Plan(name=_PUPILS, format=_PUPILS, transport="managed")
    delivery.add_delivery(district_id=district_id, integration_id=app_id, plan=plan, by=BY, now=now)
    return delivery.add_account(
        district_id=district_id, name="harbor", integration_id=app_id, access=Access(), by=BY, now=now
    )


def _fetched(district_id: UUID, account: NewAccount, port: int, key: str, title: str) -> Told:
    """Made and sent at once, as a worker does it after each publication; then fetched as the partner does it."""
    asked = delivery.ask(district_id=district_id, name=_PUPILS, by=BY, now=clock.now())
    delivery.send(district_id=district_id, delivery_id=asked.delivery_id, number=asked.number, now=clock.now())
    login = sftp.Login(
        host="127.0.0.1", port=port, user=account.login, password=account.secret, fingerprints=frozenset({key})
    )
    here = Policy(networks=Networks.parse("127.0.0.0/8"))
    with tempfile.TemporaryDirectory() as folder, sftp.Session(login, policy=here) as session:
        into = Path(folder) / "pupils.csv"
        session.fetch("/", into.name, session.look("/")[into.name], into)
        rows = into.read_text(encoding="utf-8").splitlines()
    lines = (f"sftp -P {port} {account.login}@127.0.0.1", *rows[:3], f"… {len(rows) - 1:,} pupils in all.")
    return Told(title=title, lines=lines, facts={"rows": len(rows) - 1, "first": rows[1] if rows[1:] else ""})


def _unshared(
    district_id: UUID, base: str, agreed: tuple[tuple[App, Contents], ...], stay: list[UUID], gone: str
) -> Told:
    """Both consents are made narrower; what that does was foretold for each, and is read by the first one."""
    foretold: list[Reach] = []
    since = clock.now()
    for app, contents in agreed:
        narrower = replace(contents, schools=stay)
        app_id = app.integration_id
        foretold += sharing.preview(district_id=district_id, integration_id=app_id, contents=narrower, now=clock.now())
        sharing.agree(district_id=district_id, integration_id=app_id, contents=narrower, by=BY, now=clock.now())
    lines = [
        f"foretold for {r.application}: {r.lost:,} users would go"
        for r in foretold
        if r.school == UUID(int=0) and r.lost and r.kind == "user"
    ]
    filters = f"dateLastModified>'{since.isoformat().replace('+00:00', 'Z')}' AND status='tobedeleted'"
    url = f"{base}/ims/oneroster/v1p1/users?limit=10000&filter={urllib.parse.quote(filters)}"
    told = ask(url, token=token_of(base, agreed[0][0].credential))["users"]
    lines.append(f"GET /users?filter={filters}: {len(told):,} users, all tobedeleted")
    return Told(
        title=f"{gone} is not shared any more: Beacon Books reads it as deletions",
        lines=tuple(lines),
        facts={"deleted": len(told), "foretold": {r.application: r.lost for r in foretold if r.kind == "user"}},
    )


def _receipts(district_id: UUID, *apps: App) -> Told:
    """Checked with nothing but the published keys."""
    keys = agreements.signing_keys()
    names, lines = {app.name for app in apps}, []
    states: dict[str, list[str]] = {app.name: [] for app in apps}
    for consent in reversed(agreements.consents(district_id=district_id)):
        if (name := consent["application"]) in names:
            found = agreements.history(district_id=district_id, consent_id=consent["id"])
            for step, text in sorted(found.receipts.items()):
                genuine = signatures.verified(text, keys)
                said = genuine.claims["consent"]
                lines.append(f"{name}, step {step}: genuine, {said['state']}, signed by key {genuine.kid[:8]}…")
                states[name].append(said["state"])
    return Told(title="The receipts of both consents verify offline", lines=tuple(lines), facts=states)


@contextmanager
def _files_served() -> Iterator[tuple[int, str]]:
    """The managed SFTP service, in a process of its own. Yields its port and the fingerprint of its key."""
    command = [sys.executable, "-m", "schoolpassport.cli.main", "sftp", "--port", "0"]
    environment = {**os.environ, "SCHOOLPASSPORT_DATA_DIR": str(settings.ENVIRONMENT.data_dir)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 (our own command)
        try:
            said = process.stderr.readline() if process.stderr else ""
            found = re.search(r"port (\d+), key (SHA256:\S+)", said)
            if found is None:
                raise RuntimeError(f"The SFTP service did not start: {said.strip()}")
            yield int(found[1]), found[2]
        finally:
            process.terminate()
