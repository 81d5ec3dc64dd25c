"""Files of any make, through a mapping that a person made: what comes out, and what is said of damaged ones."""

import json
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands.setting import command as settings
from schoolpassport.cli.commands.sources import command as sources
from schoolpassport.matching import queries as matches
from schoolpassport.quality import actions as quality_actions
from schoolpassport.quality import queries as quality
from schoolpassport.roster import queries as roster
from schoolpassport.sources import actions
from schoolpassport.sources.mapping import BadPolicy
from schoolpassport.tenancy import scope
from tests.support.nights import BY, Nights
from tests.support.workbooks import ERROR, FORMULA, NO_RESULT, Book, Sheet, workbook

SCHOOL = {"from": ["Schule"]}
CLASS = {"from": ["Schule", "Klasse"]}
PUPIL = {"from": "Schüler-ID", "prefix": "student/"}
FLAT = [
    {"kind": "org", "attributes": {"sourcedId": SCHOOL, "name": "Schule"}},
    {
        "kind": "academicSession",
        "attributes": {"sourcedId": {"constant": "year"}, "title": {"constant": "Schuljahr"}},
    },
    {"kind": "course", "attributes": {"sourcedId": CLASS, "title": "Klasse", "org": SCHOOL}},
    {
        "kind": "user",
        "attributes": {
            "sourcedId": PUPIL,
            "givenName": "Vorname",
            "familyName": "Nachname",
            "role": {"constant": "student"},
            "orgs": SCHOOL,
            "email": "E-Mail",
        },
    },
    {
        "kind": "class",
        "attributes": {
            "sourcedId": CLASS,
            "title": "Klasse",
            "course": CLASS,
            "school": SCHOOL,
            "terms": {"constant": "year"},
        },
    },
    {"kind": "enrollment", "attributes": {"class": CLASS, "user": PUPIL, "school": SCHOOL}},
    {
        "kind": "demographics",
        "attributes": {
            "sourcedId": PUPIL,
            "birthDate": "Geburtsdatum",
            "sex": {"from": "Geschlecht", "words": {"w": "female", "m": "male"}},
        },
    },
]
TABLES = [{"file": "schueler*", "records": FLAT}]
HEADER = ["Schüler-ID", "Nachname", "Vorname", "Geschlecht", "Geburtsdatum", "Schule", "Klasse", "E-Mail"]
ROWS = [
    ["4711", "Müller", "Jörg", "m", "03.05.2012", "Amber Schule", "5a", "joerg@amber.example"],
    ["4712", "Klein", "Zoë", "w", "17.12.2011", "Amber Schule", "5a", ""],
    ["4713", "Groß", "Ida", "w", "01.02.2012", "Birken-Gymnasium", "6b", ""],
]
GONE = "Birken-Gymnasium/6b/student/4713/student"
COUNTS = {
    "org": 2,
    "academicSession": 1,
    "course": 2,
    "user": 3,
    "class": 2,
    "enrollment": 3,
    "demographics": 3,
}


def as_text(rows=ROWS, *, header=HEADER, delimiter=";", encoding="windows-1252", end="\r\n"):
    return "".join(delimiter.join(row) + end for row in [header, *rows]).encode(encoding)


def as_book(rows=ROWS, *, header=HEADER, above=()):
    typed = [[int(r[0]), *r[1:4], date(*map(int, reversed(r[4].split(".")))), *r[5:]] for r in rows]
    return workbook([*above, header, *typed])


@pytest.fixture
def sis(district, tmp_path, now):
    made = actions.register_source(district_id=district.id, name="SIS", schema="any-table", by=BY, now=now)
    nights = Nights(district.id, made, tmp_path, now)
    nights.set_limits(witnesses=1)
    say(nights, TABLES)
    return nights


def say(sis, tables):
    actions.set_shaping(
        district_id=sis.district_id, source_id=sis.source.id, subject="tables", content=tables, by=BY, now=sis.now
    )


def standing(sis):
    return {kind: len(records) for kind, records in sis.everything().items() if records}


PACKAGES = {
    "Windows-1252 with semicolons": {"schueler.csv": as_text()},
    "UTF-16 with tabs": {"schueler.txt": as_text(delimiter="\t", encoding="utf-16")},
    "UTF-8 with a mark": {"schueler.csv": as_text(delimiter=",", encoding="utf-8-sig", end="\n")},
    "a workbook with a title": {"Schueler 2026.xlsx": as_book(above=[["Klassenliste"], []])},
}


@pytest.mark.parametrize("package", PACKAGES.values(), ids=list(PACKAGES))
def test_a_flat_list_of_pupils_becomes_a_roster_whatever_its_dress(sis, package):
    run = sis.done(package)
    assert standing(sis) == COUNTS
    users, classes, seats = sis.records("user"), sis.records("class"), sis.records("enrollment")
    joerg = users["student/4711"]
    assert (joerg["givenName"], joerg["familyName"], joerg["orgs"], joerg["username"]) == (
        "Jörg",
        "Müller",
        ["Amber Schule"],
        "joerg@amber.example",
    )
    assert users["student/4712"]["username"] == "student/4712"
    assert classes["Amber Schule/5a"]["course"] == "Amber Schule/5a"
    assert seats["Amber Schule/5a/student/4711/student"]["class"] == "Amber Schule/5a"
    born = {k: (r["birthDate"], r["sex"]) for k, r in sis.records("demographics").items()}
    assert born["student/4711"] == ("2012-05-03", "male")
    guessed = {f.file for f in sis.findings(run) if f.rule == "encoding guessed"}
    assert guessed == ({"schueler.csv"} if package is PACKAGES["Windows-1252 with semicolons"] else set())


def test_a_night_with_changes_changes_what_differs_and_the_same_again_in_another_dress_nothing(sis):
    sis.done({"schueler.csv": as_text()})
    assert sis.run({"schueler.xlsx": as_book()}).state == "unchanged"
    moved = [[*ROWS[0][:6], "6b", ROWS[0][7]], [*ROWS[1][:1], "Klein-Groß", *ROWS[1][2:]]]
    run = sis.done({"schueler.csv": as_text(moved)})
    assert sis.active("user") == {"student/4711", "student/4712"}
    assert sis.records("user")["student/4712"]["familyName"] == "Klein-Groß"
    assert sis.waiting() == {"Birken-Gymnasium", "Birken-Gymnasium/6b", GONE}  # a whole school is not let go unasked
    assert sis.active("enrollment") - {GONE} == {
        "Amber Schule/6b/student/4711/student",
        "Amber Schule/5a/student/4712/student",
    }
    assert sis.statistics(run)["user"] == {"updated": 1, "unchanged": 1, "archived": 1}


def test_a_renamed_column_is_refused_with_what_to_do(sis):
    sis.done({"schueler.csv": as_text()})
    run = sis.run({"schueler.csv": as_text(header=["Schüler-ID", "Name", *HEADER[2:]])})
    assert run.state == "refused"
    assert run.message == (
        "schueler.csv has no column “Nachname”, which is mapped to familyName of users. Its header (row 1) has: "
        "“Schüler-ID”, “Name”, “Vorname”, “Geschlecht”, “Geburtsdatum”, “Schule”, “Klasse”, “E-Mail”. Call the column "
        "“Nachname” again, or name the new one in the setting tables."
    )
    assert standing(sis) == COUNTS
    spelt = ["schüler_id", "NACHNAME ", *HEADER[2:]]
    assert sis.run({"schueler.csv": as_text(header=spelt)}).state == "unchanged"


def one(**cells):
    """A sheet of one pupil like the first, and two others."""
    first = dict(zip(HEADER, [4711, *ROWS[0][1:]], strict=True)) | cells
    return [HEADER, list(first.values()), *([int(r[0]), *r[1:]] for r in ROWS[1:])]


TRAPS = {
    "digits lost in a number": (
        one(**{"Schüler-ID": 123456789012345678}),
        ("digits lost", 2, "“Schüler-ID” is “1.23456789012346E+17”: a spreadsheet has shortened the number"),
        {"student/4712", "student/4713"},
    ),
    "digits lost in a text": (
        one(**{"Schüler-ID": "1,23457E+11"}),
        ("digits lost", 2, "digits are lost. Format the column as text"),
        {"student/4712", "student/4713"},
    ),
    "an error for an id": (
        one(**{"Schüler-ID": ERROR}),
        ("error in a cell", 2, "“Schüler-ID” is #N/A, which is no id."),
        {"student/4712", "student/4713"},
    ),
    "a formula without a result for an id": (
        one(**{"Schüler-ID": NO_RESULT}),
        ("error in a cell", 2, "is a formula whose result is not in the file, which is no id."),
        {"student/4712", "student/4713"},
    ),
    "an error for something else": (
        one(**{"E-Mail": ERROR}),
        (
            "error in a cell",
            None,
            "“E-Mail” is an error in 1 rows of schueler.xlsx, sheet Sheet1, such as #N/A in row 2",
        ),
        {"student/4711", "student/4712", "student/4713"},
    ),
    "no id": (
        one(**{"Schüler-ID": None}),
        ("no id", 2, "“Schüler-ID” is blank, so nobody can tell which user the row is about."),
        {"student/4712", "student/4713"},
    ),
    "two people with one id": (
        [*one(), [4711, "Andere", "Person", "w", "01.01.2012", "Amber Schule", "5a", ""]],
        (
            "rows disagree",
            2,
            "the first in row 2 and the last in row 5, disagree about familyName: “Andere” and “Müller”",
        ),
        {"student/4712", "student/4713"},
    ),
    "a total at the end": (
        [*one(), ["Summe", "3"]],
        ("row of totals", None, "Row 5 of schueler.xlsx, sheet Sheet1 begins with “Summe”: it was taken for a total"),
        {"student/4711", "student/4712", "student/4713"},
    ),
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=list(TRAPS))
def test_what_a_spreadsheet_does_to_data_is_found_and_told(sis, trap):
    rows, (rule, line, says), users = trap
    sis.done({"schueler.xlsx": workbook(one())})
    run = sis.run({"schueler.xlsx": workbook(rows)})
    assert (rule, line) in {(f.rule, f.line) for f in sis.findings(run)}
    assert any(says in sentence for sentence in sis.sentences(run)), sis.sentences(run)
    # A record whose row could not be taken stands as it was; one that was taken is there, too.
    assert sis.active("user") == users | {"student/4711"}


def test_dates_that_are_numbers_are_read_by_the_calendar_of_their_workbook_and_not_at_all_in_csv(sis):
    run = sis.done({"schueler.xlsx": workbook(one(Geburtsdatum=41032))})
    assert sis.records("demographics")["student/4711"]["birthDate"] == "2012-05-03"
    assert any("read as days since 1900; look at some" in s for s in sis.sentences(run))
    late = workbook(Book({"Sheet1": Sheet(one(Geburtsdatum=41032 - 1462))}, late=True))
    assert sis.run({"schueler.xlsx": late}).state == "unchanged"
    numbers = [[*ROWS[0][:4], "41032", *ROWS[0][5:]], *ROWS[1:]]
    run = sis.run({"schueler.csv": as_text(numbers)})
    assert any("They cannot be read: format the column as a date" in s for s in sis.sentences(run))


def test_numbers_formulas_and_merged_cells_come_as_they_are_seen(sis):
    rows = one()
    for row in rows[2:]:
        row[5:7] = [None, None]
    rows[1][7] = FORMULA
    book = Book({"Liste": Sheet(rows, merged=("F2:F4", "G2:G4")), "Alt": Sheet([["x"]], state="hidden")})
    run = sis.done({"schueler.xlsx": workbook(book)})
    assert sis.records("user")["student/4713"]["orgs"] == ["Amber Schule"]
    assert sis.records("user")["student/4711"]["email"] == "2"
    assert "merged cells" in {f.rule for f in sis.findings(run)}


def test_cells_out_of_place_blank_lines_and_blank_columns(sis):
    text = as_text().decode("cp1252").replace("\r\n", ";;\r\n")
    lines = text.splitlines(keepends=True)
    lines.insert(2, "\r\n")
    lines.insert(3, ";;;;;;;;;\r\n")
    broken = "4714;Name;mit;zu;vielen;Zeichen;;;;;darin;\r\n"
    run = sis.done({"schueler.csv": ("".join(lines) + broken).encode("cp1252")})
    assert {(f.file, f.line) for f in sis.findings(run) if f.rule == "unreadable line"} == {("schueler.csv", 7)}
    assert standing(sis) == COUNTS
    cut = as_text().decode("cp1252").replace(";5a;\r\n", "\r\n")  # a row that ends too early
    run = sis.run({"schueler.csv": cut.encode("cp1252")})
    assert {(f.file, f.line) for f in sis.findings(run) if f.rule == "unreadable line"} == {("schueler.csv", 3)}
    assert "student/4712" in sis.active("user")


def test_a_table_that_lost_all_its_rows_waits_for_a_person_and_is_named_as_it_was_sent(sis):
    sis.done({"schueler.csv": as_text()})
    held = sis.run({"schueler.csv": as_text([])})
    sentence = "schueler.csv has nothing below its header, and had rows before. If that is right, approve it once."
    assert (held.state, held.message) == ("held", sentence)
    assert not {"manifest.csv"} & {f.file for f in sis.findings(held)}
    assert sis.approve(held).state == "unchanged"
    assert sis.active("user") == {"student/4711", "student/4712", "student/4713"}
    assert sis.run({"schueler.csv": as_text([])}).state == "unchanged"  # once is enough
    assert sis.run({"schueler.csv": as_text()}).state == "unchanged"


BROKEN = [ROWS[0], ["4712", "Klein", "Zoë\n \nMia", *ROWS[1][3:]], [*ROWS[2][:5], "Birken-\nGymnasium", *ROWS[2][6:]]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_within_a_cell_is_a_blank_as_in_a_workbook_and_lines_keep_their_numbers(sis, tmp_path, end):
    quoted = [[f'"{cell}"' if "\n" in cell else cell for cell in row] for row in BROKEN]
    lines = as_text(quoted, end=end).decode("cp1252")
    package = {"schueler.csv": f'{lines}{end}4714;"Na"me;x{end}4715;zu kurz{end}'.encode()}
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"tables": TABLES}), encoding="utf-8")
    assert "Zoë Mia" in cli(settings, sis, "preview", draft, "--package", sis.write(package))
    run = sis.done(package)
    users = sis.records("user")
    assert {k: (u["givenName"], u["orgs"]) for k, u in users.items()} == {
        "student/4711": ("Jörg", ["Amber Schule"]),
        "student/4712": ("Zoë Mia", ["Amber Schule"]),
        "student/4713": ("Ida", ["Birken- Gymnasium"]),
    }
    told = {(f.rule, f.file, f.line) for f in sis.findings(run) if f.file == "schueler.csv" and f.line}
    unread = {("unreadable line", "schueler.csv", 9), ("unreadable line", "schueler.csv", 10)}
    assert told == unread
    assert sis.run({"schueler.xlsx": as_book(BROKEN)}).state == "unchanged"


TEACHERS = {
    "file": "lehrer.csv",
    "records": [
        {
            "kind": "user",
            "attributes": {
                "sourcedId": {"from": "Kürzel", "prefix": "teacher/"},
                "givenName": "Vorname",
                "familyName": "Name",
                "role": {"constant": "teacher"},
                "orgs": {"from": "Schulen", "split": "|"},
            },
        },
        {
            "kind": "enrollment",
            "attributes": {
                "class": {"from": ["Schulen", "Klasse"]},
                "user": {"from": "Kürzel", "prefix": "teacher/"},
                "role": {"constant": "teacher"},
                "school": "Schulen",
            },
        },
    ],
    "optional": True,
}


def test_several_tables_feed_one_kind_and_one_that_may_be_missing_removes_nobody(sis):
    say(sis, [*TABLES, TEACHERS])
    lehrer = "Kürzel,Name,Vorname,Schulen,Klasse\nrd,Reed,Ann,Amber Schule,5a\nrd,Reed,Ann,Birken-Gymnasium,6b\n"
    sis.done({"schueler.csv": as_text(), "lehrer.csv": lehrer})
    assert sis.records("user")["teacher/rd"]["orgs"] == ["Amber Schule", "Birken-Gymnasium"]
    assert "Amber Schule/5a/teacher/rd/teacher" in sis.active("enrollment")
    run = sis.run({"schueler.csv": as_text(ROWS[:2])})
    assert "file did not come" in {f.rule for f in sis.findings(run)}
    assert {"teacher/rd", "student/4713"} <= sis.active("user")


def test_of_what_two_tables_say_the_first_counts_without_a_word_but_not_of_people(sis):
    org = {"kind": "org", "attributes": {"sourcedId": "Schule", "name": "Schule", "identifier": "Nr"}}
    say(sis, [*TABLES, {"file": "schulen.csv", "records": [org]}])
    run = sis.done({"schueler.csv": as_text(), "schulen.csv": "Schule,Nr\nAmber Schule,01\nCeder,03\n"})
    assert {k: o["identifier"] for k, o in sis.records("org").items()} == {
        "Amber Schule": None,
        "Birken-Gymnasium": None,
        "Ceder": "03",
    }
    assert {f.rule for f in sis.findings(run)} == {"encoding guessed"}
    say(sis, [*TABLES, {"file": "mehr.csv", "records": [FLAT[3]]}])
    more = "Schüler-ID,Vorname,Nachname,Schule,E-Mail\n4711,Jorge,Müller,Amber Schule,\n"
    run = sis.run({"schueler.csv": as_text(), "mehr.csv": more})
    assert any("“student/4711” stands in 2 rows that differ (lines 2, 2 of mehr.csv)" in s for s in sis.sentences(run))


def test_a_table_without_a_header_is_mapped_by_letters_and_a_cell_may_name_several(sis):
    user = FLAT[3]["attributes"]
    guardian = {
        "sourcedId": {"from": "D", "prefix": "guardian/"},
        "givenName": {"constant": "Kim"},
        "familyName": "C",
        "role": {"constant": "guardian"},
        "orgs": {"constant": "amber"},
    }
    pupil = {
        **user,
        "sourcedId": "A",
        "givenName": "B",
        "familyName": "C",
        "email": "D",
        "orgs": {"constant": "amber"},
        "agents": {"from": ["D", "E"], "with": ";", "split": ";", "prefix": "guardian/"},
        "metadata.house": "F",
    }
    school = {"sourcedId": {"constant": "amber"}, "name": {"constant": "Amber {year}"}}
    table = {
        "file": "x.txt",
        "header": 0,
        "delimiter": "|",
        "encoding": "windows-1252",
        "records": [
            {"kind": "org", "attributes": school},
            {"kind": "user", "attributes": pupil},
            {"kind": "user", "attributes": guardian},
            {"kind": "user", "attributes": {**guardian, "sourcedId": {"from": "E", "prefix": "guardian/"}}},
        ],
    }
    say(sis, [table])
    sis.done({"x.txt": "1|Zoë|Groß|k@a.example|l@a.example|red\n2|Ian|Moss|m@a.example||blue\n".encode("cp1252")})
    people = sis.records("user")
    assert people["1"]["agents"] == ["guardian/k@a.example", "guardian/l@a.example"]
    assert people["2"]["agents"] == ["guardian/m@a.example"]
    assert (people["1"]["familyName"], people["1"]["metadata"]) == ("Groß", {"house": "red"})
    assert sis.records("org")["amber"]["name"] == "Amber 2027"


def test_zeros_that_a_spreadsheet_took_away_are_noticed_where_ids_meet(sis):
    say(
        sis,
        [
            {"file": "schueler.csv", "records": [r for r in FLAT if r["kind"] != "enrollment"]},
            {
                "file": "kurse.csv",
                "records": [
                    {
                        "kind": "enrollment",
                        "attributes": {
                            "class": {"constant": "Amber Schule/5a"},
                            "user": {"from": "Nr", "prefix": "student/"},
                            "school": {"constant": "Amber Schule"},
                        },
                    }
                ],
            },
        ],
    )
    padded = [["00" + ROWS[0][0], *ROWS[0][1:]], *ROWS[1:]]
    run = sis.done({"schueler.csv": as_text(padded), "kurse.csv": "Nr\n4711\n4712\n"})
    assert (
        "1 ids in kurse.csv (“student/4711”) are written elsewhere with other zeros at the front (“student/004711”): a "
        "spreadsheet has taken zeros away. Format the column as text, and export again."
    ) in sis.sentences(run)


def test_several_files_of_one_table_are_one_and_findings_name_the_file(sis):
    say(sis, [{"file": "schueler-*.csv", "records": FLAT}])
    half = as_text([[*ROWS[2][:1], "", "", *ROWS[2][3:]]])
    run = sis.done({"schueler-a.csv": as_text(ROWS[:2]), "schueler-b.csv": half})
    assert ("schueler-b.csv", 2) in {(f.file, f.line) for f in sis.findings(run, "error")}
    assert sis.active("user") == {"student/4711", "student/4712"}


REFUSED = {
    "another file": ({"lehrer.csv": "a\n"}, "The package has no file “schueler*”, which the setting tables asks for"),
    "binary data": ({"schueler.csv": b"\x00\x01\x02"}, "schueler.csv is no text: it holds binary data."),
    "half UTF-8": (
        {"schueler.csv": as_text(encoding="utf-8") + b"\xff;\n"},
        "schueler.csv is UTF-8 in most places and broken in others. Export it again as UTF-8.",
    ),
    "a column twice": (
        {"schueler.csv": as_text(header=[*HEADER[:7], "Klasse"])},
        "schueler.csv has the column “Klasse” 2 times (G and H), so nobody can tell which one is meant.",
    ),
    "several sheets": (
        {"schueler.xlsx": workbook(Book({"A": Sheet(one()), "B": Sheet(one())}))},
        "schueler.xlsx has 2 sheets (“A”, “B”). Say in the setting tables which one is meant: “sheet”.",
    ),
    "an old workbook, or one with a password": (
        {"schueler.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)},
        "schueler.xlsx is a workbook of Excel 97 to 2003, or has a password. Save it as .xlsx without one.",
    ),
    "a web page": (
        {"schueler.xls.csv": b"<html><table><tr><td>No</td></tr></table>"},
        "schueler.xls.csv is a web page (HTML), whatever its name says. Open it in a spreadsheet program",
    ),
    "a workbook for text": (
        {"schueler.csv": as_book()},
        "'schueler.csv' is itself an archive, or a workbook under another name.",
    ),
    "text for a workbook": ({"schueler.xlsx": as_text()}, "schueler.xlsx is text, as CSV is, and no workbook."),
    "no workbook": ({"schueler.xlsx": b"PK"}, "schueler.xlsx: the zip file is damaged"),
    "most ids lost": (
        {"schueler.csv": as_text([["1,2E+11", *ROWS[0][1:]]] * 8)},
        "8 of 8 rows of schueler.csv are damaged. Row 2: “Schüler-ID” is “1,2E+11”",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_trusted_is_refused_with_a_sentence(sis, case):
    package, says = case
    run = sis.run(package)
    assert (run.state, sis.revision()) == ("refused", 0)
    assert says in run.message


def test_what_is_wrong_with_a_kind_is_told_of_the_files_that_were_sent(sis):
    flat = [r for r in FLAT if r["kind"] != "academicSession"]
    say(sis, [{"file": "schueler*", "records": flat}])
    asks = {"class": {"where": {"attribute": "terms.title", "is": "ends with", "value": "jahr"}}}
    quality_actions.set_filters(district_id=sis.district_id, source_id=sis.source.id, content=asks, by=BY, now=sis.now)
    one_file, several = {"schueler-1.csv": as_text()}, {f"schueler-{n}.csv": as_text() for n in range(5)}
    assert {f.file for f in sis.findings(sis.run(one_file)) if f.rule == "filter"} == {"schueler-1.csv"}
    assert {f.file for f in sis.findings(sis.run(several)) if f.rule == "filter"} == {"one of 5 files"}


def test_a_source_without_tables_says_what_it_needs(sis):
    say(sis, [])
    assert "needs the setting tables; schoolpassport sources propose" in sis.run({"schueler.csv": as_text()}).message


def test_a_single_table_is_a_package_and_a_workbook_is_none_for_other_dialects(sis, tmp_path, district, now):
    file = tmp_path / "schueler.xlsx"
    file.write_bytes(as_book())
    sis.done(file)
    assert standing(sis) == COUNTS
    other = actions.register_source(district_id=district.id, name="O", schema="oneroster-1.1", by=BY, now=now)
    run = Nights(district.id, other, tmp_path / "o", now).run({"users.xlsx": as_book()})
    assert "is itself an archive or a spreadsheet" in run.message


BAD = {
    "not a list": ({"file": "a"}, "In tables: write a list of at most 100 tables"),
    "no records": ([{"file": "a"}], "In tables, table 1: write an object with file, records"),
    "unknown kind": ([{"file": "a", "records": [{"kind": "pupil", "attributes": {}}]}], "there is no kind “pupil”"),
    "unknown attribute": (
        [{"file": "a", "records": [{"kind": "org", "attributes": {"title": "x"}}]}],
        "orgs have no attribute “title”",
    ),
    "no id": ([{"file": "a", "records": [{"kind": "org", "attributes": {"name": "x"}}]}], "“sourcedId” is missing"),
    "no date": (
        [{"file": "a", "records": [{"kind": "org", "attributes": {"sourcedId": {"from": "x", "dates": "D.M.YYYY"}}}]}],
        "“dates” is for attributes that are dates",
    ),
}


@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_a_document_that_makes_no_sense_is_refused_by_the_place_in_it(sis, case):
    content, says = case
    with pytest.raises(BadPolicy) as refusal:
        say(sis, content)
    assert says in str(refusal.value)


def test_tables_are_for_the_schema_that_has_none_of_its_own(district, tmp_path, now):
    other = actions.register_source(district_id=district.id, name="O", schema="basic-roster", by=BY, now=now)
    with pytest.raises(BadPolicy, match="Use the schema any-table"):
        say(Nights(district.id, other, tmp_path, now), TABLES)


def cli(command, sis, *words, code=0):
    first, *rest = map(str, words)
    done = CliRunner().invoke(command, [first, "SIS", *rest, "--district", str(sis.district_id)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_proposal_is_written_previewed_and_set_on_the_command_line_and_then_a_night_goes_well(sis, tmp_path):
    say(sis, [])
    package = sis.write({"Schülerliste 2026.xlsx": as_book(above=[["Klassenliste", None], []])})
    draft = tmp_path / "draft.json"
    told = cli(sources, sis, "propose", package, "--write", draft)
    assert "Schülerliste 2026.xlsx, sheet Sheet1: students (3 rows, header in row 3)" in told
    assert "header “Schüler-ID”; 100% distinct" in told
    assert "which each must have" not in told
    assert cli(settings, sis, "show", "tables") == "[]\n"  # nothing was set
    shown = cli(settings, sis, "preview", draft, "--package", package, "--json")
    users = next(told for told in map(json.loads, shown.splitlines()) if told["kind"] == "user")
    assert users["records"][0] == {
        "file": "Schülerliste 2026.xlsx, sheet Sheet1",
        "line": 4,
        "sourcedId": "student/4711",
        "enabledUser": "true",
        "orgs": "Amber Schule",
        "role": "student",
        "username": "joerg@amber.example",
        "givenName": "Jörg",
        "familyName": "Müller",
        "identifier": "4711",
        "email": "joerg@amber.example",
    }
    assert "Müller" in cli(settings, sis, "preview", draft, "--package", package)
    cli(settings, sis, "import", draft)
    sis.done(package)
    assert standing(sis) == COUNTS


def test_what_a_proposal_lacks_for_a_roster_is_said_and_a_name_of_the_school_helps(sis):
    package = sis.write({"pupils.csv": "ID,First name,Last name\n1,Ora,Klein\n2,Ian,Moss\n"})
    told = json.loads(cli(sources, sis, "propose", package, "--json"))
    assert told["missing"] == [
        "pupils.csv: nothing is mapped to orgs of users, which each must have.",
        "No file says which orgs there are.",
        "No file says which classes there are.",
        "No file says which enrollments there are.",
    ]
    beside = sis.write({"pupils.csv": "ID,First name,Last name\n1,Ora,Klein\n2,Ian,Moss\n", "old.xls": b"<html>"})
    (problem,) = json.loads(cli(sources, sis, "propose", beside, "--json"))["problems"]
    assert problem == "old.xls was not looked at: it is named as no table is (.csv, .tsv, .txt, .xlsx, .xlsm)."
    told = json.loads(cli(sources, sis, "propose", package, "--json", "--school", "Amber"))
    assert "pupils.csv: nothing is mapped to orgs of users, which each must have." not in told["missing"]
    say(sis, told["tables"])
    sis.done(package)
    assert standing(sis) == {"org": 1, "user": 2}
    broken = sis.write({"pupils.zip": b"PK"})
    assert "is itself an archive" in cli(sources, sis, "propose", broken, code=1)


LOCKERS = {"kind": "user", "attributes": {"sourcedId": PUPIL, "metadata.locker": "Spind", "metadata.bus": "Linie"}}
ROOMS = {"kind": "class", "attributes": {"sourcedId": CLASS, "metadata.room": "Raum"}}
BUSES = {"kind": "user", "attributes": {"sourcedId": PUPIL, "metadata.bus": "Bus", "metadata.club": "AG"}}


def test_ids_that_differ_by_zeros_at_the_front_are_no_new_ones(sis):
    lockers = {"file": "spinde.csv", "records": [LOCKERS], "optional": True}
    say(sis, [*TABLES, lockers])
    many = [[f"{n:05}", f"Name{n}", "Ida", *ROWS[0][3:7], ""] for n in range(1, 61)]
    sis.done({"schueler.csv": as_text(many)})
    told = "are written elsewhere with other zeros at the front (“student/00001”): a spreadsheet has taken zeros away."
    beside = sis.run(
        {"schueler.csv": as_text(many), "spinde.csv": "Schüler-ID,Spind,Linie\n1,S-1,7\n77,S-9,\n".encode()}
    )
    (zeros,) = [s for s in sis.sentences(beside) if told in s]
    assert zeros.startswith("1 ids in spinde.csv (“student/1”)")
    (nobody,) = [s for s in sis.sentences(beside) if "no other table" in s]
    assert nobody.startswith("spinde.csv tells of 1 users that no other table tells of, like “student/77”")
    spoilt = as_text([[row[0].lstrip("0"), *row[1:]] for row in many])
    held = sis.run({"schueler.csv": spoilt, "spinde.csv": "Schüler-ID,Spind,Linie\n1,S-1,7\n".encode()})
    sentence = (
        "60 ids of users differ from those that stand by zeros at the front alone (“student/1” and “student/00001”): a "
        "spreadsheet has taken zeros away. Format the column as text, and export again."
    )
    assert held.state == "held"
    assert sentence in held.message
    assert held.hold["likely_cause"].startswith("A spreadsheet has taken zeros away")
    assert not held.hold["migration"]
    assert sentence in sis.sentences(held)
    assert {f.file for f in sis.findings(held) if f.rule == "zeros lost"} == {"schueler.csv"}


def test_further_tables_add_attributes_of_ones_own_and_nobody(sis):
    beside = [
        {"file": "spinde.csv", "records": [LOCKERS]},
        {"file": "busse.csv", "records": [BUSES], "optional": True},
        {"file": "raeume.csv", "records": [ROOMS]},
    ]
    say(sis, [*TABLES, *beside])
    sent = {
        "schueler.csv": as_text(),
        "spinde.csv": "Schüler-ID,Spind,Linie\n4711,S-1,7\n4713,S-3,\n9999,S-9,\n".encode(),
        "busse.csv": "Schüler-ID,Bus,AG\n4711,8,Chor\n4713,9,\n".encode(),
        "raeume.csv": b"Schule,Klasse,Raum\nAmber Schule,5a,R 101\n",
    }
    run = sis.done(sent)
    assert {key: r["metadata"] for key, r in sis.records("user").items()} == {
        "student/4711": {"locker": "S-1", "bus": "7", "club": "Chor"},
        "student/4712": None,
        "student/4713": {"locker": "S-3", "bus": "9"},
    }
    assert {r["title"]: r["metadata"] for r in sis.records("class").values()} == {"5a": {"room": "R 101"}, "6b": None}
    (told,) = [s for s in sis.sentences(run) if "no other table" in s]
    assert told.startswith("spinde.csv tells of 1 users that no other table tells of, like “student/9999”")
    sis.done({**sent, "spinde.csv": sent["spinde.csv"].replace(b"S-3", b"S-4")})
    assert sis.records("user")["student/4713"]["metadata"] == {"locker": "S-4", "bus": "9"}


def test_a_table_that_has_nothing_but_attributes_of_ones_own_needs_one_that_tells_who_they_are(sis):
    say(sis, [{"file": "spinde.csv", "records": [LOCKERS]}])
    run = sis.run({"spinde.csv": "Schüler-ID,Spind,Linie\n4711,S-1,7\n".encode()})
    assert run.state == "refused"
    assert "Nothing feeds “givenName” of users" in run.message


def test_an_id_that_stands_for_a_user_name_makes_nobody_alike_and_is_no_fault(sis, district, tmp_path, now):
    """Two lists number their pupils alike. A prefix keeps their ids apart; what was made of the ids stays alike."""
    made = actions.register_source(district_id=district.id, name="Other", schema="any-table", by=BY, now=now)
    other = replace(sis, source=made, folder=tmp_path / "other", count=0)
    other.set_limits(witnesses=1)
    say(other, TABLES)
    actions.set_shaping(
        district_id=district.id, source_id=made.id, subject="prefix", content={"prefix": "o-"}, by=BY, now=now
    )
    blank = [[*row[:7], ""] for row in ROWS]
    sis.done({"schueler.csv": as_text(blank)})
    other.done({"schueler.csv": as_text([blank[0], ["4712", "Kern", "Ada", *blank[1][3:]]])})
    with scope.inside(district.id):
        named = sorted(u["username"] for u in roster.records(district_id=district.id, kind="user"))
        standing = {f.rule for f in quality.standing(district_id=district.id)}
        (pair,) = matches.proposals(district_id=district.id)
    pupils = ("4711", "4711", "4712", "4712", "4713")
    assert named == [f"student/{pupil}" for pupil in pupils]  # each must have one
    assert "duplicate username" not in standing
    evidence = {e["field"]: e["level"] for e in pair.evidence}
    assert (evidence["name"], evidence["birth_date"]) == ("same", "same")
    assert evidence.get("username", "unknown") == "unknown"
