"""What every other dialect is translated to: the files of OneRoster 1.1, with the attributes that 1.2 added.

No dialect of its own: these are words that dialects share.
"""

from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.kinds.shape import FLAGS_1P2
from schoolpassport.sources.schemas.shape import FileSchema, columns_of

# header → field, where the names differ; every other column is named as its field.
REFERENCES = {
    "parentSourcedId": "parent",
    "primaryOrgSourcedId": "primaryOrg",
    "schoolYearSourcedId": "schoolYear",
    "orgSourcedId": "org",
    "orgSourcedIds": "orgs",
    "courseSourcedId": "course",
    "schoolSourcedId": "school",
    "termSourcedIds": "terms",
    "agentSourcedIds": "agents",
    "classSourcedId": "class",
    "userSourcedId": "user",
    "categorySourcedId": "category",
    "gradingPeriodSourcedId": "gradingPeriod",
    "lineItemSourcedId": "lineItem",
    "studentSourcedId": "student",
    "resourceSourcedId": "resource",
    "scoreScaleSourcedId": "scoreScale",
    "parentAssessmentLineItemSourcedId": "parentAssessmentLineItem",
    "assessmentLineItemSourcedId": "assessmentLineItem",
}


# No file of the standard has these; the API has.
ASSESSMENT = (
    "title description classSourcedId parentAssessmentLineItemSourcedId scoreScaleSourcedId resultValueMin "
    "resultValueMax learningObjectiveSet"
)
ASSESSMENT_RESULT = (
    "assessmentLineItemSourcedId studentSourcedId scoreStatus score textScore scoreDate scoreScaleSourcedId "
    f"scorePercentile comment learningObjectiveSet {' '.join(FLAGS_1P2)}"
)


def _file(name: str, kind: str, headers: str) -> FileSchema:
    return FileSchema(
        name=name,
        kind=KINDS[kind],
        columns=columns_of(KINDS[kind], {h: REFERENCES.get(h, h) for h in headers.split()}, {}),
    )


FILES: tuple[FileSchema, ...] = (
    _file("orgs", "org", "name type identifier parentSourcedId"),
    _file("academicSessions", "academicSession", "title type startDate endDate parentSourcedId schoolYear"),
    _file("categories", "category", "title"),
    _file("resources", "resource", "vendorResourceId title roles importance vendorId applicationId"),
    _file("courses", "course", "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"),
    _file(
        "users",
        "user",
        "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email sms phone "
        "agentSourcedIds grades userMasterIdentifier preferredFirstName preferredMiddleName preferredLastName pronouns "
        "primaryOrgSourcedId roles userProfiles",
    ),
    _file(
        "classes",
        "class",
        "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
        "subjectCodes periods",
    ),
    _file("courseResources", "courseResource", "title courseSourcedId resourceSourcedId"),
    _file("classResources", "classResource", "title classSourcedId resourceSourcedId"),
    _file("userResources", "userResource", "userSourcedId resourceSourcedId"),
    _file("enrollments", "enrollment", "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate"),
    _file(
        "demographics",
        "demographics",
        "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican "
        "nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity "
        "countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus",
    ),
    _file("scoreScales", "scoreScale", "title type courseSourcedId classSourcedId scoreScaleValue"),
    _file(
        "lineItems",
        "lineItem",
        "title description assignDate dueDate classSourcedId categorySourcedId gradingPeriodSourcedId resultValueMin "
        "resultValueMax scoreScaleSourcedId",
    ),
    _file(
        "results",
        "result",
        "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment scoreScaleSourcedId",
    ),
    _file("assessmentLineItems", "assessmentLineItem", ASSESSMENT),
    _file("assessmentResults", "assessmentResult", ASSESSMENT_RESULT),
)


def date(cell: str) -> str:
    """SQL: 2026-09-01 from it or from 9/1/2026; what is neither stays as it is, and is found by the inspection."""
    return (
        f"coalesce(strftime(coalesce(try_strptime({cell}, '%Y-%m-%d'), try_strptime({cell}, '%m/%d/%Y')), '%Y-%m-%d'), "
        f"{cell})"
    )


def listed(value: str) -> str:
    """SQL: an aggregate, the different values of a group as one cell, in the order of the lines."""
    all_ = f"(list({value} ORDER BY line) FILTER ({value} IS NOT NULL))"
    return f"array_to_string(list_filter({all_}, lambda x, i: list_position({all_}, x) = i), ',')"


def earliest(value: str) -> str:
    """SQL: an aggregate, what the first line of a group says."""
    return f"arg_min({value}, line)"
