"""The 41 rostering operations of OneRoster 1.1: path, what they read, and the envelope of the answer."""

from dataclasses import dataclass

SCOPE = "https://purl.imsglobal.org/spec/or/v1p1/scope/"
CORE = SCOPE + "roster-core.readonly"
ROSTER = SCOPE + "roster.readonly"
DEMOGRAPHICS = SCOPE + "roster-demographics.readonly"

HOLDS = {  # path word → the collection whose records it holds
    "academicSessions": "academicSessions",
    "gradingPeriods": "academicSessions",
    "terms": "academicSessions",
    "orgs": "orgs",
    "schools": "orgs",
    "courses": "courses",
    "classes": "classes",
    "enrollments": "enrollments",
    "users": "users",
    "students": "users",
    "teachers": "users",
    "demographics": "demographics",
}
SINGLE = {
    "academicSessions": "academicSession",
    "orgs": "org",
    "courses": "course",
    "classes": "class",
    "enrollments": "enrollment",
    "users": "user",
    "demographics": "demographics",
}
WORDS = tuple(HOLDS)
EXAMPLES = {  # a record of the small district for each word, such that every relation of it has something to show
    "academicSessions": "year",
    "gradingPeriods": "q1",
    "terms": "autumn",
    "orgs": "d1",
    "schools": "s1",
    "courses": "alg",
    "classes": "k1",
    "enrollments": "e1",
    "users": "stu.1",
    "students": "stu.1",
    "teachers": "tea.1",
    "demographics": "stu.1",
}


@dataclass(frozen=True)
class Operation:
    path: str  # with {word} where the id of one of that word's records stands
    envelope: str
    collection: str
    many: bool
    scopes: frozenset[str]  # any of these opens it

    def __str__(self) -> str:
        return self.path


def _scopes(word: str) -> frozenset[str]:
    return frozenset({DEMOGRAPHICS}) if word == "demographics" else frozenset({CORE, ROSTER})


def _relation(path: str) -> Operation:
    collection = HOLDS[path.rsplit("/", 1)[1]]
    return Operation(path, collection, collection, many=True, scopes=frozenset({ROSTER}))


CORE_COLLECTIONS = [Operation(f"/{w}", HOLDS[w], HOLDS[w], many=True, scopes=_scopes(w)) for w in WORDS]
CORE_SINGLES = [Operation(f"/{w}/{{{w}}}", SINGLE[HOLDS[w]], HOLDS[w], many=False, scopes=_scopes(w)) for w in WORDS]
RELATIONS = [
    _relation(path)
    for path in (
        "/schools/{schools}/courses",
        "/schools/{schools}/classes",
        "/schools/{schools}/enrollments",
        "/schools/{schools}/students",
        "/schools/{schools}/teachers",
        "/schools/{schools}/terms",
        "/schools/{schools}/classes/{classes}/enrollments",
        "/schools/{schools}/classes/{classes}/students",
        "/schools/{schools}/classes/{classes}/teachers",
        "/terms/{terms}/classes",
        "/terms/{terms}/gradingPeriods",
        "/courses/{courses}/classes",
        "/students/{students}/classes",
        "/teachers/{teachers}/classes",
        "/users/{users}/classes",
        "/classes/{classes}/students",
        "/classes/{classes}/teachers",
    )
]
OPERATIONS = [*CORE_COLLECTIONS, *CORE_SINGLES, *RELATIONS]
COLLECTIONS = [*CORE_COLLECTIONS, *RELATIONS]
