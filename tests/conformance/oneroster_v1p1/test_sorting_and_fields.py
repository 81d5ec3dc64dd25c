"""Clause 1.2, sort, orderBy and fields."""

import pytest

from tests.conformance.oneroster_v1p1 import shapes, truth


def pull(provider, path, envelope, **params):
    """Every page, by offset, and each id once."""
    documents = []
    while True:
        answer = provider.get(path, offset=len(documents), **params)
        assert answer.status == 200, answer
        page = answer.json[envelope]
        documents += page
        if not page or len(documents) >= answer.total:
            return documents


def warning(answer):
    (status,) = answer.json["statusInfoSet"]
    return status["imsx_codeMajor"], status["imsx_severity"], status["imsx_codeMinor"]


@pytest.mark.parametrize(
    ("collection", "name"),
    [
        *(("users", "username"), ("users", "email"), ("users", "identifier"), ("classes", "classCode")),
        *(("demographics", "birthDate"), ("orgs", "identifier"), ("classes", "title"), ("courses", "courseCode")),
    ],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_sort_orders_by_the_field(big_provider, collection, name, order):
    documents = pull(big_provider, f"/{collection}", collection, sort=name, orderBy=order, limit=2000)
    values = [each[name] for each in documents]
    assert values == sorted((row[name] for row in big_provider.roster.rows(collection)), reverse=order == "desc")


def test_sort_without_order_by_is_ascending(big_provider):
    both = big_provider.get("/users", sort="username", limit=500)
    assert both.json == big_provider.get("/users", sort="username", orderBy="asc", limit=500).json
    assert both.json != big_provider.get("/users", sort="username", orderBy="desc", limit=500).json


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("collection", "name"), [("users", "role"), ("users", "familyName"), ("enrollments", "role"), ("users", "phone")]
)
def test_paging_through_a_sort_with_many_equal_values_meets_every_record_once(big_provider, collection, name, order):
    documents = pull(big_provider, f"/{collection}", collection, sort=name, orderBy=order, limit=800)
    ids = [each["sourcedId"] for each in documents]
    assert len(ids) == len(set(ids)) == len(big_provider.roster.tables[collection])


def test_sort_follows_unicode(provider):
    names = [each["familyName"] for each in provider.get("/users", sort="familyName").json["users"]]
    assert names == sorted(row["familyName"] for row in provider.roster.rows("users"))


def test_a_descending_sort_has_the_values_of_the_ascending_one_backwards(provider):
    for name in ("familyName", "username", "role", "enabledUser", "status"):
        up = [each[name] for each in provider.get("/users", sort=name).json["users"]]
        down = [each[name] for each in provider.get("/users", sort=name, orderBy="desc").json["users"]]
        assert up == down[::-1]


def test_records_without_the_sorted_field_are_not_lost(provider):
    for order in ("asc", "desc"):
        answer = provider.get("/users", sort="email", orderBy=order)
        assert len(answer.json["users"]) == len(provider.roster.tables["users"])
        emails = [each["email"] for each in answer.json["users"] if "email" in each]
        assert emails == sorted(emails, reverse=order == "desc")


@pytest.mark.parametrize("name", ["sourcedId", "status", "dateLastModified"])
def test_the_properties_that_every_object_has_can_be_sorted_by(provider, name):
    answer = provider.get("/enrollments", sort=name)
    assert set(answer.json) == {"enrollments"}, "no warning"
    values = [each[name] for each in answer.json["enrollments"]]
    assert values == sorted(values)


@pytest.mark.parametrize(
    "name", ["nosuch", "", "family_name", "familyname ", "id; drop table", "%", "doc", "district_id"]
)
def test_an_unknown_sort_field_is_a_warning_beside_the_default_order(provider, name):
    answer = provider.get("/users", sort=name)
    assert answer.status == 200, answer
    assert answer.json["users"] == provider.get("/users").json["users"]
    if name:
        assert warning(answer) == ("success", "warning", "invalid_sort_field")


def test_a_warning_about_the_sort_survives_on_every_page(provider):
    answer = provider.get("/users", sort="nosuch", limit=5)
    assert warning(provider.follow(answer.links["next"])) == ("success", "warning", "invalid_sort_field")


def test_sort_works_on_relations(provider):
    answer = provider.get(provider.fill("/schools/<orgs:s1>/students"), sort="givenName", orderBy="desc")
    assert [each["givenName"] for each in answer.json["users"]] == ["小龍", "Renée", "Jess"]


@pytest.mark.parametrize(
    ("collection", "names"),
    [
        ("users", ["sourcedId", "username", "role"]),
        ("users", ["givenName", "middleName", "email", "agents"]),
        ("users", ["metadata"]),
        ("users", ["userIds", "orgs", "grades", "enabledUser", "status", "dateLastModified"]),
        ("enrollments", ["user", "role"]),
        ("enrollments", ["sourcedId", "metadata", "primary", "beginDate", "endDate"]),
        ("orgs", ["name", "parent", "children"]),
        ("academicSessions", ["title", "parent", "children", "schoolYear"]),
        ("classes", ["periods", "terms", "course", "school", "subjectCodes"]),
        ("courses", ["org", "schoolYear", "title"]),
        ("demographics", ["sourcedId", "sex", "asian", "birthDate"]),
    ],
)
def test_fields_leaves_exactly_the_named_properties(provider, collection, names):
    answer = provider.get(f"/{collection}", fields=",".join(names))
    assert set(answer.json) == {collection}
    whole = provider.get(f"/{collection}").json[collection]
    assert answer.json[collection] == [{k: v for k, v in each.items() if k in names} for each in whole]


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_each_property_can_be_asked_for_alone(provider, collection):
    whole = provider.get(f"/{collection}").json[collection]
    names = {name for each in whole for name in each}
    for name in sorted(names):
        answer = provider.get(f"/{collection}", fields=name)
        assert answer.json == {collection: [{k: v for k, v in each.items() if k == name} for each in whole]}


@pytest.mark.parametrize("collection", truth.COLLECTIONS)
def test_each_property_of_the_model_is_known_to_fields_even_if_no_record_has_it(provider, collection):
    whole = provider.get(f"/{collection}").json[collection]
    for name in shapes.EVERY | shapes.REQUIRED[collection] | shapes.OPTIONAL[collection] | {"metadata": None}:
        answer = provider.get(f"/{collection}", fields=f"sourcedId,{name}")
        expected = [{k: v for k, v in each.items() if k in {"sourcedId", name}} for each in whole]
        assert answer.json == {collection: expected}, name


def test_fields_does_not_bring_the_sourced_id_unasked(provider):
    (first, *_) = provider.get("/users", fields="username").json["users"]
    assert set(first) == {"username"}


def test_fields_works_on_singles_and_relations_too(provider):
    single = provider.get(provider.fill("/users/<users:tea.1>"), fields="familyName,givenName")
    assert single.json == {"user": {"familyName": "O'Neil", "givenName": "Siobhán"}}
    relation = provider.get(provider.fill("/teachers/<users:tea.1>/classes"), fields="title")
    assert relation.json == {"classes": [{"title": "Algebra for Ångström's group"}]}
    enrollment = provider.get(provider.fill("/enrollments/<enrollments:e1>"), fields="role,primary")
    assert enrollment.json == {"enrollment": {"role": "teacher", "primary": "true"}}


@pytest.mark.parametrize("path", ["/users", "/users/<users:tea.1>", "/enrollments", "/classes/<classes:k1>/students"])
@pytest.mark.parametrize("fields", ["nosuch", "familyName,nosuch", "familyname", "orgs.sourcedId", "*", "doc"])
def test_an_unknown_name_in_fields_brings_everything_and_a_warning(provider, path, fields):
    whole = provider.get(provider.fill(path))
    answer = provider.get(provider.fill(path), fields=fields)
    assert answer.status == 200, answer
    assert warning(answer) == ("success", "warning", "invalid_selection_field")
    assert {k: v for k, v in answer.json.items() if not k.startswith(("statusInfoSet", "imsx_"))} == whole.json


@pytest.mark.parametrize("path", ["/users", "/enrollments", "/users/<users:tea.1>", "/terms"])
@pytest.mark.parametrize("raw", ["fields=", "fields=%20"])
def test_a_blank_fields_is_refused(provider, path, raw):
    answer = provider.get(provider.fill(path), raw)
    assert answer.status == 400, answer
    (status,) = answer.json["statusInfoSet"]
    assert status["imsx_codeMajor"] == "failure"
    assert status["imsx_codeMinor"] == "invalid_blank_selection_field"


@pytest.mark.parametrize("raw", ["fields=username,role", "fields=username%2Crole", "fields=username%2crole"])
def test_the_commas_of_fields_may_be_raw_or_encoded(provider, raw):
    answer = provider.get("/users", raw)
    assert [set(each) for each in answer.json["users"]] == [{"username", "role"}] * len(provider.roster.tables["users"])


def test_fields_changes_neither_order_nor_total_nor_the_filter(provider):
    asked = {"filter": "role='student'", "sort": "familyName", "orderBy": "desc", "limit": 3}
    whole = provider.get("/users", **asked)
    some = provider.get("/users", fields="givenName", **asked)
    assert some.total == whole.total
    assert some.json["users"] == [{"givenName": each["givenName"]} for each in whole.json["users"]]
