"""A SIS and a directory, two SIS, and what they come to together."""

import csv
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from schoolpassport.matching import decisions
from schoolpassport.matching.exact import folded
from schoolpassport.matching.policies import Unfit
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.records import Authority, Saying
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope
from tests.support.nights import Place
from tests.support.packages import demographics, org, small, user
from tests.support.sources import Several, accounts, several


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    return several(district_id=district.id, folder=tmp_path, now=now)


def account(key: str, of: str, **cells: str) -> dict[str, str]:
    return {"sourcedId": key, "givenName": f"Given-{of}", "familyName": f"Family-{of}", **cells}


def known(**cells: str):
    """The small district; p1 and t1 have numbers by which a directory knows them."""
    return small().changed("users", "p1", identifier="N-1", **cells).changed("users", "t1", identifier="N-9")


def test_a_directory_adds_to_those_whom_the_sis_tells_of_and_creates_nobody(district_of):
    sis = district_of.sis
    sis.done(known())
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    run = directory.done(
        accounts(
            account("a1", "p1", identifier=" n-1 ", email="p1@amber.example", username="ignored"),
            account("a2", "stranger", identifier="N-77", email="s@amber.example"),
        )
    )
    p1 = sis.ids("user")["p1"]
    record = district_of.record(p1)
    assert (record["email"], record["username"], record["grades"]) == ("p1@amber.example", "p1", ["07"])
    assert district_of.links(p1) == {("p1", "first seen", False), ("a1", "matched", False)}
    assert {(p.rule, p.line) for p in directory.findings(run)} == {("nobody found", 3)}
    assert len(district_of.state()["user"]) == 7
    # The SIS goes on saying its own, and takes nothing away that it never said.
    sis.done(known(grades="08"))
    record = district_of.record(p1)
    assert (record["email"], record["grades"]) == ("p1@amber.example", ["08"])


def test_whoever_comes_later_is_found_without_a_word_of_the_directory(district_of):
    district_of.sis.done(known())
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    told = accounts(account("a2", "new", identifier="N-77", email="new@amber.example"))
    assert directory.run(told).state == "unchanged"
    new = user("new", identifier="N-77")
    district_of.sis.done(known().with_rows("users", new))
    told2 = accounts(account("a2", "new", identifier="N-77", email="new@amber.example"), account("a3", "nobody"))
    directory.done(told2)
    assert district_of.record(district_of.sis.ids("user")["new"])["email"] == "new@amber.example"


def test_a_record_goes_with_its_last_roster_source_and_comes_back_as_it_was(district_of):
    sis = district_of.sis
    sis.done(known())
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    told = accounts(account("a1", "p1", identifier="N-1", email="p1@amber.example"))
    directory.done(told)
    p1 = sis.ids("user")["p1"]
    before = district_of.record(p1)
    without = known().without("users", "p1").without("enrollments", "e2")
    sis.done(without)
    assert district_of.record(p1)["status"] == "tobedeleted"
    changed = accounts(account("a1", "p1", identifier="N-1", email="other@amber.example"))
    assert directory.run(changed).revision in {0, None}
    sis.done(known())
    assert district_of.record(p1) == {**before, "email": "other@amber.example"}
    # The directory forgets the account: what it said goes, the pupil stays.
    directory.run(accounts(account("a5", "nobody")))  # all of its accounts at once: the guard wants a second witness
    directory.done(accounts(account("a6", "nobody")))
    assert (district_of.record(p1)["email"], district_of.record(p1)["status"]) == (None, "active")


def test_two_sis_share_a_teacher_who_stands_until_both_have_lost_her(district_of):
    sis = district_of.sis
    sis.done(known())
    other = district_of.more("Other SIS")
    theirs = known().changed("users", "t1", username="t.one", phone="555").changed("users", "p1", identifier="N-2")
    other.done(theirs)
    t1 = sis.ids("user")["t1"]
    assert other.ids("user")["t1"] == t1  # by number and both names
    assert other.ids("user")["p1"] != sis.ids("user")["p1"]  # the same names, another number
    assert (district_of.record(t1)["username"], district_of.record(t1)["phone"]) == ("t1", "555")
    sis.done(known().without("users", "t1").without("enrollments", "e1"))
    assert (district_of.record(t1)["status"], district_of.record(t1)["username"]) == ("active", "t.one")
    other.done(theirs.without("users", "t1").without("enrollments", "e1"))
    assert district_of.record(t1)["status"] == "tobedeleted"
    sis.done(known())
    assert (district_of.record(t1)["status"], district_of.record(t1)["phone"]) == ("active", None)
    assert sis.ids("user")["t1"] == t1


def test_a_pupil_who_returns_after_years_under_another_id_is_the_same(district_of):
    sis = district_of.sis
    first = known()
    sis.done(first)
    p1 = sis.ids("user")["p1"]
    sis.done(first.without("users", "p1").without("enrollments", "e2"))
    sis.done(first.without("users", "p1").without("enrollments", "e2").changed("users", "p2", grades="09"))
    sis.done(
        first.without("users", "p1")
        .without("enrollments", "e2")
        .with_rows("users", user("q1", identifier="N-1", givenName="Given-p1", familyName="Family-p1"))
    )
    assert sis.ids("user")["q1"] == p1
    assert (district_of.record(p1)["status"], district_of.record(p1)["username"]) == ("active", "q1")


def test_two_rows_of_one_source_are_never_one_by_themselves(district_of):
    sis = district_of.sis
    sis.done(known())
    twin = user("q1", identifier="N-1", givenName="Given-p1", familyName="Family-p1")
    sis.done(known().with_rows("users", twin))
    assert sis.ids("user")["q1"] != sis.ids("user")["p1"]


@pytest.mark.parametrize(
    ("cells", "same"),
    [
        ({"identifier": "N-1"}, True),  # the control
        ({"identifier": "", "email": "Family@amber.example"}, True),  # his own mailbox, and his name
        ({"role": "teacher", "identifier": "N-1"}, False),  # a student is no teacher
        ({"identifier": "N-1", "familyName": "Else"}, False),  # a number alone is not enough
        ({"identifier": "", "email": ""}, False),  # nor are names
        ({"identifier": "", "email": "family@amber.example", "givenName": "Sister"}, False),  # nor a family's mailbox
    ],
)
def test_what_does_not_tell_a_person_links_nobody(district_of, cells, same):
    sis = district_of.sis
    sis.done(known(email="family@amber.example"))
    other = district_of.more("Other SIS")
    theirs = {**user("x1", givenName="Given-p1", familyName="Family-p1"), **cells}
    package = small().without("users", "p1").without("enrollments", "e2").with_rows("users", theirs)
    other.done(package)
    assert (other.ids("user")["x1"] in set(sis.ids("user").values())) == same


def test_a_person_may_hold_several_roles_where_the_district_says_so(district_of):
    district_of.decide("identity", {"several_roles": True})
    district_of.sis.done(known())
    other = district_of.more("Other SIS")
    both = user("x1", givenName="Given-p1", familyName="Family-p1", identifier="N-1", role="teacher")
    other.done(small().without("users", "p1").without("enrollments", "e2").with_rows("users", both))
    assert other.ids("user")["x1"] == district_of.sis.ids("user")["p1"]


def test_master_fields_say_whose_value_stands(district_of):
    district_of.sis.done(known(email="old@amber.example", phone="1", sms="1"))
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    district_of.decide(
        "masters",
        {
            "user": [
                {"attribute": "email", "source": "Directory", "rule": "master"},
                {"attribute": "sms", "source": "Directory", "rule": "keep"},
                {"attribute": "phone", "source": "Directory", "rule": "fill"},
            ]
        },
    )
    p1 = district_of.sis.ids("user")["p1"]

    def told() -> tuple[str, str, str]:
        record = district_of.record(p1)
        return record["email"], record["phone"], record["sms"]

    directory.done(accounts(account("a1", "p1", identifier="N-1", email="new@amber.example", phone="2", sms="2")))
    assert told() == ("new@amber.example", "1", "1")
    district_of.sis.done(known(email="old@amber.example"))
    assert told() == ("new@amber.example", "2", "2")
    directory.done(accounts(account("a1", "p1", identifier="N-1", phone="3", sms="3")))
    assert told() == ("old@amber.example", "3", "2")  # what is kept does not change
    district_of.sis.done(known(email="old@amber.example", sms="4"))
    assert told() == ("old@amber.example", "3", "4")


def test_birth_dates_of_two_sources_make_one_record_of_demographics(district_of):
    district_of.decide("domains", {"user": [["birthDate", "givenName", "familyName"]]})
    district_of.sis.done(known())
    other = district_of.more("Other SIS")
    there = user("x1", givenName="given-P1", familyName="FAMILY-p1")
    born = demographics("x1", cityOfBirth="Ely", sex="")
    other.done(
        small()
        .without("users", "p1")
        .without("enrollments", "e2")
        .without("demographics", "p1")
        .with_rows("users", there)
        .with_rows("demographics", born)
    )
    p1 = district_of.sis.ids("user")["p1"]
    assert other.ids("user")["x1"] == p1
    record = district_of.record(p1, "demographics")
    assert (record["sex"], record["city_of_birth"]) == ("female", "Ely")


# ------------------------------------------------------------------------------------------------ an id given to another


def test_an_id_that_is_given_to_another_pupil_is_noticed_and_waits(district_of):
    sis = district_of.sis
    first = small()
    sis.done(first)
    before = district_of.record(sis.ids("user")["p1"])
    other = (
        small()
        .changed("users", "p1", givenName="Someone", familyName="Else", grades="03")
        .changed("demographics", "p1", birthDate="2016-01-01")
        .with_rows("enrollments", {**small().rows["enrollments"][0], "sourcedId": "e99", "userSourcedId": "p1"})
    )
    run = sis.run(other)
    assert district_of.record(sis.ids("user")["p1"]) == before
    assert "e99" not in sis.ids("enrollment")
    assert "id of another" in {p.rule for p in sis.findings(run)}
    # The control: a marriage changes a name, not everything.
    sis.done(first.changed("users", "p1", familyName="Else", grades="08"))
    assert district_of.record(sis.ids("user")["p1"])["family_name"] == "Else"


@pytest.mark.parametrize("gone", [True, False])
def test_an_id_that_is_given_to_another_is_noticed_where_the_package_does_not_tell_the_birth_date(district_of, gone):
    """Names and grade are others; a birth date that nobody tells tonight is not known, and speaks for nobody."""
    sis = district_of.sis
    first = known(grades="07")
    sis.done(first)
    away = first.without("users", "p1").without("enrollments", "e2").without("demographics", "p1")
    if gone:
        sis.done(away)
    before = district_of.record(sis.ids("user")["p1"])
    other = (away if gone else away.only("orgs", "users")).with_rows(
        "users", user("p1", givenName="Someone", familyName="Else", grades="03")
    )
    run = sis.run(other)
    assert "id of another" in {p.rule for p in sis.findings(run)}
    assert district_of.record(sis.ids("user")["p1"]) == before


@pytest.mark.parametrize("grade", ["07", ""])
def test_of_who_left_only_the_birth_date_says_that_it_is_they_who_come_back_under_other_names(district_of, grade):
    sis = district_of.sis
    first = known(grades="07")
    sis.done(first)
    away = first.without("users", "p1").without("enrollments", "e2").without("demographics", "p1")
    sis.done(away)
    before = district_of.record(sis.ids("user")["p1"])
    other = away.with_rows("users", user("p1", givenName="Someone", familyName="Else", grades=grade))
    run = sis.run(other)
    assert Place("users.csv", 8, "sourcedId", "id of another") in sis.findings(run)
    assert district_of.record(sis.ids("user")["p1"]) == before
    with scope.inside(sis.district_id):
        assert [q.key for q in queries.questions(district_id=sis.district_id)] == ["p1"]
    run = sis.done(
        other.with_rows("demographics", next(r for r in first.rows["demographics"] if r["sourcedId"] == "p1"))
    )
    assert "id of another" not in {p.rule for p in sis.findings(run)}
    assert district_of.record(sis.ids("user")["p1"])["family_name"] == "Else"
    with scope.inside(sis.district_id):
        assert queries.questions(district_id=sis.district_id) == []


@pytest.mark.parametrize("stays", [False, True])
def test_whoever_had_an_id_that_is_given_to_another_is_found_under_a_new_one_before_anybody_answers(district_of, stays):
    """Gone and back, or there all the time while the system swapped ids: the GG4L ID stays with the person."""
    sis = district_of.sis
    sis.done(known(grades="07"))
    p1 = sis.ids("user")["p1"]
    away = known(grades="07").without("users", "p1").without("enrollments", "e2").without("demographics", "p1")
    if not stays:
        sis.done(away)
    swapped = (
        away.with_rows("users", user("p1", givenName="Someone", familyName="Else", grades="03"))
        .with_rows("demographics", demographics("p1", birthDate="2016-01-01"), demographics("q1"))
        .with_rows("users", user("q1", identifier="N-1", givenName="Given-p1", familyName="Family-p1", grades="07"))
    )
    sis.done(swapped)
    assert sis.ids("user")["q1"] == p1
    assert district_of.record(p1)["status"] == "active"
    roster.answer(
        district_id=sis.district_id,
        source_id=sis.source.id,
        kind="user",
        key="p1",
        means="other",
        by="test",
        now=sis.now,
        authority=Authority(),
    )
    sis.done(swapped)
    assert (sis.ids("user")["q1"], sis.ids("user")["p1"] == p1) == (p1, False)
    assert district_of.record(p1)["username"] == "q1"
    assert district_of.record(sis.ids("user")["p1"])["given_name"] == "Someone"


# -------------------------------------------------------------------------------------------------------------- schools


def test_schools_of_a_source_are_mapped_to_those_that_stand_or_left_out(district_of):
    sis = district_of.sis
    sis.done(small())
    other, s1 = district_of.more("Other SIS"), sis.ids("org")["s1"]
    theirs = small().with_rows("orgs", org("s3")).with_rows("users", user("z1", orgSourcedIds="s3"))
    told = {"district_id": sis.district_id, "source_id": other.source.id, "by": "test", "now": sis.now}
    decisions.set_schools(content={"s1": str(s1), "s3": str(s1), "s2": "no"}, **told)
    run = other.done(theirs)
    assert (other.ids("org")["s1"], other.ids("org")["s3"]) == (s1, s1)
    assert other.ids("org").keys() == {"d1", "s1", "s3"}
    assert district_of.record(other.ids("user")["z1"])["orgs"] == [s1]
    assert {"t2", "p4"} & other.ids("user").keys() == set()  # they belong to s2 only
    assert district_of.record(other.ids("user")["p3"])["orgs"] == [s1]  # of two schools, the one that is taken
    assert [f for f in other.findings(run, "error") if f.file != "manifest.csv"] == []
    assert district_of.record(s1, "org")["name"] == "School s1"
    with pytest.raises(Unfit, match="no school has that GG4L ID"):
        decisions.set_schools(content={"s1": str(sis.ids("user")["p1"])}, **told)


@pytest.mark.parametrize(("witnesses", "after"), [(1, None), (2, "Mo")])
def test_a_directory_that_loses_all_its_accounts_takes_back_what_it_added_by_its_witnesses(
    district_of, witnesses, after
):
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    directory.set_limits(witnesses=witnesses)
    district_of.sis.done(small().changed("users", "p1", email="p1@amber.example"))
    account = {"sourcedId": "a1", "givenName": "Given-p1", "email": "p1@amber.example", "middleName": "Mo"}
    directory.done(accounts(account))
    p1 = district_of.sis.ids("user")["p1"]
    assert district_of.record(p1)["middle_name"] == "Mo"
    directory.run(accounts({**account, "sourcedId": "a9", "email": "nobody@amber.example"}))
    assert district_of.record(p1)["middle_name"] == after
    assert district_of.record(p1)["status"] == "active"


ODD = (
    "N-1",
    "n-2",
    "\N{KELVIN SIGN}7",
    "K7",
    "stra\N{LATIN SMALL LETTER SHARP S}e",
    "STRASSE",
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}5",
)


def test_the_roster_tells_of_all_who_may_say_what_new_rows_say_and_of_no_others_in_plain_letters(district_of, tmp_path):
    known_ = small()
    for number, text in enumerate(ODD):
        known_ = known_.with_rows("users", user(f"o{number}", identifier=text))
    district_of.sis.done(known_)
    ids = district_of.sis.ids("user")
    asked = [form(text) for text in ODD for form in (str.upper, str.lower, "\u2003{} ".format)]
    [folds] = duckdb.execute(f"SELECT list({folded('v')}) FROM unnest(?) t(v)", [[*ODD, *asked]]).fetchone() or ()
    beyond = {ids[f"o{n}"] for n, text in enumerate(ODD) if not text.isascii()}
    for want in set(folds):
        same = {ids[f"o{n}"] for n, fold in enumerate(folds[: len(ODD)]) if fold == want}
        assert told(district_of, tmp_path, ("email", "identifier"), want) == same | beyond
    # What goes with a person is asked for alike.
    assert told(district_of, tmp_path, ("birthDate",), "2012-05-17") == {ids["p1"], ids["p4"]}
    assert told(district_of, tmp_path, ("birthDate",), "2012-05-18") == set()


def told(district_of: Several, folder: Path, attributes: tuple[str, ...], value: str) -> set[UUID]:
    values, into = folder / "said.tsv", folder / "known.csv"
    values.write_text(f"{value}\n", "utf-8")
    saying = Saying(attributes=attributes, values=values)
    with scope.inside(district_of.district_id):
        queries.export_values(
            district_id=district_of.district_id, kind="user", attributes=attributes, into=into, saying=saying
        )
    return {UUID(row[0]) for row in csv.reader(into.read_text("utf-8").splitlines())}
