"""Removals that are held are shown so that a person can judge: who it is, where, and what the source calls them."""

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import sync as command
from tests.support.nights import Nights, nights
from tests.support.packages import crowd


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    """Nine users and their enrollments are held."""
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(witnesses=1, school_removed_share=1, overlap_share=0)
    made.done(crowd(60))
    people, seats = [f"c{n:03d}" for n in range(9)], [f"ce{n:03d}" for n in range(9)]
    made.run(crowd(60).without("users", *people).without("enrollments", *seats))
    assert {f"c{n:03d}" for n in range(9)} <= made.waiting("user", "held")
    return made


def say(of: Nights, *words: object, code: int = 0) -> str:
    result = CliRunner().invoke(command.command, [*(str(w) for w in words), "--district", str(of.district_id)])
    assert result.exit_code == code, result.output
    return result.output


def test_each_record_is_told_by_name_school_source_and_id(sis):
    shown = say(sis, "held")
    (row,) = (line for line in shown.splitlines() if str(sis.ids("user")["c003"]) in line and "user" in line)
    for word in ("Given-c003 Family-c003", "School s1", "SIS", "c003"):
        assert word in row
    (row,) = (line for line in shown.splitlines() if str(sis.ids("enrollment")["ce003"]) in line)
    assert "Given-c003 Family-c003" in row
    assert f"{len(sis.waiting(state='held'))} for you to decide, 0 for another package, 0 kept." in shown
    assert shown.endswith("Decide about what is held: schoolpassport sync release   or   schoolpassport sync keep\n")


def test_the_list_ends_where_it_is_told_to_and_says_how_many_more_there_are(sis):
    more = len(sis.waiting(state="held")) - 2
    assert f"… and {more} more: --limit" in say(sis, "held", "--limit", 2)
    assert "Family-c" not in say(sis, "held", "--json")


def test_when_all_is_kept_nothing_is_asked(sis):
    say(sis, "keep")
    shown = say(sis, "held")
    assert "0 for you to decide" in shown
    assert "Decide about" not in shown


def test_a_school_is_named_by_its_name_or_its_id(sis):
    for school in ("school S2", sis.ids("org")["s2"]):
        assert say(sis, "release", "--rehearse", "--school", school).startswith("Nothing that you named is held")
    told = say(sis, "release", "--rehearse", "--school", "Schol s1", code=1)
    assert "There is no school “Schol s1”. There are: “Amber Valley”, “School s1”, “School s2”." in told
    say(sis, "release", "--kind", "user", "--school", "School s1")
    assert sis.waiting("user", "held") == set()


def test_a_rehearsal_says_how_much_would_be_removed_altogether(sis):
    shown = say(sis, "release", "--rehearse", "--kind", "user")
    assert "Altogether it would remove: 9 × user, 9 × enrollment." in shown
    assert "It would end as" in shown
    say(sis, "keep")
    assert say(sis, "release", "--rehearse") == "Nothing that you named is held: nothing would be removed.\n"
