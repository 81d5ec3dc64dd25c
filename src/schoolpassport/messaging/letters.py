"""What a mail says: of one notice, or of a day's."""

from collections.abc import Sequence
from email.utils import format_datetime
from uuid import UUID

from schoolpassport.kit import smtp
from schoolpassport.messaging.models import Letter, Notice
from schoolpassport.messaging.wording import line

_RULE = "-" * 60


def composed(letter: Letter, *, to: str, notices: Sequence[Notice], waiting: Sequence[Notice]) -> smtp.Letter:
    """``waiting``: what was told before, and is told again in a digest."""
    parts = [_part(notice) for notice in notices]
    if waiting:
        parts.append("\n".join(["These wait for a decision still:", "", *(_reminder(n) for n in waiting)]))
    every = [*notices, *waiting]
    only = every[0] if len(every) == 1 else None
    still = "Still: " if waiting else ""
    subject = f"{still}{only.subject}" if only else f"{len(every):,} notices of School Passport"
    return smtp.Letter(
        id=letter.id.hex,
        to=to,
        subject=line(subject),
        body=f"\n\n{_RULE}\n\n".join(parts) + "\n\n" + _foot(to, only),
        date=format_datetime(letter.made_at),
    )


def trial(letter_id: UUID, *, to: str, date: str) -> smtp.Letter:
    return smtp.Letter(
        id=letter_id.hex,
        to=to,
        subject="A trial of School Passport",
        body=f"Notices reach this address.\n\n{_foot(to, None)}",
        date=date,
    )


def _part(notice: Notice) -> str:
    lines = [notice.subject, "", notice.words]
    if notice.commands:
        lines += ["", "What can be done:", "", *(f"    {command}" for command in notice.commands.splitlines())]
    return "\n".join(lines)


def _reminder(notice: Notice) -> str:
    return f"- {notice.subject} (told {notice.told_at:%Y-%m-%d}): schoolpassport notices show {notice.id.hex[-8:]}"


def _foot(to: str, only: Notice | None) -> str:
    kind = only.kind if only else "KIND"
    return (
        "-- \n"
        f"School Passport tells this to {to}. Who wants to hear of it once a day (daily), or not\n"
        f"at all (off), says so, or asks whoever runs it: schoolpassport notices prefer {kind} off --address {to}\n"
    )
