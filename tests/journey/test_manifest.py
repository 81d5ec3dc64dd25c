"""A client adds up what it holds and compares it with what is signed, by the code that our page tells partners to write."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from schoolpassport.cli.commands import manifest as command_line
from schoolpassport.partners.contract import ROSTER
from schoolpassport.sharing import canonical, manifests, signatures, tasks
from schoolpassport.sharing.models import Consent, Manifest, View
from schoolpassport.tenancy import scope
from tests.support import partner_code
from tests.support.gradebooks import V1P1 as ONEROSTER
from tests.support.gradebooks import a_writer, mark, task
from tests.support.readers import LITTLE, PUPIL, SCHOOL, SIBLING, TEACHER, Reader, a_reader, made, person

BASE = "/datahub/services/view"
NOTHING = {"records": 0, "digest": "0" * 64}
THEIRS = partner_code.of("manifest.md")
PLURALS = {"user": "users", "enrollment": "enrollments", "org": "orgs", "class": "classes"}


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return found


def manifest(app: Reader, query: str = "") -> dict:
    return app.json(f"{BASE}/manifest{query}")


def copy(app: Reader, query: str = "") -> dict[str, list[dict]]:
    """What the stream brings, by kind."""
    held: dict[str, list[dict]] = {kind: [] for kind in PLURALS}
    for line in app.get(f"{BASE}/export{query}").body.splitlines()[:-1]:
        ((kind, record),) = json.loads(line).items()
        held.setdefault(kind, []).append(record)
    return held


def added_up(records: list[dict]) -> dict:
    return {"records": len(records), "digest": THEIRS.digest(records)}


def people(*names: str) -> list[dict]:
    return [*LITTLE["user"], *(person(made(), name, "student", SCHOOL) for name in names)]


def test_a_copy_adds_up_to_what_is_signed(app):
    told = manifest(app)
    held = copy(app)
    assert {kind: told["collections"][word] for kind, word in PLURALS.items()} == {
        kind: added_up(held[kind]) for kind in PLURALS
    }
    assert told["collections"]["results"] == NOTHING
    assert (told["revision"], told["after"]) == (1, app.json(f"{BASE}/changes")["after"])
    assert told["at"] == held["user"][0]["dateLastModified"]
    genuine = signatures.verified(
        told.pop("jws"), Client().get("/.well-known/jwks.json").json(), sort=signatures.MANIFEST
    )
    said = genuine.claims["manifest"]
    assert said.pop("district")["id"] == str(app.integrated.district_id)
    assert said.pop("application")["name"] == app.integrated.application.name
    assert said == told


def test_whatever_differs_shows_and_order_and_address_do_not(app):
    digest = manifest(app, "?collections=users")["collections"]["users"]["digest"]
    users = copy(app)["user"]
    assert THEIRS.digest(reversed(users)) == digest
    elsewhere = json.loads(json.dumps(users).replace("http://testserver", "https://passport.example"))
    assert THEIRS.digest(elsewhere) == digest != THEIRS.digest(users[1:])
    assert THEIRS.digest([{**users[0], "givenName": "Pía"}, *users[1:]]) != digest


def test_each_revision_adds_up_in_whatever_order_one_asks(app):
    app.view.publish({"user": people("Ned")})
    app.view.publish({"user": people(), "enrollment": LITTLE["enrollment"][1:]})
    app.view.publish({"user": people("Ned", "Nan")[1:]})
    for revision in (2, 4, 1, 3, 4):
        told = manifest(app, f"?revision={revision}")
        held = copy(app, f"?revision={revision}")
        found = {word: told["collections"][word] for word in ("users", "enrollments")}
        assert found == {"users": added_up(held["user"]), "enrollments": added_up(held["enrollment"])}, revision
    assert manifest(app)["revision"] == 4
    assert app.get(f"{BASE}/manifest?revision=5").status == 400
    app.view.narrow()
    assert app.get(f"{BASE}/manifest?revision=3").status == 400


def test_only_what_changed_since_the_last_manifest_is_looked_at(app):
    """Shown by a sum that was set to another value: what it was is what the next one is made of."""
    manifest(app)
    with scope.inside(app.integrated.district_id):
        kept = Manifest.objects.filter(view=app.view.number)
        assert {m.kind: (m.revision, m.records) for m in kept}["user"] == (1, len(LITTLE["user"]))
        assert kept.filter(kind="user").update(records=100, buckets=bytes(4096 * 32)) == 1
    before = {u["sourcedId"]: u for u in copy(app)["user"]}
    app.view.publish({"user": [*LITTLE["user"][1:], person(PUPIL, "Pam", "student", SCHOOL)]})
    after = {u["sourcedId"]: u for u in copy(app)["user"]}
    told = manifest(app)["collections"]["users"]
    assert told == {"records": 100, "digest": THEIRS.digest([before[PUPIL], after[PUPIL]])}
    manifest(app, "?revision=1")
    with scope.inside(app.integrated.district_id):
        assert set(kept.values_list("revision", flat=True)) == {2}, "the newest is what the next one begins at"


def test_buckets_add_up_to_their_collection(app):
    told = manifest(app, "?collections=users,orgs,results&buckets=true")
    users = copy(app)["user"]
    assert told["buckets"]["users"] == {
        end: THEIRS.digest(u for u in users if u["sourcedId"].endswith(end))
        for end in {u["sourcedId"][-3:] for u in users}
    }
    assert told["buckets"]["results"] == {}
    assert app.get(f"{BASE}/manifest?buckets=x").status == 400


@pytest.fixture
def kept(app, tmp_path) -> Path:
    """What a partner put aside: a manifest, the keys, an export."""
    (tmp_path / "manifest.json").write_bytes(app.get(f"{BASE}/manifest?collections=users,orgs,results").body)
    (tmp_path / "manifest.jws").write_text(manifest(app)["jws"])
    (tmp_path / "keys.json").write_bytes(Client().get("/.well-known/jwks.json").content)
    (tmp_path / "export").write_bytes(app.get(f"{BASE}/export").body)
    return tmp_path


def test_anybody_checks_a_manifest_and_a_copy_without_a_database(kept):
    words = ["manifest", "verify", "manifest.json", "--keys", "keys.json", "--copy", "export"]
    elsewhere = {"PATH": "/usr/bin:/bin", "PYTHONPATH": sys.path[0], "SCHOOLPASSPORT_DATA_DIR": str(kept / "none")}
    command = [sys.executable, "-m", "schoolpassport.cli.main", *words]
    done = subprocess.run(command, cwd=kept, env=elsewhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  users: 7, the same in the copy\n" in done.stdout
    assert "  results: 0, the same in the copy\n" in done.stdout
    assert not (kept / "none").exists()


def test_a_copy_or_a_manifest_that_was_changed_is_told(kept):
    export, jws = (kept / "export").read_bytes(), (kept / "manifest.jws").read_text()

    def verified(file: str, copied: bytes | None = None) -> tuple[int, str]:
        words = ["verify", str(kept / file), "--keys", str(kept / "keys.json")]
        if copied is not None:
            (kept / "copy").write_bytes(copied)
            words += ["--copy", str(kept / "copy")]
        done = CliRunner().invoke(command_line.command, words)
        return done.exit_code, done.output

    assert verified("manifest.jws", export)[0] == 0
    assert "  users: 7\n" in verified("manifest.json")[1]
    fewer = b"".join(line for line in export.splitlines(keepends=True) if PUPIL.encode() not in line[:80])
    ended, said = verified("manifest.json", fewer)
    assert (ended, "users: 7, and in the copy 6" in said, "not what was signed, in users." in said) == (1, True, True)
    ended, said = verified("manifest.json", export.replace(b'"Pia"', b'"Pam"'))
    assert (ended, "users: 7, and as many in the copy, but not the same" in said) == (1, True)
    assert "Line 2 of" in verified("manifest.json", export.splitlines(keepends=True)[0] + b"[]\n")[1]
    (kept / "manifest.jws").write_text(jws.replace(".", ".A", 1))
    assert verified("manifest.jws")[1].startswith("Error: Not genuine.")
    (kept / "manifest.json").write_text('{"revision": 7}')
    assert verified("manifest.json")[1].startswith("Error: Not genuine.")


ODD = '"quoted", \\ {back} [é] \t \x1f \x7f \u2028 😀 ,"href":"x","sourcedId":"y"'


def test_odd_texts_and_names_add_up_too(app):
    notes = {"b": ODD, "aa": "", "é": "e", "Z": "z", "\uffff": "1", "😀": "2", 'q"': "3", "href": "http://far.example"}
    odd = person(
        SIBLING, "Sid", "student", SCHOOL, metadata=notes, middleName=ODD, userIds=[{"type": "x", "identifier": ODD}]
    )
    app.view.publish(
        {
            "user": [
                odd,
                person(TEACHER, "Tom", "teacher", SCHOOL, metadata={"deep": {"ü": [1, {"y": None, "x": [True]}]}}),
            ],
            "enrollment": [
                {**LITTLE["enrollment"][0], "metadata": notes},
                {**LITTLE["enrollment"][1], "metadata": {"gg4l.sisId": ODD}},
                {**LITTLE["enrollment"][2], "metadata": {"gg4l.sisId": ODD, "note": ODD}},
            ],
        }
    )
    held = copy(app)
    assert ODD in {user.get("middleName") for user in held["user"]}
    found = manifest(app)["collections"]
    assert found["users"] == added_up(held["user"])
    assert found["enrollments"] == added_up(held["enrollment"])
    assert {canonical.number(u) for u in held["user"]} == {int(THEIRS.fingerprint(u), 16) for u in held["user"]}


def test_what_applications_write_adds_up_too(district):
    """Numbers as the house writes them; what the application calls by names of its own has our ids, as in the export."""
    app = a_writer(district.id)
    app.view.publish(LITTLE)
    assert manifest(app)["collections"]["results"] == NOTHING
    scores = (0, 9.5, 300, 0.1, 1 / 3, 0.0001, 12345678.125)
    assert app.put(f"{ONEROSTER}/lineItems/quiz", task("quiz")).status == 201
    for place, score in enumerate(scores):
        assert app.put(f"{ONEROSTER}/results/r{place}", mark(f"r{place}", "quiz", score=score)).status == 201
    assert app.delete(f"{ONEROSTER}/results/r0").status == 204
    held = copy(app)
    assert {each["score"] for each in held["result"]} == set(scores[1:])
    found = manifest(app)["collections"]
    assert (found["results"], found["lineItems"]) == (added_up(held["result"]), added_up(held["lineItem"]))


def test_what_is_too_much_to_wait_for_is_added_up_by_a_worker_once(app, monkeypatch):
    monkeypatch.setattr(manifests, "AT_ONCE", 3)
    told = app.get(f"{BASE}/manifest")
    assert (told.status, told.headers["Retry-After"]) == (503, "20")
    assert "ask again in 20 seconds" in told.json["error"]
    assert app.get(f"{BASE}/manifest?collections=users").status == 503
    mine = {"task_name": "sharing.add_up", "args__district_id": str(app.integrated.district_id)}
    (job,) = ProcrastinateJob.objects.filter(**mine)
    tasks.add_up(**job.args)
    assert manifest(app)["collections"]["users"] == added_up(copy(app)["user"])
    app.view.publish({**LITTLE, "user": people("p8")})
    assert manifest(app)["revision"] == 2, "little is new"
    monkeypatch.setattr(manifests, "AT_ONCE", 0)
    assert app.get(f"{BASE}/manifest?revision=1").status == 200, "an older one follows from what is kept"


def test_nothing_is_told_of_a_revision_that_may_not_be_read_any_more_when_it_is_added_up(app):
    def as_if_narrowed(execute, statement, *rest):
        if "INSERT INTO sharing_manifest" in statement:
            View.objects.filter(district_id=app.integrated.district_id).update(oldest_readable=2, revision=2)
        return execute(statement, *rest)

    with connection.execute_wrapper(as_if_narrowed):
        assert app.get(f"{BASE}/manifest").status == 400


def test_a_token_opens_the_sums_of_its_scopes_and_of_nothing_when_a_consent_has_ended(district):
    app = a_reader(district.id, scopes=frozenset({ROSTER}))
    assert manifest(app)["collections"]["users"] == NOTHING, "before the first revision"
    app.view.publish(LITTLE)
    assert {"users", "enrollments"} <= set(manifest(app)["collections"])
    assert not {"demographics", "resources"} & set(manifest(app)["collections"])
    assert app.get(f"{BASE}/manifest?collections=demographics").status == 403
    assert app.get(f"{BASE}/manifest?collections=wizards").status == 400
    assert Reader(app.integrated, app.view, "spt_nobody").get(f"{BASE}/manifest").status == 401
    with scope.inside(district.id):
        Consent.objects.filter(integration_id=app.view.integration_id).update(
            expires_at=datetime(2026, 9, 2, tzinfo=UTC)
        )
    assert app.get(f"{BASE}/manifest").status == 403
