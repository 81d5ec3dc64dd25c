"""Probable duplicates on people whose identity is known: how many are found, how many are wrong, and who never is."""

import json
import math
import shutil
from contextlib import contextmanager
from uuid import UUID

import pytest

from schoolpassport.demo.generator.doubles import write_doubles
from schoolpassport.kit.columns import columns, literal, quoted
from schoolpassport.matching import model, scoring
from schoolpassport.matching.people import prepare

PEOPLE, SEED = 6_000, 11  # not the seed that the weights were learned from
ID = "md5(record::VARCHAR)::UUID"
_RECORDS = (
    f"SELECT {ID} AS id, [source] AS sources, role, given_name, family_name, middle_name, "
    "NULL::VARCHAR AS preferred_name, birth_date, sex, email, phone, identifier, username, schools, grades[1] AS grade, true AS fresh"
)


@pytest.fixture(scope="module")
def doubles(tmp_path_factory):
    path = tmp_path_factory.mktemp("doubles") / "doubles.parquet"
    write_doubles(path=path, seed=SEED, people=PEOPLE)
    return path


@contextmanager
def labelled(doubles, folder):
    """The records as people to compare, and ``truth``: the pairs that are one person playing one part."""
    shutil.copyfile(doubles, folder / "doubles.parquet")
    with columns(folder=folder, memory_mb=400, threads=2) as db:
        here = literal(str(folder / "doubles.parquet"))
        db.execute(f"CREATE TABLE people AS {_RECORDS} FROM {here}")
        db.execute(f"CREATE TABLE who AS SELECT {ID} AS id, person, role, cases FROM {here}")
        db.execute(
            "CREATE TABLE truth AS SELECT a.id AS left_id, b.id AS right_id, a.role = b.role AS one_part "
            "FROM who a JOIN who b USING (person) WHERE a.id < b.id"
        )
        yield db


def quality(db, truth="truth WHERE one_part"):
    [(found, right, there)] = db.execute(
        f"SELECT (SELECT count(*) FROM pair), (SELECT count(*) FROM pair JOIN truth USING (left_id, right_id)), "
        f"(SELECT count(*) FROM {truth})"
    ).fetchall()
    return right / found, right / there


def test_at_least_95_in_100_are_found_and_at_least_95_in_100_are_right(doubles, tmp_path):
    with labelled(doubles, tmp_path) as db:
        scoring.score(db, several_roles=False)
        precision, recall = quality(db)
        assert precision >= 0.95
        assert recall >= 0.95


def test_pairs_are_the_same_however_few_candidates_are_weighed_together(doubles, tmp_path):
    def pairs(at_once):
        found = scoring.score(db, several_roles=False, at_once=at_once)
        told = db.execute("SELECT left_id, right_id, round(probability, 9), evidence FROM pair").fetchall()
        assert len(set(told)) == found
        return set(told)

    with labelled(doubles, tmp_path) as db:
        assert pairs(at_once=1_000) == pairs(at_once=250_000)


def test_spoiled_weights_miss_the_bar(doubles, tmp_path):
    learned = {**model.weights(), "birth_date": [(0.25, 0.25)] * 4, "email": [(0.3, 0.3)] * 3}
    with labelled(doubles, tmp_path) as db:
        scoring.score(db, several_roles=False, weights=learned)
        assert min(quality(db)) < 0.95


def test_a_parent_on_the_staff_is_proposed_only_where_one_person_may_hold_several_roles(doubles, tmp_path):
    with labelled(doubles, tmp_path) as db:
        across = "SELECT count(*) FROM pair JOIN truth USING (left_id, right_id) WHERE NOT one_part"
        scoring.score(db, several_roles=False)
        assert db.execute(across).fetchall() == [(0,)]
        scoring.score(db, several_roles=True)
        assert db.execute(across).fetchall()[0][0] > 10
        assert min(quality(db, "truth")) >= 0.9


def test_only_pairs_with_somebody_fresh_are_scored_and_they_score_as_always(doubles, tmp_path):
    with labelled(doubles, tmp_path) as db:
        scoring.score(db, several_roles=False)
        db.execute("CREATE TABLE every AS FROM pair")
        db.execute("UPDATE people SET fresh = hash(id) % 100 = 0")
        scoring.score(db, several_roles=False)
        expected = (
            "SELECT left_id, right_id, round(probability, 9) FROM every WHERE left_id IN (SELECT id FROM people "
            "WHERE fresh) OR right_id IN (SELECT id FROM people WHERE fresh) ORDER BY ALL"
        )
        found = db.execute("SELECT left_id, right_id, round(probability, 9) FROM pair ORDER BY ALL").fetchall()
        assert found == db.execute(expected).fetchall()
        assert 20 < len(found) < 500


def test_sources_that_are_told_only_of_whoever_is_in_a_pair_change_nothing(doubles, tmp_path):
    with labelled(doubles, tmp_path) as db:
        found = "SELECT left_id, right_id, round(probability, 9), evidence FROM pair ORDER BY ALL"
        scoring.score(db, several_roles=False)
        expected = db.execute(found).fetchall()
        db.execute("CREATE TABLE speaker AS SELECT id, sources FROM people; UPDATE people SET sources = NULL")
        scoring.score(db, several_roles=False)
        untold = db.execute(found).fetchall()
        asked = "SELECT left_id AS id FROM pair UNION SELECT right_id FROM pair"
        told = f"UPDATE person SET sources = s.sources FROM speaker s SEMI JOIN ({asked}) USING (id) WHERE person.id = s.id"
        scoring.score(db, several_roles=False, tell=lambda: db.execute(told))
        assert db.execute(found).fetchall() == expected
    assert {pair[:2] for pair in untold} > {pair[:2] for pair in expected}  # so there was something to tell


@pytest.mark.filterwarnings("default")  # Splink leaves its own result open for a moment
def test_weights_add_up_as_splink_adds_them(doubles, tmp_path):
    from bench import splinked

    with labelled(doubles, tmp_path) as db:
        scoring.score(db, several_roles=False)
        db.execute("CREATE TABLE registered AS SELECT id::VARCHAR AS unique_id, * EXCLUDE (id) FROM person")
        [(records,)] = db.execute("SELECT count(*) FROM person").fetchall()
        linker = splinked.linker(db, "registered", learned=model.weights(), prior=model.prior(records))
        predicted = linker.inference.predict(threshold_match_probability=scoring.LINE).physical_name
        theirs = (
            "SELECT least(unique_id_l, unique_id_r)::UUID AS left_id, greatest(unique_id_l, unique_id_r)::UUID "
            f"AS right_id, match_probability AS theirs FROM {quoted(predicted)}"
        )
        [(pairs, differ)] = db.execute(
            "SELECT count(*), count(*) FILTER (theirs IS NULL OR abs(probability - theirs) > 1e-9) "
            f"FROM pair LEFT JOIN ({theirs}) USING (left_id, right_id)"
        ).fetchall()
        [(taken_out,)] = db.execute(
            f"SELECT count(*) FROM ({theirs}) ANTI JOIN pair USING (left_id, right_id)"
        ).fetchall()
    assert pairs > 1_000
    assert differ == 0
    assert 0 < taken_out < pairs  # by the house's own rules, which stand above the score


ID_OF_ONE, ID_OF_TWO = "md5('x0')::UUID", "md5('x1')::UUID"
BASE = {
    "source": "SIS",
    "role": "student",
    "given_name": "Rosalind",
    "family_name": "Quill",
    "middle_name": None,
    "preferred_name": None,
    "birth_date": "2014-03-02",
    "sex": "female",
    "email": None,
    "phone": None,
    "identifier": None,
    "username": None,
    "school": "north",
    "grade": "06",
}
SHARED = "family@mail.example"
ALIKE = [
    ({}, {"source": "Directory"}, {"name": "same", "birth_date": "same"}),
    ({"family_name": "Umber"}, {"given_name": "Umber", "family_name": "Rosalind"}, {"name": "crosswise"}),
    ({"family_name": "Ashquill"}, {"given_name": "ROSALÍND", "family_name": "Ash-Quill"}, {"name": "family_alike"}),
    ({"given_name": "Theodore"}, {"given_name": "Ted"}, {"name": "short"}),
    ({"preferred_name": "Zuri"}, {"given_name": "Zuri"}, {"name": "short"}),
    ({"given_name": "Zuri"}, {"preferred_name": "ZURI", "given_name": "Imani"}, {"name": "short"}),
    ({"email": "r.q@a.example"}, {"email": "r.q@a.example", "birth_date": None}, {"email": "same"}),
    ({}, {"birth_date": "2014-02-03"}, {"birth_date": "crosswise"}),
    (
        {"given_name": "美玲", "family_name": "王", "phone": "+1"},
        {"given_name": "Meiling", "family_name": "Wang", "phone": "+1"},
        {"name": "unknown", "phone": "same"},
    ),
    (
        {"given_name": "Ольга", "family_name": "Петренко"},
        {"given_name": "Olga", "family_name": "Petrenko"},
        {"name": "same"},
    ),
    (
        {"given_name": "Suharto", "family_name": "-"},
        {"given_name": "Suharto", "family_name": "Suharto"},
        {"name": "same"},
    ),
    ({"given_name": "Björk", "family_name": ""}, {"given_name": "", "family_name": "Björk"}, {"name": "same"}),
    ({"given_name": "Ann " * 75}, {"given_name": "Ann " * 75}, {"name": "same"}),
    ({"identifier": "77"}, {"identifier": "77", "family_name": "Marchbanks"}, {"name": "given_only"}),
    ({"given_name": "Tim"}, {"given_name": "Timur", "source": "Directory"}, {"name": "begun"}),
    ({"grade": "05"}, {}, {"name": "same", "identifier": "two_in_one_system"}),  # entered twice
]
NOT_ALIKE = [
    ({"preferred_name": "Zuri"}, {"given_name": "Imani", "preferred_name": "Nia"}),
    ({"birth_date": None}, {"birth_date": None}),  # names, school and grade alone
    (
        {"given_name": "Mahatma", "family_name": "", "birth_date": None},
        {"given_name": "Mahatma", "family_name": "", "birth_date": None},
    ),
    ({"email": SHARED}, {"email": SHARED, "given_name": "Barnaby", "birth_date": "2011-09-30", "grade": "09"}),
    ({"email": SHARED, "phone": "+1"}, {"email": SHARED, "phone": "+1", "given_name": "Barnaby"}),  # twins
    ({"given_name": "Hanna", "email": "hanna.q@s.example"}, {"given_name": "Anna", "email": "anna.q@s.example"}),
    # twins, and two of one name and birthday: one source calls them by two ids, with numbers and without
    ({"given_name": "José"}, {"given_name": "Josefa"}),
    ({"given_name": "José", "identifier": "1"}, {"given_name": "Josefa", "identifier": "2"}),
    ({"given_name": "Anna", "phone": "+1"}, {"given_name": "Hanna", "phone": "+1"}),
    ({"given_name": "Mary Ann"}, {"given_name": "Mary Lou"}),
    ({"given_name": "Ada", "family_name": "Müller"}, {"given_name": "Ada", "family_name": "O’Neil"}),
]
STUDENT_WHO_TEACHES = ({"identifier": "9"}, {"role": "teacher", "identifier": "9"})
CASES = [*((one, other) for one, other, _ in ALIKE), *NOT_ALIKE, STUDENT_WHO_TEACHES]


def _letters(number):
    return chr(97 + number // 26) + chr(97 + number % 26)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What is said of each case among strangers, as a district without and with several roles would hear it."""
    rows = [
        {
            **BASE,
            "given_name": f"Given{_letters(n % 300)}",
            "family_name": f"Family{_letters(n % 290)}",
            "birth_date": f"{2010 + n % 5}-{1 + n % 12:02}-{1 + n % 27:02}",
            "school": "south",
            "grade": f"{n % 13:02}",
            "sex": "male",
        }
        for n in range(600)
    ]  # fmt: skip (a table of cases)
    for number, case in enumerate(CASES):
        rows += [{**BASE, "family_name": f"Quill{_letters(number)}mere", **side} for side in case]
    with columns(folder=tmp_path_factory.mktemp("cases"), memory_mb=300, threads=1) as db:
        marks = ", ".join("?::DATE" if c == "birth_date" else "[?]" if c in {"source", "school"} else "?" for c in BASE)
        names = ", ".join({"source": "sources", "school": "schools"}.get(c, c) for c in BASE)
        db.execute(
            "CREATE TABLE people (id UUID, sources VARCHAR[], role VARCHAR, given_name VARCHAR, family_name VARCHAR, "
            "middle_name VARCHAR, preferred_name VARCHAR, birth_date DATE, sex VARCHAR, email VARCHAR, phone VARCHAR, identifier VARCHAR, "
            "username VARCHAR, schools VARCHAR[], grade VARCHAR, fresh BOOLEAN DEFAULT true)"
        )
        for number, row in enumerate(rows):
            db.execute(f"INSERT INTO people (id, {names}) VALUES (?, {marks})", [UUID(int=number), *row.values()])
        yield {several: _heard(db, several_roles=several) for several in (False, True)}


def _heard(db, *, several_roles):
    scoring.score(db, several_roles=several_roles)
    found = {
        (a.int, b.int): json.loads(e)
        for a, b, e in db.execute("FROM pair SELECT left_id, right_id, evidence").fetchall()
    }
    pairs = ((600 + 2 * n, 601 + 2 * n) for n in range(len(CASES)))
    return [{e["field"]: e["level"] for e in found[pair]} if pair in found else None for pair in pairs]


@pytest.mark.parametrize("number", range(len(ALIKE)))
def test_what_is_probably_one_person_is_proposed_with_the_reason(said, number):
    found = said[False][number]
    assert found is not None
    assert ALIKE[number][2].items() <= found.items()


@pytest.mark.parametrize("number", range(len(NOT_ALIKE)))
def test_who_only_shares_a_household_or_a_name_is_not_proposed(said, number):
    assert said[False][len(ALIKE) + number] is None


def test_a_student_who_teaches_is_proposed_only_where_the_district_says_so(said):
    assert said[False][-1] is None
    assert said[True][-1] is not None


def test_what_many_share_is_nobodys_own(tmp_path):
    with columns(folder=tmp_path, memory_mb=200, threads=1) as db:
        db.execute(
            "CREATE TABLE people AS SELECT md5('x' || i)::UUID AS id, ['SIS'] AS sources, 'student' AS role, 'A' AS "
            "given_name, 'B' AS family_name, '' AS middle_name, '' AS preferred_name, NULL::DATE AS birth_date, '' AS sex, "
            "CASE WHEN i < 13 THEN 'office@school.example' ELSE 'Own@School.example ' END AS email, '' AS phone, "
            "'' AS identifier, '' AS username, ['s'] AS schools, '' AS grade, true AS fresh FROM range(25) t(i)"
        )
        prepare(db)
        found = db.execute("SELECT email, count(*) FROM person GROUP BY 1 ORDER BY 2").fetchall()
    assert found == [("own@school.example", 12), (None, 13)]


def test_what_all_share_says_nothing_and_what_few_share_no_more_than_was_learned(tmp_path):
    """In a list of one school and one grade, school and grade are no evidence; the same pair among other schools."""
    with columns(folder=tmp_path, memory_mb=200, threads=1) as db:
        weighed = {}
        for schools, grades in ((1, 1), (500, 20)):
            db.execute(
                "CREATE OR REPLACE TABLE people AS SELECT md5('x' || i)::UUID AS id, ['S' || i] AS sources, 'student' AS role, "
                "'Ada' AS given_name, 'Quill' || chr(97 + (i // 2 // 26)::INTEGER) || chr(97 + (i // 2 % 26)::INTEGER) AS "
                "family_name, '' AS middle_name, '' AS preferred_name, DATE '2014-03-02' + (i // 2)::INTEGER AS birth_date, "
                "'' AS sex, '' AS email, '' AS phone, '' AS identifier, '' AS username, "
                f"['s' || (i // 2 % {schools})] AS schools, (i // 2 % {grades})::VARCHAR AS grade, true AS fresh "
                "FROM range(1000) t(i)"
            )
            scoring.score(db, several_roles=False)
            (told,) = db.execute(f"SELECT evidence FROM pair WHERE left_id IN ({ID_OF_ONE}, {ID_OF_TWO})").fetchone()
            weighed[schools] = {e["field"]: e["weight"] for e in json.loads(told)}
    learned = {
        name: round(math.log2(model.weights()[name][0][0] / model.weights()[name][0][1]), 2)
        for name in ("school", "grade")
    }
    assert max(weighed[1]["school"], weighed[1]["grade"]) < 0
    assert {name: weighed[500][name] for name in learned} == learned


def test_every_level_has_learned_weights_and_words():
    for comparison in model.COMPARISONS:
        assert len(model.weights()[comparison.name]) == len(comparison.levels) + 1
        for level in [*(v.name for v in comparison.levels), model.OTHER, model.UNKNOWN]:
            assert model.sentence(comparison.name, level)[1]
