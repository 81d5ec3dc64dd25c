"""From one day to the next."""

import csv
from dataclasses import asdict
from zipfile import ZipFile

import pytest

from schoolpassport.demo.generator import Size, write_changed, write_day, write_shuffled, zip_folder
from tests.unit.demo.plain_reader import FILES, Memory, header, inspect, read


def walk(tmp_path, *, days, **how):
    """Facts, package and what a plain reader sees change, day by day."""
    memory, seen = Memory(), []
    for day in range(1, days + 1):
        folder = tmp_path / f"day-{day}"
        facts = write_day(folder=folder, day=day, **how)
        package = inspect(folder)
        seen.append((facts, package, memory.take(package)))
    return seen


@pytest.mark.parametrize("seed", [7, 2026])
@pytest.mark.parametrize("trouble", [True, False])
def test_the_facts_are_what_a_plain_reader_of_every_day_counts(seed, trouble, tmp_path):
    for facts, _, changes in walk(tmp_path, days=4, seed=seed, size=Size.small(), trouble=trouble):
        assert {file: asdict(facts.changes[file]) for file in FILES} == changes


def test_a_busier_district_is_counted_rightly_too(tmp_path):
    for facts, package, changes in walk(tmp_path, days=3, seed=5, size=Size.demo(), changed_share=0.2):
        assert {file: asdict(facts.changes[file]) for file in FILES} == changes
        assert len(package.findings) == len(facts.rejected)


@pytest.mark.parametrize("size", [Size.small(), Size.demo()], ids=["small", "demo"])
def test_every_day_something_comes_changes_and_leaves_within_the_limits_of_a_guard(size, tmp_path):
    before = None
    for facts, _, changes in walk(tmp_path, days=3, seed=7, size=size):
        if before is not None:
            for kind in ("users", "enrollments", "demographics"):
                assert min(changes[kind]["added"], changes[kind]["updated"], changes[kind]["removed"]) > 0
            assert changes["classes"]["updated"] > 0
            for kind in FILES:
                assert changes[kind]["removed"] <= min(199, 0.05 * before.accepted[kind])
            assert facts.changes["users"].updated <= 0.025 * before.accepted["users"]
        before = facts


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_day_three_some_who_left_return_under_their_old_id(seed, tmp_path):
    one, two, three = (package for _, package, _ in walk(tmp_path, days=3, seed=seed, size=Size.small()))
    left = one.ids("users") - two.ids("users")
    returned = left & three.ids("users")
    assert returned
    assert left - returned
    taken = {row["userSourcedId"] for row in three.rows["enrollments"]}
    students = {user for user in returned if user.startswith("stu-")}
    assert students
    assert students <= taken & three.ids("demographics")


def test_day_two_shows_each_change_that_was_promised(tmp_path):
    (_, one, _), (_, two, _) = walk(tmp_path, days=2, seed=7, size=Size.demo())
    changed = {file: columns_that_differ(one.accepted(file), two.accepted(file)) for file in FILES}
    assert changed == {
        "orgs": set(),
        "academicSessions": set(),
        "courses": set(),
        "classes": {"title"} | (changed["classes"] & {"location"}),
        "users": {"familyName", "middleName", "grades", "email", "phone"},
        "enrollments": {"classSourcedId", "beginDate"},
        "demographics": {"cityOfBirth"},
    }


def columns_that_differ(old, new):
    return {column for key in old.keys() & new.keys() for column in new[key] if old[key][column] != new[key][column]}


def test_what_is_repaired_on_day_two_is_new_and_what_is_spoiled_comes_back_unchanged(tmp_path):
    walked = walk(tmp_path, days=3, seed=7, size=Size.small())
    one, two, three = ({(row.file, row.source_id) for row in facts.rejected} for facts, _, _ in walked)
    repaired, spoiled = one - two, two - one
    assert sorted(file for file, _ in repaired) == ["demographics", "enrollments", "users"]
    assert sorted(file for file, _ in spoiled) == ["demographics", "users"]
    assert not spoiled & three
    for file, source_id in spoiled:
        assert walked[0][1].accepted(file)[source_id] == walked[2][1].accepted(file)[source_id]


def test_a_bench_night_has_the_shares_it_was_asked_for(tmp_path):
    size = Size.of(users=20_000, classes=2_000, enrollments=120_000)
    facts = write_changed(folder=tmp_path, seed=7, size=size, changed_share=0.02)
    assert facts.day == 2
    for kind, base in (("users", size.users), ("enrollments", size.enrollments), ("demographics", size.students)):
        changes = facts.changes[kind]
        assert changes.updated == pytest.approx(0.012 * base, rel=0.05)
        assert changes.removed == pytest.approx(0.004 * base, rel=0.2)
        assert changes.added == pytest.approx(0.004 * base, rel=0.1)


def test_a_district_without_changes_is_the_same_every_day(tmp_path):
    how = {"seed": 7, "size": Size.small(), "changed_share": 0, "trouble": False}
    for day in (1, 2):
        write_day(folder=tmp_path / str(day), day=day, **how)
    for file in FILES:
        assert (tmp_path / "1" / f"{file}.csv").read_bytes() == (tmp_path / "2" / f"{file}.csv").read_bytes()


@pytest.mark.parametrize("wrong", [{"day": 0}, {"changed_share": -0.1}, {"changed_share": 0.6}])
def test_a_day_that_cannot_be_is_refused(wrong, tmp_path):
    with pytest.raises(ValueError, match="Days count from 1"):
        write_day(folder=tmp_path, seed=7, size=Size.small(), **wrong)


def test_a_shuffled_package_says_the_same_in_another_order(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    write_day(folder=before, seed=7, size=Size.small())
    write_shuffled(folder_in=before, folder_out=after, seed=4)
    assert {path.name for path in after.iterdir()} == {path.name for path in before.iterdir()}
    for file in FILES:
        raw = (after / f"{file}.csv").read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf")
        assert raw.count(b"\n") == raw.count(b"\r\n") > 1
        old, new = read(before, file), read(after, file)
        assert list(old[0]) != list(new[0])
        assert [row["sourcedId"] for row in old] != [row["sourcedId"] for row in new]
        assert {row["status"] for row in new} == {"active"}
        assert all(row["dateLastModified"].endswith("Z") for row in new)
        assert bare(old) == bare(new)
    assert rows(before / "manifest.csv") == rows(after / "manifest.csv")


def bare(records):
    return sorted(
        sorted((column, value) for column, value in row.items() if column not in {"status", "dateLastModified"})
        for row in records
    )


def rows(manifest):
    with manifest.open(encoding="utf-8-sig", newline="") as lines:
        return {tuple(row) for row in csv.reader(lines)}


def test_shuffling_is_seeded_and_keeps_metadata_at_the_right(tmp_path):
    write_day(folder=tmp_path / "day", seed=7, size=Size.small())
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        write_shuffled(folder_in=tmp_path / "day", folder_out=tmp_path / name, seed=seed)
    a, b, c = ((tmp_path / name / "users.csv").read_bytes() for name in "abc")
    assert a == b != c
    assert [column.split(".")[0] for column in header(tmp_path / "a", "users").split(",")][-2:] == ["metadata"] * 2


def test_a_zip_holds_the_files_at_its_root_and_is_the_same_every_time(tmp_path):
    write_day(folder=tmp_path / "day", seed=7, size=Size.small())
    first = zip_folder(tmp_path / "day", tmp_path / "first.zip")
    (tmp_path / "day" / "users.csv").touch()
    second = zip_folder(tmp_path / "day", tmp_path / "second.zip")
    assert first.read_bytes() == second.read_bytes()
    with ZipFile(first) as package:
        assert package.testzip() is None
        assert package.namelist() == sorted(f"{file}.csv" for file in (*FILES, "manifest"))
        assert package.read("users.csv") == (tmp_path / "day" / "users.csv").read_bytes()
