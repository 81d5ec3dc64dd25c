"""What both sides can show to anybody, and how anybody checks it."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from django.test import Client

from schoolpassport.cli.commands import receipts as receipts_command
from schoolpassport.partners import actions as partners
from schoolpassport.sharing import actions, agreements, signatures
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.models import SigningKey
from tests.support.clockwork import ticking
from tests.support.nights import BY
from tests.support.sides import DAY, MORNING, a_district, between, contents


@pytest.fixture(scope="module")
def sis(tmp_path_factory):
    return a_district(tmp_path_factory.mktemp("district"))


@pytest.fixture
def two(sis):
    with ticking(MORNING) as clock:
        yield between(sis, clock)


def keys() -> dict[str, list[dict[str, str]]]:
    answer = Client().get("/.well-known/jwks.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jwk-set+json")
    return answer.json()


def receipts(two, consent) -> dict[int, signatures.Genuine]:
    found = agreements.history(district_id=two.sis.district_id, consent_id=consent.id).receipts
    return {step: signatures.verified(jws, keys()) for step, jws in found.items()}


def test_each_step_that_changes_what_holds_has_a_receipt_that_says_what_was_agreed(two):
    school = two.sis.ids("org")["s1"]
    consent = two.agreed(contents("org", "user", schools=[school], purpose="Reading"), expires_at=MORNING + DAY)
    two.take(consent, Act.SUSPEND, Side.DISTRICT)
    two.take(consent, Act.REVOKE, Side.PARTNER)
    found = {step: genuine.claims for step, genuine in receipts(two, consent).items()}
    assert {step: c["consent"]["state"] for step, c in found.items()} == {4: "active", 5: "suspended", 6: "revoked"}
    said = found[4]["consent"]
    assert said["application"]["name"] == two.app.application.name
    assert said["schools"] == [{"id": str(school), "name": "School s1"}]
    assert (list(said["attributes"]), said["purpose"]) == (["org", "user"], "Reading")
    assert said["expires_at"] == "2026-09-02T06:00:00+00:00"
    assert [(s["act"], s["side"]) for s in said["steps"]] == [
        ("draft", "partner"),
        ("send", "partner"),
        ("approve", "district"),
        ("begin", "house"),
    ]
    assert found[4]["iat"] == int(MORNING.timestamp())
    assert BY not in json.dumps(said["steps"])


def test_a_rotated_key_leaves_old_receipts_good(two):
    consent = two.agreed()
    new = actions.rotate_signing_key(by=BY, now=MORNING)
    two.take(consent, Act.SUSPEND, Side.DISTRICT)
    first, second = receipts(two, consent).values()
    assert first.kid != second.kid == new
    assert {first.kid, second.kid} <= {k["kid"] for k in keys()["keys"]}


def test_published_keys_have_no_private_part_and_stored_ones_are_sealed(two):
    two.agreed()
    assert {frozenset(k) for k in keys()["keys"]} == {frozenset({"kty", "crv", "x", "y", "kid", "use", "alg"})}
    stored = [bytes(k.sealed) for k in SigningKey.objects.all()]
    assert stored
    assert not [s for s in stored if b"PRIVATE" in s]
    before = set(stored)
    partners.rotate_master_key(by=BY, now=MORNING)
    assert before.isdisjoint(bytes(k.sealed) for k in SigningKey.objects.all())
    consent = between(two.sis, two.clock).agreed()
    assert receipts(two, consent)[4].claims["consent"]["state"] == "active"


def test_anybody_checks_a_receipt_without_a_database(two, tmp_path):
    consent = two.agreed()
    run = CliRunner().invoke(
        receipts_command.command, ["show", str(consent.id), "--district", str(two.sis.district_id)]
    )
    (tmp_path / "receipt.jws").write_text(run.output)
    (tmp_path / "keys.json").write_text(CliRunner().invoke(receipts_command.command, ["keys"]).output)

    def verify():
        words = ["receipts", "verify", "receipt.jws", "--keys", "keys.json"]
        elsewhere = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": sys.path[0],
            "SCHOOLPASSPORT_DATA_DIR": str(tmp_path / "none"),
        }
        command = [sys.executable, "-m", "schoolpassport.cli.main", *words]
        return subprocess.run(command, cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False)

    done = verify()
    assert done.stdout.startswith("Genuine: signed by urn:schoolpassport with the key "), done.stderr
    assert f"with {two.app.application.name}" in done.stdout
    assert not (tmp_path / "none").exists()
    (tmp_path / "receipt.jws").write_text(run.output.replace(".", ".A", 1))
    forged = verify()
    assert (forged.returncode, forged.stderr[:19]) == (1, "Error: Not genuine.")
