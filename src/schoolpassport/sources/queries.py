from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from uuid import UUID

from schoolpassport.sources import policies
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.models import OF_THE_DISTRICT, Setting, Source
from schoolpassport.sources.records import Settings, Trait
from schoolpassport.sources.schemas import SCHEMAS


class UnknownSource(LookupError):
    """The district has no such source; the message says which it has."""


def sources(*, district_id: UUID) -> list[Source]:
    return list(Source.objects.filter(district_id=district_id).order_by("name"))


def names(*, district_id: UUID) -> dict[UUID, str]:
    return dict(Source.objects.filter(district_id=district_id).values_list("id", "name"))


def registered(*, district_id: UUID) -> list[Source]:
    """In the order of their registration."""
    return list(Source.objects.filter(district_id=district_id).order_by("created_at", "id"))


def naming_by_id(*, district_id: UUID) -> list[UUID]:
    """The sources in which the id of somebody without a user name stands in its place."""
    return [s.id for s in sources(district_id=district_id) if SCHEMAS[s.schema].names_by_id]


def source(*, district_id: UUID, id_or_name: UUID | str) -> Source:
    for candidate in sources(district_id=district_id):
        if str(id_or_name) in {str(candidate.id), candidate.name}:
            return candidate
    names = {s.name.casefold(): s.name for s in sources(district_id=district_id)}
    known = ", ".join(f"“{name}”" for name in names.values()) or "none"
    close = get_close_matches(str(id_or_name).casefold(), names, n=1)
    meant = f" Did you mean “{names[close[0]]}”?" if close else ""
    raise UnknownSource(f"No source “{id_or_name}” in this district. There are: {known}.{meant}")


def card(*, district_id: UUID, source_id: UUID) -> tuple[Trait, ...]:
    """The dialect card of a source; empty when nothing was found out yet, or there is nothing to find out."""
    found = Source.objects.get(district_id=district_id, id=source_id)
    connector = CONNECTORS.get(found.connector)
    return connector.dialect.card(found.memory) if connector and connector.dialect else ()


def settings(*, district_id: UUID, source_id: UUID | None = None) -> Settings:
    """What holds for a source now: its own documents, and the district's where it has none of its own."""
    owners = (OF_THE_DISTRICT,) if source_id is None else (OF_THE_DISTRICT, source_id)
    newest = (
        Setting.objects.filter(district_id=district_id, source_id__in=owners)
        .order_by("source_id", "subject", "-version")
        .distinct("source_id", "subject")
    )
    held = {setting.subject: setting for owner in owners for setting in newest if setting.source_id == owner}
    return Settings(
        versions=MappingProxyType({subject: s.version for subject, s in held.items()}),
        contents=MappingProxyType({subject: s.content for subject, s in held.items()}),
    )


def shaped_by(
    *, district_id: UUID, source_id: UUID, versions: Mapping[str, int], kind: str, attribute: str
) -> tuple[str, ...]:
    """How a source's cells became an attribute under these versions of its settings, in words; empty: as they stood."""
    held = Setting.objects.filter(district_id=district_id, source_id=source_id, subject__in=policies.SUBJECTS)
    documents = {s.subject: s.content for s in held if versions.get(s.subject) == s.version}
    return policies.told(documents, kind=kind, attribute=attribute)


def setting_versions(*, district_id: UUID, source_id: UUID | None = None, subject: str) -> list[Setting]:
    """Every document that ever held, newest first."""
    owner = source_id or OF_THE_DISTRICT
    return list(Setting.objects.filter(district_id=district_id, source_id=owner, subject=subject).order_by("-version"))
