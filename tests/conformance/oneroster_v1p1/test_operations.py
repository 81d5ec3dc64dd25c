"""Clauses 1.1, 1.3, 1.5 and 1.6: every operation, its envelope, and whole objects equal to what the CSV says."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.oneroster_v1p1 import operations, providers, shapes, truth, wire
from tests.conformance.oneroster_v1p1.operations import OPERATIONS, Operation

MEMBERS_BESIDE = {"statusInfoSet"}  # the only other member a 1.1 answer may have


def objects(operation: Operation, answer: wire.Answer) -> list[dict]:
    payload = answer.json[operation.envelope]
    return payload if operation.many else [payload]


def test_there_are_41_operations():
    assert len({operation.path for operation in OPERATIONS}) == 41
    assert len(operations.CORE_COLLECTIONS) == len(operations.CORE_SINGLES) == 12
    assert len(operations.RELATIONS) == 17


@pytest.mark.parametrize("prefix", providers.PREFIXES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_answers_json_in_the_envelope_of_its_entity_class(provider, operation, prefix):
    answer = provider.get(provider.path_of(operation), prefix=prefix)
    assert answer.status == 200, answer
    kind, _, charset = answer.headers["Content-Type"].partition(";")
    assert kind == "application/json"
    assert charset.strip().lower() in {"", "charset=utf-8"}
    assert set(answer.json) - MEMBERS_BESIDE == {operation.envelope}
    assert isinstance(answer.json[operation.envelope], list if operation.many else dict)
    assert objects(operation, answer), "the example has something to show"


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_object_has_the_required_properties_of_the_right_types_and_no_nulls(provider, operation):
    answer = provider.get(provider.path_of(operation))
    for document in objects(operation, answer):
        assert shapes.faults(operation.collection, document) == []


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_every_object_of_a_generated_district_has_the_right_shape(big_provider, collection):
    wrong = [f for each in big_provider.pull(collection) for f in shapes.faults(collection, each)]
    assert wrong == []


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_the_objects_are_exactly_what_the_csv_says(provider, collection):
    served = {each["sourcedId"]: truth.comparable(each) for each in provider.pull(collection)}
    expected = {each["sourcedId"]: each for each in provider.expected[collection].values()}
    if collection == "courses":  # required in JSON, optional in CSV: what it says is the provider's choice
        assert isinstance(served[provider.ids["courses"]["bare"]].pop("courseCode"), str)
    assert served == expected


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_the_objects_of_a_generated_district_are_exactly_what_the_csv_says(big_provider, collection):
    served = {each["sourcedId"]: truth.comparable(each) for each in big_provider.pull(collection)}
    expected = {each["sourcedId"]: each for each in big_provider.expected[collection].values()}
    assert len(served) == len(big_provider.pull(collection)) == len(expected)
    different = [key for key in expected if served.get(key) != expected[key]]
    assert [(served.get(key), expected[key]) for key in different[:1]] == []
    assert set(served) == set(expected)


@pytest.mark.parametrize("word", operations.WORDS)
def test_a_subset_holds_exactly_the_records_of_its_kind(provider, word):
    documents = provider.get(f"/{word}", limit=100).json[operations.HOLDS[word]]
    assert sorted(provider.named(documents)) == sorted(provider.roster.subset(word))


@pytest.mark.parametrize("word", operations.WORDS)
def test_a_subset_shows_the_same_object_as_the_whole_collection(provider, word):
    collection = operations.HOLDS[word]
    whole = {each["sourcedId"]: each for each in provider.pull(collection)}
    documents = provider.get(f"/{word}").json[collection]
    assert documents == [whole[each["sourcedId"]] for each in documents]


@pytest.mark.parametrize("word", operations.WORDS)
def test_a_single_is_the_same_object_as_in_the_collection(provider, word):
    collection = operations.HOLDS[word]
    for document in provider.get(f"/{word}").json[collection]:
        answer = provider.get(f"/{word}/{document['sourcedId']}")
        assert answer.status == 200, answer
        assert answer.json == {operations.SINGLE[collection]: document}


@pytest.mark.parametrize(
    ("word", "other"),
    [
        *(("schools", "orgs:d1"), ("schools", "orgs:m1"), ("terms", "academicSessions:q1")),
        *(("terms", "academicSessions:year"), ("terms", "academicSessions:half")),
        *(("gradingPeriods", "academicSessions:autumn"), ("gradingPeriods", "academicSessions:year")),
        *(("students", "users:tea.1"), ("students", "users:par"), ("teachers", "users:stu.1")),
        *(("teachers", "users:aid"), ("demographics", "users:stu.4")),
    ],
)
def test_a_record_outside_a_subset_is_unknown_there(provider, word, other):
    inside, outside = provider.roster.subset(word), other.partition(":")[2]
    assert outside not in inside
    assert provider.get(provider.fill(f"/{word}/<{other}>")).status == 404


def test_sourced_ids_are_gg4l_ids_and_no_two_records_share_one(provider):
    ids = [each["sourcedId"] for name in truth.COLLECTIONS if name != "demographics" for each in provider.pull(name)]
    assert all(shapes.is_gg4l_id(each) for each in ids)
    assert len(ids) == len(set(ids))
    assert not set(ids) & {key for table in provider.roster.tables.values() for key in table}


def test_demographics_carry_the_sourced_id_of_their_user(provider):
    people = {provider.ids["users"][key] for key in provider.roster.tables["demographics"]}
    assert {each["sourcedId"] for each in provider.pull("demographics")} == people


def test_a_sourced_id_in_a_path_may_be_percent_encoded(provider):
    """WSGI hands paths over decoded, so an encoded slash can't be told from a plain one; no id of ours holds one."""
    plain = provider.ids["users"]["stu.1"]
    spelled = "".join(f"%{ord(each):02x}" for each in plain)
    answer = provider.get(f"/users/{spelled}")
    assert answer.status == 200, answer
    assert answer.json["user"]["sourcedId"] == plain
    assert not [key for ids in provider.ids.values() for key in ids.values() if "/" in key]


def _references(value, found):
    if isinstance(value, dict):
        if "href" in value:
            found[value["href"]] = value
        for each in value.values():
            _references(each, found)
    elif isinstance(value, list):
        for each in value:
            _references(each, found)
    return found


@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_every_href_leads_at_its_own_host_and_prefix_to_the_object_it_names(provider, prefix):
    found: dict[str, dict] = {}
    for collection in truth.COLLECTIONS:
        _references(provider.get(f"/{collection}", limit=1000, prefix=prefix).json, found)
    base = provider.told["base_url"].rstrip("/") + prefix
    assert len(found) > 20
    for href, reference in found.items():
        assert href.startswith(base + "/"), href
        answer = provider.follow(href)
        assert answer.status == 200, (href, str(answer))
        assert set(answer.json) == {reference["type"]}
        assert answer.json[reference["type"]]["sourcedId"] == reference["sourcedId"]


def test_parents_and_children_name_each_other(provider):
    for collection in truth.TREES:
        documents = provider.pull(collection)
        down = {(d["sourcedId"], c["sourcedId"]) for d in documents for c in d.get("children", [])}
        up = {(d["parent"]["sourcedId"], d["sourcedId"]) for d in documents if "parent" in d}
        assert down == up
        assert up


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_date_last_modified_is_the_time_of_the_view_and_not_that_of_the_file(big_provider, collection):
    """The file fills the column although it is bulk; such values are to be ignored."""
    soon = datetime.fromtimestamp(wire.now(), UTC) + timedelta(minutes=1)
    served = {each["dateLastModified"] for each in big_provider.pull(collection)}
    assert all(soon - timedelta(hours=1) < datetime.fromisoformat(each) < soon for each in served), sorted(served)[:3]


def test_booleans_are_the_strings_true_and_false(provider):
    users = {provider.source_ids[each["sourcedId"]]: each for each in provider.pull("users")}
    assert users["stu.1"]["enabledUser"] == "true"
    assert users["stu.3"]["enabledUser"] == "false"
    enrollments = {provider.source_ids[each["sourcedId"]]: each for each in provider.pull("enrollments")}
    assert enrollments["e1"]["primary"] == "true"
    assert enrollments["e2"]["primary"] == "false"
    assert "primary" not in enrollments["e3"]


def test_a_password_is_never_served(provider):
    passwords = {row["password"] for row in provider.roster.rows("users")} - {""}
    assert len(passwords) == 2
    for path in ("/users", "/students", "/teachers", "/schools/<orgs:s1>/students", "/users/<users:stu.1>"):
        for params in ({}, {"fields": "password"}, {"fields": "username,password"}, {"sort": "password"}):
            text = provider.get(provider.fill(path), **params).body.decode()
            assert not [each for each in passwords if each in text]
            assert '"password":' not in text.replace(" ", "")


def test_a_password_cannot_be_guessed_by_filter_or_sort(provider):
    """A hidden value that filters is a leak all the same, one letter at a time."""
    for text in ("password='Never-Served-1'", "password~'Never'", "password!='x'", "password>='A'"):
        answer = provider.get("/users", filter=text)
        assert answer.status == 400, answer
    plain = provider.get("/users").json["users"]
    for order in ("asc", "desc"):
        answer = provider.get("/users", sort="password", orderBy=order)
        assert answer.status == 200
        assert answer.json["users"] == plain


def test_text_survives_unchanged(provider):
    users = {provider.source_ids[each["sourcedId"]]: each for each in provider.pull("users")}
    assert users["stu.4"]["middleName"] == '"Ace" \\ <b>🚀</b>'
    assert users["stu.2"]["familyName"] == "李"
    enrollments = {provider.source_ids[each["sourcedId"]]: each for each in provider.pull("enrollments")}
    assert enrollments["e1"]["metadata"]["note"] == 'said "hi", then \\o/ left'
    assert enrollments["e14"]["metadata"]["note"] == "naïve 🎒"
