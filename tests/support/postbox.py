"""The operator's mail server, on this machine: it answers as it is told to, and keeps what it took."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import BinaryIO
from uuid import UUID

import pytest
from django.conf import settings
from django.core.mail.utils import DNS_NAME
from django.db import connection
from procrastinate.contrib.django import app

from schoolpassport.kit import clock, smtp

TAKES, REFUSES, LATER, CUTS, SILENT, SPAM = "takes", "550 no such box", "451 try again", "cuts", "silent", "554 spam"


@dataclass
class Postbox:
    """``moods``: how it treats one letter after the other, the last way for ever. ``logins``: who came, by which word.

    CUTS takes a letter and is gone before it says so; SILENT is gone before it greets.
    """

    moods: list[str]
    port: int = 0
    tls: ssl.SSLContext | None = None
    raw: list[bytes] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    visits: int = 0

    @property
    def got(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for raw in self.raw]  # type: ignore[misc]  # by policy

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.visits += 1
                mood = self.moods.pop(0) if len(self.moods) > 1 else self.moods[0]
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    self._visit(connection, mood)

    def _visit(self, connection: socket.socket, mood: str) -> None:
        if mood == SILENT:
            return
        with suppress(_Gone):
            self._talk(connection, connection.makefile("rb"), mood)

    def _talk(self, connection: socket.socket, lines: BinaryIO, mood: str) -> None:
        _say(connection, "220 postbox.example")
        while line := lines.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word == "STARTTLS" and self.tls is not None:
                _say(connection, "220 go on")
                inner = self.tls.wrap_socket(connection, server_side=True)
                with inner:
                    self._talk_inside(inner, mood)
                return
            self._answer(connection, lines, word.upper(), rest, mood)

    def _talk_inside(self, connection: ssl.SSLSocket, mood: str) -> None:
        lines = connection.makefile("rb")
        while line := lines.readline():
            word, _, rest = line.decode().strip().partition(" ")
            self._answer(connection, lines, word.upper(), rest, mood)

    def _answer(self, connection: socket.socket, lines: BinaryIO, word: str, rest: str, mood: str) -> None:
        if word == "EHLO":
            secured = isinstance(connection, ssl.SSLSocket)
            offer = "AUTH PLAIN" if secured else "STARTTLS" if self.tls else "HELP"
            _say(connection, f"250-postbox.example\r\n250 {offer}")
        elif word == "AUTH":
            _, user, secret = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
            self.logins.append((user, secret))
            _say(connection, "235 welcome" if secret == "right" else "535 who are you")
        elif word == "RCPT":
            _say(connection, mood if mood in {REFUSES, LATER} else "250 fine")
        elif word == "DATA":
            self._take(connection, lines, mood)
        elif word == "QUIT":
            _say(connection, "221 bye")
            raise _Gone
        else:
            _say(connection, "250 fine")

    def _take(self, connection: socket.socket, lines: BinaryIO, mood: str) -> None:
        _say(connection, "354 tell me")
        letter = b""
        while (line := lines.readline()) not in {b".\r\n", b""}:
            letter += line.removeprefix(b".")
        if mood == SPAM:
            _say(connection, SPAM)
            return
        self.raw.append(letter)
        if mood == CUTS:
            raise _Gone
        _say(connection, "250 taken")


class _Gone(Exception):
    """This visit is over."""


def _say(connection: socket.socket, line: str) -> None:
    connection.sendall(f"{line}\r\n".encode())


@contextmanager
def postbox(*, tls: ssl.SSLContext | None = None) -> Iterator[Postbox]:
    """One that takes everything, until it is told otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Postbox([TAKES], listener.getsockname()[1], tls)
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def set_up(patch: pytest.MonkeyPatch, box: Postbox, **more: object) -> Iterator[None]:
    """The house hands its mail over there. What this machine is called is not looked up."""
    facts = {"host": "127.0.0.1", "port": box.port, "security": smtp.Security.NONE, "sender": "passport@house.example"}
    server = smtp.Server(**{**facts, **more})  # type: ignore[arg-type]  # facts of a server
    with patch.context() as set_for_now:
        set_for_now.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, mail=server))
        set_for_now.setattr(DNS_NAME, "_fqdn", "house.example", raising=False)
        yield


def work(organisation_id: UUID, now: datetime) -> int:
    """Do the jobs of an organisation that are due, and those that they make; how many that were."""
    done = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = (SELECT min(id) FROM procrastinate_jobs "
                "WHERE status = 'todo' AND args->>'organisation_id' = %s AND coalesce(scheduled_at, '-infinity') <= %s) "
                "RETURNING task_name, args",
                [str(organisation_id), now],
            )
            if (job := cursor.fetchone()) is None:
                return done
            name, facts = job[0], job[1] if isinstance(job[1], dict) else json.loads(job[1])
            with _standing(now):
                app.tasks[name](**facts)
            done += 1


@contextmanager
def _standing(now: datetime) -> Iterator[None]:
    real = clock.now
    try:
        clock.now = lambda: now
        yield
    finally:
        clock.now = real
