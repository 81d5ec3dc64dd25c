"""What is known of a package before a row is read."""

import csv
import io
from pathlib import Path

import pytest

from schoolpassport.sources import manifest
from schoolpassport.sources.records import Mode, PackageBroken, PackagePlan
from schoolpassport.sources.schemas import SCHEMAS

SCHEMA = SCHEMAS["oneroster-1.1"]
ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\nd1,,,North,district,,\n"
CATEGORIES = "sourcedId,status,dateLastModified,title\nc1,,,Homework\n"


@pytest.fixture
def planned(tmp_path):
    def plan(**texts: str | bytes) -> PackagePlan:
        files: dict[str, Path] = {}
        for name, text in texts.items():
            path = tmp_path / f"{name}.csv"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            files[path.name] = path
        return manifest.plan(schema=SCHEMA, files=files)

    return plan


def saying(**modes: str) -> str:
    """A manifest; ``version`` is not a mode."""
    version = modes.pop("version", "1.1")
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(["propertyName", "value"])
    lines.writerow(["oneroster.version", version])
    lines.writerows([f"file.{name}", mode] for name, mode in modes.items())
    return written.getvalue()


def told(problems) -> set[tuple[str, str, str, bool]]:
    return {(p.rule, p.file, p.column, p.breaks) for p in problems}


def broken(planned, **texts) -> set[tuple[str, str, str, bool]]:
    with pytest.raises(PackageBroken) as caught:
        planned(**texts)
    return told(caught.value.problems)


def test_files_are_planned_in_the_order_in_which_references_resolve_each_in_its_mode(planned):
    said = saying(categories="delta", orgs="bulk", users="absent")
    plan = planned(categories=CATEGORIES, manifest=said, orgs=ORGS)
    assert [(f.schema.name, f.mode) for f in plan.files] == [("orgs", Mode.BULK), ("categories", Mode.DELTA)]
    assert plan.problems == ()


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_cells_that_are_separated_by_another_sign_are_named_once(planned, sign, name):
    with pytest.raises(PackageBroken) as caught:
        planned(orgs=ORGS.replace(",", sign), manifest=saying(orgs="bulk"))
    assert [p.sentence for p in caught.value.problems] == [
        f"orgs.csv is separated by {name}. Save it as CSV with commas between the cells."
    ]


def test_a_manifest_may_announce_how_many_rows_a_file_has(planned):
    said = saying(orgs="bulk", categories="bulk") + "count.orgs,1\r\ncount.users,7\r\n"
    assert planned(orgs=ORGS, categories=CATEGORIES, manifest=said).counts == {"org": 1}
    wrong = saying(orgs="bulk") + "count.orgs,many\r\n"
    assert broken(planned, orgs=ORGS, manifest=wrong) == {("bad manifest", "manifest.csv", "count.orgs", True)}


def test_without_a_manifest_every_file_is_bulk_and_that_is_said(planned):
    plan = planned(orgs=ORGS)
    assert [(f.schema.name, f.mode) for f in plan.files] == [("orgs", Mode.BULK)]
    assert told(plan.problems) == {("no manifest", "manifest.csv", "", False)}


def test_a_file_that_is_declared_absent_or_unknown_is_left_aside_and_each_is_named(planned):
    plan = planned(manifest=saying(orgs="bulk"), orgs=ORGS, categories=CATEGORIES, lunches="sourcedId\n")
    assert [f.schema.name for f in plan.files] == ["orgs"]
    assert told(plan.problems) == {
        ("declared absent", "categories.csv", "", False),
        ("file not read", "lunches.csv", "", False),
    }
    said = {p.file: p.sentence for p in plan.problems if p.rule == "file not read"}
    assert said["lunches.csv"].endswith("knows no file of this name.")


def test_everything_that_breaks_a_package_is_told_at_once(planned):
    wrong = {
        "manifest": saying(version="1.2", orgs="bulk", users="sometimes", courses="bulk", categories="bulk"),
        "orgs": ORGS.replace("name,", ""),
        "categories": "sourcedId,title,title\nc1,Homework,Homework\n",
    }
    assert {each for each in broken(planned, **wrong) if each[3]} == {
        ("other version", "manifest.csv", "oneroster.version", True),
        ("bad manifest", "manifest.csv", "file.users", True),
        ("missing file", "courses.csv", "", True),
        ("missing column", "orgs.csv", "name", True),
        ("column twice", "categories.csv", "title", True),
    }


@pytest.mark.parametrize("first", ["propertyName;value", "name,value", "", "file.orgs,bulk"])
def test_a_manifest_is_known_by_its_first_line(planned, first):
    found = broken(planned, manifest=f"{first}\nfile.orgs,bulk\n", orgs=ORGS)
    assert {each for each in found if each[3]} == {("bad manifest", "manifest.csv", "", True)}


def test_a_package_in_which_everything_is_absent_is_no_error_and_says_nothing_was_read(planned):
    plan = planned(manifest=saying(orgs="absent"))
    assert plan.files == ()
    assert told(plan.problems) == {("nothing to read", "manifest.csv", "", False)}


@pytest.mark.parametrize(
    ("header", "meant"),
    [("Name", "name"), ("parentSourceId", "parentSourcedId"), ("indentifier", "identifier")],
)
def test_a_misspelt_column_is_refused_with_the_name_that_was_meant(planned, header, meant):
    texts = {"manifest": saying(orgs="bulk"), "orgs": ORGS.replace(meant, header)}
    assert broken(planned, **texts) == {("wrong column name", "orgs.csv", header, True)}
    with pytest.raises(PackageBroken, match=f"calls it “{meant}”"):
        planned(**texts)


def test_a_strange_column_stands_for_nothing_that_is_there_already(planned):
    """`identifiers` is close to `identifier`, which has its own column; nothing is guessed, and the package is read."""
    text = ORGS.replace("identifier,", "identifier,identifiers,").replace("district,,", "district,,,")
    plan = planned(manifest=saying(orgs="bulk"), orgs=text)
    assert told(plan.problems) == {("unknown column", "orgs.csv", "identifiers", False)}


def test_own_columns_are_found_and_sorted_and_a_bare_prefix_is_none(planned):
    text = "sourcedId,title,metadata.b,metadata.a,metadata.\nc1,Homework,1,2,3\n"
    plan = planned(manifest=saying(categories="bulk"), categories=text)
    assert plan.files[0].metadata == ("metadata.a", "metadata.b")
    assert plan.files[0].headers[-1] == "metadata."


@pytest.mark.parametrize("raw", [ORGS.encode("utf-16"), ORGS.replace("name", "na\0me").encode()])
def test_what_is_no_utf_8_is_named_before_its_columns_are_looked_at(planned, raw):
    assert broken(planned, manifest=saying(orgs="bulk"), orgs=raw) == {("bad encoding", "orgs.csv", "", True)}
