"""The OneRoster API as real providers serve it: whatever they do, the package is their roster, or there is none."""

import csv
import io
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.kit.http import Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.connectors.shape import Given
from tests.support import lookup
from tests.support import oneroster_provider as fake
from tests.support.oneroster_provider import Quirks, provider, provider_1p2, serving
from tests.support.packages import crowd, small

HERE = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
REST = CONNECTORS["oneroster-rest"]
OPTIONAL = ("demographics", "categories", "lineItems", "results", "resources")


def given(made, memory=None, schema="oneroster-1.1", **values):
    return Given(
        values=REST.filled(made.settings(**{"page_size": "5", **values})),
        secrets={"client_secret": fake.SECRET},
        memory=memory or {},
        now=NOW,
        schema=schema,
        policy=HERE,
        pace=Pace(tries=3, first=0.01, longest=0.02, patience=0.5),
        limits=Limits(bytes=20_000_000, seconds=20, silence=2),
    )


def pulled(made, into, memory=None, **values):
    into.mkdir()
    return REST.collect(given(made, memory, **values), into, lambda _: None)


def rows(folder):
    """What the files say: file → id → the cells that hold something."""
    return {
        path.stem: {
            row["sourcedId"]: {c: v for c, v in row.items() if v}
            for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        }
        for path in folder.glob("*.csv")
        if path.name != "manifest.csv"
    }


def said(package):
    return {
        file: {r["sourcedId"]: {c: v for c, v in r.items() if v} for r in rows_} for file, rows_ in package.rows.items()
    }


def modes(folder):
    lines = (folder / "manifest.csv").read_text().splitlines()
    told = dict(line.split(",") for line in lines)
    return {
        name.removeprefix("file."): mode for name, mode in told.items() if name.startswith("file.") and mode != "absent"
    }


SURVIVED = {
    "a good provider": Quirks(),
    "clamps the limit": Quirks(clamp=3),
    "clamps to one record": Quirks(clamp=1),
    "clamps to one, and calls the end an error": Quirks(clamp=1, past_end=404),
    "counts nothing": Quirks(total="none"),
    "counts the page only": Quirks(total="page"),
    "counts what it does not show": Quirks(total="more"),
    "no Link header": Quirks(link="none", total="none"),
    "a Link header in lower case": Quirks(link="lower", cursor=True),
    "a relative Link": Quirks(link="relative", cursor=True),
    "a Link, and nothing counted": Quirks(link="good", cursor=True, total="none"),
    "links that lead elsewhere are not needed": Quirks(link="other host"),
    "the end is 404": Quirks(past_end=404),
    "the end is 400": Quirks(past_end=400),
    "all at once, whatever is asked": Quirks(ignores_limit=True, ignores_offset=True),
    "all at once, uncounted": Quirks(ignores_limit=True, ignores_offset=True, total="none"),
    "limit ignored": Quirks(ignores_limit=True),
    "no order can be asked for": Quirks(sorts=False),
    "no order at all": Quirks(sorts=False, shuffles=True),
    "large limits are refused": Quirks(refuse_above=4),
    "booleans of JSON": Quirks(booleans="json"),
    "booleans with a capital": Quirks(booleans="capital"),
    "booleans as digits": Quirks(booleans="digit"),
    "numbers": Quirks(numbers=True),
    "one instead of a list": Quirks(singles=True),
    "references as ids": Quirks(bare=True),
    "null instead of nothing": Quirks(nulls=True),
    "words in upper case": Quirks(cased=True),
    "more than the standard knows": Quirks(extras=True),
    "a byte order mark": Quirks(bom=True),
    "an envelope of its own": Quirks(envelope="Items"),
    "login by form": Quirks(login_by_form=True),
    "tokens that expire half-way": Quirks(token_life=4),
    "429 with seconds": Quirks(faults={5: fake.status(429, Retry_After="0")}),
    "429 without": Quirks(faults={5: fake.status(429)}),
    "429 with a date": Quirks(faults={5: fake.status(429, Retry_After="Tue, 01 Sep 2026 06:00:00 GMT")}),
    "503": Quirks(faults={5: fake.status(503), 6: fake.status(503)}),
    "a cut body": Quirks(faults={5: fake.cut}),
    "a cut chunk": Quirks(faults={5: fake.cut_in_a_chunk}),
    "half a document": Quirks(faults={5: fake.half_a_document}),
}


@pytest.mark.parametrize("how", SURVIVED)
def test_the_package_is_the_providers_roster(how, tmp_path):
    with serving(provider(small(), SURVIVED[how])) as made:
        pulled(made, tmp_path / "got")
    assert rows(tmp_path / "got") == said(small())
    assert modes(tmp_path / "got") == dict.fromkeys(small().rows, "bulk")


REFUSED = {
    "a login page": (Quirks(faults=dict.fromkeys(range(9, 90), fake.page_for_people)), "web page"),
    "success without data": (Quirks(faults=dict.fromkeys(range(9, 90), fake.success_without_data)), "without a list"),
    "cut for ever": (Quirks(faults=dict.fromkeys(range(9, 90), fake.cut)), "broke off"),
    "garbled for ever": (Quirks(faults=dict.fromkeys(range(9, 90), fake.half_a_document)), "not JSON"),
    "429 for ever": (Quirks(faults=dict.fromkeys(range(9, 90), fake.status(429))), "less often"),
    "401 after a new token": (Quirks(faults=dict.fromkeys(range(9, 90), fake.status(401))), "credentials"),
    "no users": (Quirks(missing=frozenset({"users"})), "shows no users at this address"),
    "users forbidden": (Quirks(forbidden=frozenset({"users"})), "Let these credentials read them"),
    "its own first page for ever": (Quirks(clamp=3, ignores_offset=True, total="none"), "again and again"),
    "no order, and no count": (Quirks(sorts=False, shuffles=True, total="none"), "in another order each time"),
    "links to another host": (Quirks(link="other host", cursor=True), "another host"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_whole_is_refused_with_a_sentence_and_no_secret(how, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    quirks, words = REFUSED[how]
    with serving(provider(crowd(), quirks)) as made, pytest.raises((Retry, NeedsAttention), match=words) as raised:
        pulled(made, tmp_path / "got")
    assert raised.value.sentence.endswith(".")
    assert not (tmp_path / "got" / "manifest.csv").exists()
    for secret in (fake.SECRET, "token-0", "filter="):
        assert secret not in raised.value.sentence + caplog.text


def test_one_user_in_one_answer_does_not_make_the_rest_of_an_answer_the_whole(tmp_path):
    """All users come at once, being one; nothing follows from it for orgs, of which the provider counts more."""
    alone = small().without("users", *(r["sourcedId"] for r in small().rows["users"][1:]))
    quirks = Quirks(ignores_offset=True, clamp=1)
    with serving(provider(alone, quirks)) as made, pytest.raises(NeedsAttention, match="again and again"):
        pulled(made, tmp_path / "got")
    with serving(provider(alone, Quirks(cursor=True, clamp=1, link="good"))) as made:
        pulled(made, tmp_path / "followed")
    assert rows(tmp_path / "followed") == said(alone)


def test_one_dot_two_has_files_for_roles_and_profiles(tmp_path):
    with serving(provider_1p2(small().only("orgs", "users"))) as made:
        for name in ("academicSessions", "courses", "classes", "enrollments"):
            made.world[name] = [fake.record(name, r) for r in small().rows[name]]
        p3 = next(r for r in made.world["users"] if r["sourcedId"] == "p3")
        p3["preferredFirstName"], p3["metadata"] = "Pip", {"house": "Red"}
        p3["primaryOrg"] = {"sourcedId": "s2"}
        p3["userProfiles"] = [
            {
                "profileId": "https://lms.example/p3",
                "profileType": "LMS",
                "vendorId": "lms",
                "credentials": [{"type": "basic", "username": "pip", "password": "never"}],
            }
        ]
        quiz = {"sourcedId": "li", "title": "Quiz", "class": {"sourcedId": "k1"}}
        sought = [{"source": "case", "learningObjectiveIds": ["o1", "o2"]}, {"source": "unknown"}]
        made.world["lineItems"] = [
            {**quiz, "gradingPeriod": {"sourcedId": "autumn"}, "learningObjectiveSet": sought},
            {"sourcedId": "none", "title": "Poem", "learningObjectiveSet": "nothing"},
        ]
        scored = [{"learningObjectiveId": "o1", "score": 1.5}, {"learningObjectiveId": "o2", "textScore": "met"}]
        made.world["results"] = [
            {
                "sourcedId": "r",
                "lineItem": {"sourcedId": "li"},
                "student": {"sourcedId": "p1"},
                "late": True,
                "learningObjectiveSet": [{"source": "case", "learningObjectiveResults": scored}],
            }
        ]
        pulled(made, tmp_path / "got", schema="oneroster-1.2", also="lineItems,results")
    got = rows(tmp_path / "got")
    assert {i: (r["userSourcedId"], r["roleType"], r["role"], r["orgSourcedId"]) for i, r in got["roles"].items()} == {
        "t1/teacher/s1": ("t1", "primary", "teacher", "s1"),
        "t2/teacher/s2": ("t2", "primary", "teacher", "s2"),
        "g1/guardian/s1": ("g1", "primary", "guardian", "s1"),
        "p1/student/s1": ("p1", "primary", "student", "s1"),
        "p2/student/s1": ("p2", "primary", "student", "s1"),
        "p3/student/s1": ("p3", "primary", "student", "s1"),
        "p3/student/s2": ("p3", "secondary", "student", "s2"),
        "p4/student/s2": ("p4", "primary", "student", "s2"),
    }
    assert (got["users"]["p3"]["preferredGivenName"], got["users"]["p3"]["metadata.house"]) == ("Pip", "Red")
    assert got["users"]["p3"]["primaryOrgSourcedId"] == "s2"
    profile = got["userProfiles"]["https://lms.example/p3"]
    assert (profile["userSourcedId"], profile["credentialType"], profile["username"]) == ("p3", "basic", "pip")
    assert "never" not in (tmp_path / "got" / "userProfiles.csv").read_text()
    assert got["lineItems"]["li"]["academicSessionSourcedId"] == "autumn"
    case = {"source": "case"}
    assert got["lineItemLearningObjectiveIds"] == {
        f"li/case/{o}": {"sourcedId": f"li/case/{o}", "lineItemSourcedId": "li", **case, "learningObjectiveId": o}
        for o in ("o1", "o2")
    }
    met = {"sourcedId": "r/case/o1", "resultSourcedId": "r", **case, "learningObjectiveId": "o1", "score": "1.5"}
    assert got["resultLearningObjectiveIds"]["r/case/o1"] == met
    assert got["resultLearningObjectiveIds"]["r/case/o2"]["textScore"] == "met"
    assert got["results"]["r"]["late"] == "true"
    assert [path for path in made.asked if "lineItems" in path and "/gradebook/v1p2/" not in path] == []


def test_the_gradebook_comes_along_when_it_is_asked_for(tmp_path):
    with serving(provider(small())) as made:
        made.world["categories"] = [{"sourcedId": "cat", "title": "Homework"}]
        made.world["lineItems"] = [
            {
                "sourcedId": "li",
                "title": "Quiz",
                "assignDate": "2026-09-01T00:00:00Z",
                "class": {"sourcedId": "k1"},
                "category": {"sourcedId": "cat"},
                "gradingPeriod": {"sourcedId": "autumn"},
                "resultValueMin": 0,
                "resultValueMax": 10.5,
            }
        ]
        made.world["results"] = [
            {
                "sourcedId": "r",
                "lineItem": {"sourcedId": "li"},
                "student": "p1",
                "score": 9,
                "scoreDate": "2026-09-02T10:00:00Z",
            }
        ]
        made.world["resources"] = [{"sourcedId": "book", "vendorResourceId": "v", "roles": ["STUDENT", "teacher"]}]
        pulled(made, tmp_path / "got", also="categories,lineItems,results,resources")
    got = rows(tmp_path / "got")
    assert got["categories"] == {"cat": {"sourcedId": "cat", "title": "Homework"}}
    quiz = got["lineItems"]["li"]
    assert (quiz["classSourcedId"], quiz["resultValueMin"], quiz["resultValueMax"]) == ("k1", "0", "10.5")
    assert got["results"]["r"] == {
        "sourcedId": "r",
        "lineItemSourcedId": "li",
        "studentSourcedId": "p1",
        "score": "9",
        "scoreDate": "2026-09-02",
    }
    assert got["resources"]["book"]["roles"] == "student,teacher"


def test_a_record_without_an_id_stays_for_the_inspection_to_speak_of(tmp_path):
    with serving(provider(small())) as made:
        made.world["courses"].append({"title": "Nameless", "org": {"sourcedId": "s1"}})
        pulled(made, tmp_path / "got")
    assert rows(tmp_path / "got")["courses"][""]["title"] == "Nameless"


def test_line_ends_and_commas_do_not_break_a_row(tmp_path):
    with serving(provider(small())) as made:
        course = made.world["courses"][0]
        course |= {"title": 'Al\r\n"gebra", I', "subjects": ["Maths, pure", None, "Logic"]}
        pulled(made, tmp_path / "got")
    told = rows(tmp_path / "got")["courses"]["alg"]
    assert (told["title"], told["subjects"]) == ('Al  "gebra", I', "Maths  pure,Logic")


def test_a_login_that_is_wrong_is_said_at_once(tmp_path):
    with serving(provider(small())) as made:
        wrong = replace(given(made), secrets={"client_secret": "wrong"})
        with pytest.raises(NeedsAttention, match="gives no token for these credentials"):
            REST.check(wrong)


@pytest.mark.parametrize("way", ["oauth1-sha256", "oauth1-sha1"])
def test_requests_are_signed_and_no_nonce_is_used_twice(way, tmp_path):
    """A try after a 503 is signed anew: the provider has seen the first signature."""
    with serving(provider(small(), Quirks(faults={5: fake.status(503)}))) as made:
        pulled(made, tmp_path / "got", login=way)
    assert rows(tmp_path / "got") == said(small())
    assert made.tokens == {}


def test_what_is_called_deleted_is_not_in_the_whole_truth(tmp_path):
    with serving(provider(small())) as made:
        made.set(small().without("enrollments", "e5").without("users", "p4"))
        pulled(made, tmp_path / "got")
    assert set(rows(tmp_path / "got")["users"]) == {"t1", "t2", "g1", "p1", "p2", "p3"}


def test_optional_collections_that_are_not_offered_are_left_out(tmp_path):
    with serving(provider(small(), Quirks(missing=frozenset({"demographics"})))) as made:
        collected = pulled(made, tmp_path / "got", also="demographics lineItems")
    assert "demographics" not in modes(tmp_path / "got")
    assert sorted(collected.facts["not offered"]) == ["demographics", "lineItems"]


def test_own_attributes_become_columns_of_their_own(tmp_path):
    package = small().changed("users", "p1", **{"metadata.house": "Red"})
    with serving(provider(package)) as made:
        pulled(made, tmp_path / "got")
    assert rows(tmp_path / "got")["users"]["p1"]["metadata.house"] == "Red"


def test_the_same_roster_makes_the_same_bytes_in_whatever_order_it_comes(tmp_path):
    for name in ("one", "two"):
        with serving(provider(crowd(), Quirks(sorts=False, shuffles=True))) as made:
            pulled(made, tmp_path / name, page_size="500")
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two


# ------------------------------------------------------------------------------------------- records that move meanwhile


def at_the_fourth_page(move):
    """Before the fourth page of users is given, and only the first time that it is asked for."""
    done = []

    def drift(made, number):
        if not done and "/users?" in made.asked[-1] and made.asked[-1].endswith(("offset=12", "after=15")):
            done.append(move(made.world["users"]))

    return drift


def leaves(users):
    """Somebody whose page was read leaves: all others move up by one."""
    del users[7]


def moves(users):
    """The last becomes the first."""
    users.insert(0, users.pop())


def one_goes_and_one_comes(users):
    first = users.pop(0)
    users.append({**first, "sourcedId": "new"})


@pytest.mark.parametrize("total", ["true", "none"])
@pytest.mark.parametrize("paging", [{}, {"cursor": True, "link": "good"}], ids=["offset", "links"])
@pytest.mark.parametrize("move", [leaves, moves, one_goes_and_one_comes])
def test_nobody_is_lost_when_records_move_between_two_pages(move, paging, total, tmp_path):
    with serving(provider(crowd(), Quirks(sorts=False, drift=at_the_fourth_page(move), total=total, **paging))) as made:
        pulled(made, tmp_path / "got")
        left = {r["sourcedId"] for r in made.world["users"]}
    assert left != {r["sourcedId"] for r in crowd().rows["users"]} or move is moves
    assert set(rows(tmp_path / "got")["users"]) == left


def test_a_provider_that_never_stands_still_is_tried_later(tmp_path):
    def restless(made, number):
        if not made.world["users"]:
            return
        first = made.world["users"].pop(0)
        made.world["users"].append({**first, "sourcedId": f"n{number}"})

    quirks = Quirks(sorts=False, drift=restless, total="none")
    with serving(provider(crowd(), quirks)) as made, pytest.raises(Retry, match="again and again while"):
        pulled(made, tmp_path / "got")


def test_a_test_of_the_connection_names_what_is_offered():
    with serving(provider(small(), Quirks(missing=frozenset({"demographics"})))) as made:
        checked = REST.check(given(made))
    assert checked.ok
    assert "Not offered, and left out: demographics." in checked.sentence


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token_address": ""}, "Token address"),
        ({"also": "everything"}, "“Also” cannot hold"),
        ({"address": "https://sis.example/ims/oneroster/rostering/v1p2"}, "of OneRoster 1.2"),
    ],
)
def test_settings_that_contradict_one_another_are_said(values, words):
    with pytest.raises(NeedsAttention, match=words):
        REST.check(given(provider(small()), **values))
