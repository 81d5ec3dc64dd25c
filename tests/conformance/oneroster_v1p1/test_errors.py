"""Clause 1.4: what goes wrong is said with the right HTTP status, as JSON, and in both shapes at once."""

import re
from uuid import UUID, uuid4

import pytest

from tests.conformance.oneroster_v1p1 import operations, providers, wire
from tests.conformance.oneroster_v1p1.operations import OPERATIONS

STATUS = {
    *("imsx_codeMajor", "imsx_severity", "imsx_messageRefIdentifier"),
    *("imsx_operationRefIdentifier", "imsx_description", "imsx_codeMinor"),
}
ROOT = {
    *("imsx_codeMajor", "imsx_severity", "imsx_messageRefIdentifier"),
    *("imsx_operationRefIdentifier", "imsx_description", "imsx_CodeMinor"),
}
VALUES = {  # code in the array's words → the same in the root's words, where the root has one
    "unknown object": "unknownobject",
    "invalid data": "invaliddata",
    "unauthorized": "unauthorisedrequest",
}


def judge(answer, status, minor=None):
    """The answer is a failure of this status, in both shapes, and the shapes agree."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    body = answer.json
    assert set(body) == {"statusInfoSet"} | ROOT
    (first,) = body["statusInfoSet"]
    assert set(first) == STATUS
    assert all(isinstance(value, str) and value for value in first.values())
    assert (first["imsx_codeMajor"], first["imsx_severity"]) == ("failure", "error")
    UUID(first["imsx_messageRefIdentifier"])
    assert minor is None or first["imsx_codeMinor"] == minor
    same = ("imsx_codeMajor", "imsx_severity", "imsx_messageRefIdentifier", "imsx_description")
    assert {name: body[name] for name in same} == {name: first[name] for name in same}
    assert body["imsx_operationRefIdentifier"] == [first["imsx_operationRefIdentifier"]]
    (field,) = body["imsx_CodeMinor"]["imsx_codeMinorField"]
    assert set(body["imsx_CodeMinor"]) == {"imsx_codeMinorField"}
    assert set(field) == {"imsx_codeMinorFieldName", "imsx_codeMinorFieldValue"}
    assert field["imsx_codeMinorFieldName"] == "TargetEndSystem"
    if minor in VALUES:
        assert field["imsx_codeMinorFieldValue"] == VALUES[minor]
    return first


def unidentified(answer):
    """The answer's text without what differs from one request to the next."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "?", answer.body.decode())


@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_an_unknown_object_is_404_in_both_shapes(provider, prefix):
    first = judge(provider.get(f"/users/{uuid4()}", prefix=prefix), 404, "unknown object")
    assert first["imsx_operationRefIdentifier"] == "getUser"


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        *(("/orgs/{}", "getOrg"), ("/schools/{}", "getSchool"), ("/terms/{}", "getTerm")),
        *(("/classes/{}", "getClass"), ("/enrollments/{}", "getEnrollment"), ("/students/{}", "getStudent")),
        *(("/academicSessions/{}", "getAcademicSession"), ("/gradingPeriods/{}", "getGradingPeriod")),
        *(("/schools/{}/classes", "getClassesForSchool"), ("/classes/{}/students", "getStudentsForClass")),
        *(("/users/{}/classes", "getClassesForUser"), ("/terms/{}/gradingPeriods", "getGradingPeriodsForTerm")),
    ],
)
def test_an_error_names_its_operation(provider, path, operation):
    first = judge(provider.get(path.format(uuid4())), 404, "unknown object")
    assert first["imsx_operationRefIdentifier"] == operation


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if "{" in o.path], ids=str)
def test_every_operation_knows_unknown_objects(provider, operation):
    path = re.sub(r"\{\w+\}", lambda _: str(uuid4()), operation.path)
    judge(provider.get(path), 404, "unknown object")


@pytest.mark.parametrize(
    "sourced_id",
    ["x", "0", "stu.1", "u%2Fadm%40d1", "%00", "%FF", "%27", "..", "%2e%2e", "%2F", "null", "a" * 255, "é", "%20", "*"],
)
def test_an_id_that_is_none_is_an_unknown_object(provider, sourced_id):
    spelled = "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in sourced_id)
    judge(provider.get(f"/users/{spelled}"), 404)


def test_ids_foreign_guessed_and_of_another_kind_are_all_the_same_404(provider, big_provider):
    """Nothing in the answer tells whether somebody else has the record."""
    own_class = provider.ids["classes"]["k1"]
    foreign = next(iter(big_provider.ids["users"].values()))
    for path in ("/users/{}", "/students/{}", "/users/{}/classes", "/demographics/{}"):
        answers = [provider.get(path.format(each)) for each in (uuid4(), own_class, foreign)]
        for answer in answers:
            judge(answer, 404, "unknown object")
        assert len({unidentified(answer) for answer in answers}) == 1
        assert len({tuple(sorted(name.lower() for name in answer.headers)) for answer in answers}) == 1


@pytest.mark.parametrize("prefix", providers.PREFIXES)
@pytest.mark.parametrize("path", ["/users", "/users/x", "/schools/x/classes", "/demographics", "/nosuch"])
def test_no_token_is_401(provider, prefix, path):
    answer = wire.call(provider.told["base_url"].rstrip("/") + prefix + path)
    judge(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_the_right_token_without_the_scope_is_403(provider, prefix):
    token = provider.token(operations.ROSTER)
    answer = wire.call(provider.told["base_url"].rstrip("/") + prefix + "/demographics", headers=wire.bearer(token))
    judge(answer, 403, "forbidden")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/users", "/users/<users:stu.1>", "/enrollments", "/schools/<orgs:s1>/classes"])
def test_rosters_cannot_be_written(provider, method, path):
    answer = wire.call(
        provider.base + provider.fill(path),
        method=method,
        headers=wire.bearer(provider.token()) | {"Content-Type": "application/json"},
        body="{}",
    )
    judge(answer, 405)
    assert "GET" in answer.headers["Allow"]
    assert method not in answer.headers["Allow"]


@pytest.mark.parametrize("prefix", providers.PREFIXES)
@pytest.mark.parametrize(
    "path", ["/nosuch", "", "/", "/users/x/y/z", "/users/x/enrollments", "/Users", "/classes/x/nosuch", "//users"]
)
def test_an_unknown_route_is_404_as_json(provider, prefix, path):
    judge(provider.get(path, prefix=prefix), 404)


@pytest.mark.parametrize("path", ["/ims/oneroster/v1p2/users", "/ims/nosuch", "/datahub/services/nosuch"])
def test_an_unknown_route_beside_the_api_is_404(provider, path):
    answer = wire.call(provider.told["base_url"].rstrip("/") + path, headers=wire.bearer(provider.token()))
    assert answer.status == 404


@pytest.mark.parametrize(
    ("raw", "minor"),
    [
        ("limit=0", "invalid data"),
        ("offset=-1", "invalid data"),
        ("filter=nosuch%3D%27x%27", "invalid_filter_field"),
        ("fields=", "invalid_blank_selection_field"),
    ],
)
def test_bad_parameters_are_400_in_both_shapes(provider, raw, minor):
    first = judge(provider.get("/users", raw), 400, minor)
    assert first["imsx_operationRefIdentifier"] in {"getUsers", "getAllUsers"}


def test_the_root_shape_says_in_its_own_words_what_is_wrong_with_a_parameter(provider):
    for raw in ("filter=nosuch%3D%27x%27", "fields="):
        (field,) = provider.get("/users", raw).json["imsx_CodeMinor"]["imsx_codeMinorField"]
        assert re.fullmatch("[a-z_]+", field["imsx_codeMinorFieldValue"])


def test_a_warning_has_the_shape_of_a_status_and_no_failure(provider):
    for params, minor in (
        ({"sort": "nosuch"}, "invalid_sort_field"),
        ({"fields": "nosuch"}, "invalid_selection_field"),
    ):
        (status,) = provider.get("/users", **params).json["statusInfoSet"]
        assert set(status) == STATUS
        assert (status["imsx_codeMajor"], status["imsx_severity"]) == ("success", "warning")
        assert status["imsx_codeMinor"] == minor
        assert "nosuch" in status["imsx_description"]


def test_two_warnings_travel_together(provider):
    answer = provider.get("/users", sort="nosuch", fields="nosuch")
    assert answer.status == 200
    minors = {each["imsx_codeMinor"] for each in answer.json["statusInfoSet"]}
    assert minors == {"invalid_sort_field", "invalid_selection_field"}


def test_each_answer_has_its_own_message_identifier(provider):
    seen = {provider.get("/users/x").json["imsx_messageRefIdentifier"] for _ in range(3)}
    assert len(seen) == 3


@pytest.mark.parametrize("path", ["/users", "/users/x", "/nosuch", "/users?limit=0"])
def test_json_is_answered_whatever_the_client_says_it_accepts(provider, path):
    for accept in ("text/html", "application/xml", "*/*", "nonsense"):
        answer = wire.call(provider.base + path, headers=wire.bearer(provider.token()) | {"Accept": accept})
        assert answer.headers["Content-Type"].partition(";")[0] == "application/json", accept
        assert answer.status in {200, 400, 404}


def test_pupil_data_is_not_for_caches(provider):
    assert "no-store" in (provider.get("/users").headers["Cache-Control"] or "")
