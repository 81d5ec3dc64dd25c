"""Groups of a directory: who is a member of which can be asked in filters and transforms, and is shared with nobody."""

import csv
import io
import json
from datetime import timedelta

import pytest

from schoolpassport.quality import actions as quality
from schoolpassport.sources.actions import register_source, write_setting
from schoolpassport.sync import preview
from tests.support.nights import BY, Nights
from tests.support.packages import small
from tests.support.sources import EASY, Several, several

HEAD = ("id", "dn", "username", "mail", "givenName", "sn", "displayName", "employeeNumber", "department", "telephone")
LEHRER, FOREIGN, STAFF = "Lehrer, Süd", "Педагоги | 教員", "Staff"
TEACHERS = [
    {
        "do": "default",
        "value": "administrator",
        "when": {"attribute": "metadata.groups", "is": "equals", "value": "Heads"},
    },
    {
        "do": "default",
        "value": "teacher",
        "when": {"attribute": "metadata.groups", "is": "one of", "value": [LEHRER, FOREIGN]},
    },
    {"do": "default", "value": "aide", "when": {"attribute": "metadata.groups", "is": "contains", "value": "staff"}},
]


def written(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def account(name: str) -> tuple[str, ...]:
    number, mail = f"N-{name}", f"{name}@amber.example"
    return (name, f"uid={name},dc=amber", name, mail, f"Given-{name}", f"Family-{name}", "", number, "", "", "true")


def package(members: dict[str, list[str]], *names: str, unread: tuple[str, ...] = ()) -> dict[str, str]:
    """``members``: group → distinguished names or user names."""
    rows = [(f"g{n}", group, who) for n, (group, all_) in enumerate(members.items()) for who in all_]
    return {
        "accounts.csv": written((*HEAD, "enabled"), [account(n) for n in names]),
        "groups.csv": written(("id", "name", "member"), rows + [(dn, "", "") for dn in unread]),
    }


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    made = several(district_id=district.id, folder=tmp_path, now=now)
    known = small()
    for name in ("p1", "t1", "t2", "g1"):
        known = known.changed("users", name, identifier=f"N-{name}")
    made.sis.done(known)
    return made


@pytest.fixture
def directory(district_of) -> Nights:
    sis = district_of.sis
    source = register_source(
        district_id=sis.district_id, name="AD", schema="directory", by=BY, now=sis.now + timedelta(seconds=9)
    )
    made = Nights(sis.district_id, source, sis.folder.parent / "AD", sis.now)
    made.set_limits(witnesses=1, **EASY)
    return made


def only(directory: Nights, *groups: str) -> dict[str, object]:
    return {"user": {"where": {"attribute": "metadata.groups", "is": "one of", "value": list(groups)}}}


def transforms(directory: Nights, steps: list[dict[str, object]]) -> None:
    write_setting(
        district_id=directory.district_id,
        source_id=directory.source.id,
        subject="transforms",
        content={"user": {"role": steps}},
        by=BY,
        now=directory.now,
    )


def emails(district_of: Several) -> set[str]:
    return {r["email"] for r in district_of.state()["user"] if r["email"] and r["email"].endswith("@amber.example")}


MEMBERS = {LEHRER: ["UID=T1,dc=amber"], STAFF: ["t2"], "Non-staff": ["uid=g1,dc=amber"]}


def test_only_members_of_given_groups_are_taken_whatever_the_groups_are_called(district_of, directory):
    found = only(directory, LEHRER.upper(), STAFF)
    sent = directory.write(package(MEMBERS, "t1", "t2", "g1", "p1"))
    told = preview.filters(
        district_id=directory.district_id,
        source_id=directory.source.id,
        origin=sent,
        content=found,
        today=directory.now.date(),
    )
    assert [(p.kind, p.passing, p.out, p.examples) for p in told if not p.school] == [("user", 2, 2, ("g1", "p1"))]
    quality.set_filters(
        district_id=directory.district_id, source_id=directory.source.id, content=found, by=BY, now=directory.now
    )
    directory.done(sent)
    assert emails(district_of) == {"t1@amber.example", "t2@amber.example"}
    # Whoever is put into a group comes, and whoever leaves goes, though the account says nothing else than before.
    directory.done(package({**MEMBERS, STAFF: ["g1"]}, "t1", "t2", "g1", "p1"))
    assert emails(district_of) == {"t1@amber.example", "g1@amber.example"}
    directory.done(sent)
    assert emails(district_of) == {"t1@amber.example", "t2@amber.example"}


def test_a_role_follows_from_groups(district_of, directory):
    district_of.decide("masters", {"user": [{"attribute": "role", "source": "AD", "rule": "master"}]})
    transforms(directory, TEACHERS)
    t2 = district_of.sis.ids("user")["t2"]
    roles = []
    for group in (FOREIGN, STAFF, "Heads", "Choir"):
        directory.run(package({group: ["t2"]}, "t1", "t2"))
        roles.append(district_of.record(t2)["role"])
    assert roles == ["teacher", "aide", "administrator", "teacher"]  # the last is what the SIS says


def test_groups_are_kept_only_under_another_name_that_a_district_gives_them(district_of, directory):
    t1 = district_of.sis.ids("user")["t1"]
    directory.done(package(MEMBERS, "t1", "t2"))
    assert district_of.record(t1)["email"] == "t1@amber.example"
    assert district_of.record(t1)["metadata"] is None
    assert directory.run(package({STAFF: ["t1", "t2"]}, "t1", "t2")).state == "unchanged"  # nothing follows from it
    feed = {"user": [{"to": "metadata.memberOf", "from": "metadata.groups"}]}
    write_setting(
        district_id=directory.district_id,
        source_id=directory.source.id,
        subject="attributes",
        content=feed,
        by=BY,
        now=directory.now,
    )
    directory.done(package({**MEMBERS, FOREIGN: ["t1"]}, "t1", "t2"))
    assert district_of.record(t1)["metadata"] == json.dumps(
        {"memberOf": f'["{LEHRER}","{FOREIGN}"]'}, ensure_ascii=False
    )


def test_groups_that_nobody_could_read_are_told(directory):
    run = directory.run(package(MEMBERS, "t1", unread=("cn=b,dc=amber", "cn=a,dc=amber", "cn=a,dc=amber")))
    (told,) = [s for s in directory.sentences(run) if "could not be read" in s]
    assert told.startswith("2 groups of the directory could not be read, the first is “cn=a,dc=amber”")
    again = directory.run(package(MEMBERS, "t1", "t2"))
    assert not [s for s in directory.sentences(again) if "could not be read" in s]
