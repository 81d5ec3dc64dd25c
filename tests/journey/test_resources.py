"""Which resources classes and courses use: from the two files of OneRoster, from a provider, to an application."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from django.conf import settings

from schoolpassport.cli.commands import sources as command
from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.records import Authority
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.actions import register_source
from schoolpassport.tenancy import scope
from tests.support import lookup, packages, partners
from tests.support.nights import BY, Nights, Place, nights
from tests.support.oneroster_provider import SECRET, provider, serving
from tests.support.packages import STAMP, Package, class_, small
from tests.support.views import View, check_log

KINDS = ("org", "academicSession", "resource", "course", "class")


def resource(key: str, **cells: str) -> packages.Row:
    return {"sourcedId": key, "vendorResourceId": f"vendor-{key}", "title": f"Book {key}", **cells}


def uses(key: str, class_key: str, resource_key: str) -> packages.Row:
    return {"sourcedId": key, "classSourcedId": class_key, "resourceSourcedId": resource_key}


def equipped() -> Package:
    """The small district with three books: two for one class, one of them for its course as well."""
    return (
        small()
        .with_rows("resources", resource("b1"), resource("b2"), resource("b3"))
        .with_rows("classResources", uses("x1", "k1", "b1"), uses("x2", "k1", "b2"), uses("x3", "k2", "b3"))
        .with_rows("courseResources", {"sourcedId": "y1", "courseSourcedId": "alg", "resourceSourcedId": "b1"})
    )


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def used(sis: Nights, kind: str = "class") -> dict[str, set[str]]:
    return {key: set(r["resources"] or ()) for key, r in sis.records(kind).items() if r["status"] == "active"}


def only(**rows: packages.Row) -> Package:
    """A package in which one file tells what changed, and nothing else is spoken of."""
    return Package(
        {file: ({"status": "active", "dateLastModified": STAMP, **row},) for file, row in rows.items()},
        modes=dict.fromkeys(rows, "delta"),
    )


def test_rows_of_two_files_become_an_attribute_of_class_and_course(sis):
    sis.done(equipped())
    assert used(sis) == {"k1": {"b1", "b2"}, "k2": {"b3"}}
    assert used(sis, "course") == {"alg": {"b1"}, "lit": set()}
    assert sis.run(equipped()).state == "unchanged"


def test_a_row_that_goes_takes_the_resource_out_of_its_class_and_nothing_else_changes(sis):
    sis.done(equipped())
    before = sis.records("class")
    run = sis.done(equipped().without("classResources", "x2"))
    assert used(sis) == {"k1": {"b1"}, "k2": {"b3"}}
    assert sis.statistics(run)["class"] == {"updated": 1, "unchanged": 1}
    after = sis.records("class")
    assert {**after["k1"], "resources": before["k1"]["resources"]} == before["k1"]
    assert set(sis.records("class", as_of=1)["k1"]["resources"]) == {"b1", "b2"}
    sis.done(equipped())
    assert used(sis) == {"k1": {"b1", "b2"}, "k2": {"b3"}}


def test_a_delta_of_nothing_but_such_rows_says_what_came_went_and_moved(sis):
    sis.done(equipped())
    sis.done(only(classResources=uses("x4", "k2", "b1")))
    assert used(sis) == {"k1": {"b1", "b2"}, "k2": {"b1", "b3"}}
    sis.done(only(classResources={**uses("x2", "k1", "b2"), "status": "tobedeleted"}))
    assert used(sis) == {"k1": {"b1"}, "k2": {"b1", "b3"}}
    sis.done(only(classResources=uses("x1", "k2", "b2")))
    assert used(sis) == {"k1": set(), "k2": {"b1", "b2", "b3"}}
    sis.done(only(classes=class_("k1", title="Renamed")))
    assert (used(sis)["k1"], sis.records("class")["k1"]["title"]) == (set(), "Renamed")


def test_a_class_that_is_sent_anew_keeps_what_it_uses(sis):
    sis.done(equipped())
    sis.done(equipped().changed("classes", "k1", title="Renamed"))
    assert used(sis)["k1"] == {"b1", "b2"}
    sis.done(only(classes=class_("k1", title="Again")))
    assert used(sis)["k1"] == {"b1", "b2"}


def test_rows_that_lead_nowhere_or_stand_twice_are_named_with_file_and_line(sis):
    odd = equipped().with_rows(
        "classResources", uses("x5", "nowhere", "b1"), uses("x6", "k1", "nothing"), uses("x3", "k2", "b1")
    )
    run = sis.done(odd)
    assert sis.findings(run, "error") == {
        Place("classResources.csv", 5, "classSourcedId", "dangling reference"),
        Place("classResources.csv", 6, "resourceSourcedId", "dangling reference"),
        Place("classResources.csv", 4, "sourcedId", "duplicate id"),
        Place("classResources.csv", 7, "sourcedId", "duplicate id"),
    }
    assert used(sis) == {"k1": {"b1", "b2"}, "k2": set()}
    texts = equipped().texts()
    texts["classResources.csv"] = "sourcedId,status,dateLastModified,title,classSourcedId\nx1,,,,k1\n"
    run = sis.run(texts)
    assert run.state == "refused"
    assert Place("classResources.csv", None, "resourceSourcedId", "missing column") in sis.findings(run, "error")


def test_an_application_sees_the_resources_that_it_may_see(sis, now):
    sis.done(equipped())
    view = View(sis.district_id, partners.integrated(sis.district_id, now).integration.id)

    def share(*kinds: str) -> None:
        contents = Contents(attributes=catalogue.everything(kinds=kinds))
        sharing.agree(
            district_id=sis.district_id, integration_id=view.integration_id, contents=contents, by=BY, now=sis.now
        )

    def shown(kind: str, key: str) -> list[dict[str, str]] | None:
        doc = view.active(kind)[kind, sis.ids(kind)[key]]["doc"]
        return doc.get("resources") and [{k: r[k] for k in ("sourcedId", "type")} for r in doc["resources"]]

    share(*KINDS)
    books = {key: {"sourcedId": str(id_), "type": "resource"} for key, id_ in sis.ids("resource").items()}
    assert sorted(shown("class", "k1"), key=str) == sorted([books["b1"], books["b2"]], key=str)
    assert shown("course", "alg") == [books["b1"]]
    assert shown("course", "lit") is None
    changes = view.model().last_seq
    sis.done(only(classResources={**uses("x1", "k1", "b1"), "status": "tobedeleted"}))
    assert (shown("class", "k1"), view.model().last_seq - changes) == ([books["b2"]], 1)
    check_log(view)
    share("org", "academicSession", "course", "class")  # not the books: the references are cut
    assert shown("class", "k1") is None
    with pytest.raises(ValueError, match="classResource"):
        catalogue.checked({"classResource": ["title"]})


def test_one_dot_two_says_the_same(district, tmp_path, now):
    source = register_source(district_id=district.id, name="SIS", schema="oneroster-1.2", by=BY, now=now)
    sis = Nights(district.id, source, tmp_path, now)
    sis.set_limits(witnesses=1)
    sis.done(one_dot_two(equipped()))
    assert (used(sis), used(sis, "course")["alg"]) == ({"k1": {"b1", "b2"}, "k2": {"b3"}}, {"b1"})
    run = sis.done(
        one_dot_two(equipped().without("classResources", "x1").with_rows("classResources", uses("x7", "k9", "b1")))
    )
    assert used(sis)["k1"] == {"b2"}
    assert Place("classResources.csv", 4, "classSourcedId", "dangling reference") in sis.findings(run, "error")


def one_dot_two(package: Package) -> dict[str, str]:
    """The same in 1.2, where the role of a user is a row of its own."""
    rows = dict(package.rows)
    people, roles = [], []
    for person in rows.pop("users"):
        orgs, role = person["orgSourcedIds"].split(","), person["role"]
        people.append({k: v for k, v in person.items() if k not in {"orgSourcedIds", "role"}})
        roles += [
            {
                "sourcedId": f"{person['sourcedId']}-{org}",
                "userSourcedId": person["sourcedId"],
                "roleType": "primary",
                "role": role,
                "orgSourcedId": org,
            }
            for org in orgs
        ]
    rows |= {"users": tuple(people), "roles": tuple(roles)}
    first = ["sourcedId", "status", "dateLastModified"]
    files = {f"{name}.csv": packages.table(each, first) for name, each in rows.items()}
    said = "".join(f"file.{name},bulk\n" for name in rows)
    return {"manifest.csv": f"propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\n{said}", **files}


def test_a_class_that_was_merged_uses_what_both_used_until_that_is_undone(sis):
    sis.done(equipped())
    keep, lose = (sis.ids("class")[key] for key in ("k1", "k2"))
    facts = {"district_id": sis.district_id, "by": BY, "now": sis.now, "authority": Authority()}

    def standing() -> dict[str, set[str]]:
        books = {id_: key for key, id_ in sis.ids("resource").items()}
        with scope.inside(sis.district_id):
            found = queries.records(district_id=sis.district_id, kind="class")
        return {r["id"]: {books[b] for b in r["resources"] or ()} for r in found if r["status"] == "active"}

    merge = roster.merge(kind="class", keep=keep, lose=lose, **facts)
    assert standing() == {keep: {"b1", "b2", "b3"}}
    roster.undo_merge(number=merge.number, **facts)
    assert standing() == {keep: {"b1", "b2"}, lose: {"b3"}}


def test_a_provider_that_shows_resources_of_classes_is_read_for_them(sis, tmp_path, monkeypatch):
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=here))
    made = provider(small().with_rows("resources", resource("b1"), resource("b2")))
    refs = [{"href": f"https://x.example/resources/{b}", "sourcedId": b, "type": "resource"} for b in ("b1", "b2")]
    made.world["classes"][0]["resources"] = refs
    made.world["courses"][0]["resources"] = refs[:1]
    (tmp_path / "secret").write_text(SECRET)

    def typed(*words: str) -> None:
        done = CliRunner().invoke(command.command, [*words, "--district", str(sis.district_id)])
        assert done.exit_code == 0, done.output

    with serving(made):
        given = [
            word for name, value in made.settings(also="resources").items() for word in ("--set", f"{name}={value}")
        ]
        place = ("--secret-file", f"client_secret={tmp_path / 'secret'}")
        typed("add", "SIS", "--connector", "oneroster-rest", *given, *place)
        typed("fetch", "SIS")
        assert used(sis) == {"k1": {"b1", "b2"}, "k2": set()}
        assert used(sis, "course") == {"alg": {"b1"}, "lit": set()}
        made.world["classes"][0]["resources"] = refs[1:]
        typed("fetch", "SIS")
    assert used(sis)["k1"] == {"b2"}
