"""Clause 1.2, limit and offset, X-Total-Count, and the Link header."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.conformance.oneroster_v1p1 import operations, providers

MALFORMED = ["0", "-1", "abc", "1.5", "1e2", "0x10", "1_000", "\uff11\uff10", "null", "true", "%00", "1;2"]


def params(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))


def walk(provider, answer, envelope):
    """Every record from this page on, following `next`."""
    documents = list(answer.json[envelope])
    pages = 1
    while "next" in answer.links:
        answer = provider.follow(answer.links["next"])
        assert answer.status == 200, answer
        assert answer.json[envelope], "a next page has something on it"
        documents += answer.json[envelope]
        pages += 1
        assert pages < 1000
    return documents


def test_a_collection_without_limit_has_100_records(big_provider):
    answer = big_provider.get("/users")
    assert len(answer.json["users"]) == 100
    assert answer.total == 2550


@pytest.mark.parametrize("limit", [1, 7, 99, 100, 101, 200, 1000, 2549, 2550, 2551, 5000, 10000])
def test_a_limit_is_honoured_up_to_ten_thousand(big_provider, limit):
    answer = big_provider.get("/users", limit=limit)
    assert answer.status == 200
    assert len(answer.json["users"]) == min(limit, 2550)
    assert answer.total == 2550


def test_ten_thousand_really_are_ten_thousand(big_provider):
    answer = big_provider.get("/enrollments", limit=10000)
    assert len(answer.json["enrollments"]) == 10000
    assert answer.total == 10943
    rest = big_provider.follow(answer.links["next"])
    assert len(rest.json["enrollments"]) == 943
    assert "next" not in rest.links


@pytest.mark.parametrize("limit", [10001, 50_000, 2**31, 2**63, 10**30])
def test_a_greater_limit_is_honoured_or_refused_but_never_quietly_cut(big_provider, limit):
    """A client that steps by the limit it asked for loses what was cut."""
    answer = big_provider.get("/enrollments", limit=limit)
    assert (answer.status, len(answer.json.get("enrollments", []))) in {(200, min(limit, 10943)), (400, 0)}


@pytest.mark.parametrize("collection", ["users", "classes", "courses", "enrollments", "demographics"])
@pytest.mark.parametrize("limit", [37, 997])
def test_following_next_meets_every_record_exactly_once(big_provider, collection, limit):
    if (collection, limit) == ("enrollments", 37):
        limit = 499  # hundreds of requests would prove nothing more
    documents = walk(big_provider, big_provider.get(f"/{collection}", limit=limit), collection)
    ids = [each["sourcedId"] for each in documents]
    assert len(ids) == len(set(ids))
    assert set(ids) == {each["sourcedId"] for each in big_provider.pull(collection)}


def test_stepping_by_offset_meets_every_record_exactly_once(big_provider):
    ids = []
    while True:
        page = big_provider.get("/users", limit=300, offset=len(ids)).json["users"]
        if not page:
            break
        ids += [each["sourcedId"] for each in page]
    assert len(ids) == len(set(ids)) == 2550


def test_pages_by_next_and_pages_by_offset_are_the_same_pages(big_provider):
    by_next = walk(big_provider, big_provider.get("/users", limit=700), "users")
    by_offset = [
        each
        for start in (0, 700, 1400, 2100)
        for each in big_provider.get("/users", limit=700, offset=start).json["users"]
    ]
    assert by_next == by_offset


@pytest.mark.parametrize("offset", [2550, 2551, 10**6, 2**31, 2**63])
def test_an_offset_past_the_end_is_an_empty_page(big_provider, offset):
    answer = big_provider.get("/users", offset=offset)
    assert answer.status == 200, answer
    assert answer.json == {"users": []}
    assert answer.total == 2550
    assert "next" not in answer.links


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_limit_or_offset_is_invalid_data(provider, name, value):
    if (name, value) == ("offset", "0"):
        assert provider.get("/users", "offset=0").status == 200
        return
    answer = provider.get("/users", f"{name}={_spelled(value)}")
    assert answer.status == 400, answer
    assert answer.json["statusInfoSet"][0]["imsx_codeMinor"] == "invalid data"


def _spelled(value):
    return value if value.isascii() else "".join(f"%{byte:02X}" for byte in value.encode())


@pytest.mark.parametrize("operation", operations.COLLECTIONS, ids=str)
def test_every_collection_counts_its_records_and_links_its_pages(provider, operation):
    path = provider.path_of(operation)
    answer = provider.get(path, limit=1)
    everything = provider.get(path, limit=1000).json[operation.envelope]
    assert answer.total == len(everything)
    assert answer.json[operation.envelope] == everything[:1]
    assert walk(provider, answer, operation.envelope) == everything
    assert ("next" in answer.links) == (len(everything) > 1)


def test_the_total_counts_after_the_filter_and_before_the_page(big_provider):
    students = len(big_provider.roster.subset("students"))
    answer = big_provider.get("/users", filter="role='student'", limit=10, offset=20)
    assert answer.total == students
    assert len(answer.json["users"]) == 10


def test_an_empty_collection_counts_nothing(provider):
    answer = provider.get("/users", filter="familyName='Nobody'")
    assert (answer.status, answer.json, answer.total) == (200, {"users": []}, 0)
    assert not {"next", "prev"} & set(answer.links)


def test_the_links_of_a_middle_page_are_all_four(big_provider):
    links = big_provider.get("/users", limit=100, offset=200).links
    assert set(links) == {"first", "prev", "next", "last"}
    offsets = {rel: (params(url).get("offset", "0"), params(url)["limit"]) for rel, url in links.items()}
    assert offsets == {
        "first": ("0", "100"),
        "prev": ("100", "100"),
        "next": ("300", "100"),
        "last": ("2500", "100"),
    }


def test_the_first_page_has_no_prev_and_the_last_no_next(big_provider):
    first = big_provider.get("/users", limit=100)
    assert "prev" not in first.links
    last = big_provider.follow(first.links["last"])
    assert len(last.json["users"]) == 50
    assert "next" not in last.links
    assert "prev" in last.links


def test_the_last_page_is_full_when_the_limit_divides_the_total(big_provider):
    first = big_provider.get("/users", limit=510)
    last = big_provider.follow(first.links["last"])
    assert len(last.json["users"]) == 510
    assert "next" not in last.links
    assert last.json["users"] == big_provider.get("/users", limit=510, offset=2040).json["users"]


def test_following_prev_from_the_last_page_meets_the_same_pages_backwards(big_provider):
    first = big_provider.get("/classes", limit=30)
    page = big_provider.follow(first.links["last"])
    pages = [page.json["classes"]]
    while "prev" in page.links:
        page = big_provider.follow(page.links["prev"])
        pages.insert(0, page.json["classes"])
    assert [each for documents in pages for each in documents] == big_provider.pull("classes")
    assert page.json == first.json


def test_a_page_that_holds_everything_has_neither_next_nor_prev(provider):
    links = provider.get("/users", limit=100).links
    assert not {"next", "prev"} & set(links)


def test_prev_of_an_odd_offset_does_not_go_below_zero(big_provider):
    answer = big_provider.get("/users", limit=10, offset=5)
    before = big_provider.follow(answer.links["prev"])
    assert before.status == 200
    assert int(params(answer.links["prev"]).get("offset", "0")) == 0
    assert before.json["users"][:5] == big_provider.get("/users", limit=5).json["users"]


@pytest.mark.parametrize("prefix", providers.PREFIXES)
def test_links_are_absolute_and_stay_at_the_prefix_that_was_asked(big_provider, prefix):
    answer = big_provider.get("/users", limit=10, offset=10, prefix=prefix)
    start = big_provider.told["base_url"].rstrip("/") + prefix + "/users?"
    assert [url for url in answer.links.values() if not url.startswith(start)] == []


def test_links_keep_every_other_parameter_and_hide_the_commas_in_them(big_provider):
    asked = {
        "filter": "role='student' AND grades~'09,10'",
        "fields": "sourcedId,familyName,grades",
        "sort": "familyName",
        "orderBy": "desc",
        "limit": "50",
        "offset": "100",
        "unknown": "a,b=c&d é",
    }
    answer = big_provider.get("/users", **asked)
    assert answer.status == 200, answer
    header = answer.headers["Link"]
    assert header.count(",") == len(answer.links) - 1, "no raw comma inside an address"
    for rel, url in answer.links.items():
        kept = params(url)
        assert {k: kept[k] for k in asked if k != "offset"} == {k: v for k, v in asked.items() if k != "offset"}, rel
        assert url.isascii()
        assert big_provider.follow(url).total == answer.total


def test_links_keep_a_filter_with_apostrophes_and_signs(provider):
    for text in ("familyName='O'Neil'", "familyName='O''Neil'", "title='C++ basics'", "title~'%20'"):
        path, envelope = ("/users", "users") if text.startswith("family") else ("/courses", "courses")
        if "%" in text:
            path, envelope = "/classes", "classes"
        answer = provider.get(path, filter=text, limit=1)
        assert answer.status == 200, answer
        assert answer.total > 0, text
        assert params(answer.links["first"])["filter"] == text
        assert provider.follow(answer.links["first"]).json == answer.json
        assert len(answer.json[envelope]) == 1


def test_a_link_that_somebody_bent_is_no_server_error(provider):
    """Whatever else the server writes into its links may come back as anything."""
    link = provider.get("/users", limit=3).links["next"]
    for name in params(link):
        for value in ("", "0", "-1", "abc", "%00", "%FF", str(2**31), str(2**63), "1' OR '1'='1".replace(" ", "%20")):
            answer = provider.follow(re.sub(rf"\b{name}=[^&]*", f"{name}={value}", link))
            assert answer.status in {200, 400, 404, 410}, (name, value, str(answer))
            assert answer.json


def test_unknown_parameters_are_ignored(provider):
    assert provider.get("/users", nonsense="1", page="7", **{"$top": "1"}).json == provider.get("/users").json


def test_singles_need_no_paging_and_ignore_it(provider):
    path = provider.fill("/users/<users:stu.1>")
    plain = provider.get(path)
    assert "X-Total-Count" not in plain.headers
    assert provider.get(path, limit=1, offset=5).json == plain.json


def test_two_pulls_with_two_tokens_meet_the_same_order(big_provider):
    other = big_provider.new_token()
    answer = providers.wire.call(f"{big_provider.base}/users?limit=50&offset=77", headers=providers.wire.bearer(other))
    assert answer.json == big_provider.get("/users", limit=50, offset=77).json
