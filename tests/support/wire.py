"""What this process really sends to PostgreSQL, as libpq itself writes it down."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


class Sent:
    """The messages of a block, once it has ended."""

    text = ""

    def trips(self) -> int:
        return self.text.count("\tSync")

    def said(self, words: str) -> int:
        """In statements; those that are prepared already are sent by their names alone."""
        return self.text.count(words)


@contextmanager
def messages_sent(file: Path) -> Iterator[Sent]:
    sent = Sent()
    connection.ensure_connection()
    link = connection.connection.pgconn
    with file.open("w+b") as written:
        link.trace(written.fileno())
        yield sent
        link.untrace()
        written.seek(0)
        sent.text = written.read().decode()
