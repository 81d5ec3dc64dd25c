"""The control: the same users, served as one would with Django REST framework and nothing else in mind.

Model serializers over the roster's typed columns, limit and offset in SQL, a count for each page, no token.
"""

import os
from typing import Any
from uuid import UUID

from django.conf import settings

settings.REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
settings.ROOT_URLCONF = "bench.control"
settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # which says how long an answer is

import django  # noqa: E402 (the settings above come first)

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 (not before Django is set up)
from django.urls import path  # noqa: E402 (not before Django is set up)
from rest_framework import generics, pagination, serializers  # type: ignore[import-untyped]  # noqa: E402 (not before Django is set up)

from schoolpassport.roster.models import OPEN, RECORDS, Revision  # noqa: E402 (not before Django is set up)
from schoolpassport.tenancy import scope  # noqa: E402 (not before Django is set up)

_DISTRICT = UUID(os.environ["BENCH_DISTRICT"])
_BASE = "http://127.0.0.1"


def _references(kind: str, ids: list[UUID] | None) -> list[dict[str, str]]:
    """Plain dictionaries: nested serializers would be slower still."""
    return [{"href": f"{_BASE}/{kind}s/{each}", "sourcedId": str(each), "type": kind} for each in ids or ()]


class UserSerializer(serializers.ModelSerializer):  # type: ignore[misc]  # no types come with it
    sourcedId = serializers.UUIDField(source="id")  # noqa: N815 (the names of OneRoster)
    dateLastModified = serializers.SerializerMethodField()  # noqa: N815 (the names of OneRoster)
    userIds = serializers.JSONField(source="user_ids")  # noqa: N815 (the names of OneRoster)
    enabledUser = serializers.BooleanField(source="enabled_user")  # noqa: N815 (the names of OneRoster)
    givenName = serializers.CharField(source="given_name")  # noqa: N815 (the names of OneRoster)
    familyName = serializers.CharField(source="family_name")  # noqa: N815 (the names of OneRoster)
    middleName = serializers.CharField(source="middle_name")  # noqa: N815 (the names of OneRoster)
    agents = serializers.SerializerMethodField()
    orgs = serializers.SerializerMethodField()

    class Meta:
        model = RECORDS["user"]
        fields = (
            "sourcedId",
            "status",
            "dateLastModified",
            "metadata",
            "username",
            "userIds",
            "enabledUser",
            "givenName",
            "familyName",
            "middleName",
            "role",
            "identifier",
            "email",
            "sms",
            "phone",
            "agents",
            "orgs",
            "grades",
        )  # fmt: skip (one field a line)

    def get_dateLastModified(self, user: Any) -> str:  # noqa: N802 (DRF's way)
        at: str = self.context["revisions"][user.rev_from]
        return at

    def get_agents(self, user: Any) -> list[dict[str, str]]:
        return _references("user", user.agents)

    def get_orgs(self, user: Any) -> list[dict[str, str]]:
        return _references("org", user.orgs)


class Pages(pagination.LimitOffsetPagination):  # type: ignore[misc]  # no types come with it
    max_limit = 10_000


class Users(generics.ListAPIView):  # type: ignore[misc]  # no types come with it
    serializer_class = UserSerializer
    pagination_class = Pages
    queryset = RECORDS["user"].objects.filter(district_id=_DISTRICT, rev_to=OPEN).order_by("id")  # type: ignore[attr-defined]  # no types come with it

    def get_serializer_context(self) -> dict[str, Any]:
        revisions = Revision.objects.filter(district_id=_DISTRICT).values_list("number", "at")
        return {**super().get_serializer_context(), "revisions": {number: at.isoformat() for number, at in revisions}}

    def list(self, *args: object, **kwargs: object) -> Any:
        with scope.inside(_DISTRICT):
            return super().list(*args, **kwargs)


urlpatterns = [path("users", Users.as_view())]
application = get_wsgi_application()
