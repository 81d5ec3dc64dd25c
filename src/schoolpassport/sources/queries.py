from uuid import UUID

from schoolpassport.sources.models import Source


class UnknownSource(LookupError):
    """The district has no such source; the message says which it has."""


def sources(*, district_id: UUID) -> list[Source]:
    return list(Source.objects.filter(district_id=district_id).order_by("name"))


def source(*, district_id: UUID, id_or_name: UUID | str) -> Source:
    for candidate in sources(district_id=district_id):
        if str(id_or_name) in {str(candidate.id), candidate.name}:
            return candidate
    known = ", ".join(f"“{s.name}”" for s in sources(district_id=district_id)) or "none"
    raise UnknownSource(f"No source “{id_or_name}” in this district. There are: {known}.")
