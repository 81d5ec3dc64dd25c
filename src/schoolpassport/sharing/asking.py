"""What applications ask for: their data requirements, as they stand."""

from dataclasses import replace
from uuid import UUID

from django.db.models import QuerySet

from schoolpassport.partners.models import Integration
from schoolpassport.sharing import requirements as judging
from schoolpassport.sharing.models import DataRequirements
from schoolpassport.sharing.requirements import NONE, Requirements


def of_integration(*, district_id: UUID, integration_id: UUID) -> Requirements:
    """Of the application that is integrated, in the district's scope. In one trip: each night asks for every view."""
    mine = Integration.objects.filter(district_id=district_id, id=integration_id).values("application_id")
    return _last(DataRequirements.objects.filter(application_id__in=mine))


def of_application(*, application_id: UUID) -> Requirements:
    """What it said last; ``NONE`` when it never said anything."""
    return _last(DataRequirements.objects.filter(application_id=application_id))


def _last(said: QuerySet[DataRequirements]) -> Requirements:
    found = said.order_by("-number").first()
    return NONE if found is None else replace(judging.read(found.content), number=found.number)
