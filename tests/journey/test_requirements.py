"""What an application needs: it withholds, it counts, and it tells beforehand what a consent would break."""

import json
import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from click.testing import CliRunner

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import consent, requirements, shield
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import asking, catalogue, contents, queries
from schoolpassport.sharing import requirements as demands
from schoolpassport.sharing.lifecycle import Act, NotAllowed, Side
from schoolpassport.sharing.queries import Lack, Result
from schoolpassport.sharing.records import Contents, Proposal
from schoolpassport.sharing.requirements import Break, NotRequirable
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support import partners
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small, user
from tests.support.partners import Integrated
from tests.support.views import View, check_log

NEEDS = {
    "attributes": {
        "user.familyName": {"required": True, "masked": True},
        "user.email": {"required": True, "missing": "report"},
        "user.grades": {"missing": "skip"},
        "user.phone": {},
    },
    "checks": ["students-without-class", "classes-without-teacher"],
}


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Nights:
    """A district for all of them, each with an application of its own; who changes the roster changes it back."""
    now = datetime(2026, 9, 1, 6, tzinfo=UTC)
    district = register_district(name=f"Amber Valley {uuid4()}", now=now)
    made = nights(district_id=district.id, folder=tmp_path_factory.mktemp("needs"), now=now)
    made.done(small().with_rows("users", user("p5", grades="09")))
    return made


@pytest.fixture
def app(sis, now) -> Integrated:
    return partners.integrated(sis.district_id, now)


def typed(command, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command.command, [*words])
    assert done.exit_code == code, done.output
    return done.output


def agreed(sis: Nights, app: Integrated, **changes) -> View:
    wanted = Contents(**({"attributes": catalogue.everything()} | changes))
    sharing.agree(district_id=sis.district_id, integration_id=app.integration.id, contents=wanted, by=BY, now=sis.now)
    return View(sis.district_id, app.integration.id)


def need(app: Integrated, now, content: object = NEEDS) -> demands.Requirements:
    return sharing.require(application_id=app.application.id, content=content, by=BY, now=now)


def shown(sis: Nights, view: View, kind: str) -> set[str]:
    keys = {id_: key for key, id_ in sis.all_ids()[kind].items()}
    return {keys[id_] for _, id_ in view.active(kind)}


def test_what_is_skipped_is_withheld_with_what_hangs_on_it_and_counted(sis, app, now):
    view = agreed(sis, app)
    assert shown(sis, view, "user") == {"t1", "t2", "g1", "p1", "p2", "p3", "p4", "p5"}
    need(app, now)
    sharing.follow(district_id=sis.district_id, now=now)
    assert shown(sis, view, "user") == {"p1", "p5"}
    assert shown(sis, view, "enrollment") == {"e2"}
    check_log(view)

    ids = sis.all_ids()
    found = queries.lacks(district_id=sis.district_id, integration_id=app.integration.id, examples=2)
    assert found == [
        Lack(
            about="user.grades",
            label="Grade",
            result=Result.SKIPPED,
            count=6,
            examples=tuple(sorted(ids["user"][k] for k in ("t1", "t2", "g1", "p2", "p3", "p4"))[:2]),
        ),
        Lack(
            about="user.email",
            label="E-mail address",
            result=Result.ERROR,
            count=2,
            examples=tuple(sorted([ids["user"]["p1"], ids["user"]["p5"]])),
        ),
        Lack(
            about="students-without-class",
            label="Students without a class",
            result=Result.SUSPICIOUS,
            count=1,
            examples=(ids["user"]["p5"],),
        ),
        Lack(
            about="classes-without-teacher",
            label="Classes without a teacher",
            result=Result.SUSPICIOUS,
            count=2,
            examples=tuple(sorted(ids["class"].values())),
        ),
    ]


def test_whoever_gets_what_was_missing_comes_into_the_view_under_the_same_id(sis, app, now):
    need(app, now)
    view = agreed(sis, app)
    assert shown(sis, view, "user") == {"p1", "p5"}
    sis.done(small().with_rows("users", user("p5", grades="09")).changed("users", "p2", grades="08"))
    assert shown(sis, view, "user") == {"p1", "p2", "p5"}
    assert shown(sis, view, "enrollment") == {"e2", "e3"}
    sis.done(small().with_rows("users", user("p5", grades="09")))
    assert shown(sis, view, "user") == {"p1", "p5"}
    check_log(view)


def test_counts_keep_to_the_schools_and_filters_of_the_consent(sis, app, now):
    need(app, now)
    agreed(sis, app, schools=[sis.ids("org")["s2"]])
    (skipped, *_) = queries.lacks(district_id=sis.district_id, integration_id=app.integration.id)
    assert (skipped.about, skipped.count) == ("user.grades", 3)
    assert set(skipped.examples) == {sis.all_ids()["user"][k] for k in ("t2", "p3", "p4")}
    sharing.revoke(district_id=sis.district_id, integration_id=app.integration.id, by=BY, now=now)
    assert queries.lacks(district_id=sis.district_id, integration_id=app.integration.id) == []


def test_what_is_withheld_or_masked_cannot_be_missing(sis, app, now):
    """The consent was there before the needs."""
    without = {k: [n for n in names if n != "grades"] for k, names in catalogue.everything().items()}
    view = agreed(sis, app, attributes=without, masks={"user.email": "drop"})
    need(app, now)
    assert len(shown(sis, view, "user")) == 8
    found = queries.lacks(district_id=sis.district_id, integration_id=app.integration.id)
    assert {lack.about for lack in found} == {"students-without-class"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"masks": {"user.email": "drop"}}, "is required, and it is withheld."),
        ({"masks": {"user.email": "alias"}}, "is required, and it is masked (Alias address), and is not taken masked."),
        ({"attributes": catalogue.everything(kinds=("org",))}, "is required, and no users are shared."),
    ],
)
def test_what_the_application_requires_cannot_be_withheld(sis, app, now, changes, why):
    need(app, now)
    with pytest.raises(NotAllowed, match=re.escape(f"E-mail address (user.email) {why} Share it as it is needed")):
        agreed(sis, app, **changes)
    wanted = Contents(**({"attributes": catalogue.everything()} | changes))
    place = {"district_id": sis.district_id, "by": BY, "now": sis.now}
    made = sharing.draft(
        integration_id=app.integration.id, proposal=Proposal(contents=wanted), side=Side.DISTRICT, **place
    )
    with pytest.raises(NotAllowed, match=re.escape(why)):
        sharing.take(consent_id=made.id, act=Act.SEND, side=Side.DISTRICT, **place)
    need(app, now, {"attributes": {"user.email": {"missing": "report"}}})
    sharing.take(consent_id=made.id, act=Act.SEND, side=Side.DISTRICT, **place)
    need(app, now)
    with pytest.raises(NotAllowed, match=re.escape(why)):
        sharing.take(consent_id=made.id, act=Act.APPROVE, side=Side.PARTNER, **place)


# ------------------------------------------------------------------------------------------------------ the mask check


def test_a_consent_tells_beforehand_what_it_would_break():
    needs = demands.read(NEEDS)
    whole = Contents(attributes=catalogue.everything())
    assert demands.broken(needs, whole) == []
    masked = contents.checked(
        Contents(
            attributes={k: v for k, v in catalogue.everything().items() if k != "enrollment"},
            masks={"user.familyName": "initial", "user.email": "alias", "user.grades": "drop"},
        )
    )
    assert demands.broken(needs, masked) == [
        Break(
            about="user.email",
            stops=True,
            sentence="E-mail address (user.email) is required, and it is masked (Alias address), and is not taken masked.",
        ),
        Break(about="user.grades", stops=False, sentence="Grade (user.grades) is asked for, and it is withheld."),
        *(
            Break(about=name, stops=False, sentence=f"“{title}” cannot be checked: no enrollments are shared.")
            for name, title in [
                ("students-without-class", "Students without a class"),
                ("classes-without-teacher", "Classes without a teacher"),
            ]
        ),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "Requirements are an object"),
        ({"attributes": {"user.shoe": {}}}, "The catalogue knows nothing to share by the name of user.shoe."),
        (
            {"attributes": {"user.email": {"nice": True}}},
            "Of user.email one can say “required”, “missing” and “masked”.",
        ),
        ({"attributes": {"user.email": {"missing": "cry"}}}, "Of user.email: “missing” is one of show, report, skip."),
        ({"attributes": {"user.email": {"required": 1}}}, "Of user.email: “required” and “masked” are true or false."),
        ({"attributes": {"user.gg4l.sisId": {"missing": "skip"}}}, "Of user.gg4l.sisId: no record"),
        ({"checks": ["cats"]}, "There is no check “cats”; there are: "),
    ],
)
def test_requirements_that_are_not_understood_are_refused(content, sentence):
    with pytest.raises(NotRequirable) as refused:
        demands.read(content)
    assert str(refused.value).startswith(sentence)


def test_requirements_are_read_back_as_they_were_written_and_numbered(app, now):
    assert asking.of_application(application_id=app.application.id) == demands.NONE
    first, second = need(app, now), need(app, now, {"attributes": {"user.email": {}}})
    assert (first.number, second.number) == (1, 2)
    assert demands.read(demands.written(second)).of == second.of
    assert asking.of_application(application_id=app.application.id) == second
    with scope.inside(app.partner.id):
        acts = [event.act for event in audit.events(district_id=app.partner.id)]
    assert acts.count("sharing:requirements:set") == 2


# ------------------------------------------------------------------------------------------------- on the command line


def test_a_district_goes_by_the_commands_from_the_check_to_the_person(sis, app, tmp_path):
    name, here = app.application.name, ("--district", str(sis.district_id))
    (tmp_path / "needs.json").write_text(json.dumps(NEEDS))
    assert "needs 4 attributes" in typed(requirements, "set", name, str(tmp_path / "needs.json"))
    assert json.loads(typed(requirements, "show", name))["attributes"].keys() == NEEDS["attributes"].keys()
    said = typed(requirements, "check", name, *here, "--shield", "2", code=1)
    assert said.splitlines() == ["Stops it: E-mail address (user.email) is required, and it is withheld."]
    assert "can work with this consent" in typed(requirements, "check", name, *here, "--shield", "1")
    assert typed(requirements, "report", name, *here).startswith("Nothing is lacking")

    pupils = 'user={"attribute": "role", "is": "equals", "value": "student"}'
    masks = ("--shield", "1", "--mask", "user.username=pseudonym")
    typed(consent, "agree", name, *here, *masks, "--filter", pupils)
    view = View(sis.district_id, app.integration.id)
    ((_, pupil), *_) = sorted(view.active("user"))
    seen = view.active("user")["user", pupil]
    assert (seen["family_name"], seen["doc"]["familyName"]) == ("F***", "F***")
    assert seen["given_name"].startswith("Given-")
    assert str(pupil) in typed(shield, "reveal", name, seen["username"], *here)
    assert "shown nobody as nobody" in typed(shield, "reveal", name, "nobody", *here, code=1)
    with scope.inside(sis.district_id):
        looks = [e for e in audit.events(district_id=sis.district_id) if e.act == "sharing:pseudonym:reveal"]
    assert sorted(len(e.facts["found"]) for e in looks) == [0, 1]

    report = json.loads(typed(requirements, "report", name, *here, "--json"))
    assert {(r["about"], r["result"], r["count"]) for r in report} >= {("user.grades", "Skipped", 3)}
    assert "user.email" in typed(requirements, "report", name, *here)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--without", "user.role"], "OneRoster requires user.role"),
        (["--without", "role"], "role is not shared anyway"),
        (["--mask", "user.email"], "write KIND.ATTRIBUTE=MASK"),
        (["--filter", "user=role is student"], "The conditions are no JSON"),
        (["--filter", 'user={"attribute": "rule", "is": "empty"}'], "did you mean “role”?"),
    ],
)
def test_a_consent_that_cannot_be_is_refused_in_a_sentence(sis, app, words, sentence):
    said = typed(consent, "agree", app.application.name, "--district", str(sis.district_id), *words, code=1)
    assert sentence in said


def test_the_lists_of_what_can_be_shared_and_checked_are_told():
    rows = {row["attribute"]: row for row in json.loads(typed(shield, "list", "--kind", "user", "--json"))}
    assert (rows["user.email"]["masks"], rows["user.email"]["level"]) == (["alias", "drop"], 2)
    assert "user.familyName*" in typed(shield, "list", "--kind", "user")
    assert "how they are grouped" in typed(shield, "masks")
    assert "Classes without a term" in typed(requirements, "checks")
