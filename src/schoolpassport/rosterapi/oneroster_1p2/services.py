"""The three services: their bases, the operations of each, and how each describes itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schoolpassport.partners.contract import (
    ASSESSMENT,
    ASSESSMENT_CREATEPUT,
    ASSESSMENT_DELETE,
    CREATEPOST,
    CREATEPUT,
    DELETE,
    DEMOGRAPHICS,
    GRADEBOOK,
    PREFIX,
    PREFIX_1P2,
    RESOURCES,
    ROSTER,
    ROSTER_CORE,
)
from schoolpassport.roster.kinds import Kind, Version
from schoolpassport.roster.kinds.shape import ENTRY_DATES
from schoolpassport.rosterapi import openapi, operations
from schoolpassport.rosterapi.oneroster_1p2 import extras, postings
from schoolpassport.rosterapi.openapi import Release
from schoolpassport.rosterapi.operations import OPERATIONS, Operation

Json = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """``opens``: the scopes whose operations it has, in the words of 1.1 where it has them."""

    name: str
    base: str
    opens: frozenset[str]

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(operation for operation in OPERATIONS if not operation.scopes.isdisjoint(self.opens))

    @property
    def description(self) -> str:
        """Where 1.2 wants the document, below the base."""
        return f"discovery/onerosterv1p2{self.name}service_openapi3_v1p0.json"

    def find(self, path: str) -> tuple[Operation, tuple[str, ...]] | None:
        found = operations.find(path)
        return None if found is None or found[0].scopes.isdisjoint(self.opens) else found


ROSTERING: Final = Service("rosters", "/ims/oneroster/rostering/v1p2", frozenset({ROSTER, ROSTER_CORE, DEMOGRAPHICS}))
GRADES: Final = Service("gradebook", "/ims/oneroster/gradebook/v1p2", frozenset({GRADEBOOK, ASSESSMENT}))
MATERIALS: Final = Service("resources", "/ims/oneroster/resources/v1p2", frozenset({RESOURCES}))
SERVICES: Final[Mapping[str, Service]] = {each.base: each for each in (ROSTERING, GRADES, MATERIALS)}
BASE_OF: Final[Mapping[str, str]] = {  # kind → the base under which its records are read
    operation.kind.name: service.base for service in SERVICES.values() for operation in service.operations
}

_SCOPES: Final = {
    scope: PREFIX_1P2 + scope.removeprefix(PREFIX)
    for scope in (ROSTER, ROSTER_CORE, DEMOGRAPHICS, GRADEBOOK, RESOURCES, CREATEPUT, DELETE)
} | {scope: scope for scope in (ASSESSMENT, ASSESSMENT_CREATEPUT, ASSESSMENT_DELETE)}
_TEXT: Final = {"type": "string"}
_ROLE: Final = {
    "type": "object",
    "required": ["roleType", "role", "org"],
    "properties": {
        "roleType": {"type": "string", "enum": ["primary", "secondary"]},
        "role": _TEXT,
        "org": {"$ref": "#/components/schemas/OrgRef"},
        "userProfile": _TEXT,
        **{date: {"type": "string", "format": "date"} for date in ENTRY_DATES},
    },
}

_PROFILE: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("profileId", "profileType", "vendorId", "applicationId", "description"), _TEXT),
        "credentials": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": _TEXT, "username": _TEXT}},
        },
    },
}


def described(service: Service, *, address: str) -> Json:
    """The OpenAPI document of one service."""
    title = f"School Passport: OneRoster 1.2, {service.name}"
    release = Release(title, Version.V1P2, service.operations, _shaped, _SCOPES, signed=False)
    document = openapi.document(address=address, prefix=service.base, release=release)
    if service is GRADES:
        for path, methods in postings.described({"lineItem": "LineItemWritten", "result": "ResultWritten"}).items():
            document["paths"].setdefault(path, {}).update(methods)
        flow = document["components"]["securitySchemes"]["bearer"]["flows"]["clientCredentials"]
        flow["scopes"][CREATEPOST] = "Write several line items or results at once, where the district allows it."
    return document


def _shaped(kind: Kind, properties: Json, required: list[str]) -> tuple[Json, list[str]]:
    """What ``shapes`` does to documents, said of their description."""
    reference = {
        f"{name}Ref": {"$ref": f"#/components/schemas/{name}Ref"} for name in ("Org", "Class", "AcademicSession")
    }
    properties = {**properties, **extras.SCHEMAS.get(kind.name, {})}
    match kind.name:
        case "user":
            kept = {name: value for name, value in properties.items() if name not in {"role", "orgs"}}
            if "userProfiles" in kept:
                kept["userProfiles"] = {"type": "array", "items": _PROFILE}
            needed = [name for name in required if name not in {"role", "orgs", "username"}]
            return {**kept, "roles": {"type": "array", "items": _ROLE}}, [*needed, "roles"]
        case "lineItem":
            more = {"school": reference["OrgRef"], "academicSession": reference["AcademicSessionRef"]}
            return {**properties, **more}, required
        case "result":
            return {**properties, "class": reference["ClassRef"]}, required
        case _:
            return properties, required


def properties(kind: Kind) -> frozenset[str]:
    """What ``fields`` can name."""
    own = {field.name for field in kind.fields if Version.V1P2 in field.versions}
    names = {"sourcedId", "status", "dateLastModified", "metadata", *own, *(each.name for each in kind.derived)}
    shaped, _ = _shaped(kind, dict.fromkeys(names), [])
    return frozenset(shaped)
