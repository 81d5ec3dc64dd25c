"""The walk that a new user watches: a district, two nights, one application, a page of users by HTTP.

Everything goes through the same doors that the command line and the API use; the demonstration has no back entrance.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings

from schoolpassport.demo.asking import ask, token_of
from schoolpassport.demo.generator import Size, write_day, zip_folder
from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners.records import NewCredential
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources import actions as sources
from schoolpassport.sync import actions as sync
from schoolpassport.sync.contract import Watcher
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import actions as tenancy

BY = "demo"
SEED = 7
_SERVER_PATIENCE = 30.0  # seconds until the server answers


@dataclass(frozen=True, kw_only=True)
class Night:
    """One package, and the run that took it."""

    title: str
    run: Run


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What the demonstration set up."""

    district_id: UUID
    credential: NewCredential
    partner_credential: NewCredential


def set_stage(*, name: str) -> Staged:
    """A district, and an application that may read all of it, demographics included: every call can be tried."""
    now = clock.now()
    district = tenancy.register_district(name=name, now=now)
    partner = partners.register_partner(name="Lantern Learning", by=BY, now=now)
    app = partners.register_application(partner_id=partner.id, name="Lantern Reader", by=BY, now=now)
    integration = partners.integrate(district_id=district.id, application_id=app.id, by=BY, now=now)
    sharing.agree(
        district_id=district.id,
        integration_id=integration.id,
        contents=Contents(
            attributes=catalogue.everything(kinds=tuple(SHARED)), purpose="Trying out every operation of the API"
        ),
        by=BY,
        now=now,
    )
    return Staged(
        district_id=district.id,
        credential=partners.issue_credential(district_id=district.id, integration_id=integration.id, by=BY, now=now),
        partner_credential=partners.issue_partner_credential(partner_id=partner.id, by=BY, now=now),
    )


def nights(*, staged: Staged, package: Path | None, watch: Watcher) -> Iterator[Night]:
    """Walk the package that was given, or day one and day two of the generated district."""
    source = sources.register_source(
        district_id=staged.district_id, name="SIS", schema="oneroster-1.1", by=BY, now=clock.now()
    )

    def walked(origin: Path) -> Run:
        asked = sync.ask(district_id=staged.district_id, source_id=source.id, origin=origin, by=BY, now=clock.now())
        return sync.walk(district_id=staged.district_id, run_id=asked.id, watch=watch)

    if package is not None:
        yield Night(title=package.name, run=walked(package))
        return
    with tempfile.TemporaryDirectory() as folder:
        for day in (1, 2):
            here = Path(folder) / f"day-{day}"
            write_day(folder=here, seed=SEED, size=Size.demo(), day=day)
            zipped = zip_folder(here, Path(folder) / f"day-{day}.zip")
            yield Night(title=f"Night {day}", run=walked(zipped))


@contextmanager
def served(*, port: int) -> Iterator[str]:
    """The API, in a process of its own, until the block ends. Yields its address."""
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "schoolpassport.cli.main", "serve", "--port", str(port), "--workers", "2"]
    environment = {**os.environ, "SCHOOLPASSPORT_DATA_DIR": str(settings.ENVIRONMENT.data_dir)}
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr)  # noqa: S603 (our own command)
    try:
        _wait_until_up(base, process)
        yield base
    finally:
        process.terminate()
        try:
            process.wait(timeout=timedelta(seconds=10).total_seconds())
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _SERVER_PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended at once (exit code {process.returncode}); is the port taken?")
        try:
            with urllib.request.urlopen(f"{base}/ims/oneroster/v1p1/openapi.json", timeout=2):  # noqa: S310 (our own address)
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"The server did not answer at {base} within {_SERVER_PATIENCE:.0f} seconds.")


def first_page(*, base: str, credential: NewCredential) -> dict[str, object]:
    """What the printed `curl` commands get: a token, a page of users, one teacher's e-mail."""
    token = token_of(base, credential)
    page = ask(f"{base}/ims/oneroster/v1p1/users?limit=3", token=token)
    found = ask(f"{base}/ims/oneroster/v1p1/teachers?limit=100&filter=status%3D'active'", token=token)
    emails = [t["email"] for t in found["users"] if "email" in t]
    return {"users": page["users"], "teacher_email": emails[0] if emails else None}
