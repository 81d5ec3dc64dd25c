"""The rows of the bench about sharing and outlets, at a size that says nothing: that they still run, and what they say."""

import argparse
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import files, views
from bench.place import District, Place, a_district, write_packages
from bench.processes import Server
from schoolpassport.demo.generator import Size
from schoolpassport.kit import clock
from schoolpassport.sync import actions

SIZE = Size.of(users=300, classes=24, enrollments=1200)


@pytest.fixture(scope="module")
def place(database) -> Place:
    if not (database.data_dir / "postgres").is_dir():
        pytest.skip("the bench measures an embedded server")
    return Place(database.data_dir, Server(database.data_dir), database.owner_url, database.superuser_url)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return write_packages(tmp_path_factory.mktemp("packages"), size=SIZE, seed=7, shuffled=False)


def lived(*days: Path) -> District:
    """A district that has lived through these days, in this process."""
    district = a_district()
    for day in days:
        run = actions.ask(
            district_id=district.id, source_id=district.source_id, origin=day, by="bench", now=clock.now()
        )
        assert actions.walk(district_id=district.id, run_id=run.id).state == "done"
    return district


def goals(found) -> dict[str, str]:
    assert all(f.figure >= 0 for f in found)
    return {f.job: f.goal for f in found}


def test_every_row_about_an_outlet_can_be_measured(place, packages):
    asked = argparse.Namespace(size="tiny", rounds=1, seed=7, requests=20)
    district = lived(packages.day1, packages.day2)
    found = [row for some in bench.outlets(place, asked, district, packages, set(bench.OUTLETS)) for row in some]
    assert goals(found) == {
        "GET /users/{id}: p99": "≤ 2 × floor",
        "GET /users/{id}: median": "–",
        "filter by e-mail: p99": "≤ 2 × floor",
        "filter by e-mail: median": "–",
        "filter by dateLastModified: p99": "≤ 2 × floor",
        "filter by dateLastModified: median": "–",
        "filter by role, any page: p99": "≤ 2 × floor",
        "filter by role, any page: median": "–",
        "NDJSON export of users": "≥ 0.8 × floor",
        "NDJSON export of everything": "≥ 0.8 × floor",
        "OneRoster zip of a whole view": "≤ 4 × floor",
        "OneRoster zip of a whole view, wall": "–",
        "pull of users by 1000, masked, beside unmasked": "≥ 0.7 × floor",
        "page by 1000 of 4 pulls beside a sync, p99": "≤ 2 × floor",
        "4 pulls beside a sync: errors": "0",
    }
    assert {f.job: f.figure for f in found}["4 pulls beside a sync: errors"] == 0


def test_the_row_about_many_views_can_be_measured(place, packages):
    found = views.measure(place, {lived(packages.day1): packages, lived(packages.day1): packages}, views=2, rounds=1)
    assert goals(found) == {
        "2 views, 1 % changed: publishing": "≤ 60 s",
        "2 views, beside a district of a quarter with as many changes": "≤ 1.5 × floor",
    }


def test_the_row_about_a_push_can_be_measured_where_there_is_openssh(tmp_path, capsys):
    found = files.measure_push(folder=tmp_path / "push", rounds=1, megabytes=1, seed=7)
    if "there is no s" in capsys.readouterr().out:
        pytest.skip("no OpenSSH on this machine (Debian: apt install openssh-server openssh-client)")
    assert goals(found) == {"SFTP push of 1 MB": "≥ 0.5 × floor"}
