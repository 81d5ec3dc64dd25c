"""The demonstration shows what it says: two consents, two outlets, the right deletions, receipts that hold."""

import socket

import pytest

from schoolpassport.demo import story, walkthrough
from tests.support.nights import nights
from tests.support.packages import small


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    staged = walkthrough.set_stage(name="Alder Brook Unified")
    sis = nights(district_id=staged.district_id, folder=tmp_path_factory.mktemp("sis"), now=story.clock.now())
    package = small()
    for row in package.rows["users"]:
        package = package.changed("users", row["sourcedId"], email=f"{row['sourcedId']}@school.example")
    sis.done(package)
    with walkthrough.served(port=free_port()) as base:
        return {
            "district": staged.district_id,
            "sis": sis,
            "acts": list(story.tell(district_id=staged.district_id, base=base)),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_one_application_reads_names_as_they_are_and_the_other_gets_them_masked(told):
    plain, file = told["acts"][1].facts, told["acts"][2].facts
    assert plain["givenName"] in {r["givenName"] for r in told["sis"].records("user").values()}
    pupils = [r for r in told["sis"].records("user").values() if r["role"] == "student"]
    assert file["rows"] == len(pupils)
    _, name, email, _ = file["first"].split(";")
    assert "***" in name
    assert email.endswith("@masked.example.org")
    assert not {p["givenName"] for p in pupils} & set(name.split())


def test_both_see_the_right_deletions_when_a_school_is_not_shared_any_more(told):
    before, unshared, after = (told["acts"][n].facts for n in (2, 3, 4))
    assert unshared["deleted"] == unshared["foretold"]["Beacon Books"] > 0
    assert unshared["foretold"]["Harbor Math"] == unshared["deleted"]
    assert 0 < after["rows"] < before["rows"]


def test_every_receipt_verifies_with_the_published_keys_alone(told):
    states = told["acts"][5].facts
    assert states == {name: ["active", "replaced", "active"] for name in ("Beacon Books", "Harbor Math")}
