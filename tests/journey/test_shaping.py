"""What a district says about how a source is to be read, on its way into the roster."""

import pytest

from schoolpassport.audit.models import Event
from schoolpassport.sources import actions, policies, queries
from schoolpassport.tenancy import scope
from tests.support.nights import BY, Place, nights
from tests.support.packages import HEADERS, crowd, small, user


@pytest.fixture
def sis(district, tmp_path, now):
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(removed_share=1, removed_count=10**6, bad_row_share=1, overlap_share=0)
    return made


def set_(sis, subject, content):
    return actions.set_shaping(
        district_id=sis.district_id, source_id=sis.source.id, subject=subject, content=content, by=BY, now=sis.now
    )


def renamed(files, file, old, new):
    header, rest = files[file].split("\n", 1)
    assert old in header.split(",")
    return {**files, file: header.replace(old, new, 1) + "\n" + rest}


def users(sis, *names):
    return {key: tuple(r[n] for n in names) for key, r in sis.records("user").items()}


# ------------------------------------------------------------------------------------------------------------ mapping


def test_an_attribute_is_fed_by_any_column_of_the_file_and_a_column_may_feed_several(sis):
    package = small().changed("users", "t1", email="rosa@amber.example", **{"metadata.house": "North"})
    files = renamed(package.texts(), "users.csv", "familyName", "LastName")
    set_(
        sis,
        "attributes",
        {
            "user": [
                {"to": "familyName", "from": "LastName"},
                {"to": "middleName", "from": "LastName"},
                {"to": "identifier", "from": "metadata.house"},
                {"to": "metadata.mail", "from": "email"},
                {"to": "metadata.campus", "constant": "O'Hara"},
            ]
        },
    )
    run = sis.done(files)
    teacher = sis.records("user")["t1"]
    assert (teacher["familyName"], teacher["middleName"], teacher["identifier"]) == ("Family-t1", "Family-t1", "North")
    assert teacher["metadata"] == {"campus": "O'Hara", "house": "North", "mail": "rosa@amber.example"}
    assert sis.findings(run) == set()


def test_without_the_mapping_the_same_file_is_refused_and_so_is_one_that_lacks_what_is_mapped(sis):
    files = renamed(small().texts(), "users.csv", "familyName", "LastName")
    run = sis.run(files)
    assert (run.state, "“familyName”" in run.message) == ("refused", True)
    set_(sis, "attributes", {"user": [{"to": "familyName", "from": "Surname"}]})
    run = sis.run(files)
    assert (run.state, "no column “Surname”, which is mapped to “familyName”" in run.message) == ("refused", True)
    set_(sis, "attributes", {"user": [{"to": "familyName", "from": "LastName"}]})
    sis.done(files)


def test_the_id_itself_can_come_from_another_column_and_findings_still_point_to_its_line(sis):
    files = renamed(small().changed("users", "p1", role="pupil").texts(), "users.csv", "sourcedId", "PersonNo")
    set_(sis, "attributes", {"user": [{"to": "sourcedId", "from": "PersonNo"}]})
    run = sis.done(files)
    assert Place("users.csv", 5, "role", "bad value") in sis.findings(run)
    assert sis.active("user") == {"t1", "t2", "g1", "p2", "p3", "p4"}


# --------------------------------------------------------------------------------------------------------- transforms


def test_steps_are_taken_in_their_order_and_on_each_value_of_a_list(sis):
    steps = [{"do": "split", "at": "@", "part": 1}, {"do": "case", "to": "upper"}, {"do": "suffix", "text": "-1"}]
    table = [{"do": "table", "values": {"sept": "07", "huit": "08"}}]
    set_(sis, "transforms", {"user": {"username": steps, "grades": table}})
    sis.done(small().changed("users", "p1", username="ada@x.example", grades="Sept, huit"))
    assert users(sis, "username", "grades")["p1"] == ("ADA-1", ["07", "08"])


def test_a_step_can_look_at_the_rest_of_the_row_as_the_source_gives_it(sis):
    mail = [
        {"do": "template", "text": "{givenName}.{familyName}@amber.example"},
        {"do": "case", "to": "lower"},
        {"do": "clear", "when": {"attribute": "role", "is": "equals", "value": "guardian"}},
    ]
    set_(sis, "transforms", {"user": {"givenName": [{"do": "case", "to": "upper"}], "email": mail}})
    sis.done(small())
    told = users(sis, "givenName", "email")
    assert told["p1"] == ("GIVEN-P1", "given-p1.family-p1@amber.example")
    assert told["g1"] == ("GIVEN-G1", None)


def test_a_value_that_cannot_be_read_is_named_every_night_with_its_line_and_kept(sis):
    set_(sis, "transforms", {"demographics": {"cityOfBirth": [{"do": "table", "values": {"rome": "Roma"}}]}})
    told = (
        small().changed("demographics", "p1", cityOfBirth="Rome").changed("demographics", "p4", cityOfBirth="Atlantis")
    )
    run = sis.done(told)
    assert sis.findings(run) == {Place("demographics.csv", 3, "cityOfBirth", "unreadable value")}
    (sentence,) = sis.sentences(run)
    assert sentence == (
        "cityOfBirth is “Atlantis”; step 1 of its transforms (table) cannot read that. It was kept as it is."
    )
    assert {k: r["cityOfBirth"] for k, r in sis.records("demographics").items()} == {"p1": "Roma", "p4": "Atlantis"}
    again = sis.run(told.changed("users", "p2", givenName="Another"))
    assert sis.findings(again) == {Place("demographics.csv", 3, "cityOfBirth", "unreadable value")}


def test_a_value_that_becomes_unreadable_is_named_though_what_comes_out_is_the_same(sis):
    steps = [{"do": "date", "formats": ["YYYY-MM-DD"], "unreadable": "clear"}]
    set_(sis, "transforms", {"demographics": {"birthDate": steps}})
    base = crowd()
    blank = base.with_rows("demographics", *({"sourcedId": f"c{n:03d}", "birthDate": ""} for n in range(20)))
    sis.done(blank)
    run = sis.run(blank.changed("demographics", "c007", birthDate="soon"))
    assert [(p.column, p.rule) for p in sis.findings(run)] == [("birthDate", "unreadable value")]


# -------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["王小明", "Ἀριστοτέλης", "नरेन्द्र", "O'Hara-Łukasz d’Ávila", "أحمد", "e\u0301" * 150, "x" * 300]
)
def test_a_name_of_any_script_and_length_is_kept_byte_by_byte(sis, name):
    sis.done(small().changed("users", "p1", givenName=name, familyName=name))
    assert users(sis, "givenName", "familyName")["p1"] == (name, name)


def test_of_people_of_one_name_the_district_may_say_what_stands_for_the_other(sis):
    package = small().changed("users", "p2", givenName="Suharto", familyName="")
    sis.done(package)
    assert users(sis, "givenName", "familyName")["p2"] == ("Suharto", "")
    set_(sis, "transforms", {"user": {"familyName": [{"do": "default", "attribute": "givenName"}]}})
    run = sis.done(package)
    assert (users(sis, "givenName", "familyName")["p2"], sis.findings(run)) == (("Suharto", "Suharto"), set())


# ----------------------------------------------------------------------------------------------------------- cleaning


def test_standard_cleaning_needs_no_setting_and_says_what_it_could_not_make_standard(sis):
    package = small().with_rows(
        "users",
        user("c1", grades="1, grade 12", phone="+1 (212) 555-0142", email="C1@Amber.example"),
        user("c2", grades="7a", phone="555-0142", email="none", givenName="\u00a0Ada\u2003"),
    )
    run = sis.done(package)
    told = users(sis, "grades", "phone", "email", "givenName")
    assert told["c1"] == (["01", "12"], "+12125550142", "C1@Amber.example", "Given-c1")
    assert told["c2"] == (["7a"], "555-0142", "none", "Ada")
    assert {(p.line, p.column, p.rule) for p in sis.findings(run)} == {
        (10, "grades", "not standard"),
    }


def test_where_phones_ring_makes_national_numbers_certain(sis):
    set_(sis, "cleaning", {"country": "US"})
    sis.done(small().changed("users", "p1", phone="(212) 555-0142", sms="555-0142"))
    assert users(sis, "phone", "sms")["p1"] == ("+12125550142", "555-0142")


# ------------------------------------------------------------------------------------------------------------- prefix


def test_a_prefix_stands_before_every_id_and_every_reference_of_the_source(sis):
    assert set_(sis, "prefix", {"prefix": "lincoln-"}).warnings == ()
    run = sis.done(small())
    assert sis.findings(run) == set()
    told = sis.everything()
    assert all(key.startswith("lincoln-") for records in told.values() for key in records)
    assert told["user"]["lincoln-p1"]["agents"] == ["lincoln-g1"]
    assert told["user"]["lincoln-p3"]["orgs"] == ["lincoln-s1", "lincoln-s2"]
    assert told["class"]["lincoln-k1"]["terms"] == ["lincoln-autumn"]
    assert told["org"]["lincoln-s1"]["parent"] == "lincoln-d1"


def test_another_prefix_is_a_warning_for_a_source_that_told_something_and_the_guard_holds_its_next_run(sis):
    sis.set_limits(removed_share=0.2, removed_count=10, overlap_share=0.8)
    package = crowd()
    sis.done(package)
    (warning,) = set_(sis, "prefix", {"prefix": "x"}).warnings
    assert "the guard will hold" in warning
    assert set_(sis, "prefix", {"prefix": "x"}).warnings == ()
    assert sis.run(package).state == "held"


# ------------------------------------------------------------------------------------------------ what cannot be taken

BAD = [
    ("attributes", {"pupil": []}, "there is no kind “pupil”"),
    ("attributes", {"user": [{"to": "email", "from": "a"}, {"to": "email", "from": "b"}]}, "has a feed already"),
    ("attributes", {"user": [{"to": "orgSourcedIds", "from": "a"}]}, "the attribute is called “orgs”"),
    ("attributes", {"user": [{"to": "shoe", "from": "a"}]}, "no attribute “shoe”"),
    ("attributes", {"user": [{"to": "email", "from": ""}]}, "entry 1: “from” must be a text"),
    ("transforms", {"user": {"email": [{"do": "lower"}]}}, "step 1: there is no transform “lower”"),
    ("transforms", {"user": {"email": [{"do": "case"}]}}, "step 1 (case): “to” is missing"),
    ("transforms", {"user": {"email": [{"do": "trim", "hard": True}]}}, "there is no parameter “hard”"),
    ("transforms", {"user": {"email": [{"do": "pattern", "pattern": "("}]}}, "no pattern that RE2 knows"),
    ("transforms", {"user": {"email": [{"do": "template", "text": "{shoe}"}]}}, "no attribute “shoe”"),
    ("transforms", {"user": {"email": [{"do": "trim"}] * 21}}, "at most 20 steps"),
    ("transforms", {"user": {"email": [{"do": "clear", "when": {"attribute": "shoe", "is": "empty"}}]}}, "“shoe”"),
    ("prefix", {"prefix": "a,b"}, "cannot stand before ids"),
    ("cleaning", {"country": "XX"}, "are not known"),
    ("shoes", {}, "no setting “shoes”"),
]


@pytest.mark.parametrize(("subject", "content", "says"), BAD)
def test_what_cannot_be_taken_is_refused_with_its_place_and_changes_nothing(sis, subject, content, says):
    with pytest.raises(policies.BadPolicy) as refusal:
        set_(sis, subject, content)
    assert says in str(refusal.value)
    with scope.inside(sis.district_id):
        held = queries.settings(district_id=sis.district_id, source_id=sis.source.id)
    assert {s for s in policies.SUBJECTS if held.version(s)} == set()


def test_who_changed_a_mapping_is_in_the_ledger(sis):
    set_(sis, "prefix", {"prefix": "a"})
    with scope.inside(sis.district_id):
        events = Event.objects.filter(district_id=sis.district_id, act="sources:setting:write")
        mine = [(e.by, e.facts) for e in events if e.facts["subject"] != "limits"]
    assert mine == [(BY, {"subject": "prefix", "before": 0, "after": 1})]


def test_a_row_that_is_no_row_withholds_removals_where_its_id_is_made_of_other_cells(sis):
    assert HEADERS["users"][0] == "sourcedId"
    set_(sis, "prefix", {"prefix": "a-"})
    files = small().texts()
    sis.done(files)
    short = files["users.csv"].replace("Family-p2,,,,,,,,", "Family-p2,,,,,,,")
    assert short != files["users.csv"]
    run = sis.run({**files, "users.csv": short})
    assert sis.state(run) == "unchanged"
    assert "a-p2" in sis.active("user")
