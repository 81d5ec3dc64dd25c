"""The contract of connectors, put to each file of the shelf: whatever the other side does, it ends, it says what to do,
it leaves no part of a package, and it gives no secret away.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.http import Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources import arrival
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.connectors.shape import Given
from tests.support import lookup, sftpserver
from tests.support.hostile import CSV, HOSTILE, answer, serving
from tests.support.sftpserver import PASSWORD, USER, Behaviour

HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
SECRET = "s3cr3t-8b1f60"


def given(connector, values, secrets=None, folders=()):
    return Given(
        values=CONNECTORS[connector].filled(values),
        secrets=secrets or {},
        now=NOW,
        schema="oneroster-1.1",
        policy=HERE,
        pace=Pace(tries=2, first=0.01, longest=0.02, patience=0.1),
        limits=Limits(bytes=2_000_000, seconds=2, silence=0.5),
        folders=folders,
    )


@dataclass(frozen=True)
class Told:
    """How a connector that was set up well answers when nobody is there."""

    values: dict[str, str]
    secrets: dict[str, str]


# A new connector fails here until it says how it is set up.
NOWHERE = {
    "upload": Told({}, {}),
    "folder": Told({"path": "/nowhere", "seconds": "0"}, {}),
    "landing": Told({"path": "/nowhere", "seconds": "0"}, {}),
    "https": Told({"address": "https://nowhere.example/x.zip"}, {"token": SECRET}),
    "sftp": Told({"host": "nowhere.example", "user": "me", "seconds": "0"}, {"password": SECRET}),
    "ldap": Told({"host": "nowhere.example", "base": "dc=x", "user": "cn=me"}, {"password": SECRET}),
    "oneroster-rest": Told(
        {
            "address": "https://nowhere.example/ims/oneroster/v1p1",
            "token_address": "https://nowhere.example/token",
            "client_id": "me",
        },
        {"client_secret": SECRET},
    ),
}


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_says_what_it_must_be_told(name):
    connector = CONNECTORS[name]
    assert connector.name == name
    assert connector.title
    assert connector.about.endswith(".")
    assert len({s.name for s in connector.settings}) == len(connector.settings)
    for setting in connector.settings:
        assert setting.title, setting
        assert setting.help, setting
        assert not (setting.secret and (setting.default or setting.choices)), setting
        assert setting.problem(setting.default) == "" or setting.required


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_ends_with_a_sentence_when_nobody_is_there(name, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    told = NOWHERE.get(name)
    if told is None or (name != "upload" and not told.values):
        pytest.skip(f"{name} is put to a contract of its own")
    asked, begun = given(name, told.values, told.secrets), time.monotonic()
    assert CONNECTORS[name].problems(told.values, told.secrets) == []
    with pytest.raises((Retry, NeedsAttention)) as raised:
        CONNECTORS[name].collect(asked, tmp_path, lambda _: None)
    assert time.monotonic() - begun < 10
    assert raised.value.sentence.endswith(".")
    assert SECRET not in raised.value.sentence + caplog.text + repr(asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", HOSTILE)
def test_https_survives(how, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    behave, word = HOSTILE[how]
    with serving({"/orgs.csv": answer("200 OK", CSV), "/users.csv": behave}) as server:
        asked = given("https", {"address": server.url(""), "files": "orgs.csv users.csv"}, {"token": SECRET})
        begun = time.monotonic()
        with pytest.raises((Retry, NeedsAttention)) as raised:
            CONNECTORS["https"].collect(asked, tmp_path, lambda _: None)
    assert time.monotonic() - begun < 10
    assert word in raised.value.sentence
    assert not (tmp_path / "users.csv").exists()
    assert SECRET not in raised.value.sentence + caplog.text


@pytest.mark.parametrize("how", HOSTILE)
def test_oneroster_rest_survives(how, tmp_path, caplog):
    """The same behaviours, of the page that comes first. What has no end that is told shows as half a document."""
    caplog.set_level(logging.DEBUG)
    behave, word = HOSTILE[how]
    word = "JSON" if how == "no length" else "no users" if how == "404" else word
    token = answer("200 OK", b'{"access_token": "t0k"}')
    with serving({"/token": token, "/api/users": behave}) as server:
        told = {"address": server.url("/api"), "token_address": server.url("/token"), "client_id": "me"}
        asked = given("oneroster-rest", told, {"client_secret": SECRET})
        begun = time.monotonic()
        with pytest.raises((Retry, NeedsAttention)) as raised:
            CONNECTORS["oneroster-rest"].collect(asked, tmp_path, lambda _: None)
    assert time.monotonic() - begun < 10
    assert word in raised.value.sentence
    assert list(tmp_path.iterdir()) == []
    assert SECRET not in raised.value.sentence + caplog.text


def test_https_brings_what_a_good_server_has(tmp_path):
    """The control."""
    with serving({"/orgs.csv": answer("200 OK", CSV), "/users.csv": answer("200 OK", CSV)}) as server:
        asked = given("https", {"address": server.url(""), "files": "orgs.csv users.csv"}, {"token": SECRET})
        CONNECTORS["https"].collect(asked, tmp_path, lambda _: None)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"orgs.csv": CSV, "users.csv": CSV}


# ---------------------------------------------------------------------------------------------------------------- sftp


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "orgs.csv").write_bytes(CSV)
    return folder


def pulled(server, into, **values):
    told = {"host": "127.0.0.1", "port": str(server.port), "user": USER, "seconds": "0", "host_key": server.fingerprint}
    asked = given("sftp", {**told, **values}, {"password": PASSWORD})
    into.mkdir(exist_ok=True)
    CONNECTORS["sftp"].collect(asked, into, lambda _: None)
    return {p.name for p in into.iterdir()}


def test_sftp_brings_a_folder_and_the_zip_wins(served, tmp_path):
    from tests.support import packages

    with sftpserver.serving(served) as server:
        assert pulled(server, tmp_path / "a") == {"orgs.csv"}
        packages.zipped(served / "OneRoster.zip", packages.small())
        assert pulled(server, tmp_path / "b") == {"OneRoster.zip"}


def test_sftp_waits_for_what_is_renamed_or_written_while_it_looks(served, tmp_path):
    restless = Behaviour(on_list=lambda: rename(served))
    with sftpserver.serving(served, restless) as server, pytest.raises((Retry, NeedsAttention)):
        pulled(server, tmp_path / "a")
    (served / "users.csv.filepart").write_bytes(CSV)
    with sftpserver.serving(served) as server, pytest.raises(Retry, match="still being written"):
        pulled(server, tmp_path / "a")


def rename(folder):
    for path in list(folder.glob("*.csv")):
        path.rename(path.with_name(f"new-{time.monotonic_ns()}.csv"))


# --------------------------------------------------------------------------------------------------------- landing


def seen(**files):
    return {name.replace("__", "."): arrival.Seen(*state) for name, state in files.items()}


def test_oneroster_zip_wins_over_loose_files_and_other_zips():
    assert arrival.chosen(["users.csv", "oneroster.ZIP", "other.zip"]) == ["oneroster.ZIP"]
    assert arrival.chosen(["users.csv", "other.zip"]) == ["other.zip"]
    assert arrival.chosen(["users.csv", "orgs.csv", "readme.md", ".hidden.csv", "~x.csv"]) == ["orgs.csv", "users.csv"]
    with pytest.raises(NeedsAttention, match="2 zip files"):
        arrival.chosen(["a.zip", "b.zip"])


def test_a_leftover_of_a_broken_upload_holds_nothing_up_and_a_new_one_does():
    hour = 3600 * 10**9
    assert arrival.unfinished(seen(users__csv=(1, 5 * hour), x__part=(1, hour))) == []
    assert arrival.unfinished(seen(users__csv=(1, 5 * hour), x__part=(1, 5 * hour))) == ["x.part"]
    # a clock far ahead or far behind changes nothing: files are compared with one another
    assert arrival.unfinished(seen(users__csv=(1, 900_000 * hour), x__part=(1, 899_999 * hour - 1))) == []


def test_a_file_that_somebody_has_open_is_waited_for(tmp_path):
    (tmp_path / "users.csv").write_bytes(CSV)
    assert set(arrival.arrived(tmp_path, seconds=0)) == {"users.csv"}
    with (tmp_path / "users.csv").open("ab"), pytest.raises(Retry, match="open for writing"):
        arrival.arrived(tmp_path, seconds=0)


def test_half_a_zip_file_is_waited_for(tmp_path):
    (tmp_path / "OneRoster.zip").write_bytes(b"PK\x03\x04 half")
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(Retry, match="not complete"):
        arrival.copy(tmp_path, arrival.arrived(tmp_path, seconds=0), into)
