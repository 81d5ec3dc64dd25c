"""A directory as a source, against a real slapd: what it lets us read, and what we refuse to do."""

import base64
import csv
import logging
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest

from schoolpassport.kit.directory import Directory, spelled
from schoolpassport.kit.egress import Deadline, Networks, Policy
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources.connectors import CONNECTORS, ldap
from schoolpassport.sources.connectors.shape import Given
from schoolpassport.sources.schemas import SCHEMAS
from tests.support import lookup, slapd
from tests.support.certificates import Authority

LDAP = CONNECTORS["ldap"]
HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
NOW = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def server(tmp_path_factory, authority):
    pytest.importorskip("ldap", reason="python-ldap is not installed (pip install 'schoolpassport[ldap]')")
    with slapd.running(tmp_path_factory.mktemp("slapd"), authority) as running:
        yield running


def given(trusted, port, *, password=slapd.PASSWORD, policy=HERE, **values) -> Given:
    told = {"host": "localhost", "port": str(port), "user": slapd.ADMIN, "base": slapd.BASE, "authority": trusted.pem}
    return Given(
        values=LDAP.filled({**told, **values}),
        secrets={"password": password},
        now=NOW,
        schema="directory",
        policy=policy,
    )


@contextmanager
def upgrading(answer: bytes, *, to: int | None) -> Iterator[int]:
    """The port of a directory that answers StartTLS with these bytes; then it is the one on port ``to``, or hangs up."""

    def serve():
        taken, _ = door.accept()
        with taken:
            taken.recv(1 << 10)
            taken.sendall(answer)
            if to is None:
                return
            with socket.create_connection(("127.0.0.1", to)) as inner:
                carry(taken, inner)

    with socket.create_server(("127.0.0.1", 0)) as door, ThreadPoolExecutor(1) as serving:
        served = serving.submit(serve)
        yield door.getsockname()[1]
        served.result(10)


def carry(one: socket.socket, other: socket.socket) -> None:
    """What either side says, to the other, until one is done."""
    while True:
        for each in select.select([one, other], [], [])[0]:
            if not (said := each.recv(1 << 16)):
                return
            (other if each is one else one).sendall(said)


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("security", ["starttls", "ldaps"])
def test_accounts_and_groups_are_read_page_by_page(server, authority, tmp_path, security):
    port = server.port if security == "starttls" else server.ldaps
    asked = given(authority, port, security=security)
    assert LDAP.check(asked).ok
    LDAP.collect(asked, tmp_path, lambda _: None)
    accounts = rows(tmp_path / "accounts.csv")
    groups = rows(tmp_path / "groups.csv")
    assert len(accounts) == len({a["id"] for a in accounts}) == 1200
    assert {UUID(a["id"]).version for a in accounts} == {1}
    assert {(a["username"], a["mail"], a["enabled"]) for a in accounts} == {
        (f"p{n}", f"p{n}@school.example", "true") for n in range(1200)
    }
    assert {g["member"] for g in groups} == {a["dn"] for a in accounts}


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"password": "wrong"}, "let this user in"),
        ({"password": ""}, "needs a password"),
        ({"base": "dc=nowhere,dc=example"}, "base"),
        ({"accounts": "(((broken"}, "filter"),
        ({"accounts": "(uid=nobody)"}, "no account"),
        ({"authority": ""}, "signed by nobody"),
        ({"policy": Policy(resolve=lookup.numbers)}, "public internet"),
    ],
)
def test_what_is_wrong_is_said_and_no_secret_with_it(server, authority, told, word, caplog):
    caplog.set_level(logging.DEBUG)
    try:
        sentence = LDAP.check(given(authority, server.port, **told)).sentence
    except (NeedsAttention, Retry) as wrong:
        sentence = wrong.sentence
    assert word in sentence
    assert slapd.PASSWORD not in sentence + caplog.text


# An answer to StartTLS (RFC 4511, 4.14.2): success, or code 52; lengths in one byte, in two, and as Active Directory does.
YES, NO = b"\x0a\x01\x00\x04\x00\x04\x00", b"\x0a\x01\x34\x04\x00\x04\x00"
SHORT = b"\x30\x0c\x02\x01\x01\x78\x07"
LONGER = b"\x30\x81\x0d\x02\x01\x01\x78\x81\x07"
LONGEST = b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07"


@pytest.mark.parametrize("head", [SHORT, LONGER, LONGEST], ids=["one byte", "two", "five"])
def test_the_answer_to_starttls_may_be_written_at_any_length(server, authority, head):
    with upgrading(head + YES, to=server.ldaps) as port:
        assert LDAP.check(given(authority, port)).ok


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (SHORT + NO, "does not offer StartTLS"),
        (LONGEST + NO, "does not offer StartTLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not answer as a directory"),
        (b"\x30\x84\x7f\xff\xff\xff", "does not answer as a directory"),
        (b"\x30\x80\x02\x01\x01", "does not answer as a directory"),
        (LONGEST, "does not answer as a directory"),
        (b"\x30", "does not answer as a directory"),
        (b"", "does not answer as a directory"),
    ],
    ids=["no", "a long no", "web", "without end", "of no length", "half", "a byte", "nothing"],
)
def test_what_is_no_yes_to_starttls_is_told(server, authority, answer, word):
    with upgrading(answer, to=None) as port, pytest.raises(NeedsAttention, match=word):
        LDAP.check(given(authority, port))


def test_a_certificate_for_another_name_is_refused(authority, tmp_path):
    pytest.importorskip("ldap", reason="python-ldap is not installed (pip install 'schoolpassport[ldap]')")
    with slapd.running(tmp_path, authority, host="other.example", count=2) as running:
        for security, port in (("starttls", running.port), ("ldaps", running.ldaps)):
            with pytest.raises(NeedsAttention, match="another name"):
                LDAP.check(given(authority, port, security=security))


def test_a_size_limit_is_not_taken_for_the_end(authority, tmp_path):
    pytest.importorskip("ldap", reason="python-ldap is not installed (pip install 'schoolpassport[ldap]')")
    limit = "access to * by * read\nsizelimit 10\n"
    with slapd.running(tmp_path, authority, count=50, more=limit) as running:
        asked = given(authority, running.port, user="", password="")
        with pytest.raises(NeedsAttention, match="only a part"):
            LDAP.collect(asked, tmp_path, lambda _: None)


def entry(dn: str, *lines: str) -> str:
    """An entry in LDIF; what is not ASCII goes in base64."""
    told = [("dn", f"{dn},{slapd.BASE}"), *(tuple(line.split(": ", 1)) for line in lines)]
    return "".join(
        f"{name}: {value}\n" if value.isascii() else f"{name}:: {base64.b64encode(value.encode()).decode()}\n"
        for name, value in told
    )


def group(dn: str, *members: str) -> str:
    return entry(dn, "objectClass: groupOfNames", *(f"member: {m},{slapd.BASE}" for m in members))


GROUPS = "\n".join(
    [
        group("cn=Lehrer\\, Süd", "uid=p1", "uid=p2"),
        entry("cn=Педагоги", "objectClass: posixGroup", "gidNumber: 7", "memberUid: p1"),
        entry("cn=Empty", "objectClass: posixGroup", "gidNumber: 8"),
        group("cn=Hidden", "uid=p1"),
        group("cn=Veiled", "uid=p1"),
        group("cn=Whole", "cn=Lehrer\\, Süd"),
        # As directories write it that count whoever is in a group of a group.
        entry(
            "uid=late",
            *("objectClass: inetOrgPerson", "uid: late", "cn: Late", "sn: Late"),
            *(f"memberOf: {dn},{slapd.BASE}" for dn in ("cn=Whole", "cn=Hidden", "cn=all")),
        ),
    ]
)
SOME = "(&(|(objectClass=groupOfNames)(objectClass=posixGroup))(!(cn=all)))"
VEILED = (
    "moduleload memberof\n"
    f'access to dn.exact="cn=Hidden,{slapd.BASE}" by * none\n'
    f'access to dn.exact="cn=Veiled,{slapd.BASE}" attrs=member by * none\n'
    "access to * by * read\n"
)


def test_whose_groups_cannot_be_read_is_told_and_no_name_is_too_odd(authority, tmp_path):
    pytest.importorskip("ldap", reason="python-ldap is not installed (pip install 'schoolpassport[ldap]')")
    into = tmp_path / "package"
    into.mkdir()
    with slapd.running(tmp_path, authority, count=3, more=VEILED, entries=GROUPS) as running:
        asked = given(authority, running.port, user="", password="", groups=SOME)
        facts = LDAP.collect(asked, into, lambda _: None).facts
    assert [(g["name"], g["member"].replace(f",{slapd.BASE}", "")) for g in rows(into / "groups.csv")] == [
        ("Lehrer, Süd", "uid=p1"),
        ("Lehrer, Süd", "uid=p2"),
        ("Педагоги", "p1"),
        ("Empty", ""),
        ("", ""),
        ("Whole", "cn=Lehrer\\, Süd"),
        ("Whole", "uid=late"),
        ("", ""),
    ]
    unread = [g["id"].partition(",")[0] for g in rows(into / "groups.csv") if not g["name"]]
    assert unread == ["cn=Veiled", "cn=Hidden"]
    assert facts["accounts"] == 4


def test_what_is_written_is_what_the_directory_schema_reads():
    read = {i.name: set(i.columns) for i in SCHEMAS["directory"].inputs}
    assert read == {"accounts": set(ldap.ACCOUNTS), "groups": set(ldap.GROUPS)}


def test_an_active_directory_id_is_written_as_microsoft_writes_it():
    raw = bytes.fromhex("33221100554477668899aabbccddeeff")
    assert ldap._id({"objectguid": [raw]}, "cn=x") == "00112233-4455-6677-8899-aabbccddeeff"


@pytest.mark.parametrize(
    "name",
    [
        r"cn=Lehrer\, S\C3\BCd,ou=A\5C2C,dc=x",
        r"cn=Lehrer\2C Süd, ou=A\\2C , dc=x",
        r"cn=Lehrer\2c S\c3\bcd,ou=A\\2C,dc=x",
    ],
)
def test_a_distinguished_name_is_the_same_however_it_is_escaped(name):
    assert spelled(name) == r"cn=Lehrer\, Süd,ou=A\\2C,dc=x"


@pytest.mark.parametrize(("control", "enabled"), [("512", True), ("514", False), ("66050", False), ("", True)])
def test_disabled_accounts_are_told(control, enabled):
    assert ldap._enabled({"useraccountcontrol": [control.encode()]} if control else {}) is enabled


def test_large_groups_come_in_ranges_and_are_put_together():
    """As Active Directory answers; slapd knows no ranges."""
    answers = {2: ("member;range=2-3", [b"c", b"d"]), 4: ("member;range=4-*", [b"e"])}

    def search_ext_s(name, scope, filter_, attributes, timeout):
        start = int(attributes[0].partition("=")[2].partition("-")[0])
        return [(name, dict([answers[start]]))]

    library = SimpleNamespace(SCOPE_BASE=0, **{n: type(n, (Exception,), {}) for n in ERRORS})
    found = Directory(library, SimpleNamespace(search_ext_s=search_ext_s), "dc.example", Deadline(9))
    assert found._completed("cn=x", {"member;range=0-1": [b"a", b"b"]})["member"] == [b"a", b"b", b"c", b"d", b"e"]


ERRORS = [
    "INVALID_CREDENTIALS",
    "NO_SUCH_OBJECT",
    "INVALID_DN_SYNTAX",
    "FILTER_ERROR",
    "SIZELIMIT_EXCEEDED",
    "ADMINLIMIT_EXCEEDED",
    "UNAVAILABLE_CRITICAL_EXTENSION",
    "INSUFFICIENT_ACCESS",
    "INAPPROPRIATE_AUTH",
    "STRONG_AUTH_REQUIRED",
    "CONNECT_ERROR",
    "PROTOCOL_ERROR",
    "UNWILLING_TO_PERFORM",
    "TIMEOUT",
    "LDAPError",
]
