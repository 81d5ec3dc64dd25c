from uuid import UUID

from schoolpassport.tenancy.models import District


class UnknownDistrict(LookupError):
    """No district has this name or id."""


def districts() -> list[District]:
    return list(District.objects.order_by("name"))


def district(id_or_name: UUID | str) -> District:
    """The district with this id or exact name; raises ``UnknownDistrict`` with the names there are."""
    try:
        return District.objects.get(id=UUID(str(id_or_name)))
    except (ValueError, District.DoesNotExist):
        found = District.objects.filter(name=str(id_or_name)).first()
    if found is None:
        known = (
            ", ".join(f"“{d.name}”" for d in districts()[:5]) or "none yet; make one with `schoolpassport district add`"
        )
        raise UnknownDistrict(f"No district “{id_or_name}”. There are: {known}.")
    return found
