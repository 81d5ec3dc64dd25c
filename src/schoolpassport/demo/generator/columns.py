"""The data files of a package and their columns, in the order that OneRoster 1.1 prescribes."""

from collections.abc import Mapping

_FIRST = ("sourcedId", "status", "dateLastModified")


def _columns(names: str) -> tuple[str, ...]:
    return (*_FIRST, *names.split())


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "orgs": _columns("name type identifier parentSourcedId"),
    "academicSessions": _columns("title type startDate endDate parentSourcedId schoolYear"),
    "courses": _columns("schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"),
    "classes": _columns(
        "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects"
        " subjectCodes periods"
    ),
    "users": _columns(
        "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email sms phone"
        " agentSourcedIds grades password"
    ),
    "enrollments": _columns("classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate"),
    "demographics": _columns(
        "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican"
        " nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity"
        " countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus"
    ),
}

METADATA: Mapping[str, tuple[str, ...]] = {
    "users": ("metadata.locker", "metadata.busRoute"),
    "classes": ("metadata.bellSchedule",),
}

ABSENT = ("categories", "classResources", "courseResources", "lineItems", "resources", "results")
