"""What runs did over time, per source and per school."""

import json
import re

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import sync as command
from schoolpassport.sync import queries
from schoolpassport.tenancy import scope
from tests.support.packages import small, user
from tests.support.sources import Several, several


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    return several(district_id=district.id, folder=tmp_path, now=now)


def over_time(district_of: Several, **which) -> list[tuple[int, int, int, int]]:
    with scope.inside(district_of.district_id):
        found = queries.over_time(district_id=district_of.district_id, kind="user", **which)
    return [(r["run"], r["added"], r["archived"], r["standing"]) for r in found]


def test_statistics_over_time_are_told_by_source_and_by_school(district_of):
    sis, other = district_of.sis, district_of.more("Other")
    sis.done(small())
    first = len(small().rows["users"])
    other.done(small().with_rows("users", user("x1", givenName="Barnaby", familyName="Pym")))
    sis.done(small().without("users", "p1").with_rows("users", user("q1"), user("q2", orgSourcedIds="s2")))
    everything = over_time(district_of)
    assert [run for run, *_ in everything] == [3, 2, 1]
    assert everything[0][1] == 2
    assert everything[2] == (1, first, 0, first)
    assert [run for run, *_ in over_time(district_of, source_id=sis.source.id)] == [3, 1]
    of_s2 = over_time(district_of, source_id=sis.source.id, school_id=sis.ids("org")["s2"])
    assert of_s2[0][1:3] == (1, 0)
    assert of_s2[0][3] == of_s2[1][3] + 1
    assert over_time(district_of, most=1) == everything[:1]


def test_on_the_command_line(district_of):
    district_of.sis.done(small())
    asked = ["trend", "user", "--district", str(district_of.district_id), "--json"]
    said = CliRunner().invoke(command.command, asked)
    assert json.loads(said.output)[0]["at"].endswith("Z")
    assert json.loads(said.output)[0]["added"] == len(small().rows["users"]), said.output
    assert "standing" in CliRunner().invoke(command.command, asked[:-1]).output
    several_ = CliRunner().invoke(command.command, ["trend", "users", *asked[2:-1]]).output
    assert re.search(r"^ +1  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  SIS ", several_, re.MULTILINE), several_
