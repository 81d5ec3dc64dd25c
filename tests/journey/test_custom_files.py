"""Formats that partners make themselves: what they can say, and what they are told when it cannot be."""

from datetime import UTC, date, datetime

import pytest

from schoolpassport.delivery import custom
from schoolpassport.delivery.formats import Mode
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import actions as tenancy
from tests.support import partners
from tests.support.files import Desk
from tests.support.nights import BY, nights
from tests.support.packages import class_, enrollment, small, user
from tests.support.sources import EASY

TODAY = date(2026, 9, 1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Desk:
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = tenancy.register_district(name="Custom Valley", now=now)
    sis = nights(district_id=district.id, folder=tmp_path_factory.mktemp("sis"), now=now)
    sis.set_limits(**EASY)
    sis.done(
        small()
        .changed("users", "p1", familyName="O'Neil, Zoë", middleName='"Zo"')
        .changed("users", "p2", givenName="{user}; -- ' || now_user")
        .with_rows("users", user("t3", role="teacher", email="t3@amber.example"))
        .with_rows("classes", class_("k3", periods="1,2"))
        .with_rows("enrollments", enrollment("a9", userSourcedId="t3", role="teacher"))
    )
    made = partners.integrated(district.id, now)
    sharing.agree(
        district_id=district.id,
        integration_id=made.integration.id,
        contents=Contents(attributes=catalogue.everything(kinds=catalogue.everything().keys() | {"demographics"})),
        by=BY,
        now=now,
    )
    return Desk(district.id, made.integration.id, tmp_path_factory.mktemp("desk") / "made")


def made(desk: Desk, text: str) -> dict[str, str]:
    return {name: t.replace("\r\n", "⏎\n") for name, t in desk.texts(custom.read(text, name="x", today=TODAY)).items()}


def test_a_pupil_has_a_row_for_each_school_with_looked_up_and_transformed_values(desk):
    text = """
        style: {dates: M/D/YY, booleans: [Y, N]}
        files:
          - file: pupils.csv
            rows: user
            each: orgs
            where: {all: [{attribute: role, is: equals, value: student}, {attribute: each.identifier, is: empty}]}
            order: [username, each.name]
            columns:
              - {header: School, from: each.name}
              - {header: Active, from: enabledUser}
              - {header: Name, do: [{do: template, text: "{familyName}, {givenName}"}, {do: case, to: upper}]}
              - {header: Born, from: demographics.birthDate}
              - {header: Guardians, from: agents.username}
              - {header: Source, constant: Amber}
    """
    assert made(desk, text) == {
        "pupils.csv": "School,Active,Name,Born,Guardians,Source\n"
        'School s1,Y,"O\'NEIL, ZOË, GIVEN-P1",5/17/12,g1,Amber\n'
        'School s1,Y,"FAMILY-P2, {USER}; -- \' || NOW_USER",,,Amber\n'
        'School s1,Y,"FAMILY-P3, GIVEN-P3",,,Amber\n'
        'School s2,Y,"FAMILY-P3, GIVEN-P3",,,Amber\n'
        'School s2,Y,"FAMILY-P4, GIVEN-P4",5/17/12,,Amber\n'
    }


def test_a_class_knows_its_teachers_and_an_enrollment_its_class_its_teacher(desk):
    text = """
        files:
          - file: classes.csv
            rows: class
            order: [title]
            columns:
              - {header: Class, from: title}
              - {header: Teacher, from: teacher.email}
              - {header: Teachers, from: teachers.username, do: [{do: case, to: upper}]}
              - {header: Terms, from: terms.title}
              - {header: First period, from: periods, do: [{do: split, at: ",", part: 1}]}
          - file: seats.csv
            rows: enrollment
            where: {attribute: user.username, is: one of, value: [p1, p4]}
            order: [user.username]
            columns:
              - {header: Pupil, from: user.username}
              - {header: Teacher of it, from: class.teacher.username}
              - {header: Course, from: class.course.title}
    """
    assert made(desk, text) == {
        "classes.csv": "Class,Teacher,Teachers,Terms,First period\n"
        'Class k1,t1@amber.example,"T1,T3",Session autumn,\n'
        "Class k2,,T2,Session autumn,\n"
        "Class k3,,,Session autumn,1\n",
        "seats.csv": "Pupil,Teacher of it,Course\np1,t1,Course alg\np4,t2,Course lit\n",
    }


@pytest.mark.parametrize(
    ("style", "wanted"),
    [
        ("{}", b'a,b|c\n"O\'Neil, Zo\xc3\xab","""Zo"""\n'),
        ("{delimiter: '|', quoting: all, line_end: crlf}", b'"a","b|c"\r\n"O\'Neil, Zo\xc3\xab"|"""Zo"""\r\n'),
        ("{quoting: none, header: false, encoding: windows-1252}", b'O\'Neil  Zo\xeb,"Zo"\n'),
        ("{encoding: utf-8-bom, delimiter: tab}", b'\xef\xbb\xbfa\tb|c\nO\'Neil, Zo\xc3\xab\t"""Zo"""\n'),
    ],
)
def test_bytes_are_as_the_style_says(desk, style, wanted):
    text = f"""
        style: {style}
        files:
          - file: x.csv
            rows: user
            where: {{attribute: username, is: equals, value: p1}}
            columns: [{{header: a, from: familyName}}, {{header: b|c, from: middleName}}]
    """
    found = desk.make(custom.read(text, name="x", today=TODAY)).files[0].path.read_bytes()
    assert found.replace(b'"a"|"b|c"', b'"a","b|c"') == wanted


def test_names_say_when_and_which_revision():
    text = 'zip: "amber_{date}.zip"\nfiles: [{file: "u_{revision}_{mode}.csv", rows: user, columns: [{header: a, from: sourcedId}]}]'
    format_ = custom.read(text, name="x", today=TODAY)
    moment = custom.Moment(at=datetime(2026, 9, 1, 2, 30, tzinfo=UTC), revision=7, mode=Mode.FULL)
    assert custom.named(format_, moment) == {
        "u_{revision}_{mode}.csv": "u_7_full.csv",
        "amber_{date}.zip": "amber_2026-09-01.zip",
    }


ONE = "files: [{file: u.csv, rows: user, columns: [%s]}]"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "files: [{file: u.csv",
            "Line 1: this is no YAML that is read here (expected ',' or '}', but got '<stream end>').",
        ),
        ("a: &x [1]\nb: *x", "Line 2: anchors and * are not read here; write the lines out."),
        ("files: []", "In files: write a list of 1 to 20."),
        ("file: x", "In the format: “file” is not understood; there are: “about”, “files”, “style”, “zip”."),
        (
            ONE % "{header: E-mail, from: emial}",
            "In file 1 (u.csv), column 1 (E-mail): a user has no “emial”; did you mean “email”?",
        ),
        (
            ONE % "{header: a, from: sms}, {header: T, from: orgs.parent.name}",
            "In file 1 (u.csv), column 2 (T): “orgs.parent.name” leads on from a list; end at “orgs” and one attribute.",
        ),
        (
            ONE % "{header: a}",
            "In file 1 (u.csv), column 1 (a): say where its values come from, by “from” or “constant”.",
        ),
        (
            ONE % "{header: a, from: email, do: [{do: trim2}]}",
            (
                "In file 1 (u.csv), column 1 (a), step 1: there is no transform “trim2”; there are: case, clear, date, default, "
                "join, number, pattern, phone, prefix, replace, split, suffix, table, template, trim."
            ),
        ),
        (
            ONE.replace("rows", "key: [a], rows") % "{header: a, from: email}",
            "In file 1 (u.csv): “key” and a column with “change” go together: one says which row is meant, the other what",
        ),
        (
            ONE % "{header: a, from: email}, {header: b, change: {add: A, change: C, delete: D}}",
            "In file 1 (u.csv): “key” and a column with “change” go together",
        ),
        (
            ONE.replace("rows", "key: [b], rows")
            % "{header: a, from: email}, {header: b, change: {add: A, change: C, delete: D}}",
            "In file 1 (u.csv), key: “b” is none of: a.",
        ),
        (
            ONE.replace("rows", "key: [a], rows")
            % "{header: a, from: email}, {header: b, change: {add: A, delete: D}}",
            "In file 1 (u.csv), column 2 (b), change: there is no word for “change”.",
        ),
        (
            ONE.replace("rows", "key: [a], rows")
            % "{header: a, from: email}, {header: b, change: {add: A, change: A, delete: A}}",
            "In file 1 (u.csv), column 2 (b), change: the word for “delete” must be another than those for “add” and",
        ),
        (
            ONE % "{header: b, from: sms, change: {add: A, change: C, delete: D}}",
            "In file 1 (u.csv), column 1 (b): a column with “change” says nothing else; take “from” away.",
        ),
        (
            ONE % "{header: a, from: email}, {header: A, from: sms}",
            "In file 1 (u.csv), columns: “a” stands there twice; give each a name of its own.",
        ),
        (
            ONE.replace("u.csv", "../u.csv") % "{header: a, from: email}",
            "In file 1, file: “../u.csv” is no name for a file.",
        ),
        (
            "style: {dates: DD/MM}\n" + ONE % "{header: a, from: email}",
            "In style, dates: “DD/MM” is no format; write YYYY",
        ),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_place(text, sentence):
    with pytest.raises(custom.BadFormat) as refused:
        custom.read(text, name="x", today=TODAY)
    assert str(refused.value).startswith(sentence)
