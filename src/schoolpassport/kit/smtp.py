"""Mail handed over to the operator's own server, by Django's SMTP backend. No tenant names a server.

What the server said decides what comes next: accepted, refused for good, or to be tried again later. Between a server
that accepted and our hearing of it a connection may break; then a message is handed over twice, under one Message-ID.
"""

import contextlib
import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

_SECONDS: Final = 30
_FOR_GOOD: Final = 500
_AT_HOME: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # to a server on this machine only


class BadAddress(ValueError):
    """Nothing that mail can be sent to; the message says so."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Certificates are verified, by what the system trusts (``SSL_CERT_FILE`` names another file)."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    word: str = field(default="", repr=False)

    @property
    def problem(self) -> str:
        """What is wrong with it, and what to do; empty when nothing is."""
        if self.security is Security.NONE and self.host not in _AT_HOME:
            return "only a server on this machine is spoken to without TLS; give starttls or tls"
        return ""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Plain text. ``id`` stays the same through all attempts, so whoever gets it twice can know."""

    id: str  # with the sender's domain, the Message-ID
    to: str
    subject: str
    body: str
    date: str  # as RFC 5322 has it
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """``final``: the same letter will not be taken later either. ``sentence``: why it was not accepted."""

    accepted: bool
    final: bool = False
    sentence: str = ""


def check_address(text: str) -> str:
    """The address as it is to be used. Raises ``BadAddress``."""
    address = text.strip(" ")
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not address or _UNSEEN.search(address):
        raise BadAddress(f"“{_UNSEEN.sub(' ', text)[:100]}” is no mail address. Give one like ada@district.example.")
    return address


def hand_over(letter: Letter, server: Server) -> Reply:
    """One attempt. Raises ``BadHeaderError`` for a subject, an address or a header with a line end."""
    message = EmailMessage(
        subject=letter.subject,
        body=letter.body,
        from_email=server.sender,
        to=[letter.to],
        headers={
            "Message-ID": f"<{letter.id}@{server.sender.rpartition('@')[2].strip('<> ')}>",
            "Date": letter.date,
            "Auto-Submitted": "auto-generated",
            **letter.headers,
        },
    )
    message.message()  # a header with a line end is refused before anybody is called
    try:
        _send(message, server)
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        return _refused(code, said, final=code >= _FOR_GOOD)
    except smtplib.SMTPDataError as refused:
        return _refused(refused.smtp_code, refused.smtp_error, final=refused.smtp_code >= _FOR_GOOD)
    except smtplib.SMTPResponseException as refused:  # the operator mends what is wrong with user, sender or greeting
        return _refused(refused.smtp_code, refused.smtp_error, final=False)
    except (smtplib.SMTPException, OSError) as broken:
        return Reply(accepted=False, sentence=f"The mail server cannot be spoken to: {type(broken).__name__}.")
    return Reply(accepted=True)


def _send(message: EmailMessage, server: Server) -> None:
    connection = EmailBackend(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.word,
        use_tls=server.security is Security.STARTTLS,
        use_ssl=server.security is Security.TLS,
        timeout=_SECONDS,
    )
    try:
        connection.open()
        connection.send_messages([message])
    finally:  # what was accepted is, however the farewell goes
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.close()


def _refused(code: int, said: bytes | str, *, final: bool) -> Reply:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Reply(accepted=False, final=final, sentence=f"The mail server said {code} {_UNSEEN.sub(' ', text)[:200]}")
