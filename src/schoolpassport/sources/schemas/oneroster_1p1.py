"""OneRoster 1.1 CSV (bulk and delta), column by column, in the normative order."""

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources.schemas.canonical import REFERENCES
from schoolpassport.sources.schemas.shape import FileSchema, Schema, columns_of

# 1.1 header → what OneRoster 1.0 called it
_OLDER = {
    "userIds": ("userId", "userID"),
    "agentSourcedIds": ("agents", "agentSourcedId"),
    "birthDate": ("birthdate",),
    "termSourcedIds": ("termSourcedId", "academicSessionSourcedId"),
    "schoolYearSourcedId": ("schoolYearId",),
    "orgSourcedIds": ("orgSourcedId",),
    "subjects": ("subject",),
    "beginDate": ("begindate",),
    "sex": ("gender",),
}


def _file(name: str, kind: str, headers: str, *, skipped: tuple[str, ...] = (), older: str = "") -> FileSchema:
    return FileSchema(
        name=name,
        kind=KINDS[kind],
        columns=columns_of(KINDS[kind], {h: REFERENCES.get(h, h) for h in headers.split()}, _OLDER),
        skipped=skipped,
        older_names=((older, "sourcedId"),) if older else (),
    )


SCHEMA = Schema(
    name="oneroster-1.1",
    title="OneRoster 1.1 CSV",
    version="1.1",
    files=(
        _file("orgs", "org", "name type identifier parentSourcedId"),
        _file("academicSessions", "academicSession", "title type startDate endDate parentSourcedId schoolYear"),
        _file("categories", "category", "title"),
        _file("resources", "resource", "vendorResourceId title roles importance vendorId applicationId"),
        _file("courses", "course", "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"),
        _file(
            "users",
            "user",
            "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email sms "
            "phone agentSourcedIds grades",
            skipped=("password",),
        ),
        _file(
            "classes",
            "class",
            "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
            "subjectCodes periods",
        ),
        _file("courseResources", "courseResource", "title courseSourcedId resourceSourcedId"),
        _file("classResources", "classResource", "title classSourcedId resourceSourcedId"),
        _file(
            "enrollments",
            "enrollment",
            "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
        ),
        _file(
            "demographics",
            "demographics",
            "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican "
            "nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity "
            "countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus",
            older="userSourcedId",
        ),
        _file(
            "lineItems",
            "lineItem",
            "title description assignDate dueDate classSourcedId categorySourcedId gradingPeriodSourcedId "
            "resultValueMin resultValueMax",
        ),
        _file("results", "result", "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment"),
    ),
)
