import re
from urllib.parse import parse_qs, urlencode, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from schoolpassport.rosterapi import links
from schoolpassport.rosterapi.parameters import Parameters, for_page
from schoolpassport.sharing.records import Page

ADDRESS = "https://sp.example/ims/oneroster/v1p1/users"


def linked(asked: Parameters, total: int, revision: int = 7) -> dict[str, dict[str, list[str]]]:
    """Read as the strictest client reads: parts between commas, each exactly <url>; rel="name"."""
    found = {}
    for part in links.header(ADDRESS, asked, Page(b"", total, revision)).split(","):
        match = re.fullmatch(r'<([^>]+)>; rel="(\w+)"', part.strip())
        assert match, part
        assert match[1].startswith(ADDRESS + "?")
        found[match[2]] = parse_qs(urlsplit(match[1]).query, keep_blank_values=True, strict_parsing=True)
    return found


def test_a_middle_page_links_all_four_and_each_names_the_revision():
    found = linked(Parameters(limit=100, offset=200), 2550)
    assert {name: query["offset"] for name, query in found.items()} == {
        "first": ["0"],
        "prev": ["100"],
        "next": ["300"],
        "last": ["2500"],
    }
    assert all(query["revision"] == ["7"] and query["limit"] == ["100"] for query in found.values())


def test_there_is_no_next_after_the_last_and_no_prev_before_the_first():
    assert set(linked(Parameters(limit=10, offset=0), 10)) == {"first", "last"}
    assert set(linked(Parameters(limit=10, offset=0), 11)) == {"first", "next", "last"}
    assert set(linked(Parameters(limit=10, offset=10), 11)) == {"first", "prev", "last"}
    assert linked(Parameters(limit=10, offset=3), 5)["prev"]["offset"] == ["0"]
    assert linked(Parameters(limit=10, offset=0), 0)["last"]["offset"] == ["0"]


NAMES = st.text(min_size=1).filter(lambda name: name not in {"limit", "offset", "revision", "orderBy"})


@given(st.dictionaries(NAMES, st.text()))
def test_whatever_else_was_sent_survives_unchanged(others):
    sent = {
        name.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode() for name, v in others.items()
    }
    asked = for_page(urlencode({"limit": "10", **sent, "offset": "10"}))
    for query in linked(asked, 100).values():
        assert {k: v for k, v in query.items() if k not in {"limit", "offset", "revision"}} == {
            name: [value] for name, value in sent.items()
        }
