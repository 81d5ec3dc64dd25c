"""A sample in, a format out; and the sample is the format's test."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import formats
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import actions as tenancy
from tests.support import partners
from tests.support.nights import BY, nights
from tests.support.packages import small
from tests.support.sources import EASY


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The command line, asked about one application."""
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name="Example Valley", now=now)
    sis = nights(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=now)
    sis.set_limits(**EASY)
    sis.done(
        small()
        .changed("users", "p1", grades="07", email="p1@amber.example")
        .changed("users", "p2", grades="07", email="p2@amber.example")
        .changed("users", "p4", grades="08", email="p4@amber.example")
    )
    made = partners.integrated(district.id, now)
    kinds = (*tuple(catalogue.everything()), "demographics")
    contents = Contents(attributes=catalogue.everything(kinds=kinds))
    sharing.agree(district_id=district.id, integration_id=made.integration.id, contents=contents, by=BY, now=now)

    def ask(*words: str, fails: bool = False) -> str:
        words = tuple(made.application.name if w == "APP" else w for w in words)
        done = CliRunner().invoke(formats.command, [*words, "--district", str(district.id)])
        assert (done.exit_code != 0) is fails, (done.output, done.exception)
        return done.output

    return ask


def written(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


SAMPLE = (
    "Pupil no;Surname, name;Grade;Born;E-mail;School;Origin;Locker\r\n"
    "p1;Family-p1, Given-p1;07;05/17/2012;p1@amber.example;School s1;SIS;\r\n"
    "p2;Family-p2, Given-p2;07;;p2@amber.example;School s1;SIS;\r\n"
    "p4;Family-p4, Given-p4;08;05/17/2012;p4@amber.example;School s2;SIS;\r\n"
)


def test_a_sample_gives_a_format_that_makes_its_rows(asked, tmp_path):
    sample = written(tmp_path / "pupils.csv", SAMPLE)
    document = tmp_path / "format.yaml"
    told = asked("propose", "APP", sample, "--into", str(document))
    assert "3 of 3 rows of the sample were found in the view." in told
    assert document.read_text() == (
        "style:\n  delimiter: ;\n  quoting: needed\n  encoding: utf-8\n  line_end: crlf\n  dates: MM/DD/YYYY\n"
        "files:\n- file: pupils.csv\n  rows: user\n  where:\n    attribute: role\n    is: equals\n    value: student\n"
        "  columns:\n  - header: Pupil no\n    from: metadata.gg4l.sisId\n"
        "  - header: Surname, name\n    do:\n    - do: template\n      text: '{familyName}, {givenName}'\n"
        "  - header: Grade\n    from: grades\n  - header: Born\n    from: demographics.birthDate\n"
        "  - header: E-mail\n    from: email\n  - header: School\n    from: orgs.name\n"
        "  - header: Origin\n    constant: SIS\n  - header: Locker\n    constant: ''\n"
    )
    assert asked("check", str(document), "--app", "APP", "--sample", sample).endswith(
        "3 of 3 rows of the sample are made exactly so.\n"
    )
    assert "Version 1 of pupils holds" in asked("save", "APP", "pupils", str(document), "--sample", sample)
    assert "Version 1 of pupils holds" in asked("save", "APP", "pupils", str(document))
    assert asked("show", "APP", "pupils") == document.read_text()
    assert "Family-p3, Given-p3" in asked("preview", "APP", "pupils")
    assert [line.split()[0] for line in asked("list", "APP").splitlines()] == [
        *("format", "basic-roster", "oneroster-1.1", "oneroster-1.2", "pupils")
    ]


def test_a_format_that_makes_other_rows_than_the_sample_is_not_saved(asked, tmp_path):
    sample = written(tmp_path / "pupils.csv", SAMPLE.replace("07;05/17", "09;05/17"))
    document = tmp_path / "format.yaml"
    asked("propose", "APP", sample, "--into", str(document))
    told = asked("save", "APP", "wrong", str(document), "--sample", sample, fails=True)
    assert "2 of 3 rows of the sample are made exactly so.\n  line 2: Grade is “07”, not “09”\n" in told
    assert "no format “wrong”" in asked("show", "APP", "wrong", fails=True)


def test_seats_are_known_by_whom_and_where(asked, tmp_path):
    sample = written(tmp_path / "seats.csv", "Class,Student,Teacher\nClass k1,p1,t1\nClass k1,p2,t1\nClass k2,p4,t2\n")
    told = asked("propose", "APP", sample, "--json")
    assert '"rows_are": "enrollment"' in told
    assert [part.partition('"')[0] for part in told.split('"is": "')[1:]] == [
        *("class.title", "user.metadata.gg4l.sisId", "class.teacher.metadata.gg4l.sisId")
    ]
