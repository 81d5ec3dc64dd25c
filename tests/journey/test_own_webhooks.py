"""Partners manage their own webhooks with their own token, see how their applications stand, and nothing of others."""

import importlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.audit import queries as audit
from schoolpassport.kit import clock
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.partners import actions as partners
from schoolpassport.rosterapi.vendor.description import document
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.lifecycle import Act, Side
from schoolpassport.sharing.records import Contents, Proposal
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from schoolpassport.webhooks import actions, queries
from schoolpassport.webhooks.models import Endpoint, Message
from tests.journey.test_webhooks import verified
from tests.support import lookup, wsgi
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small, user
from tests.support.partners import Integrated, a_partner, a_partner_token, integrated
from tests.support.receivers import FAULT, FINE, receiving

VENDOR = "/datahub/services/vendor"
HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
NOWHERE = Policy(resolve=lookup.numbers)


@dataclass
class Partner:
    """A partner at its own desk: one application in one district, and its own token."""

    app: Integrated
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        sent = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = wsgi.call(WSGIHandler(), VENDOR + path, method=method, body=sent, **headers)
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, json.loads(answer.body) if answer.body else None

    @property
    def webhooks(self) -> str:
        return f"/integrations/{self.app.integration.id}/webhooks"

    def added(self, url: str) -> dict[str, Any]:
        status, made = self.ask("POST", self.webhooks, {"url": url})
        assert status == 201, made
        return dict(made)


@pytest.fixture
def receiver():
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def _networks(monkeypatch):
    """The operator's own networks are closed here; this machine is one that partners may name."""
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=NOWHERE, partner_egress=HERE))


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Nights:
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name=f"Dune Harbor {uuid4().hex[:12]}", now=now)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=now)
    made.done(small())
    return made


def at_its_desk(house: Nights, *, shared: bool = True, of: Any = None) -> Partner:
    now = clock.now()
    app = integrated(house.district_id, now, of) if of else integrated(house.district_id, now)
    if shared:
        contents = Contents(attributes=catalogue.everything())
        sharing.agree(
            district_id=house.district_id, integration_id=app.integration.id, contents=contents, by=BY, now=house.now
        )
    return Partner(app, a_partner_token(app.partner, now))


@pytest.fixture
def partner(house) -> Partner:
    return at_its_desk(house)


def send_all(partner: Partner, now: datetime) -> None:
    district = partner.app.district_id
    with scope.inside(district):
        mine = Endpoint.objects.filter(district_id=district, integration_id=partner.app.integration.id)
        waiting = Message.objects.filter(
            district_id=district, endpoint_id__in=[e.id for e in mine], state="pending"
        ).order_by("made_at")
        ids = [message.id for message in waiting]
    for id_ in ids:
        actions.send(district_id=district, message_id=id_, now=now)


# -------------------------------------------------------------------------------------------------------- its webhooks


def test_a_webhook_is_added_seen_changed_and_deleted(partner, receiver):
    made = partner.added(receiver.url)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made.items() >= {"url": receiver.url, "state": "active", "waiting": 0, "dead": 0}.items()
    assert made["toldUpTo"] > 0, "what was there before is not told"
    assert partner.ask("GET", partner.webhooks) == (200, {"webhooks": [made]})
    one = f"{partner.webhooks}/{made['id']}"
    other = receiver.url + "&again=1"
    assert partner.ask("PATCH", one, {"url": other, "state": "paused"}) == (
        200,
        {**made, "url": other, "state": "paused"},
    )
    assert partner.ask("PATCH", one, {"state": "active"})[1]["state"] == "active"
    assert secret not in json.dumps(partner.ask("GET", one)[1]), "it was shown once"
    assert partner.ask("DELETE", one) == (204, None)
    assert partner.ask("GET", one)[0] == 404
    with scope.inside(partner.app.district_id):
        acts = [(e.act, e.by) for e in audit.events(district_id=partner.app.district_id) if e.about == made["id"]]
    by = f"partner:{partner.app.partner.id}"
    assert acts[::-1] == [(f"webhooks:endpoint:{verb}", by) for verb in ("add", "move", "pause", "resume", "remove")]


def test_a_trial_tells_whether_it_arrives_and_a_new_secret_signs(partner, receiver):
    made = partner.added(receiver.url)
    one = f"{partner.webhooks}/{made['id']}"
    assert partner.ask("POST", f"{one}/trial") == (200, {"delivered": True, "answered": 204, "said": ""})
    told = verified(receiver.got[-1], made["secret"])
    assert (told["type"], told["data"]) == ("webhook.tried", {"district": str(partner.app.district_id)})
    status, new = partner.ask("POST", f"{one}/secret")
    assert (status, new["id"], new["secret"] != made["secret"]) == (201, made["id"], True)
    receiver.answers[:] = [FAULT]
    status, came = partner.ask("POST", f"{one}/trial")
    assert (status, came["delivered"], came["answered"]) == (200, False, 500)
    signatures = receiver.got[-1][0]["webhook-signature"].split(" ")
    assert len(signatures) == 2, "for a day both sign"


def test_what_was_given_up_is_seen_and_told_again(partner, receiver, house):
    made = partner.added(receiver.url)
    one = f"{partner.webhooks}/{made['id']}"
    receiver.answers[:] = ["410 Gone"]
    house.done(small().with_rows("users", user(f"n{uuid4().hex[:8]}", orgSourcedIds="s1")))
    send_all(partner, house.now)
    status, found = partner.ask("GET", f"{one}/messages?state=dead")
    (dead,) = found["messages"]
    assert (status, dead["answered"], dead["after"]) == (200, 410, made["toldUpTo"])
    assert partner.ask("GET", f"{one}/messages?state=delivered") == (200, {"messages": []})
    assert partner.ask("GET", one)[1]["state"] == "gone"
    receiver.answers[:] = [FINE]
    assert partner.ask("POST", f"{one}/replay", {"after": dead["after"]})[0] == 400, "it is gone: make it active first"
    assert partner.ask("PATCH", one, {"state": "active"})[0] == 200
    assert partner.ask("POST", f"{one}/replay", {"after": dead["after"]}) == (202, {"messages": 1})
    send_all(partner, house.now)
    assert verified(receiver.got[-1], made["secret"])["data"]["after"] == dead["after"]


def test_what_a_partner_set_leads_into_no_network_that_was_opened_for_the_operator(partner, receiver, monkeypatch):
    made = partner.added(receiver.url)
    one = f"{partner.webhooks}/{made['id']}"
    closed = replace(settings.ENVIRONMENT, egress=HERE, partner_egress=NOWHERE)
    monkeypatch.setattr(settings, "ENVIRONMENT", closed)
    refused = {"delivered": False, "answered": None}
    status, came = partner.ask("POST", f"{one}/trial")
    assert (status, came | refused, receiver.got) == (200, came, [])
    assert "127.0.0.1" not in came["said"], "what our network makes of it is not told"
    status, said = partner.ask("POST", partner.webhooks, {"url": "http://10.0.0.1/hooks"})
    assert (status, said["error_description"]) == (400, "The address must begin with https://.")
    mine = {"district_id": partner.app.district_id, "by": BY, "now": clock.now()}
    actions.move(**mine, endpoint_id=UUID(made["id"]), url=receiver.url + "&by=operator")
    assert partner.ask("POST", f"{one}/trial")[1]["delivered"], "the control: the operator's own word leads there"
    assert partner.ask("PATCH", one, {"url": "https://127.0.0.1/"})[0] == 200
    assert not partner.ask("POST", f"{one}/trial")[1]["delivered"]


def test_what_cannot_be_understood_is_refused_in_a_sentence(partner, receiver):
    one = f"{partner.webhooks}/{partner.added(receiver.url)['id']}"
    for method, path, body in (
        ("POST", partner.webhooks, {"url": "nowhere"}),
        ("POST", partner.webhooks, {"url": receiver.url}),
        ("POST", partner.webhooks, {}),
        ("POST", partner.webhooks, {"url": 7}),
        ("POST", partner.webhooks, ["url"]),
        ("PATCH", one, {"state": "gone"}),
        ("PATCH", one, {"secret": "mine"}),
        ("POST", f"{one}/replay", {"after": -1}),
        ("POST", f"{one}/replay", {"after": True}),
        ("GET", f"{one}/messages?state=lost", None),
        ("GET", f"{one}/messages?limit=0", None),
    ):
        status, said = partner.ask(method, path, body)
        assert (status, said["error"]) == (400, "invalid_request"), (method, path, body)
        assert said["error_description"].endswith("."), said
    assert partner.ask("PUT", one)[0] == 405


def test_of_others_there_is_nothing(partner, house, receiver):
    other = at_its_desk(house)
    mine = partner.added(receiver.url)
    theirs = other.added(receiver.url + "&mine=no")
    one = f"{partner.webhooks}/{mine['id']}"
    assert other.ask("GET", one)[0] == 404
    assert other.ask("DELETE", one)[0] == 404
    assert partner.ask("GET", f"{partner.webhooks}/{theirs['id']}")[0] == 404, "an own integration, another's webhook"
    assert partner.ask("GET", one)[0] == 200, "the control"
    districts = replace(partner, token=partner.app.token(clock.now()))
    assert districts.ask("GET", one)[0] == 403
    assert replace(partner, token="spq_x").ask("GET", one)[0] == 401
    its = {"district_id": house.district_id, "integration_id": partner.app.integration.id}
    partners.end_integration(**its, by=BY, now=clock.now())
    assert partner.ask("GET", one)[0] == 404
    assert len(queries.endpoints(**its)) == 1


# ---------------------------------------------------------------------------------------------------- its applications


def stands(partner: Partner) -> dict[str, Any]:
    status, found = partner.ask("GET", "/applications")
    assert status == 200
    (application,) = found["applications"]
    (integration,) = application["integrations"]
    return dict(integration)


def written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_partner_sees_how_its_applications_stand_and_until_when(house):
    partner = at_its_desk(house, shared=False)
    its = {"district_id": house.district_id, "integration_id": partner.app.integration.id}
    now, end = clock.now(), clock.now() + timedelta(days=30)
    assert (stands(partner)["status"], stands(partner)["expiryDate"]) == ("not_shared", None)
    proposal = Proposal(contents=Contents(attributes=catalogue.everything()), expires_at=end)
    draft = sharing.draft(**its, proposal=proposal, side=Side.DISTRICT, by=BY, now=now)
    assert stands(partner)["status"] == "not_shared", "a district's draft is its own"
    take = {"district_id": house.district_id, "consent_id": draft.id, "by": BY, "now": now}
    sharing.take(**take, act=Act.SEND, side=Side.DISTRICT)
    assert stands(partner)["status"] == "sent"
    sharing.take(**take, act=Act.APPROVE, side=Side.PARTNER)
    found = stands(partner)
    assert (found["status"], found["expiryDate"]) == ("active", written(end))
    assert found["lastDataProcessingCompletedTimestamp"] is not None
    assert found["districtGuid"] == str(house.district_id)
    (credentials,) = partner.ask("GET", "/onboarding/credentials")[1]
    assert credentials["expiryDate"] == written(end), "Discovery tells the same"
    partners.limit_integration(**its, expires_at=end - timedelta(days=1), by=BY, now=now)
    assert stands(partner)["expiryDate"] == written(end - timedelta(days=1)), "whichever comes first"
    sharing.take(**take, act=Act.SUSPEND, side=Side.DISTRICT)
    assert stands(partner)["status"] == "suspended"
    sharing.take(**take, act=Act.REVOKE, side=Side.DISTRICT)
    assert (stands(partner)["status"], stands(partner)["expiryDate"]) == ("revoked", written(now))
    partners.end_integration(**its, by=BY, now=now)
    assert stands(partner)["status"] == "ended"


def test_how_it_stands_is_told_of_consents_that_were_there_before_it_was_written_down(house, database):
    partner, another = at_its_desk(house), at_its_desk(house, shared=False)
    its = {"district_id": house.district_id, "integration_id": partner.app.integration.id}
    partners.note_sharing(**its, state="", until=None)
    assert stands(partner)["status"] == "not_shared", "the control"
    upgrade = importlib.import_module("schoolpassport.sharing.migrations.0011_tell_partners_how_it_stands")
    with database.as_owner() as owner:
        owner.execute(upgrade.TELL)
    assert (stands(partner)["status"], stands(another)["status"]) == ("active", "not_shared")


def test_a_partner_without_anything_sees_its_applications_only(house):
    nobody = a_partner(clock.now())
    desk = Partner(integrated(house.district_id, clock.now()), a_partner_token(nobody, clock.now()))
    assert desk.ask("GET", "/applications") == (200, {"applications": []})


# ---------------------------------------------------------------------------------------------------- its description


def test_the_description_says_what_is_answered(partner, receiver):
    status, told = replace(partner, token="").ask("GET", "/openapi.json")
    assert (status, told) == (200, document(address="http://testserver"))
    made = partner.added(receiver.url)
    one = "/integrations/{integrationGuid}/webhooks/{id}"
    for method, path, body in (
        ("get", "/applications", None),
        ("get", "/onboarding/credentials", None),
        ("get", "/integrations/{integrationGuid}/webhooks", None),
        ("get", one, None),
        ("patch", one, {"state": "paused"}),
        ("post", one + "/trial", None),
        ("get", one + "/messages", None),
        ("post", one + "/secret", None),
        ("delete", one, None),
    ):
        asked = path.replace("{integrationGuid}", str(partner.app.integration.id)).replace("{id}", made["id"])
        status, answer = partner.ask(method.upper(), asked, body)
        known = told["paths"][path][method]["responses"][str(status)]
        if answer is not None:
            jsonschema_rs.validate(known["content"]["application/json"]["schema"], answer)
    refused = told["components"]["responses"]["404"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate(refused, partner.ask("GET", f"{partner.webhooks}/{uuid4()}")[1])
