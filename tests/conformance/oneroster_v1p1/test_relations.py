"""Clause 1.1, relationship collections: who belongs to whom, as the CSV has it."""

import re
from uuid import uuid4

import pytest

from tests.conformance.oneroster_v1p1 import operations
from tests.conformance.oneroster_v1p1.operations import RELATIONS

# Written by hand from the small district's files, as a check on the arithmetic in truth.py too.
KNOWN = {
    "/schools/<orgs:s1>/classes": ["k1", "k2"],
    "/schools/<orgs:s2>/classes": ["k3", "k4"],
    "/schools/<orgs:s3>/classes": [],
    "/schools/<orgs:s1>/enrollments": ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"],
    "/schools/<orgs:s2>/enrollments": ["e10", "e11", "e12", "e13", "e14"],
    "/schools/<orgs:s3>/enrollments": [],
    "/schools/<orgs:s1>/students": ["stu.1", "stu.2", "stu.4"],
    "/schools/<orgs:s2>/students": ["stu.1", "stu.3", "stu.5"],
    "/schools/<orgs:s3>/students": [],
    "/schools/<orgs:s1>/teachers": ["tea.1", "tea.2", "tea.3"],
    "/schools/<orgs:s2>/teachers": ["tea.3"],
    "/schools/<orgs:s3>/teachers": [],
    "/schools/<orgs:s1>/terms": ["autumn", "spring"],
    "/schools/<orgs:s2>/terms": ["spring"],
    "/schools/<orgs:s3>/terms": [],
    "/schools/<orgs:s3>/courses": [],
    "/schools/<orgs:s1>/classes/<classes:k1>/enrollments": ["e1", "e2", "e3", "e4", "e8"],
    "/schools/<orgs:s1>/classes/<classes:k1>/students": ["stu.1", "stu.2"],
    "/schools/<orgs:s1>/classes/<classes:k1>/teachers": ["tea.1", "tea.2"],
    "/schools/<orgs:s2>/classes/<classes:k4>/students": [],
    "/schools/<orgs:s2>/classes/<classes:k4>/teachers": ["tea.3"],
    "/terms/<academicSessions:autumn>/classes": ["k1", "k2"],
    "/terms/<academicSessions:spring>/classes": ["k1", "k3"],
    "/terms/<academicSessions:summer>/classes": [],
    "/terms/<academicSessions:autumn>/gradingPeriods": ["q1", "q2"],
    "/terms/<academicSessions:spring>/gradingPeriods": ["q3"],
    "/terms/<academicSessions:summer>/gradingPeriods": [],
    "/courses/<courses:alg>/classes": ["k1"],
    "/courses/<courses:lit>/classes": ["k3", "k4"],
    "/courses/<courses:cpp>/classes": [],
    "/students/<users:stu.1>/classes": ["k1", "k3"],
    "/students/<users:stu.2>/classes": ["k1", "k2"],
    "/students/<users:stu.4>/classes": [],
    "/teachers/<users:tea.2>/classes": ["k1", "k2"],
    "/teachers/<users:tea.3>/classes": ["k3", "k4"],
    "/users/<users:u/adm@d1>/classes": ["k1"],
    "/users/<users:pro>/classes": ["k2"],
    "/users/<users:aid>/classes": [],
    "/users/<users:stu.1>/classes": ["k1", "k3"],
    "/users/<users:tea.3>/classes": ["k3", "k4"],
    "/classes/<classes:k1>/students": ["stu.1", "stu.2"],
    "/classes/<classes:k1>/teachers": ["tea.1", "tea.2"],
    "/classes/<classes:k2>/students": ["stu.2"],
    "/classes/<classes:k2>/teachers": ["tea.2"],
    "/classes/<classes:k3>/students": ["stu.1", "stu.3", "stu.5"],
    "/classes/<classes:k4>/students": [],
    "/classes/<classes:k4>/teachers": ["tea.3"],
}
UNKNOWN = {  # the parent is no such thing, although the id may exist elsewhere
    "a district is no school": "/schools/<orgs:d1>/classes",
    "a department is no school": "/schools/<orgs:m1>/students",
    "a term is no school": "/schools/<academicSessions:autumn>/terms",
    "a grading period is no term": "/terms/<academicSessions:q1>/classes",
    "a school year is no term": "/terms/<academicSessions:year>/classes",
    "a semester is no term": "/terms/<academicSessions:half>/gradingPeriods",
    "a class is no course": "/courses/<classes:k1>/classes",
    "a teacher is no student": "/students/<users:tea.1>/classes",
    "a parent is no student": "/students/<users:par>/classes",
    "a student is no teacher": "/teachers/<users:stu.1>/classes",
    "a school is no user": "/users/<orgs:s1>/classes",
    "a course is no class": "/classes/<courses:alg>/students",
    "a user is no class": "/classes/<users:tea.1>/teachers",
    "the class is at another school: its enrollments": "/schools/<orgs:s2>/classes/<classes:k1>/enrollments",
    "the class is at another school: its students": "/schools/<orgs:s2>/classes/<classes:k1>/students",
    "the class is at another school: its teachers": "/schools/<orgs:s1>/classes/<classes:k3>/teachers",
    "the class is asked of the district": "/schools/<orgs:d1>/classes/<classes:k1>/students",
}

PLAIN_RELATIONS = [  # of one parent; a school's courses have a test of their own, since here all are the district's
    each for each in RELATIONS if each.path.count("{") == 1 and each.path != "/schools/{schools}/courses"
]


def listed(provider, path):
    answer = provider.get(provider.fill(path), limit=10000)
    assert answer.status == 200, (path, str(answer))
    (documents,) = (answer.json[name] for name in answer.json if name != "statusInfoSet")
    assert answer.total == len(documents)
    return documents


@pytest.mark.parametrize("path", KNOWN)
def test_a_relation_lists_what_the_files_say(provider, path):
    assert sorted(provider.named(listed(provider, path))) == sorted(KNOWN[path])


def test_the_courses_of_a_school_are_its_own_and_at_most_those_it_teaches(provider):
    """The reference does not say whether a district's course that the school teaches is the school's. Both pass."""
    taught = {"s1": {"alg", "art"}, "s2": {"lit", "cpp"}}
    own = {"s1": {"alg"}, "s2": {"lit", "cpp"}}
    for school in ("s1", "s2"):
        found = provider.named(listed(provider, f"/schools/<orgs:{school}>/courses"))
        assert len(found) == len(set(found))
        assert own[school] <= set(found) <= taught[school]


@pytest.mark.parametrize("operation", PLAIN_RELATIONS, ids=str)
def test_a_relation_of_every_parent_of_a_generated_district_is_true(big_provider, operation):
    """For up to twelve parents of each word."""
    _, parent, _, child = operation.path.split("/")
    collection = operations.HOLDS[parent]
    for key in sorted(big_provider.roster.subset(parent))[:12]:
        found = big_provider.named(listed(big_provider, f"/{parent}/<{collection}:{key}>/{child}"))
        assert sorted(found) == sorted(big_provider.roster.related(parent, child, key)), (parent, key, child)


@pytest.mark.parametrize("child", ["enrollments", "students", "teachers"])
def test_a_class_within_its_school_answers_as_the_class_alone(big_provider, child):
    for key in sorted(big_provider.roster.subset("classes"))[:12]:
        school = big_provider.roster.tables["classes"][key]["schoolSourcedId"]
        found = big_provider.named(listed(big_provider, f"/schools/<orgs:{school}>/classes/<classes:{key}>/{child}"))
        assert sorted(found) == sorted(big_provider.roster.related("classes", child, key))


def test_the_arithmetic_of_the_truth_agrees_with_the_table_written_by_hand(provider):
    simple = re.compile(r"/(\w+)/<\w+:([^>]+)>/(\w+)")
    for path, expected in KNOWN.items():
        if match := simple.fullmatch(path):
            assert sorted(provider.roster.related(match[1], match[3], match[2])) == sorted(expected), path


@pytest.mark.parametrize("path", KNOWN)
def test_a_relation_shows_the_same_objects_as_the_collection(provider, path):
    documents = listed(provider, path)
    collection = operations.HOLDS[path.rsplit("/", 1)[1]]
    whole = {each["sourcedId"]: each for each in provider.pull(collection)}
    assert documents == [whole[each["sourcedId"]] for each in documents]


@pytest.mark.parametrize("why", UNKNOWN)
def test_a_relation_of_the_wrong_kind_of_parent_is_an_unknown_object(provider, why):
    answer = provider.get(provider.fill(UNKNOWN[why]))
    assert answer.status == 404, answer
    assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "unknown object"


@pytest.mark.parametrize("operation", RELATIONS, ids=str)
def test_a_relation_of_a_parent_nobody_knows_is_an_unknown_object(provider, operation):
    path = re.sub(r"\{\w+\}", lambda _: str(uuid4()), operation.path)
    answer = provider.get(path)
    assert answer.status == 404, answer
    assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "unknown object"


def test_an_unknown_class_in_a_known_school_is_an_unknown_object(provider):
    path = provider.fill(f"/schools/<orgs:s1>/classes/{uuid4()}/students")
    assert provider.get(path).status == 404


def test_a_pupil_enrolled_twice_is_listed_once(provider):
    assert provider.named(listed(provider, "/classes/<classes:k2>/students")) == ["stu.2"]
    assert provider.get(provider.fill("/classes/<classes:k2>/students")).total == 1
    assert sorted(provider.named(listed(provider, "/students/<users:stu.2>/classes"))) == ["k1", "k2"]


def test_relations_page_filter_sort_and_project_like_collections(provider):
    path = provider.fill("/classes/<classes:k3>/students")
    answer = provider.get(
        path, filter="enabledUser='true'", sort="username", orderBy="desc", fields="username", limit=1
    )
    assert answer.status == 200, answer
    assert answer.json == {"users": [{"username": "r.dangelo"}]}
    assert answer.total == 2
    second = provider.follow(answer.links["next"])
    assert second.json == {"users": [{"username": "maxxoneil"}]}
    assert "next" not in second.links
