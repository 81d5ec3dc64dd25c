"""Which resources classes and courses use: from the two files of OneRoster, from a provider, to an application."""

import re
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
from tests.support import lookup, modern, packages, partners
from tests.support.nights import BY, Nights, Place, nights
from tests.support.oneroster_provider import SECRET, provider, serving
from tests.support.packages import STAMP, Package, class_, small
from tests.support.views import View, check_log

GONE = {"status": "tobedeleted"}
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


def carried(*rows: packages.Row) -> Package:
    """Books that people carry: two for one pupil, one of them for two classes, and one for a teacher."""
    books = (resource("b1"), resource("b2"), resource("b3"))
    return (
        small()
        .with_rows("resources", *books)
        .with_rows(
            "userResources",
            modern.used("x1", "p1", "b1", classSourcedId="k1", orgSourcedId="s1"),
            modern.used("x2", "p1", "b1", classSourcedId="k2"),
            modern.used("x3", "p1", "b2"),
            modern.used("x4", "t1", "b3"),
            *rows,
        )
    )


@pytest.fixture
def sis_1p2(district, tmp_path, now) -> Nights:
    return modern.modern(district_id=district.id, folder=tmp_path, now=now)


def of_people(sis: Nights) -> dict[str, set[str]]:
    return {key: books for key, books in used(sis, "user").items() if books}


def delta(file: str, *rows: packages.Row) -> dict[str, str]:
    """A package of 1.2 in which one file tells what changed, and nothing else is spoken of."""
    texts = modern.as_1p2(carried())
    told = [{"status": "active", "dateLastModified": STAMP, **row} for row in rows]
    manifest = re.sub(r"(file\.\w+),bulk", r"\1,absent", texts["manifest.csv"])
    manifest = manifest.replace(f"file.{file},absent", f"file.{file},delta")
    return {"manifest.csv": manifest, f"{file}.csv": packages.table(told, modern.HEADERS_1P2[file])}


def test_rows_of_1_2_say_which_resources_people_use(sis_1p2):
    sis = sis_1p2
    sis.done(carried())
    assert of_people(sis) == {"p1": {"b1", "b2"}, "t1": {"b3"}}
    assert sis.run(carried()).state == "unchanged"
    before = sis.records("user")
    run = sis.done(carried().without("userResources", "x1", "x3"))
    assert of_people(sis) == {"p1": {"b1"}, "t1": {"b3"}}
    assert sis.statistics(run)["user"]["updated"] == 1
    after = sis.records("user")
    assert {**after["p1"], "resources": before["p1"]["resources"]} == before["p1"]
    sis.done(delta("userResources", modern.used("x5", "p2", "b3"), {**modern.used("x4", "t1", "b3"), **GONE}))
    assert of_people(sis) == {"p1": {"b1"}, "p2": {"b3"}}
    sis.done(carried().changed("users", "p1", givenName="Renamed").without("userResources", "x1", "x3"))
    assert (of_people(sis), sis.records("user")["p1"]["givenName"]) == ({"p1": {"b1"}, "t1": {"b3"}}, "Renamed")


def test_rows_of_people_that_lead_nowhere_are_named(sis_1p2):
    run = sis_1p2.done(carried(modern.used("x5", "nobody", "b1"), modern.used("x6", "p1", "nothing")))
    assert sis_1p2.findings(run, "error") == {
        Place("userResources.csv", 6, "userSourcedId", "dangling reference"),
        Place("userResources.csv", 7, "resourceSourcedId", "dangling reference"),
    }
    assert of_people(sis_1p2) == {"p1": {"b1", "b2"}, "t1": {"b3"}}


def test_an_application_sees_what_people_use_where_it_may_see_both(sis_1p2):
    sis = sis_1p2
    sis.done(carried())
    view = View(sis.district_id, partners.integrated(sis.district_id, sis.now).integration.id)
    ids, books = sis.ids("user"), sis.ids("resource")

    def share(*kinds: str, without: str = "", schools: list[str] | None = None) -> None:
        attributes = catalogue.everything(kinds=kinds)
        attributes["user"] = [name for name in attributes["user"] if name != without]
        contents = Contents(attributes=attributes, schools=schools and [sis.ids("org")[s] for s in schools])
        sharing.agree(
            district_id=sis.district_id, integration_id=view.integration_id, contents=contents, by=BY, now=sis.now
        )

    def shown() -> dict[str, set[str]]:
        docs = {key: row["doc"] for (_, key), row in view.active("user").items()}
        return {
            name: {r["sourcedId"] for r in docs[id_]["resources"]}
            for name, id_ in ids.items()
            if id_ in docs and "resources" in docs[id_]
        }

    def told(*names: str) -> set[str]:
        return {str(books[name]) for name in names}

    share("org", "user", "resource")
    assert shown() == {"p1": told("b1", "b2"), "t1": told("b3")}
    changes = view.model().last_seq
    sis.done(delta("userResources", {**modern.used("x3", "p1", "b2"), **GONE}))
    assert (shown(), view.model().last_seq - changes) == ({"p1": told("b1"), "t1": told("b3")}, 1)
    sis.done(delta("resources", {**resource("b1"), **GONE}))
    assert shown() == {"t1": told("b3")}, "a resource that goes is cut"
    check_log(view)
    share("org", "user", "resource", schools=["s2"])
    assert shown() == {}, "nobody of that school uses any"
    assert len(view.active("resource")) == 2, "resources belong to no school"
    share("org", "user")
    assert shown() == {}
    share("org", "user", "resource", without="resources")
    assert shown() == {}
    with pytest.raises(ValueError, match="userResource"):
        catalogue.checked({"userResource": ["user"]})


@pytest.mark.parametrize("kind", ["class", "user"])
def test_who_was_merged_uses_what_both_used_until_that_is_undone(kind, request):
    name, package, (one, two) = {
        "class": ("sis", equipped(), ("k1", "k2")),
        "user": ("sis_1p2", carried(), ("p1", "t1")),
    }[kind]
    sis: Nights = request.getfixturevalue(name)
    sis.done(package)
    keep, lose = (sis.ids(kind)[key] for key in (one, two))
    facts = {"district_id": sis.district_id, "by": BY, "now": sis.now, "authority": Authority()}

    def standing() -> dict[str, set[str]]:
        books = {id_: key for key, id_ in sis.ids("resource").items()}
        with scope.inside(sis.district_id):
            found = queries.records(district_id=sis.district_id, kind=kind)
        return {
            r["id"]: {books[b] for b in r["resources"]} for r in found if r["status"] == "active" and r["resources"]
        }

    merge = roster.merge(kind=kind, keep=keep, lose=lose, **facts)
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
