"""OneRoster 1.2 CSV (1.2.1). Beside 1.1: roles are rows of a file of their own, one for each org."""

from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.delivery.formats.shape import File, Format, Mode, cell, extended, place, plain, tied, under
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Type
from schoolpassport.roster.kinds.shape import ADDED_1P2, FLAGS_1P2, PREFIX_1P2
from schoolpassport.sharing.catalogue import METADATA
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sources.schemas.canonical import REFERENCES

_SCHEMA = SCHEMAS["oneroster-1.2"]
_CALLED = {
    **REFERENCES,
    "preferredGivenName": "preferredFirstName",
    "preferredFamilyName": "preferredLastName",
    "academicSessionSourcedId": "gradingPeriod",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NOT_REQUIRED = {"username", "resultValueMin", "resultValueMax", "score"}
# An administrator of 1.1 runs the org that he belongs to.
_ROLE = (
    "CASE WHEN x.\"role\" <> 'administrator' THEN x.\"role\" WHEN o.\"type\" IN ('school', 'department') "
    "THEN 'siteAdministrator' ELSE 'districtAdministrator' END"
)


def _file(name: str, kind: str, headers: str, *, beside: Mapping[str, str] = _NOTHING, **more: str) -> File:
    """``more``: columns that are no attribute of the kind, as SQL; they stand where ``headers`` names them.

    ``beside``: the attribute that this SQL reads of another kind.
    """
    known = {h: KINDS[kind][_CALLED.get(h, h)] for h in headers.split() if h not in more}
    columns = {h: more[h] if h in more else cell(known[h]) for h in headers.split()}
    required = {h: f for h, f in known.items() if f.required and h not in _NOT_REQUIRED}
    elsewhere = {f.extension: f.name for f in KINDS[kind].fields if f.extension}
    return File(
        name=f"{name}.csv",
        reads={
            kind: frozenset(f.name for f in known.values()) | extended(kind) - set(elsewhere.values()),
            **{other: frozenset({name}) for other, name in beside.items()},
        },
        whole=tuple(beside),
        columns={**{h: f"r.{quoted(h)}" for h in ("sourcedId", "status", "dateLastModified")}, **columns},
        rows=f"now_{kind} r",
        required={h: f.type is Type.TEXT and not (f.many or f.values or f.unless) for h, f in required.items()},
        names=frozenset(h for h, f in required.items() if f.unless),
        metadata=True,
        elsewhere=frozenset({*elsewhere, *(PREFIX_1P2 + each for each in ADDED_1P2.get(kind, ()))}),
        cells={} if more else {"status": "", "dateLastModified": "", **{h: f.name for h, f in known.items()}},
    )


def _added(name: str) -> str:
    """SQL of a column that only 1.2 has, and both versions keep in ``metadata``."""
    return under(PREFIX_1P2 + name)


_USERS = _file(
    "users",
    "user",
    "enabledUser username userIds givenName familyName middleName identifier email sms phone agentSourcedIds grades "
    "password userMasterIdentifier preferredGivenName preferredMiddleName preferredFamilyName primaryOrgSourcedId "
    "pronouns",
    password="NULL",  # noqa: S106 (a column that stays empty)
)
# The roles that a source of 1.2 tells; at orgs of which it tells none, the one of 1.1.
_TOLD = 'coalesce("roles"::JSON[], [])'
_OF_1P1 = f"""list_transform(list_filter(coalesce("orgs", []), lambda o: NOT list_contains(
    list_transform({_TOLD}, lambda e: e->>'org'), o)), lambda o: {{'org': o, 'role': "role", 'kind':
    CASE WHEN len({_TOLD}) > 0 THEN 'secondary' ELSE 'primary' END, 'begins': NULL::VARCHAR, 'ends': NULL::VARCHAR,
    'profile': NULL::VARCHAR, 'told': NULL::VARCHAR}})"""
_EACH_TOLD = f"""list_transform({_TOLD}, lambda e: {{'org': e->>'org', 'role': e->>'role',
    'kind': coalesce(e->>'roleType', 'primary'), 'begins': e->>'beginDate', 'ends': e->>'endDate',
    'profile': e->>'userProfile', 'told': '/' || (e->>'role')}})"""


def _with_gone(are: str, were: str, kind: str) -> str:
    """SQL: the rows made of what is active, and those made of what was before and not any more; ``id`` names a row."""
    return f"""(FROM {are} UNION ALL BY NAME SELECT w.* REPLACE ('tobedeleted' AS "status",
        n."dateLastModified" AS "dateLastModified") FROM {were} w
        JOIN now_{kind} n ON n."sourcedId" = w."sourcedId" ANTI JOIN {are} a ON a.id = w.id)"""


def _roles_of(relation: str) -> str:
    """SQL: a row for each role. It has no id of its own: it is named by whose, where, which, and among alike ones."""
    return f"""(SELECT *, concat("sourcedId", '/', org, told, CASE WHEN nth > 1 THEN '/' || nth END) AS id
        FROM (SELECT *, row_number() OVER (PARTITION BY "sourcedId", org, told ORDER BY place) AS nth
        FROM (SELECT "sourcedId", "status", "dateLastModified", unnest(each_role, max_depth := 2),
        generate_subscripts(each_role, 1) AS place FROM (SELECT *, list_concat({_EACH_TOLD}, {_OF_1P1}) AS each_role
        FROM {relation}))))"""


_WHERE = 'x LEFT JOIN all_org o ON o."sourcedId" = x.org'
_ARE = _roles_of("""(FROM now_user WHERE "status" = 'active')""")
# What somebody is where; and what somebody was and is not any more, which nothing in users.csv says.
_CHANGED = _with_gone(_ARE, _roles_of("was_user"), "user")
_ROLES = File(
    name="roles.csv",
    reads={"user": frozenset({"role", "orgs", "roles"}), "org": frozenset({"type"})},
    columns={
        "sourcedId": "x.id",
        "status": 'x."status"',
        "dateLastModified": 'x."dateLastModified"',
        "userSourcedId": 'x."sourcedId"',
        "roleType": "x.kind",
        "role": _ROLE,
        "beginDate": "x.begins",
        "endDate": "x.ends",
        "orgSourcedId": "x.org",
        "userProfileSourcedId": plain("x.profile"),
    },
    rows=f"{_roles_of('now_user')} {_WHERE}",
    changes=f"{_CHANGED} {_WHERE}",
    required={"role": False},
    whole=("org",),
    order='x."sourcedId", x.place, x.id',
)
_PROFILES_OF = '(SELECT *, unnest("userProfiles"::JSON[]) AS profile FROM {}) x'
_TAKEN = {each: f"x.profile->>{literal(each)}" for each in ("profileId", "profileType", "vendorId", "applicationId")}
_PROFILE_ID = f"coalesce({_TAKEN['profileId']}, x.\"sourcedId\" || '/' || (x.profile->>'vendorId'))"
# Whose account there is; and which there was and is not any more, which nothing in users.csv says.
_PROFILES_GONE = """(SELECT * FROM now_user WHERE "status" = 'active' UNION ALL BY NAME
    SELECT w.* REPLACE ('tobedeleted' AS "status", n."dateLastModified" AS "dateLastModified", to_json(list_filter(
    w."userProfiles"::JSON[], lambda e: n."status" <> 'active' OR NOT list_contains(list_transform(
    coalesce(n."userProfiles"::JSON[], []), lambda o: o->>'profileId'), e->>'profileId'))) AS "userProfiles")
    FROM was_user w JOIN now_user n ON n."sourcedId" = w."sourcedId")"""
_PROFILES = File(
    name="userProfiles.csv",
    reads={"user": frozenset({"userProfiles"})},
    every=False,
    columns={
        "sourcedId": _PROFILE_ID,
        "status": 'x."status"',
        "dateLastModified": 'x."dateLastModified"',
        "userSourcedId": 'x."sourcedId"',
        "profileType": plain(_TAKEN["profileType"]),
        "vendorId": plain(_TAKEN["vendorId"]),
        "applicationId": plain(_TAKEN["applicationId"]),
        "description": plain("x.profile->>'description'"),
        "credentialType": plain("x.profile->>'credentialType'"),
        "username": plain("x.profile->>'username'"),
        "password": "NULL",
    },
    rows=_PROFILES_OF.format("now_user"),
    changes=_PROFILES_OF.format(_PROFILES_GONE),
    order=f'x."sourcedId", {_PROFILE_ID}',
)
_LINE_ITEMS = _file(
    "lineItems",
    "lineItem",
    "title description assignDate dueDate classSourcedId categorySourcedId academicSessionSourcedId resultValueMin "
    "resultValueMax schoolSourcedId",
    beside={"class": "school"},
    schoolSourcedId='(SELECT any_value(c."school") FROM all_class c WHERE c."sourcedId" = r."class")',
)
_RESULTS = _file(
    "results",
    "result",
    "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment textScore classSourcedId "
    f"{' '.join(FLAGS_1P2)}",
    beside={"lineItem": "class"},
    textScore=_added("textScore"),
    classSourcedId='(SELECT any_value(i."class") FROM all_lineItem i WHERE i."sourcedId" = r."lineItem")',
    **{flag: _added(flag) for flag in FLAGS_1P2},
)
_SCALES = _file(
    "scoreScales",
    "scoreScale",
    "title type orgSourcedId courseSourcedId classSourcedId scoreScaleValue",
    beside={"class": "school"},
    orgSourcedId='(SELECT any_value(c."school") FROM all_class c WHERE c."sourcedId" = r."class")',
)


def _scaled(kind: str) -> File:
    """A row for each record that names a score scale."""
    # Which there are; and which there were and are not any more, which nothing else in a delta says.
    changed = f"""(SELECT * FROM now_{kind} WHERE "status" = 'active' UNION ALL BY NAME
        SELECT w.* REPLACE ('tobedeleted' AS "status", n."dateLastModified" AS "dateLastModified") FROM was_{kind} w
        JOIN now_{kind} n ON n."sourcedId" = w."sourcedId" WHERE n."status" <> 'active'
        OR n."scoreScale" IS DISTINCT FROM w."scoreScale")"""
    named = '(SELECT * FROM {} WHERE "scoreScale" IS NOT NULL) x'
    return File(
        name=f"{kind}ScoreScales.csv",
        reads={kind: frozenset({"scoreScale"})},
        every=False,
        columns={
            "sourcedId": 'x."sourcedId" || \'/\' || x."scoreScale"',
            "status": 'x."status"',
            "dateLastModified": 'x."dateLastModified"',
            "title": "NULL",
            f"{kind}SourcedId": 'x."sourcedId"',
            "scoreScaleSourcedId": 'x."scoreScale"',
        },
        rows=named.format(f"now_{kind}"),
        changes=named.format(changed),
        order='x."sourcedId", x."scoreScale"',
    )


def _objectives(kind: str, listed: str, scores: tuple[str, ...] = ()) -> File:
    """A row for each learning objective of a record."""
    entries = literal(f"$.{listed}[*]")
    key = place(f"{PREFIX_1P2}learningObjectiveSet")
    named = "CASE json_type(f) WHEN 'OBJECT' THEN f->>'learningObjectiveId' ELSE f->>'$' END"

    def rows(relation: str) -> str:
        return f"""(SELECT *, concat_ws('/', "sourcedId", e->>'source', {named}) AS id, {named} AS objective
            FROM (SELECT *, unnest(json_extract(e, {entries})) AS f
            FROM (SELECT *, unnest(json_extract(json_extract(metadata, {key}), '$[*]')) AS e FROM {relation})))"""

    # Which there are; and which there were and are not any more, which nothing else in a delta says.
    are = rows(f"""(FROM now_{kind} WHERE "status" = 'active')""")
    return File(
        name=f"{kind}LearningObjectiveIds.csv",
        reads={kind: frozenset({METADATA})},
        every=False,
        columns={
            "sourcedId": plain("x.id"),
            "status": 'x."status"',
            "dateLastModified": 'x."dateLastModified"',
            f"{kind}SourcedId": 'x."sourcedId"',
            "source": plain("x.e->>'source'"),
            "learningObjectiveId": plain("x.objective"),
            **{each: plain(f"x.f->>{literal(each)}") for each in scores},
        },
        rows=f"{rows(f'now_{kind}')} x",
        changes=f"{_with_gone(are, rows(f'was_{kind}'), kind)} x",
        order='x."sourcedId", x.id',
    )


_REST = {
    "academicSessions": ("academicSession", "title type startDate endDate parentSourcedId schoolYear"),
    "orgs": ("org", "name type identifier parentSourcedId"),
    "courses": ("course", "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"),
    "classes": (
        "class",
        (
            "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
            "subjectCodes periods"
        ),
    ),
    "enrollments": ("enrollment", "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate"),
    "demographics": (
        "demographics",
        (
            "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican "
            "nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity "
            "countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus"
        ),
    ),
    "resources": ("resource", "vendorResourceId title roles importance vendorId applicationId"),
}

FORMAT = Format(
    name="oneroster-1.2",
    title="OneRoster 1.2 CSV",
    about="A zip file with a manifest; in full (bulk) or only what changed (delta).",
    archive="OneRoster.zip",
    version="1.2",
    files=(
        *(_file(name, kind, headers) for name, (kind, headers) in _REST.items()),
        tied("courseResource"),
        tied("classResource"),
        _USERS,
        _ROLES,
        _PROFILES,
        tied("userResource", "userSourcedId orgSourcedId classSourcedId resourceSourcedId"),
        _file("categories", "category", "title weight", weight=_added("weight")),
        _SCALES,
        _LINE_ITEMS,
        _scaled("lineItem"),
        _objectives("lineItem", "learningObjectiveIds"),
        _RESULTS,
        _scaled("result"),
        _objectives("result", "learningObjectiveResults", scores=("score", "textScore")),
    ),
    listed=tuple(sorted({*(i.name for i in _SCHEMA.inputs), *_SCHEMA.not_read} - {*_SCHEMA.unlisted}, key=str.lower)),
    modes=(Mode.FULL, Mode.DELTA),
)
