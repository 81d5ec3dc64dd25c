"""Packages are kept for a while after their runs, sealed, and then gone."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.conf import settings

from schoolpassport.audit import queries as ledger
from schoolpassport.cli.commands import district as of_districts
from schoolpassport.cli.commands import sync as of_runs
from schoolpassport.kit.secrets import Vault
from schoolpassport.sources import actions as sources
from schoolpassport.sources import packages
from schoolpassport.sources.mapping import BadPolicy
from schoolpassport.sources.models import Package
from schoolpassport.sync import actions
from schoolpassport.tenancy import scope
from tests.support.nights import BY, Nights, nights
from tests.support.packages import crowd, small

DAY = timedelta(days=1)


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


@pytest.fixture
def disk(database, sis):
    """What lies on the disk of the district's packages, in plain and sealed."""

    def look(kind: str) -> list[Path]:
        folder = database.data_dir / kind / str(sis.district_id)
        return sorted(folder.iterdir()) if folder.is_dir() else []

    return look


def kept(sis: Nights) -> dict:
    with scope.inside(sis.district_id):
        return {p.id: p for p in Package.objects.filter(district_id=sis.district_id)}


def taken(sis: Nights, run, into: Path) -> dict[str, bytes]:
    actions.take_package(district_id=sis.district_id, number=run.number, into=into, by="secretary", now=sis.now)
    return {path.name: path.read_bytes() for path in into.iterdir()}


def test_a_package_can_be_taken_out_as_it_was_sent_and_the_ledger_says_by_whom(sis, disk, tmp_path):
    sent = sis.write(small())
    run = sis.done(sent)
    assert taken(sis, run, tmp_path / "out") == {path.name: path.read_bytes() for path in sent.iterdir()}
    (sealed,) = disk("retained")
    assert b"Amber" not in sealed.read_bytes()
    assert kept(sis)[run.id].input_digest == run.input_digest
    with scope.inside(sis.district_id):
        events = [e for e in ledger.events(district_id=sis.district_id) if e.act == "sync:package:take"]
    assert [(e.by, e.about) for e in events] == [("secretary", str(run.id))]


def test_what_is_refused_is_kept_too_and_the_same_again_is_not_kept_twice(sis, disk):
    package = sis.write(small())
    sis.done(package)
    assert sis.run(package).state == "unchanged"
    assert len(disk("retained")) == 1
    assert sis.run({"orgs.csv": "neither,of,these\n"}).state == "refused"
    assert len(disk("retained")) == 2


def test_its_time_is_over_by_the_clock_and_then_neither_row_nor_file_is_there(sis, disk, tmp_path):
    run = sis.done(small())
    ends = kept(sis)[run.id].kept_until
    actions.forget_packages(now=ends - timedelta(seconds=1))
    assert len(disk("retained")) == 1
    actions.forget_packages(now=ends)
    assert (kept(sis), disk("retained")) == ({}, [])
    with pytest.raises(packages.NotKept, match="not kept any more"):
        taken(sis, run, tmp_path / "out")


def test_a_file_alone_does_not_open(sis, disk, tmp_path):
    """Somebody has a copy of the disk, and the row was deleted; or puts one run's file in the place of another's."""
    first = sis.done(small())
    second = sis.done(small().changed("courses", "lit", title="Other"))
    files = {path.stem: path for path in disk("retained")}
    one, other = files[str(first.id)], files[str(second.id)]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    with pytest.raises(packages.NotKept, match="cannot be opened"):
        taken(sis, first, tmp_path / "out")
    one.write_bytes(content)
    assert taken(sis, first, tmp_path / "whole")
    other.unlink()
    with pytest.raises(packages.NotKept, match="not on this machine's disk"):
        taken(sis, second, tmp_path / "gone")


def test_how_long_can_be_set_and_not_at_all_is_not_at_all(sis, disk):
    sources.set_retention(district_id=sis.district_id, days=3, by=BY, now=sis.now)
    run = sis.done(small())
    made = kept(sis)[run.id]
    assert made.kept_until - made.taken_at == pytest.approx(3 * DAY, abs=timedelta(minutes=5))
    sources.set_retention(district_id=sis.district_id, source_id=sis.source.id, days=0, by=BY, now=sis.now)
    sis.done(small().changed("courses", "lit", title="Other"))
    assert set(kept(sis)) == {run.id}
    assert len(disk("retained")) == 1
    for days in (-1, 401, True):
        with pytest.raises(BadPolicy):
            sources.set_retention(district_id=sis.district_id, days=days, by=BY, now=sis.now)


def test_what_waits_for_a_person_is_sealed_and_kept_until_somebody_decides(sis, disk):
    """Also where nothing is kept afterwards."""
    sources.set_retention(district_id=sis.district_id, days=0, by=BY, now=sis.now)
    sis.set_limits(hold_whole=True)
    package = crowd(60)
    sis.done(package)
    many = [f"{n:03d}" for n in range(40)]
    run = sis.run(package.without("users", *(f"c{n}" for n in many)).without("enrollments", *(f"ce{n}" for n in many)))
    assert run.state == "held"
    assert disk("packages") == []
    assert kept(sis)[run.id].kept_until is None
    actions.forget_packages(now=sis.now + 4000 * DAY)
    assert len(disk("retained")) == 1
    Path(run.origin, "users.csv").unlink()  # what was judged is what is applied
    assert sis.approve(run).state == "done"
    assert (kept(sis), disk("retained"), disk("packages")) == ({}, [], [])


def test_files_of_killed_runs_are_swept(sis, disk):
    sis.done(small())
    (sealed,) = disk("retained")
    for name in ("0198b0f0-0000-7000-8000-000000000000.sealed", f".{sealed.name}.unfinished"):
        sealed.with_name(name).write_bytes(b"SPF1")
    sis.done(small().changed("courses", "lit", title="Other"))
    assert len(disk("retained")) == 2
    assert len(kept(sis)) == 2


def test_a_new_master_key_seals_the_keys_of_packages_anew(sis, tmp_path):
    run = sis.done(small())
    old = Vault.from_file(settings.ENVIRONMENT.key_file)
    Vault.rotate(settings.ENVIRONMENT.key_file)
    with scope.inside(sis.district_id):
        assert sources.reseal_secrets(district_id=sis.district_id).done == 1
    assert not old.is_current(bytes(kept(sis)[run.id].key))
    assert taken(sis, run, tmp_path / "out")


def test_the_command_line_shows_sets_and_takes_out(sis, tmp_path):
    run = sis.done(small())
    district = ["--district", str(sis.district_id)]
    said = CliRunner().invoke(of_districts.command, ["retention", *district, "--days", "7"])
    assert "kept for 7 days" in said.output
    said = CliRunner().invoke(of_runs.command, ["package", str(run.number), str(tmp_path / "out"), *district])
    assert "delete them when done" in said.output
    assert (tmp_path / "out" / "users.csv").is_file()
    said = CliRunner().invoke(of_runs.command, ["package", "99", str(tmp_path / "no"), *district])
    assert "There is no run 99." in said.output
