"""Discovery: a partner asks which districts it may connect to, with which credentials, and how its applications do."""

from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.partners import queries
from schoolpassport.partners.records import Onboarding, PartnerBearer, PartnersIntegration
from schoolpassport.rosterapi.base_url import base_url
from schoolpassport.rosterapi.vendor.admission import READING, answered, instant

TOKEN_PATH: Final = "/datahub/oauth/token"  # noqa: S105 (an address, no secret)
API_PATH: Final = "/datahub/services/ims/oneroster/v1p1"


def credentials(request: HttpRequest) -> HttpResponse:
    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        found = queries.onboardings(partner_id=bearer.partner_id, now=now)
        return JsonResponse([_shown(each, base_url(request)) for each in found], safe=False)

    return answered(request, READING, work)


def applications(request: HttpRequest) -> HttpResponse:
    """The partner's applications, each with the districts that activated it, and how it stands there."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        integrations = queries.integrations_of(partner_id=bearer.partner_id)
        told = [
            {
                "applicationGuid": str(application.id),
                "applicationName": application.name,
                "integrations": [_integration(i, now) for i in integrations if i.application_id == application.id],
            }
            for application in queries.applications_of(partner_id=bearer.partner_id)
        ]
        return JsonResponse({"applications": told})

    return answered(request, READING, work)


def _shown(onboarding: Onboarding, base: str) -> dict[str, str | None]:
    return {
        "districtName": onboarding.district_name,
        "clientId": onboarding.client_id,
        "clientSecret": onboarding.client_secret,
        "createdTimestamp": instant(onboarding.activated_at),
        "lastDataProcessingCompletedTimestamp": instant(onboarding.data_completed_at),
        "tokenUrl": base + TOKEN_PATH,
        "apiUrl": base + API_PATH,
        "districtGuid": str(onboarding.district_id),
        "expiryDate": instant(onboarding.expires_at),
    }


def _integration(found: PartnersIntegration, now: datetime) -> dict[str, Any]:
    return {
        "integrationGuid": str(found.id),
        "districtGuid": str(found.district_id),
        "districtName": found.district_name,
        "status": found.status(now),
        "createdTimestamp": instant(found.activated_at),
        "lastDataProcessingCompletedTimestamp": instant(found.data_completed_at),
        "expiryDate": instant(found.expires_at),
    }
