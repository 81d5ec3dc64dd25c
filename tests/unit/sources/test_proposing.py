"""Proposals, measured on exports of invented systems whose columns a person has named."""

import csv
import io
import sys

import pytest

from schoolpassport.kit.columns import columns
from schoolpassport.sources.mapping import tables
from schoolpassport.sources.proposing import propose
from schoolpassport.sources.schemas import SCHEMAS
from tests.support.exports import EXPORTS, LATER, UNSEEN
from tests.support.packages import folder


def text(told):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow([header for header, _, _ in told])
    writer.writerows(zip(*[values for _, _, values in told], strict=True))
    return out.getvalue()


def proposed(tmp_path, files, **more):
    there = folder(tmp_path / "package", files)
    work = tmp_path / "work"
    with columns(folder=work, memory_mb=500, threads=1) as db:
        linked = {}
        for name in files:
            (work / name).hardlink_to(there / name)
            linked[name] = work / name
        return propose(db, files=linked, folder=work / "looked", **more)


@pytest.mark.parametrize(
    ("exports", "share"), [(EXPORTS, 0.9), (LATER, 0.9), (UNSEEN, 0.7)], ids=["exports", "later", "unseen"]
)
def test_nine_of_ten_proposals_are_right_and_no_id_is_wrong(tmp_path, exports, share):
    right, proposals, wrong, ids, lost = 0, 0, [], [], []
    total = 0
    for number, (vendor, files) in enumerate(exports.items()):
        found = proposed(tmp_path / str(number), {name: text(told) for name, told in files.items()})
        by_label = {draft.label: draft for draft in found.drafts}
        for name, told in files.items():
            for (header, label, _), column in zip(told, by_label[name].columns, strict=True):
                assert column.header == header
                means, wanted = column.means or "-", label
                total += 1
                right += means == wanted
                proposals += means != "-"
                if means == wanted:
                    continue
                lost.append((vendor, name, header, wanted, means))
                if means != "-":
                    wrong.append((vendor, name, header, wanted, means))
                    ids += [header] if means.endswith(".id") else []
    told = f"{len(exports)} systems, {total} columns: {right / total:.1%} as a person says; of {proposals} proposals "
    sys.stdout.write(told + f"{1 - len(wrong) / proposals:.1%} right\n" + "".join(f"{each}\n" for each in lost))
    assert not ids
    assert 1 - len(wrong) / proposals >= 0.9
    assert right / total >= share


@pytest.mark.parametrize("vendor", EXPORTS)
def test_a_proposal_is_a_document_that_can_be_taken_and_the_same_again(tmp_path, vendor):
    files = {name: text(told) for name, told in EXPORTS[vendor].items()}
    found = proposed(tmp_path / "a", files)
    assert tables(found.tables, SCHEMAS["any-table"])
    assert proposed(tmp_path / "b", dict(reversed(files.items()))) == found


HEAD, NAMES = "{};First name;Last name\n", ("Ora;Klein", "Ian;Moss", "Ada;Reed")
NUMBERS = ("104711", "S-0815", "207713")


@pytest.mark.parametrize(
    ("header", "values", "mapped"),
    [
        ("Pupil No", NUMBERS, True),
        ("Schülernummer", NUMBERS, True),
        ("Student ID", NUMBERS, True),
        ("Student GUID", NUMBERS, False),
        ("ID", NUMBERS, False),
        ("Pupil No", ("00001", "00002", "00004"), False),
    ],
)
def test_a_student_number_is_the_identifier_too_and_a_count_that_others_may_share_is_not(
    tmp_path, header, values, mapped
):
    rows = "".join(f"{value};{name}\n" for value, name in zip(values, NAMES, strict=True))
    found = proposed(tmp_path, {"pupils.csv": HEAD.format(header) + rows})
    (user,) = [r["attributes"] for t in found.tables for r in t["records"] if r["kind"] == "user"]
    assert user["sourcedId"] == {"from": header, "prefix": "student/"}
    assert user.get("identifier") == (header if mapped else None)
    counts = values[0] == "00001"
    assert any("counts from the first on" in note for note in found.drafts[0].notes) == counts
