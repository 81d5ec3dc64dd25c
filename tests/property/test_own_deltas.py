"""A partner's own format, sent as changes: what is added up from them is the file in full, whatever happened between.

``DELTAS=200`` tries more than every run of the tests affords.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schoolpassport.delivery import accounts, actions
from schoolpassport.delivery.models import Shipment
from schoolpassport.delivery.records import Plan
from schoolpassport.kit import fetched
from schoolpassport.tenancy.actions import register_district
from tests.support import sftpservice
from tests.support.amount import amount
from tests.support.files import rows
from tests.support.plain_views import FIRST_MORNING, a_plain_view

FORMAT = """
files:
  - file: pupils.csv
    rows: user
    each: orgs
    where: {any: [{attribute: role, is: equals, value: student}, {attribute: demographics.birthDate, is: within days, value: 2}]}
    order: [familyName]
    key: [Pupil, School]
    columns:
      - {header: What, change: {add: A, change: C, delete: D}}
      - {header: Pupil, from: sourcedId}
      - {header: School, from: each.identifier, do: [{do: default, value: "-"}]}
      - {header: School's name, from: each.name}
      - {header: Name, from: familyName, do: [{do: case, to: upper}]}
  - file: classes.csv
    rows: class
    key: [Class]
    columns:
      - {header: Class, from: sourcedId}
      - {header: Teachers, from: teachers.familyName}
      - {header: Now, change: {add: is, change: is, delete: gone}}
"""
WORDS = {"pupils.csv": ("What", "D", ("Pupil", "School")), "classes.csv": ("Now", "gone", ("Class",))}
IDS = [str(UUID(int=n)) for n in range(1, 12)]
PEOPLE, SCHOOLS, CLASSES, SEATS = IDS[:4], IDS[4:6], IDS[6:8], IDS[8:11]
Held = dict[tuple[str, ...], dict[str, str]]


def ref(key: str) -> dict[str, str]:
    return {"sourcedId": key}


people = st.lists(
    st.fixed_dictionaries(
        {
            "sourcedId": st.sampled_from(PEOPLE),
            "familyName": st.sampled_from(["Ames", "Boyd", "Ça, va"]),
            "role": st.sampled_from(["student", "teacher"]),
            "orgs": st.lists(st.sampled_from(SCHOOLS).map(ref), unique_by=lambda r: r["sourcedId"]),
        }
    ),
    unique_by=lambda person: person["sourcedId"],
)
schools = st.tuples(*(st.sampled_from(["North", "South"]) for _ in SCHOOLS)).map(
    lambda names: [
        {"sourcedId": key, "name": name, "type": "school", "identifier": f"no {number}"}
        for number, (key, name) in enumerate(zip(SCHOOLS, names, strict=True))
    ]
)
seats = st.lists(
    st.fixed_dictionaries(
        {
            "sourcedId": st.sampled_from(SEATS),
            "user": st.sampled_from(PEOPLE).map(ref),
            "class": st.sampled_from(CLASSES).map(ref),
            "role": st.sampled_from(["student", "teacher"]),
        }
    ),
    unique_by=lambda seat: seat["sourcedId"],
)
classes = st.lists(st.sampled_from(CLASSES).map(ref), unique_by=lambda r: r["sourcedId"])
births = st.lists(st.sampled_from(PEOPLE), unique=True).map(
    lambda keys: [{"sourcedId": key, "birthDate": f"2026-09-0{2 + place}"} for place, key in enumerate(keys)]
)
states = st.fixed_dictionaries(
    {"user": people, "org": schools, "class": classes, "enrollment": seats, "demographics": births}
)
visits = st.sampled_from(["whole", "whole", "broken off", "none"])  # of a partner, after each delivery
nights = st.lists(st.tuples(states, st.booleans(), visits), min_size=2, max_size=5)


@pytest.fixture(scope="module")
def district(database) -> UUID:
    return register_district(name=f"Delta Downs {uuid4()}", now=FIRST_MORNING).id


def sent(about: dict[str, Any], name: str, now: Any) -> tuple[Shipment, dict[str, list[dict[str, str]]]]:
    """Deliver, and read the files that lie ready afterwards."""
    asked = actions.ask(district_id=about["district_id"], name=name, by="test", now=now)
    ids = {"district_id": asked.district_id, "delivery_id": asked.delivery_id, "number": asked.number}
    done = actions.send(**ids, now=now)
    assert done is not None
    ready = accounts.outbox(**about)
    return done, {file["name"]: read(ready / file["name"]) for file in done.files}


def read(file: Path) -> list[dict[str, str]]:
    return rows(file.read_text(encoding="utf-8"))


def applied(held: Held, file: str, lines: list[dict[str, str]]) -> Held:
    """As a partner would, who minds what each line says of its row."""
    header, gone, key = WORDS[file]
    found = dict(held)
    for line in lines:
        named = tuple(line[name] for name in key)
        assert (named in found) == (line[header] != "A") or (header == "Now" and line[header] == "is")
        if line[header] == gone:
            assert {name for name, cell in line.items() if cell} == {header, *key}, "a deletion says the key alone"
            del found[named]
        else:
            found[named] = {name: cell for name, cell in line.items() if name != header}
    return found


@settings(max_examples=amount("DELTAS", 5), deadline=None)
@given(turns=nights)
def test_a_full_file_and_the_changes_after_it_are_the_full_file_of_the_last_night(district, turns):
    about = {"district_id": district, "integration_id": uuid4()}
    view = a_plain_view(district, integration_id=about["integration_id"])
    now, mark = FIRST_MORNING, about["integration_id"].hex[:8]
    actions.save_format(**about, name="own", content=FORMAT, by="test", now=now)
    for mode in ("full", "delta"):
        plan = Plan(name=f"{mode}-{mark}", format="own", mode=mode, transport="managed", always=mode == "full")
        actions.add_delivery(**about, plan=plan, by="test", now=now)
    held: dict[str, Held] = {"pupils.csv": {}, "classes.csv": {}}
    ready, lying, taken = accounts.outbox(**about), None, 0
    for turn, (state, is_sent, visit) in enumerate(turns):
        view.publish(state)
        now += timedelta(days=1)
        if not is_sent and 0 < turn < len(turns) - 1:
            continue
        done, _ = sent(about, f"delta-{mark}", now)
        assert done.state in {"sent", "unchanged"}, done.sentence
        assert turn or done.since == 0, "the first one is in full"
        lying = done if done.state == "sent" else lying
        if visit == "none" and turn < len(turns) - 1:
            continue
        if taken != lying.number:  # whoever has a file already only closes it, the next time
            held = {f: applied(of if lying.since else {}, f, read(ready / f)) for f, of in held.items()}
            taken = lying.number
        if visit == "broken off":  # after the last byte: nobody but the partner knows that it has all of it
            for file in ready.iterdir():
                os.close(fetched.begin(file))
        else:
            sftpservice.got(ready)
    _, full = sent(about, f"full-{mark}", now)
    assert held == {file: applied({}, file, lines) for file, lines in full.items()}


def test_a_row_that_a_condition_leaves_out_on_another_day_is_gone_without_any_news(district):
    about = {"district_id": district, "integration_id": uuid4()}
    view = a_plain_view(district, integration_id=about["integration_id"])
    actions.save_format(**about, name="own", content=FORMAT, by="test", now=FIRST_MORNING)
    plan = Plan(name="by-day", format="own", mode="delta", transport="managed")
    actions.add_delivery(**about, plan=plan, by="test", now=FIRST_MORNING)
    teacher = {"sourcedId": PEOPLE[0], "familyName": "Ames", "role": "teacher", "orgs": [ref(SCHOOLS[0])]}
    school = {"sourcedId": SCHOOLS[0], "name": "North", "type": "school", "identifier": "no 0"}
    view.publish(
        {"user": [teacher], "org": [school], "demographics": [{"sourcedId": PEOPLE[0], "birthDate": "2026-09-02"}]}
    )
    found = []
    for days in (0, 0, 7, 8):
        found.append(sent(about, "by-day", FIRST_MORNING + timedelta(days=days)))
        if days < 7:
            sftpservice.got(accounts.outbox(**about))
    states = [("sent", 0), ("unchanged", 1), ("sent", 1), ("unchanged", 1)]
    assert [(done.state, done.since) for done, _ in found] == states, "it is told until it is fetched"
    gone = {"What": "D", "Pupil": PEOPLE[0], "School": "no 0", "School's name": "", "Name": ""}
    assert (len(found[0][1]["pupils.csv"]), found[2][1]["pupils.csv"]) == (1, [gone])
