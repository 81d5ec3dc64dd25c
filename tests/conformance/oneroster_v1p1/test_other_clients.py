"""A journey with a client that this project did not write: StrongMind's, made from 1EdTech's own OpenAPI of 1.1."""

import pytest
from oneroster_client import (
    ClassesManagementApi,
    DemographicsManagementApi,
    EnrollmentsManagementApi,
    GradingPeriodsManagementApi,
    OrgsManagementApi,
    SchoolsManagementApi,
    StudentsManagementApi,
    TeachersManagementApi,
    TermsManagementApi,
    UsersManagementApi,
)
from platform_sdk.clients.identity_client import IdentityServerClient
from platform_sdk.clients.oneroster_authentication import get_authenticated_oneroster_client
from platform_sdk.clients.oneroster_client import OneRosterClient
from platform_sdk.helpers.link_header import links_from_header


def addresses(provider):
    """The client adds its own path to the token address; as a query parameter that nobody reads it does no harm."""
    return {
        "base_url": provider.told["oneroster_url"],
        "identity_base_url": provider.told["token_url"] + "?ignored=",
    }


@pytest.fixture(scope="module")
def client(big_provider):
    return get_authenticated_oneroster_client(
        **addresses(big_provider),
        client_id=big_provider.told["client_id"],
        client_secret=big_provider.told["client_secret"],
    )


def pull(client, fetch, name, **params):
    """Everything the client can read, page by page, until its own reader of the Link header finds no next page."""
    documents = []
    while True:
        documents += getattr(fetch(limit=1500, offset=len(documents), **params), name)
        if not links_from_header(client.last_response.headers.get("Link")).next_link:
            return documents


def ids(provider, collection, keys):
    return sorted(provider.ids[collection][key] for key in keys)


def test_it_gets_a_token(big_provider):
    told = big_provider.told
    secret = {"client_id": told["client_id"], "client_secret": told["client_secret"]}
    identity = IdentityServerClient({"baseurl": addresses(big_provider)["identity_base_url"], **secret})
    first = identity.get_token()
    assert first == identity.get_token(), "it trusts expires_in and keeps the token"


def test_it_reads_all_users(big_provider, client):
    users = pull(client, UsersManagementApi(client).get_users, "users")
    assert sorted(each.sourced_id for each in users) == ids(big_provider, "users", big_provider.roster.subset("users"))
    table = big_provider.roster.tables["users"]
    for each in users:
        row = table[big_provider.source_ids[each.sourced_id]]
        assert (each.given_name, each.family_name, each.username) == (
            row["givenName"],
            row["familyName"],
            row["username"],
        )
        assert (each.role, each.email, each.identifier) == (row["role"], row["email"], row["identifier"])
        assert each.middle_name == (row["middleName"] or None)
        assert [org.sourced_id for org in each.orgs] == [big_provider.ids["orgs"][row["orgSourcedIds"]]]
        assert each.status == "active"


def test_it_reads_all_classes(big_provider, client):
    classes = pull(client, ClassesManagementApi(client).get_classes, "classes")
    table = big_provider.roster.tables["classes"]
    assert len(classes) == len(table)
    for each in classes:
        row = table[big_provider.source_ids[each.sourced_id]]
        assert (each.title, each.class_code, each.class_type) == (row["title"], row["classCode"], row["classType"])
        assert each.course.sourced_id == big_provider.ids["courses"][row["courseSourcedId"]]
        assert each.school.sourced_id == big_provider.ids["orgs"][row["schoolSourcedId"]]
        assert [t.sourced_id for t in each.terms] == [big_provider.ids["academicSessions"][row["termSourcedIds"]]]
        assert {each.course.type, each.school.type, each.terms[0].type} == {"course", "org", "academicSession"}


def test_it_reads_all_enrollments(big_provider, client):
    enrollments = pull(client, EnrollmentsManagementApi(client).get_enrollments, "enrollments")
    known = big_provider.ids
    read = {(e.sourced_id, e._class.sourced_id, e.user.sourced_id, e.school.sourced_id, e.role) for e in enrollments}
    assert len(enrollments) == len(read)
    assert read == {
        (
            known["enrollments"][row["sourcedId"]],
            known["classes"][row["classSourcedId"]],
            known["users"][row["userSourcedId"]],
            known["orgs"][row["schoolSourcedId"]],
            row["role"],
        )
        for row in big_provider.roster.rows("enrollments")
    }


def test_it_reads_the_subsets_and_relations(big_provider, client):
    roster = big_provider.roster
    school = min(roster.subset("schools"))
    school_id = big_provider.ids["orgs"][school]
    taught = min(roster.related("schools", "classes", school))
    class_id = big_provider.ids["classes"][taught]

    def read(documents, collection, keys):
        assert sorted(each.sourced_id for each in documents) == ids(big_provider, collection, keys)

    read(pull(client, StudentsManagementApi(client).get_students, "users"), "users", roster.subset("students"))
    read(pull(client, TeachersManagementApi(client).get_teachers, "users"), "users", roster.subset("teachers"))
    read(pull(client, OrgsManagementApi(client).get_orgs, "orgs"), "orgs", roster.subset("orgs"))
    read(SchoolsManagementApi(client).get_schools().orgs, "orgs", roster.subset("schools"))
    read(TermsManagementApi(client).get_terms().academic_sessions, "academicSessions", roster.subset("terms"))
    assert GradingPeriodsManagementApi(client).get_grading_periods().academic_sessions == []
    read(
        ClassesManagementApi(client).get_classes_for_school(school_id, limit=1000).classes,
        "classes",
        roster.related("schools", "classes", school),
    )
    read(
        StudentsManagementApi(client).get_students_for_class(class_id, limit=1000).users,
        "users",
        roster.related("classes", "students", taught),
    )
    read(
        TeachersManagementApi(client).get_teachers_for_class_in_school(school_id, class_id).users,
        "users",
        roster.related("classes", "teachers", taught),
    )


def test_it_filters_sorts_and_reads_singles(big_provider, client):
    row = next(r for r in big_provider.roster.rows("users") if "'" in r["familyName"])
    found = pull(
        client,
        UsersManagementApi(client).get_users,
        "users",
        filter=f"familyName='{row['familyName']}' AND role='{row['role']}'",
        sort="givenName",
        order_by="desc",
    )
    expected = [
        r for r in big_provider.roster.rows("users") if (r["familyName"], r["role"]) == (row["familyName"], row["role"])
    ]
    assert [each.given_name for each in found] == sorted((r["givenName"] for r in expected), reverse=True)
    pupil = next(iter(big_provider.roster.tables["demographics"].values()))
    demographics = DemographicsManagementApi(client).get_demographic(big_provider.ids["users"][pupil["sourcedId"]])
    assert demographics.demographics.sex == pupil["sex"]
    assert demographics.demographics.city_of_birth == pupil["cityOfBirth"]


def test_it_walks_from_an_enrollment_to_its_class_course_school_and_user(big_provider):
    told = big_provider.told
    walker = OneRosterClient(
        **addresses(big_provider),
        identity_client_id=told["client_id"],
        identity_client_secret=told["client_secret"],
    )
    row = big_provider.roster.rows("enrollments")[0]
    tables = big_provider.roster.tables
    found = walker.get_enrollment_with_parents_and_course(big_provider.ids["enrollments"][row["sourcedId"]]).enrollment
    taught = tables["classes"][row["classSourcedId"]]
    assert found.user.username == tables["users"][row["userSourcedId"]]["username"]
    assert found._class.title == taught["title"]
    assert found._class.course.title == tables["courses"][taught["courseSourcedId"]]["title"]
    assert found.org.name == tables["orgs"][row["schoolSourcedId"]]["name"]
    assert walker.get_user("00000000-0000-0000-0000-000000000000") is None, "it takes a 404 for nobody"
