"""What was told to whom about a thing, for tests that are about the thing."""

from uuid import UUID

from schoolpassport.messaging.models import Notice
from schoolpassport.partners import queries as partners
from schoolpassport.tenancy import scope


def told(organisation_id: UUID, about: UUID) -> list[str]:
    """The kinds of the notices, in their order."""
    with scope.as_organisation(organisation_id):
        mine = Notice.objects.filter(organisation_id=organisation_id, about=str(about))
        return list(mine.order_by("id").values_list("kind", flat=True))


def told_partner(district_id: UUID, integration_id: UUID, about: UUID) -> list[str]:
    """The same, of the partner whose application it is."""
    with scope.inside(district_id):
        application = partners.integrated_application(district_id=district_id, integration_id=integration_id)
    return told(application.partner_id, about)
