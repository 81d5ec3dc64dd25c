"""The same table, whatever its dress: CSV in several encodings and with several delimiters, and a workbook."""

import csv
import io
import string
import tempfile
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schoolpassport.kit.columns import columns
from schoolpassport.sources import mapped
from schoolpassport.sources.mapping import tables
from schoolpassport.sources.records import Inputs
from schoolpassport.sources.schemas import SCHEMAS
from tests.support.workbooks import Book, Sheet, workbook

SCHEMA = SCHEMAS["any-table"]
TABLES = tables(
    [
        {
            "file": "list.*",
            "records": [
                {"kind": "org", "attributes": {"sourcedId": "School", "name": "School"}},
                {"kind": "course", "attributes": {"sourcedId": {"from": ["School", "Class"]}, "title": "Class"}},
                {
                    "kind": "user",
                    "attributes": {
                        "sourcedId": {"from": "Id", "prefix": "p/"},
                        "givenName": "First",
                        "familyName": "Last",
                        "role": {"constant": "student"},
                        "orgs": "School",
                    },
                },
                {"kind": "enrollment", "attributes": {"class": {"from": ["School", "Class"]}, "user": "Id"}},
            ],
        }
    ],
    SCHEMA,
)
HEADER = ["Id", "First", "Last", "School", "Class"]
# What every encoding can write; signs that part cells among it, and quotes.
LETTERS = string.ascii_letters + "äöüßéñ ,;|'\"-."
name = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(lambda t: t and not t.lower().startswith("sep"))
row = st.tuples(
    st.integers(1, 40).map(str),
    name,
    name,
    st.sampled_from(["Amber", "Birch, Old", ""]),
    st.sampled_from(["5a", "6;b", "7"]),
)
lists = st.lists(row, min_size=1, max_size=12)
DRESSES = [
    *((delimiter, encoding) for delimiter in ",;\t|" for encoding in ("utf-8", "utf-8-sig", "utf-16")),
    (";", "windows-1252"),
]


def text(rows, delimiter, encoding, above):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([*above, HEADER, *rows])
    return out.getvalue().encode(encoding)


def roster(name, content):
    """Every canonical file as rows, without where they came from; and how many rows were left out."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / name).write_bytes(content)
        with columns(folder=work, memory_mb=200, threads=1) as db:
            made = mapped.translate(
                db,
                tables=TABLES,
                schema=SCHEMA,
                files={name: work / name},
                into=work / "out",
                before=Inputs(),
                today=date(2026, 9, 1),
                partial=True,
            )
        files = {}
        for file, path in made.files.items():
            with path.open(encoding="utf-8", newline="") as lines:
                files[file] = [
                    {k: v for k, v in r.items() if not k.startswith("origin")} for r in csv.DictReader(lines)
                ]
        return files, len(made.misread)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=lists, titled=st.booleans(), dress=st.sampled_from(DRESSES))
def test_a_table_says_the_same_in_every_dress(rows, titled, dress):
    above = [["A title"], []] if titled else []
    typed = [[int(r[0]), *(c or None for c in r[1:])] for r in rows]
    said = roster("list.xlsx", workbook(Book({"S": Sheet([*above, HEADER, *typed])})))
    assert roster("list.csv", text(rows, *dress, above)) == said


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=lists)
def test_records_are_what_a_plain_reading_of_the_rows_says(rows):
    files, _ = roster("list.csv", text(rows, ";", "utf-8", []))
    people, schools, seats = {}, {}, {}
    for id_, first, last, school, class_ in rows:
        people.setdefault(id_, []).append((first, last, school.replace(",", ";")))
        if school:
            schools[school.replace(",", ";")] = school
            seats[id_, f"{school}/{class_}".replace(",", ";")] = True
    agreed = {k: said for k, said in people.items() if len({s[0] for s in said}) == 1 == len({s[1] for s in said})}
    assert {
        r["sourcedId"]: (r["givenName"], r["familyName"], r["orgSourcedIds"]) for r in files.get("users.csv", [])
    } == {f"p/{k}": (*said[0][:2], ",".join(dict.fromkeys(s[2] for s in said if s[2]))) for k, said in agreed.items()}
    assert {r["sourcedId"]: r["name"] for r in files.get("orgs.csv", [])} == schools
    assert {(r["userSourcedId"], r["classSourcedId"]) for r in files.get("enrollments.csv", [])} == set(seats)
