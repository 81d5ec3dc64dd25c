import pytest

from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.rosterapi.parameters import Parameters, for_page, for_single, without_offset


def test_nothing_sent_is_the_first_hundred_in_the_default_order():
    assert for_page("") == Parameters()
    assert (Parameters().limit, Parameters().offset) == (100, 0)


@pytest.mark.parametrize(
    "query",
    [
        "filter=familyName%3D%27O%27Neil%27%20AND%20role%3D%27aide%27",
        "filter=familyName='O'Neil'+AND+role='aide'",
        "filter=familyName='O'Neil'%20AND%20role='aide'",
    ],
)
def test_a_filter_may_be_spelled_as_clients_spell_it(query):
    assert for_page(query).filter == "familyName='O'Neil' AND role='aide'"


def test_a_value_is_decoded_exactly_once():
    assert for_page("filter=title%7E%27%2520%27").filter == "title~'%20'"
    assert for_page("filter=title%3D%27C%2B%2B%27").filter == "title='C++'"


def test_raw_utf_8_in_the_query_is_read_as_such():
    assert for_page("sort=" + "größe".encode().decode("latin-1")).sort == "größe"


def test_of_two_values_the_last_counts_and_unknown_names_are_kept_for_the_links():
    asked = for_page("limit=5&limit=7&x=1&y=&sort=familyName&orderBy=DESC")
    assert (asked.limit, asked.sort, asked.descending) == (7, "familyName", True)
    assert asked.kept == "x=1&y=&sort=familyName&orderBy=DESC&"


@pytest.mark.parametrize("rest", ["", "limit=7", "sort=role&limit=7", "filter=title%3D%27offset%27", "x=offset=3"])
@pytest.mark.parametrize("offset", ["0", "12", "999999999999999999"])
def test_the_offset_is_found_wherever_it_stands(rest, offset):
    expected = for_page(rest)._replace(offset=int(offset))
    for query in (f"offset={offset}&{rest}", f"{rest}&offset={offset}", f"&{rest}&offset={offset}&"):
        assert read_in_two_steps(query) == for_page(query) == expected


@pytest.mark.parametrize(
    ("query", "offset"),
    [
        *(("offset=5&offset=6", 6), ("offset=5&%6Fffset=6", 6), ("offset=5&offse%74=6", 6), ("%6fffset=6&offset=5", 5)),
        *(("%6Fffset=6", 6), ("offset=%36", 6), ("offset=5&x=%6F&limit=7", 5)),
    ],
)
def test_of_two_offsets_the_last_counts_however_they_are_spelled(query, offset):
    assert read_in_two_steps(query).offset == for_page(query).offset == offset


@pytest.mark.parametrize("query", ["offset=-1", "offset=", "offset=1e2", "offset=1&offset=x", "offset=1&offset"])
def test_an_offset_that_is_none_is_refused_in_two_steps_as_in_one(query):
    assert without_offset(query) == (query, None)


def read_in_two_steps(query: str) -> Parameters:
    """As requests are read: the pages of a walk differ in the offset alone."""
    rest, offset = without_offset(query)
    return for_page(rest) if offset is None else for_page(rest)._replace(offset=offset)


def test_fields_that_are_blank_are_not_fields_that_are_missing():
    assert for_page("fields=").fields == ""
    assert for_page("").fields is None
    assert for_single("fields=a,b&limit=x").fields == "a,b"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=", "limit=abc", "limit=1.5", "limit=%EF%BC%91", "limit=+1", "limit=10001"),
        *("offset=-1", "offset=", "offset=1e2", "revision=", "revision=-1", "revision=x", "orderBy=up", "limit=1;2"),
        *("limit=" + "9" * 41, "&".join(["x=1"] * 101)),
    ],
)
def test_what_cannot_be_used_is_invalid_data_with_a_sentence(query):
    with pytest.raises(Failure) as refused:
        for_page(query)
    assert refused.value.minor is Minor.INVALID_DATA
    assert refused.value.sentence.endswith(".")


def test_the_largest_limit_is_honoured_and_any_offset_and_revision_are_read():
    asked = for_page(f"limit=10000&offset={10**30}&revision={10**30}")
    assert (asked.limit, asked.offset, asked.revision) == (10_000, 10**30, 2**31 - 1)


def _utf_8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
