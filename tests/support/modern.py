"""The same packages in OneRoster 1.2, whose users have roles at orgs, preferred names and accounts elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.sources.actions import register_source
from schoolpassport.sync.models import Run
from tests.support.nights import BY, Nights
from tests.support.packages import FIRST, HEADERS, Package, Row, table

SCHEMA = "oneroster-1.2"
USERS = (
    f"{FIRST} enabledUser username userIds givenName familyName middleName identifier email sms phone agentSourcedIds "
    "grades password userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName "
    "primaryOrgSourcedId pronouns"
).split()
ROLES = f"{FIRST} userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId".split()
PROFILES = (
    f"{FIRST} userSourcedId profileType vendorId applicationId description credentialType username password".split()
)
GRADES = {
    name: f"{FIRST} {rest}".split()
    for name, rest in {
        "lineItems": "title description assignDate dueDate classSourcedId categorySourcedId academicSessionSourcedId "
        "resultValueMin resultValueMax schoolSourcedId",
        "categories": "title weight",
        "results": "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment textScore classSourcedId "
        "inProgress incomplete late missing",
        "lineItemLearningObjectiveIds": "lineItemSourcedId source learningObjectiveId",
        "resultLearningObjectiveIds": "resultSourcedId source learningObjectiveId score textScore",
        "scoreScales": "title type orgSourcedId courseSourcedId classSourcedId scoreScaleValue",
        "lineItemScoreScales": "title lineItemSourcedId scoreScaleSourcedId",
        "resultScoreScales": "title resultSourcedId scoreScaleSourcedId",
        # No file of the standard; the API's own, as our reader of it writes them.
        "assessmentLineItems": "title classSourcedId parentAssessmentLineItemSourcedId scoreScaleSourcedId",
        "assessmentResults": "assessmentLineItemSourcedId studentSourcedId scoreStatus score scoreDate",
    }.items()
}
USES = f"{FIRST} userSourcedId orgSourcedId classSourcedId resourceSourcedId".split()
HEADERS_1P2 = {**HEADERS, "users": USERS, "roles": ROLES, "userProfiles": PROFILES, "userResources": USES, **GRADES}


def profile(key: str, user: str, **cells: str) -> Row:
    return {"sourcedId": key, "userSourcedId": user, "profileType": "LMS", "vendorId": "v", **cells}


def used(key: str, user: str, resource: str, **cells: str) -> Row:
    return {"sourcedId": key, "userSourcedId": user, "resourceSourcedId": resource, **cells}


def role(key: str, user: str, org: str, role: str, **cells: str) -> Row:
    return {"sourcedId": key, "userSourcedId": user, "orgSourcedId": org, "role": role, **cells}


def as_1p2(package: Package) -> dict[str, str]:
    """Users may have cells of 1.2; a package may have rows of ``userProfiles``, and further ones of ``roles``."""
    kinds = {row["sourcedId"]: row["type"] for row in package.rows["orgs"]}
    moved = {"orgSourcedIds", "role"}
    users = [{k: v for k, v in row.items() if k not in moved} for row in package.rows["users"]]
    roles = [
        {
            "sourcedId": f"{row['sourcedId']}-{place}",
            "userSourcedId": row["sourcedId"],
            "roleType": "secondary" if place else "primary",
            "role": _role(row["role"], kinds.get(org, "")),
            "orgSourcedId": org,
        }
        for row in package.rows["users"]
        for place, org in enumerate(each for each in row["orgSourcedIds"].split(",") if each)
    ]
    rows: dict[str, Any] = {**package.rows, "users": users, "roles": [*roles, *package.rows.get("roles", ())]}
    said = {"manifest.version": "1.0", "oneroster.version": "1.2"} | {
        f"file.{name}": "bulk" if rows.get(name) else "absent" for name in HEADERS_1P2
    }
    manifest = "propertyName,value\n" + "".join(f"{name},{value}\n" for name, value in said.items())
    files = {f"{name}.csv": table(each, HEADERS_1P2[name]) for name, each in rows.items() if each}
    return {"manifest.csv": manifest, **files}


def _role(role: str, kind: str) -> str:
    if role != "administrator":
        return role
    return "districtAdministrator" if kind == "district" else "principal"


@dataclass
class Modern(Nights):
    """Nights that tell everything in 1.2."""

    def ask(self, origin: Package | dict[str, Any] | Path) -> Run:
        return super().ask(as_1p2(origin) if isinstance(origin, Package) else origin)


def modern(*, district_id: UUID, folder: Path, now: datetime) -> Modern:
    source = register_source(district_id=district_id, name="SIS", schema=SCHEMA, by=BY, now=now)
    made = Modern(district_id, source, folder, now)
    made.set_limits(witnesses=1)
    return made
