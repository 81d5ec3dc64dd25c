"""OneRoster 1.2 CSV (1.2.1), bulk and delta: roles and profiles of users are in files of their own."""

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds.shape import EXTENDS, FLAGS_1P2, PREFIX_1P2
from schoolpassport.sources.schemas.canonical import ASSESSMENT, ASSESSMENT_RESULT, FILES, listed
from schoolpassport.sources.schemas.shape import Input, Joined, Output, Schema, same

_FIRST = ("sourcedId", "status", "dateLastModified")
# What 1.2 calls roles, in the words of 1.1. A counselor looks after pupils: an aide; the others run something.
_ROLES = {
    **{same_: same_ for same_ in ("aide", "guardian", "parent", "proctor", "relative", "student", "teacher")},
    "counselor": "aide",
    **dict.fromkeys(
        ("districtAdministrator", "principal", "siteAdministrator", "systemAdministrator", "administrator"),
        "administrator",
    ),
}
_ROLE = (
    "CASE r.role "
    + " ".join(f"WHEN {literal(new)} THEN {literal(old)}" for new, old in _ROLES.items())
    + " ELSE r.role END"
)
_STANDS = "\"status\" IS DISTINCT FROM 'tobedeleted'"
_PRIMARY_FIRST = "(\"roleType\" IS DISTINCT FROM 'primary', line)"
_FLAGS = (
    *(
        "americanIndianOrAlaskaNative",
        "asian",
        "blackOrAfricanAmerican",
        "nativeHawaiianOrOtherPacificIslander",
        "white",
    ),
    *("demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity"),
)


# A score that is no number, or one that JSON has no place for, stays the text that it is.
_SCORED = """json_merge_patch('{}', json_object('learningObjectiveId', "learningObjectiveId",
    'score', CASE WHEN isfinite(try_cast("score" AS DOUBLE)) THEN to_json(try_cast("score" AS DOUBLE))
    ELSE to_json("score") END, 'textScore', "textScore"))"""


def _input(name: str, columns: str, required: str, *, skipped: str = "", optional: bool = True) -> Input:
    return Input(
        name=name,
        columns=same(*_FIRST, *columns.split()),
        required=("sourcedId", *required.split()),
        optional=optional,
        skipped=tuple(skipped.split()),
        extended=True,
    )


def _as_it_is(kind: str, name: str, columns: str, **others: str) -> Output:
    """Columns that both versions have, and those that only have another name or need a word changed."""
    cells = [f'"{c}"' for c in (*_FIRST, *columns.split())] + [f'{sql} AS "{c}"' for c, sql in others.items()]
    file = literal(f"{name}.csv")
    return Output(kind=kind, of=(name,), sql=f"SELECT {', '.join(cells)}, {file} AS file, line FROM {{{name}}}")


def _scaled(kind: str) -> str:
    return f"{kind}SourcedId scoreScaleSourcedId"


def _added(**cells: str) -> dict[str, str]:
    """What only 1.2 says, under the keys of ``metadata`` by which both versions have it."""
    return {f"{EXTENDS}{PREFIX_1P2}{name}": sql for name, sql in cells.items()}


def _graded(kind: str, name: str, columns: str, *, objectives: tuple[str, str], **others: str) -> Output:
    """The same, with the score scale that a file of its own names, of several the first; and learning objectives.

    ``objectives``: what the list of those of one source is called, and SQL of each of its entries.
    """
    scales, named = f"{kind}ScoreScales", f"{kind}LearningObjectiveIds"
    called, entry = objectives
    set_ = f"{{'source': source, {literal(called)}: entries}}"
    cells = [f'r."{c}"' for c in (*_FIRST, *columns.split())] + [f'{sql} AS "{c}"' for c, sql in others.items()]
    added = "".join(f', {sql} AS "{c}"' for c, sql in _added(learningObjectiveSet="o.told").items())
    return Output(
        kind=kind,
        of=(name, scales, named),
        joined={i: Joined(own='"sourcedId"', key=f'"{kind}SourcedId"', where=_STANDS) for i in (scales, named)},
        sql=f"""SELECT {", ".join(cells)}, s.scale AS "scoreScaleSourcedId"{added}, {literal(f"{name}.csv")} AS file,
        r.line FROM {{{name}}} r
        LEFT JOIN (SELECT "{kind}SourcedId" AS id, arg_min("scoreScaleSourcedId", line) AS scale
        FROM {{{scales}}} WHERE {_STANDS} GROUP BY 1) s ON s.id = r."sourcedId"
        LEFT JOIN (SELECT id, to_json(list({set_} ORDER BY source))::VARCHAR AS told
        FROM (SELECT "{kind}SourcedId" AS id, "source" AS source,
        list({entry} ORDER BY "learningObjectiveId") AS entries
        FROM {{{named}}} WHERE {_STANDS} GROUP BY 1, 2) GROUP BY 1) o
        ON o.id = r."sourcedId" """,
    )


SCHEMA = Schema(
    name="oneroster-1.2",
    title="OneRoster 1.2 CSV",
    version="1.2",
    names_by_id=True,
    files=FILES,
    modes=True,
    inputs=(
        _input("orgs", "name type identifier parentSourcedId", "name type"),
        _input(
            "academicSessions",
            "title type startDate endDate parentSourcedId schoolYear",
            "title type startDate endDate schoolYear",
        ),
        _input("categories", "title weight", "title"),
        _input("resources", "vendorResourceId title roles importance vendorId applicationId", "vendorResourceId"),
        _input(
            "courses",
            "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes",
            "title orgSourcedId",
        ),
        _input(
            "users",
            "enabledUser username userIds givenName familyName middleName identifier email sms phone agentSourcedIds "
            "grades userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName "
            "primaryOrgSourcedId pronouns",
            "enabledUser givenName familyName",
            skipped="password resourceSourcedIds",
        ),
        _input(
            "roles",
            "userSourcedId roleType role beginDate endDate orgSourcedId userProfileSourcedId",
            "userSourcedId role orgSourcedId",
        ),
        _input(
            "userProfiles",
            "userSourcedId profileType vendorId applicationId description credentialType username",
            "userSourcedId",
            skipped="password",
        ),
        _input(
            "classes",
            "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
            "subjectCodes periods",
            "title courseSourcedId classType schoolSourcedId termSourcedIds",
        ),
        _input("courseResources", "title courseSourcedId resourceSourcedId", "courseSourcedId resourceSourcedId"),
        _input("classResources", "title classSourcedId resourceSourcedId", "classSourcedId resourceSourcedId"),
        _input(
            "userResources",
            "userSourcedId orgSourcedId classSourcedId resourceSourcedId",
            "userSourcedId resourceSourcedId",
        ),
        _input(
            "enrollments",
            "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
            "classSourcedId schoolSourcedId userSourcedId role",
        ),
        _input(
            "demographics",
            "birthDate sex " + " ".join(_FLAGS) + " countryOfBirthCode stateOfBirthAbbreviation cityOfBirth "
            "publicSchoolResidenceStatus",
            "",
        ),
        _input(
            "lineItems",
            "title description assignDate dueDate classSourcedId categorySourcedId academicSessionSourcedId "
            "schoolSourcedId resultValueMin resultValueMax",
            "title assignDate dueDate classSourcedId categorySourcedId",
        ),
        _input(
            "results",
            "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment textScore classSourcedId "
            f"{' '.join(FLAGS_1P2)}",
            "lineItemSourcedId studentSourcedId scoreStatus",
        ),
        _input(
            "scoreScales",
            "title type orgSourcedId courseSourcedId classSourcedId scoreScaleValue",
            "title type classSourcedId scoreScaleValue",
        ),
        _input("lineItemScoreScales", "title lineItemSourcedId scoreScaleSourcedId", _scaled("lineItem")),
        _input("resultScoreScales", "title resultSourcedId scoreScaleSourcedId", _scaled("result")),
        _input(
            "lineItemLearningObjectiveIds",
            "lineItemSourcedId source learningObjectiveId",
            "lineItemSourcedId source learningObjectiveId",
        ),
        _input(
            "resultLearningObjectiveIds",
            "resultSourcedId source learningObjectiveId score textScore",
            "resultSourcedId source learningObjectiveId",
        ),
        _input("assessmentLineItems", ASSESSMENT, "title"),
        _input(
            "assessmentResults",
            ASSESSMENT_RESULT,
            "assessmentLineItemSourcedId studentSourcedId scoreStatus scoreDate",
        ),
    ),
    unlisted=("assessmentLineItems", "assessmentResults"),
    outputs=(
        _as_it_is("org", "orgs", "name type identifier parentSourcedId"),
        _as_it_is("academicSession", "academicSessions", "title type startDate endDate parentSourcedId schoolYear"),
        _as_it_is("category", "categories", "title", **_added(weight='"weight"')),
        _as_it_is("resource", "resources", "vendorResourceId title roles importance vendorId applicationId"),
        _as_it_is(
            "course", "courses", "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"
        ),
        Output(
            kind="user",
            of=("users", "roles", "userProfiles"),
            joined={
                "roles": Joined(own='"sourcedId"', key='"userSourcedId"', order=_PRIMARY_FIRST, where=_STANDS),
                "userProfiles": Joined(own='"sourcedId"', key='"userSourcedId"', where=_STANDS),
            },
            sql=f"""SELECT {", ".join(f'u."{c}"' for c in _FIRST)}, u."enabledUser", r.orgs AS "orgSourcedIds",
            r.role AS "role", coalesce(u."username", u."email", u."sourcedId") AS "username", u."userIds",
            u."givenName",
            u."familyName", u."middleName", u."identifier", u."email", u."sms", u."phone", u."agentSourcedIds",
            u."grades", u."userMasterIdentifier", u."preferredGivenName" AS "preferredFirstName",
            u."preferredMiddleName", u."preferredFamilyName" AS "preferredLastName", u."pronouns",
            u."primaryOrgSourcedId", r.told AS "roles", p.told AS "userProfiles", 'users.csv' AS file, u.line
            FROM {{users}} u LEFT JOIN (SELECT "userSourcedId" AS id, {listed('"orgSourcedId"')} AS orgs,
            arg_min({_ROLE}, {_PRIMARY_FIRST}) AS role,
            to_json(list({{'roleType': "roleType", 'role': "role", 'org': "orgSourcedId", 'beginDate': "beginDate",
            'endDate': "endDate", 'userProfile': "userProfileSourcedId"}}
            ORDER BY {_PRIMARY_FIRST}))::VARCHAR AS told
            FROM {{roles}} r WHERE {_STANDS} GROUP BY 1) r ON r.id = u."sourcedId"
            LEFT JOIN (SELECT "userSourcedId" AS id, to_json(list({{'profileId': "sourcedId",
            'profileType': "profileType", 'vendorId': "vendorId", 'applicationId': "applicationId",
            'description': "description", 'credentialType': "credentialType", 'username': "username"}}
            ORDER BY line))::VARCHAR AS told
            FROM {{userProfiles}}
            WHERE {_STANDS} GROUP BY 1) p ON p.id = u."sourcedId" """,
        ),
        _as_it_is(
            "class",
            "classes",
            "title grades courseSourcedId classCode location schoolSourcedId termSourcedIds subjects subjectCodes "
            "periods",
            classType="CASE WHEN \"classType\" LIKE 'ext:%' THEN 'scheduled' ELSE \"classType\" END",
        ),
        _as_it_is("courseResource", "courseResources", "title courseSourcedId resourceSourcedId"),
        _as_it_is("classResource", "classResources", "title classSourcedId resourceSourcedId"),
        _as_it_is("userResource", "userResources", "userSourcedId resourceSourcedId"),
        _as_it_is(
            "enrollment",
            "enrollments",
            "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
        ),
        _as_it_is(
            "demographics",
            "demographics",
            "birthDate " + " ".join(_FLAGS) + " countryOfBirthCode stateOfBirthAbbreviation cityOfBirth "
            "publicSchoolResidenceStatus",
            sex="CASE WHEN \"sex\" IN ('male', 'female') THEN \"sex\" END",
        ),
        _as_it_is("scoreScale", "scoreScales", "title type courseSourcedId classSourcedId scoreScaleValue"),
        _graded(
            "lineItem",
            "lineItems",
            "title description assignDate dueDate classSourcedId categorySourcedId resultValueMin resultValueMax",
            objectives=("learningObjectiveIds", '"learningObjectiveId"'),
            gradingPeriodSourcedId='r."academicSessionSourcedId"',
        ),
        _graded(
            "result",
            "results",
            "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment",
            objectives=("learningObjectiveResults", _SCORED),
            **_added(**{name: f'r."{name}"' for name in ("textScore", *FLAGS_1P2)}),
        ),
        _as_it_is("assessmentLineItem", "assessmentLineItems", ASSESSMENT),
        _as_it_is("assessmentResult", "assessmentResults", ASSESSMENT_RESULT),
    ),
)
