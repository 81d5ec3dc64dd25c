"""Looking: formats there are, what they would make of the view that stands, and what a sample seems to be."""

import math
from dataclasses import replace
from datetime import date, datetime
from operator import itemgetter
from pathlib import Path
from uuid import UUID

from schoolpassport.delivery import _workroom, accounts, custom, examples, making
from schoolpassport.delivery.formats import FORMATS, Format
from schoolpassport.delivery.lying import LONGEST, Sent
from schoolpassport.delivery.models import Account, Delivery, OwnFormat, Shipment, State
from schoolpassport.delivery.records import Known, Tried, UnknownDelivery, UnknownFormat
from schoolpassport.kit.sftpservice import Entry
from schoolpassport.sharing import queries as sharing
from schoolpassport.tenancy import scope


def formats(*, district_id: UUID, integration_id: UUID, today: date) -> list[Known]:
    """The standard ones, then the application's own in the version that holds."""
    own = [custom.read(f.content, name=f.name, today=today) for f in _held(district_id, integration_id)]
    versions = {f.name: f.version for f in _held(district_id, integration_id)}
    return [
        Known(
            name=f.name,
            title=f.title,
            about=f.about,
            version=versions.get(f.name, 0),
            modes=tuple(f.modes),
            files=tuple(each.name for each in f.files),
        )
        for f in (*FORMATS.values(), *own)
    ]


def format_(*, district_id: UUID, integration_id: UUID, name: str, today: date) -> Format:
    """A standard format, or the application's own. Raises ``UnknownFormat``."""
    if name in FORMATS:
        return FORMATS[name]
    return custom.read(
        own_format(district_id=district_id, integration_id=integration_id, name=name).content, name=name, today=today
    )


def own_format(*, district_id: UUID, integration_id: UUID, name: str, version: int | None = None) -> OwnFormat:
    """The version that holds, or another. Raises ``UnknownFormat``."""
    with scope.inside(district_id):
        found = OwnFormat.objects.filter(district_id=district_id, integration_id=integration_id, name=name)
        found = found.filter(version=version) if version is not None else found
        held = found.order_by("-version").first()
    if held is None:
        names = [*FORMATS, *(f.name for f in _held(district_id, integration_id))]
        asked = f"“{name}”" if version is None else f"“{name}” in version {version}"
        raise UnknownFormat(f"There is no format {asked}. There are: {', '.join(names)}.")
    return held


def _held(district_id: UUID, integration_id: UUID) -> list[OwnFormat]:
    with scope.inside(district_id):
        every = OwnFormat.objects.filter(district_id=district_id, integration_id=integration_id)
        return list(every.order_by("name", "-version").distinct("name"))


def preview(*, district_id: UUID, integration_id: UUID, format_: Format, most: int) -> dict[str, list[tuple[str, ...]]]:
    """The first rows that the format makes of the view as it stands, header first. Raises ``NothingShared``."""
    with _workroom.exported(district_id=district_id, integration_id=integration_id, format_=format_) as (room, found):
        return making.sample(format_, found, room=room, most=most)


def tried(*, district_id: UUID, integration_id: UUID, format_: Format, sample: Path) -> Tried:
    """Whether the format makes every row of a sample. Raises ``examples.NoSample``, ``NothingShared``."""
    with _workroom.exported(district_id=district_id, integration_id=integration_id, format_=format_) as (room, found):
        return examples.tried(format_, found, room=room, sample=examples.read(sample))


def proposed(*, district_id: UUID, integration_id: UUID, sample: Path, now: datetime) -> examples.Proposal:
    """A format that makes files like the sample, each column with how sure it is. Raises the same."""
    read = examples.read(sample)
    wanted = examples.everything()
    with _workroom.exported(district_id=district_id, integration_id=integration_id, format_=wanted) as (room, found):
        return examples.propose(read, found, room=room, now=now)


# ---------------------------------------------------------------------------------------------------------- deliveries


def delivery(*, district_id: UUID, name: str) -> Delivery:
    """Raises ``UnknownDelivery``."""
    every = deliveries(district_id=district_id)
    found = next((d for d in every if d.name == name), None)
    if found is None:
        there = ", ".join(d.name for d in every) or "none yet"
        raise UnknownDelivery(f"There is no delivery “{name}”. There are: {there}.")
    return found


def deliveries(*, district_id: UUID) -> list[Delivery]:
    with scope.inside(district_id):
        return list(Delivery.objects.filter(district_id=district_id).order_by("name"))


def shipments(*, district_id: UUID, delivery_id: UUID, limit: int = 20) -> list[Shipment]:
    """What became of a delivery, the newest first."""
    with scope.inside(district_id):
        found = Shipment.objects.filter(district_id=district_id, delivery_id=delivery_id)
        return list(found.order_by("-number")[:limit])


def files_sent(*, district_id: UUID, delivery_id: UUID) -> list[Sent]:
    """All that were sent and may lie there, those of the last delivery first.

    Each delivery takes away what has lain long, but for what the one before it brought.
    """
    told = ("number", "revision", "files", "finished_at")
    with scope.inside(district_id):
        sent = Shipment.objects.filter(district_id=district_id, delivery_id=delivery_id, state=State.SENT)
        newest = list(sent.order_by("-number").values_list(*told)[:2])
        since = newest[0][-1] - LONGEST if newest else None
        recent = list(sent.filter(finished_at__gte=since).values_list(*told)) if since else []
    found = sorted({row[0]: row for row in (*newest, *recent)}.values(), key=itemgetter(0), reverse=True)
    return [
        Sent(name=file["name"], made=file.get("made"), revision=revision, is_last=place == 0)
        for place, (_, revision, files, _) in enumerate(found)
        for file in files
    ]


def files_of_others(delivery: Delivery) -> frozenset[tuple[str, int]]:
    """Names and making of what the application's other deliveries brought last, from where their changes go on."""
    about = {"district_id": delivery.district_id, "integration_id": delivery.integration_id}
    with scope.inside(delivery.district_id):
        others = Delivery.objects.filter(**about).exclude(id=delivery.id).values_list("id", flat=True)
        sent = Shipment.objects.filter(district_id=delivery.district_id, delivery_id__in=list(others), state=State.SENT)
        last = sent.order_by("delivery_id", "-number").distinct("delivery_id")
        found = list(last.values_list("files", flat=True))
    return frozenset((file["name"], file["made"]) for files in found for file in files if file.get("made"))


# ------------------------------------------------------------------------------------------------------------ accounts


def room(*, district_id: UUID, integration_id: UUID) -> int:
    """How many bytes may lie ready for an application: of its accounts that stand, the least quota."""
    with scope.inside(district_id):
        standing = Account.objects.filter(district_id=district_id, integration_id=integration_id, ended_at=None)
        return min(standing.values_list("quota", flat=True), default=accounts.QUOTA)


def sftp_accounts(*, district_id: UUID) -> list[Account]:
    """Those that have ended, too."""
    with scope.inside(district_id):
        return list(Account.objects.filter(district_id=district_id).order_by("login"))


def entry(login: str, *, now: datetime) -> Entry:
    """What a login may do (``kit.sftpservice.Doorkeeper``); one that nothing opens where it is nobody's.

    An application fetches nothing while its consent is suspended, and nothing from before the end of one that is over.
    """
    district_id = accounts.district_of(login)
    if district_id is None:
        return accounts.nobody()
    with scope.inside(district_id):
        found = Account.objects.filter(district_id=district_id, login=login, ended_at=None).first()
        if found is None:
            return accounts.nobody()
        if found.integration_id is None:
            return accounts.entry(found)
        since = sharing.handed_over_since(district_id=district_id, integration_id=found.integration_id, now=now)
    return replace(accounts.entry(found), since=math.inf if since is None else since.timestamp())
