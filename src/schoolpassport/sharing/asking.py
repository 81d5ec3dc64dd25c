"""What applications ask for: their data requirements, as they stand."""

from dataclasses import replace
from uuid import UUID

from schoolpassport.partners.models import Integration
from schoolpassport.sharing import requirements as judging
from schoolpassport.sharing.models import DataRequirements
from schoolpassport.sharing.requirements import NONE, Requirements


def of_integration(*, district_id: UUID, integration_id: UUID) -> Requirements:
    """Of the application that is integrated, in the district's scope."""
    mine = Integration.objects.filter(district_id=district_id, id=integration_id)
    application_id = mine.values_list("application_id", flat=True).first()
    return NONE if application_id is None else of_application(application_id=application_id)


def of_application(*, application_id: UUID) -> Requirements:
    """What it said last; ``NONE`` when it never said anything."""
    found = DataRequirements.objects.filter(application_id=application_id).order_by("-number").first()
    return NONE if found is None else replace(judging.read(found.content), number=found.number)
