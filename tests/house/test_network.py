"""The network is off, and not only for the libraries that we happened to think of."""

import http.client
import socket
import urllib.request

import pytest

from tests.support.network import OutsideWorld

# RFC 5737, 3849 and 2606: addresses and names that belong to nobody, so a hole here harms nobody.
OUTSIDE_V4, OUTSIDE_V6, OUTSIDE_NAME = "192.0.2.1", "2001:db8::1", "passport.example"


def tcp(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.settimeout(0.1)
        made.connect(address)


def tcp_without_exceptions(address):
    with socket.socket() as made:
        made.settimeout(0.1)
        assert made.connect_ex(address) == 0


def udp(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"", address)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: tcp(socket.AF_INET, (OUTSIDE_V4, 80)),
        lambda: tcp(socket.AF_INET6, (OUTSIDE_V6, 80)),
        lambda: tcp_without_exceptions((OUTSIDE_V4, 80)),
        lambda: udp((OUTSIDE_V4, 9)),
        lambda: socket.create_connection((OUTSIDE_V4, 80), timeout=0.1),
        lambda: socket.getaddrinfo(OUTSIDE_NAME, 80),
        lambda: socket.gethostbyname(OUTSIDE_NAME),
        lambda: socket.gethostbyaddr(OUTSIDE_V4),
        lambda: http.client.HTTPConnection(OUTSIDE_V4, timeout=0.1).request("GET", "/"),
        lambda: urllib.request.urlopen(f"https://{OUTSIDE_NAME}/", timeout=0.1),
    ],
    ids=["v4", "v6", "connect_ex", "udp", "create", "lookup", "byname", "reverse", "http.client", "urllib"],
)
def test_nothing_outside_this_machine_can_be_reached(reach):
    with pytest.raises(OutsideWorld):
        reach()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can_be_reached(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port), timeout=5) as client, server.accept()[0] as answering:
            answering.sendall(b"here")
            assert client.recv(4) == b"here"


def test_unix_sockets_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a short name: the address has some hundred bytes
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("door")
        server.listen()
        client.connect("door")
        client.sendall(b"here")
        with server.accept()[0] as answering:
            assert answering.recv(4) == b"here"
