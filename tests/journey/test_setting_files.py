"""Settings as files: shown, previewed on real rows, compared and imported, on the command line."""

import json

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands.ledger import command as ledger
from schoolpassport.cli.commands.setting import command
from schoolpassport.cli.commands.why import command as why
from schoolpassport.sources import actions, queries
from schoolpassport.sync import beforehand, preview
from schoolpassport.sync.beforehand import Row, Shift
from schoolpassport.tenancy import scope
from tests.journey.test_dialects import BASIC
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small

UPPER = {"transforms": {"user": {"familyName": [{"do": "case", "to": "upper"}]}}}
GONE = {"transforms": {"user": {"grades": [{"do": "table", "values": {"08": "8"}, "others": "clear"}]}}}


@pytest.fixture
def sis(district, tmp_path, now):
    return nights(district_id=district.id, folder=tmp_path, now=now)


def asked(sis, path, drafts, **more):
    return beforehand.shaping(
        district_id=sis.district_id,
        source_id=sis.source.id,
        origin=path,
        drafts=drafts,
        today=sis.now.date(),
        **more,
    )


def held(sis):
    with scope.inside(sis.district_id):
        contents = queries.settings(district_id=sis.district_id, source_id=sis.source.id).contents
    return {subject: content for subject, content in contents.items() if subject != "limits"}


def run(sis, *words, code=0):
    first, *rest = words
    done = CliRunner().invoke(command, [first, "SIS", *map(str, rest), "--district", str(sis.district_id)])
    assert done.exit_code == code, done.output
    return done.output


def written(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_every_version_that_held_can_be_read_and_the_ledger_tells_who_wrote_it(sis, tmp_path):
    for part in ("upper", "lower"):
        steps = {"user": {"familyName": [{"do": "case", "to": part}]}}
        run(sis, "import", written(tmp_path, {"transforms": steps}))
    lines = run(sis, "history", "transforms").splitlines()
    assert [line.split()[0] for line in lines] == ["version", "2", "1"]
    assert json.loads(run(sis, "history", "transforms", "--version", "1")) == UPPER["transforms"]
    assert "has no version 3" in run(sis, "history", "transforms", "--version", "3", code=1)
    asked_ = CliRunner().invoke(
        ledger, ["--act", "sources:setting", "--limit", "1", "--json", "--district", str(sis.district_id)]
    )
    told = json.loads(asked_.output)
    assert (told["act"], told["about"]) == ("sources:setting:write", str(sis.source.id))
    assert told["by"].startswith("cli:")
    assert told["facts"] == {"subject": "transforms", "before": 1, "after": 2}


def test_why_tells_by_which_column_and_which_steps_a_value_came(sis, tmp_path):
    mapped = {"attributes": {"user": [{"to": "middleName", "from": "familyName"}]}}
    run(sis, "import", written(tmp_path, {**mapped, "transforms": {"user": {"middleName": [{"do": "trim"}]}}}))
    sis.done(small())
    run(sis, "import", written(tmp_path, {"transforms": {"user": {"middleName": []}}}))
    place = [str(sis.ids("user")["t1"]), "middleName", "--district", str(sis.district_id)]
    told = CliRunner().invoke(why, ["user", *place]).output
    assert told.startswith("middleName is “Family-t1” since revision 1 ("), told
    assert " says “Family-t1” since revision 1" in told
    grades = CliRunner().invoke(why, ["users", str(sis.ids("user")["p1"]), "grades", *place[2:]]).output
    assert grades.startswith("grades is “07” since"), grades
    assert "    from the column “familyName”\n    step 1: trim\n" in told


def test_a_preview_counts_all_rows_and_shows_some_with_their_lines_and_changes_nothing(sis):
    path = sis.write(small())
    (shift,) = asked(sis, path, UPPER, examples=2)
    assert shift == Shift(
        kind="user",
        attribute="familyName",
        rows=7,
        changed=7,
        emptied=0,
        filled=0,
        unread=0,
        examples=(
            Row(line=2, before="Family-t1", after="FAMILY-T1"),
            Row(line=3, before="Family-t2", after="FAMILY-T2"),
        ),
    )
    assert (held(sis), sis.revision()) == ({}, 0)


def test_a_preview_says_what_would_be_lost_and_what_cannot_be_read(sis):
    (shift,) = asked(sis, sis.write(small()), GONE)
    assert (shift.attribute, shift.changed, shift.emptied, shift.unread) == ("grades", 1, 1, 1)
    assert shift.examples == (Row(line=5, before="07", after=None),)


def test_a_preview_compares_with_what_holds_and_works_where_nothing_could_be_read_before(sis):
    path = sis.write(small())
    actions.set_shaping(
        district_id=sis.district_id,
        source_id=sis.source.id,
        subject="transforms",
        content=UPPER["transforms"],
        by=BY,
        now=sis.now,
    )
    (back,) = asked(sis, path, {"transforms": {}})
    assert back.examples[0] == Row(line=2, before="FAMILY-T1", after="Family-t1")
    assert asked(sis, path, UPPER) == []
    texts = small().texts()
    strange = sis.write({**texts, "users.csv": texts["users.csv"].replace("familyName", "LastName", 1)})
    with pytest.raises(preview.Unread, match="familyName"):
        asked(sis, strange, {})
    shifts = asked(sis, strange, {"attributes": {"user": [{"to": "familyName", "from": "LastName"}]}})
    assert ("familyName", 7) in {(s.attribute, s.filled) for s in shifts}


def test_a_package_of_another_dialect_is_shaped_after_it_was_translated_and_so_is_its_preview(district, tmp_path, now):
    made = actions.register_source(district_id=district.id, name="SIS", schema="basic-roster", by=BY, now=now)
    sis = Nights(district.id, made, tmp_path, now)
    (shift,) = asked(sis, sis.write(BASIC), UPPER)
    assert (shift.attribute, shift.rows, shift.changed) == ("familyName", 5, 5)
    actions.set_shaping(
        district_id=district.id, source_id=made.id, subject="prefix", content={"prefix": "n-"}, by=BY, now=now
    )
    sis.done(BASIC)
    assert sis.records("user")["n-student/101"]["orgs"] == ["n-school/1", "n-school/2"]


def test_settings_go_out_as_a_file_come_in_again_and_the_difference_is_shown_first(sis, tmp_path):
    documents = {**UPPER, "filters": {}, "prefix": {"prefix": "a-"}}
    file = written(tmp_path, documents)
    assert '+    "prefix": "a-"' in run(sis, "import", file, "--dry-run")
    assert held(sis) == {}
    assert "Version 1 of prefix holds" in run(sis, "import", file)
    assert held(sis) == {**UPPER, "prefix": {"prefix": "a-"}}
    again = written(tmp_path, run(sis, "show"))
    assert run(sis, "import", again) == "Everything in it holds already.\n"
    assert json.loads(run(sis, "show", "prefix")) == {"prefix": "a-"}


def test_the_command_line_previews_the_last_package(sis, tmp_path):
    sis.done(small())
    told = run(sis, "preview", written(tmp_path, UPPER), "--json")
    assert json.loads(told)["examples"][0] == {"line": 2, "before": "Family-t1", "after": "FAMILY-T1"}
    assert "FAMILY-T1" in run(sis, "preview", written(tmp_path, UPPER))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"prefix": {"prefix": "a", "prefix": "b"}}', "stands twice"),
        ('{"prefix": {"prefix": "a,b"}}', "cannot stand before ids"),
        ('{"cleaning": {"country": "US"}, "prefix": {"prefix": "a,b"}}', "cannot stand before ids"),
        ('{"limits": {"witnesses": 3}}', "has a command of its own"),
        ("[]", "subject by subject"),
        ("{", "is no JSON"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_with_a_sentence(sis, tmp_path, content, says):
    assert says in run(sis, "import", written(tmp_path, content), code=1)
    assert held(sis) == {}
