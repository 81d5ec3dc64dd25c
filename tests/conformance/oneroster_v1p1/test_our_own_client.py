"""Our own connector against our own API: what one district serves, another takes over, record by record."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.conf import settings

from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.sources import actions, queries
from schoolpassport.sync import actions as sync
from schoolpassport.tenancy import scope
from tests.conformance.oneroster_v1p1 import providers, wire
from tests.support import lookup
from tests.support.nights import BY, Nights, nights

KINDS = ("org", "academicSession", "course", "class", "user", "enrollment", "demographics")


@pytest.fixture(autouse=True)
def _own_network(monkeypatch):
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=here))


def connected(provider, district, folder, now, **values) -> Nights:
    sis = nights(district_id=district.id, folder=folder, now=now)
    told = {
        "address": provider.base,
        "token_address": provider.told["token_url"],
        "client_id": provider.told["client_id"],
        "page_size": "20",
    }
    actions.connect_source(
        district_id=district.id,
        source_id=sis.source.id,
        connector="oneroster-rest",
        values={**told, **values},
        secrets={"client_secret": provider.told["client_secret"]},
        by=BY,
        now=now,
    )
    return sis


def fetched(sis):
    run = sync.ask(district_id=sis.district_id, source_id=sis.source.id, by=BY, now=sis.now)
    return sync.walk(district_id=sis.district_id, run_id=run.id)


def as_the_sis_calls_it(provider, records, kind):
    """With the ids of the file from which the provider has its records; without what only the API adds."""
    own = provider.source_ids
    told = {}
    for key, record in records.items():
        plain = {name: value for name, value in record.items() if name != "metadata"}
        for name, value in plain.items():
            if isinstance(value, str) and value in own:
                plain[name] = own[value]
            elif isinstance(value, list):
                plain[name] = sorted(own.get(v, v) if isinstance(v, str) else str(v) for v in value)
        told[own[key]] = plain
    return told


def plainly(records):
    return {
        key: {
            name: sorted(map(str, value)) if isinstance(value, list) else value
            for name, value in record.items()
            if name != "metadata"
        }
        for key, record in records.items()
    }


@pytest.mark.parametrize("login", ["oauth2", "oauth1-sha256", "oauth1-sha1"])
def test_the_roster_that_is_served_is_the_roster_that_is_taken_over(
    login, provider, district, other_district, tmp_path, now
):
    package = providers.zip_small_district(tmp_path / "package.zip")
    original = nights(district_id=other_district.id, folder=tmp_path / "original", now=now)
    original.done(package)
    sis = connected(provider, district, tmp_path / "taken", now, login=login)
    signed = datetime.fromtimestamp(wire.now(), UTC)  # a signature tells when it was made, and the API looks
    checked = actions.check_connection(district_id=district.id, source_id=sis.source.id, now=signed)
    run = fetched(sis)
    assert (checked.ok, run.state) == (True, "done"), f"{checked.sentence} {run.message}"
    for kind in KINDS:
        taken = as_the_sis_calls_it(provider, sis.records(kind), kind)
        assert taken == plainly(original.records(kind)), kind


def test_the_card_of_our_own_api_has_no_cross(provider, district, tmp_path, now):
    """What cannot be known after one night is open; nothing is wrong."""
    sis = connected(provider, district, tmp_path, now)
    actions.probe_source(district_id=district.id, source_id=sis.source.id, by=BY, now=now)
    with scope.inside(district.id):
        found = queries.card(district_id=district.id, source_id=sis.source.id)
    assert {t.name: t.sentence for t in found if t.works is False and t.name != "clock"} == {}
