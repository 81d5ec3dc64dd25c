"""What may be called: no spelling of an address leads into a network that the operator did not allow."""

import ipaddress
import itertools
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from schoolpassport.kit import egress
from schoolpassport.kit.egress import Deadline, Networks, Policy, dial, is_public
from schoolpassport.kit.http import Client, Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from tests.support import lookup
from tests.support.hostile import answer, serving

ONCE = Pace(tries=1)
SHORT = Limits(bytes=1000, seconds=3, silence=1)

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:810::200e"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "0.0.0.1", "255.255.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "192.31.196.1"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:0808:0808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:2::1"),
    *("2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1", "fec0::1"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_the_public_internet_is_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_nothing_else_is(text):
    assert not is_public(ipaddress.ip_address(text))


# ---------------------------------------------------------------------------------------------------------- spellings


def spellings() -> list[str]:
    """Ways to write addresses of this machine (and of others that must not be called) in place of a host."""
    found = dict.fromkeys(("localhost", "LOCALHOST", "localhost.", "127.0.0.1.", "[::1]", "[::]", "0", "127.1"))
    for address in ("127.0.0.1", "127.0.0.2", "127.1.2.3", "127.0.0.0", "169.254.169.254", "10.0.0.1"):
        number, parts = int(ipaddress.IPv4Address(address)), [int(p) for p in address.split(".")]
        a, b, c, d = parts
        ways = [(str, "{}"), (hex, "{}"), (lambda n: f"0{n:o}", "{}"), (lambda n: f"0x{n:08x}", "{}")]
        for write, _ in ways:
            whole = [
                write(number),
                f"{write(a)}.{write(number & 0xFFFFFF)}",
                f"{write(a)}.{write(b)}.{write(c << 8 | d)}",
            ]
            found |= dict.fromkeys(whole)
        for writes in itertools.product([w for w, _ in ways[:3]], repeat=4):
            found[".".join(w(p) for w, p in zip(writes, parts, strict=True))] = None
        circled = {str(n): chr(0x245F + n) if n else "⓪" for n in range(10)}
        wide = {str(n): chr(0xFF10 + n) for n in range(10)}
        for table in (circled, wide):
            found["".join(table.get(ch, ch) for ch in address)] = None
        found["。".join(address.split("."))] = found["\uff0e".join(address.split("."))] = None
        packed = f"{number >> 16:x}:{number & 0xFFFF:x}"
        for form in ("::ffff:{}", "::{}", "64:ff9b::{}", "2002:{}::", "::ffff:0:{}", "64:ff9b:1::{}"):
            found[f"[{form.format(packed)}]"] = None
        found[f"[::ffff:{address}]"] = found[f"[0:0:0:0:0:ffff:{address}]"] = found[f"[64:ff9b::{address}]"] = None
        found |= dict.fromkeys((f"{address}%00", f"{address}%2f", f"{address}#@x", f"x@{address}", f"{address}\\@x"))
    return list(found)


def test_there_are_enough_spellings():
    assert len(spellings()) >= 500


CANARY = """
import socket, sys, tempfile
from pathlib import Path
from schoolpassport.kit import egress
from schoolpassport.kit.http import Client, Limits, Pace
from schoolpassport.kit.egress import Deadline, Policy, dial, dial_own
from schoolpassport.kit.recovery import NeedsAttention, Retry

port, hosts, shut = int(sys.argv[1]), sys.stdin.read().split("\\n"), 0
limits = Limits(bytes=1000, seconds=3, silence=1)
# The port is allowed, so that nothing but the address can be the reason.
policy = Policy(more_ports=frozenset({port}))
folder = Path(tempfile.mkdtemp())
def bare(host):
    return host.strip("[]")
with Client(policy=policy, pace=Pace(tries=1)) as client:
    ways = [
        lambda h: client.get(f"https://{h}:{port}/", limits=limits),
        lambda h: client.get(f"http://{h}:{port}/", limits=limits),
        lambda h: client.post(f"https://{h}:{port}/", form={"a": "b"}, limits=limits),
        lambda h: client.download(f"https://{h}:{port}/", folder / "x", limits=limits),
        lambda h: dial(bare(h), port, policy=policy, ports=egress.SSH, deadline=Deadline(3)),
        lambda h: dial_own(bare(h), port, policy=policy, deadline=Deadline(3)),
    ]
    for host in hosts:
        for way in ways:
            try:
                way(host)
            except (NeedsAttention, Retry) as error:
                shut += 1
print(shut, len(hosts) * len(ways))
"""


@contextmanager
def canary():
    """Counts who comes by."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hits = []

        def count():
            while True:
                try:
                    connection, peer = listener.accept()
                except OSError:
                    return
                hits.append(peer)
                connection.close()

        threading.Thread(target=count, daemon=True).start()
        yield listener.getsockname()[1], hits
        listener.shutdown(socket.SHUT_RDWR)


def test_no_spelling_reaches_the_canary():
    """With the system's own look-up, in a process of its own: here, look-ups of anything but this machine are off.

    All spellings are numbers or this machine's name, which no server of names is asked for: those that the library
    does not know for numbers it must refuse before it asks (the process has no server of names to ask).
    """
    with canary() as (port, hits):
        socket.create_connection(("127.0.0.1", port)).close()
        done = subprocess.run(
            [sys.executable, "-c", CANARY, str(port)],
            input="\n".join(spellings()),
            env={**os.environ, "RES_OPTIONS": "timeout:1 attempts:1", "LOCALDOMAIN": ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stderr == ""
        shut, asked = map(int, done.stdout.split())
        assert (shut, asked) == (asked, 6 * len(spellings()))
        assert len(hits) == 1  # our own, which shows that the canary sings


# --------------------------------------------------------------------------------------------------------- rebinding


def test_a_name_that_answers_differently_the_second_time_gains_nothing():
    """The address that was judged is the one that is called: nobody asks twice."""
    with canary() as (port, hits):
        asked = []

        def changing(host, port, **_):
            asked.append(host)
            return lookup.answer("192.0.2.7" if len(asked) % 2 else "127.0.0.1", port=port)

        policy = Policy(resolve=changing, more_ports=frozenset({port}))
        for _ in range(6):
            with pytest.raises((NeedsAttention, Retry)):
                dial("sis.example", port, policy=policy, ports=egress.HTTPS, deadline=Deadline(2))
        assert len(asked) == 6
        assert hits == []


@pytest.mark.parametrize(
    "addresses", [("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8"), ("8.8.8.8", "::ffff:10.0.0.1")]
)
def test_one_bad_address_among_good_ones_is_enough(addresses):
    with canary() as (port, hits):
        policy = Policy(resolve=lookup.telling(addresses), more_ports=frozenset({port}))
        with pytest.raises(NeedsAttention, match="not on the public internet"):
            dial("sis.example", port, policy=policy, ports=egress.HTTPS, deadline=Deadline(2))
        assert hits == []


def test_plain_http_goes_to_networks_of_ones_own_only():
    with canary() as (port, hits):
        policy = Policy(resolve=lookup.telling(("8.8.8.8",)), more_ports=frozenset({port}))
        with Client(policy=policy, pace=ONCE) as client, pytest.raises(NeedsAttention, match="without encryption"):
            client.get(f"http://sis.example:{port}/", limits=SHORT)
        assert hits == []


def test_a_redirect_is_judged_like_any_address(tmp_path):
    with canary() as (port, hits):
        targets = [f"http://{host}:{port}/" for host in ("127.0.0.2", "2130706434", "127.0.2", "0", "0x7f.2")]
        for target in targets:
            with serving({"/x": answer("302 Found", Location=target)}) as server:
                policy = Policy(networks=Networks.parse("127.0.0.1"), resolve=lookup.numbers)
                with Client(policy=policy, pace=ONCE, redirects=3) as client, pytest.raises(NeedsAttention):
                    client.download(server.url("/x"), tmp_path / "x", limits=SHORT)
                assert server.hits["/x"] == 1
        assert hits == []


# ---------------------------------------------------------------------------------------------------- the operator's


@pytest.mark.parametrize("port", [25, 80, 110, 5432, 6379, 11211])
def test_other_ports_of_the_internet_are_not_called(port):
    policy = Policy(resolve=lookup.telling(("8.8.8.8",)))
    with pytest.raises(NeedsAttention, match=f"Port {port}"):
        dial("sis.example", port, policy=policy, ports=egress.HTTPS, deadline=Deadline(2))


def test_allowed_networks_are_called_and_their_neighbours_are_not():
    with canary() as (port, hits):
        policy = Policy(networks=Networks.parse("127.0.0.1/32, 10.1.0.0/16"), resolve=lookup.numbers)
        dial("127.0.0.1", port, policy=policy, ports=egress.HTTPS, deadline=Deadline(2)).close()
        for host in ("127.0.0.2", "::ffff:127.0.0.1", "169.254.169.254"):
            with pytest.raises(NeedsAttention):
                dial(host, port, policy=policy, ports=egress.HTTPS, deadline=Deadline(2))
        with pytest.raises(Retry):
            dial("127.0.0.1", 1, policy=policy, ports=egress.HTTPS, deadline=Deadline(2))
    assert len(hits) <= 1


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "10.0.0.0/7", "169.254.0.0/16", "169.254.169.254", "::/0", "x", "10.0.0.1/8"]
)
def test_no_list_opens_everything_or_what_is_never_called(text):
    with pytest.raises(ValueError, match=r"network|allowed|wide"):
        Networks.parse(text)


def test_a_list_is_read_with_commas_and_spaces():
    assert Networks.parse("10.1.0.0/16, fd12::/48 127.0.0.1").hold(ipaddress.ip_address("fd12::7"))
    assert not Networks.parse("").hold(ipaddress.ip_address("10.1.0.1"))


def test_a_look_up_that_takes_too_long_is_given_up():
    held = threading.Event()
    policy = Policy(resolve=lambda *_, **__: held.wait(20) and [])
    with pytest.raises(Retry, match="looked up in time"):
        dial("sis.example", 443, policy=policy, ports=egress.HTTPS, deadline=Deadline(0.2))
    held.set()


def test_a_name_that_is_not_there_is_said_not_to_be():
    with pytest.raises(NeedsAttention, match=r"no host nowhere\.example"):
        dial("nowhere.example", 443, policy=Policy(resolve=lookup.numbers), ports=egress.HTTPS, deadline=Deadline(2))
