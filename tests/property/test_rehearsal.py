"""What a rehearsal foretells is what then happens, to the roster and to every application; and it leaves no trace.

``HISTORIES=1000`` tries more of them than every run of the tests affords.
"""

import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sharing.models import View as ViewModel
from schoolpassport.sync import queries, rehearsal
from schoolpassport.sync.models import Run
from schoolpassport.sync.rehearsal import Rehearsed
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.property.test_views import Application, application, decisions, terms
from tests.support import traces
from tests.support.amount import amount
from tests.support.nights import Nights, nights
from tests.support.world import histories

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
ALL = 10**6
TURNS = {"c": "gained", "r": "gained", "u": "changed", "d": "lost"}


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(
    max_examples=amount("HISTORIES", 3),
    database=None,
    phases=[Phase.generate],  # a night takes a second: what failed is told whole, in place of being shrunk for minutes
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(most=3), first=terms(), one=decisions(), other=decisions())
def test_what_is_foretold_happens(database, history, first, one, other):
    with tempfile.TemporaryDirectory() as folder:
        district = register_district(name=f"Birch Hollow {uuid4()}", now=NOW)
        sis = nights(district_id=district.id, folder=Path(folder), now=NOW)
        sis.set_limits(removed_share=1, removed_count=10**6, overlap_share=0, bad_row_share=1, hold_whole=True)
        for name in traces.KEPT_BESIDE:  # folders that a first run makes, too
            (database.data_dir / name / str(district.id)).mkdir(parents=True, exist_ok=True)
        applications = [application(sis) for _ in range(2)]
        for night, package in enumerate(history):
            for app, decided in zip(applications, ([first, *one], other), strict=True):
                note(f"before night {night + 1}: {decided[night]}")
                app.decide(decided[night])
            note(f"night {night + 1}: {package}")
            live_through(database, sis, sis.write(package), applications)


def live_through(database: Any, sis: Nights, origin: Path, applications: list[Application]) -> None:
    before = traces.of(database)
    foretold = rehearsal.package(
        district_id=sis.district_id, source_id=sis.source.id, origin=origin, now=NOW, examples=ALL
    )
    assert traces.different(before, traces.of(database)) == set()
    known = {id_ for ids in sis.all_ids().values() for id_ in ids.values()}
    seen = {app.integration_id: len(log(app)) for app in applications}
    run = sis.run(origin)
    assert run.state == foretold.verdict, (run.message, foretold.message)
    if run.state == "held":
        assert run.hold["reasons"] == foretold.hold["reasons"]
        run = sis.approve(run)
    if run.state in {"done", "unchanged"} and "same package" not in run.message:
        assert effects(foretold) == statistics(sis, run)
    for app in applications:
        assert reach(foretold, app, known) == happened(app, known, seen[app.integration_id])


COUNTED = {
    "added": "added",
    "updated": "updated",
    "archived": "removed",
    "restored": "restored",
    "rejected": "rejected",
}


def effects(foretold: Rehearsed) -> Counter[tuple[str, str, str]]:
    """By the schools' names, for a new one has no id yet."""
    found: Counter[tuple[str, str, str]] = Counter()
    for e in foretold.effects:
        for name in COUNTED.values():
            found[e.kind, foretold.schools.get(e.school, ""), name] += getattr(e, name)
    return +found


def statistics(sis: Nights, run: Run) -> Counter[tuple[str, str, str]]:
    """What the run says that it did, in the words of a rehearsal."""
    found: Counter[tuple[str, str, str]] = Counter()
    with scope.inside(sis.district_id):
        names = queries.school_names(district_id=sis.district_id)
        for s in queries.statistics(district_id=sis.district_id, run_id=run.id):
            for name, word in COUNTED.items():
                found[s.kind, names.get(s.school_id, ""), word] += getattr(s, name)
    return +found


def log(app: Application) -> list[Any]:
    with scope.inside(app.sis.district_id):
        there = ViewModel.objects.filter(district_id=app.sis.district_id, integration_id=app.integration_id).exists()
    return app.view.versions() if there else []


Foretold = tuple[Counter[tuple[str, str]], set[tuple[str, str, UUID]]]


def happened(app: Application, known: set[UUID], seen: int) -> Foretold:
    """How many lines of each turn, and whom they are about; ids that nobody has yet cannot be foretold."""
    lines = log(app)[seen:]
    about = {(row.kind, TURNS[row.change], row.id) for row in lines if row.id in known}
    return Counter((row.kind, TURNS[row.change]) for row in lines), about


def reach(foretold: Rehearsed, app: Application, known: set[UUID]) -> Foretold:
    counted: Counter[tuple[str, str]] = Counter()
    about = set()
    for r in foretold.reach:
        if r.integration_id == app.integration_id and r.school == ALTOGETHER:
            counted.update({(r.kind, turn): getattr(r, turn) for turn in set(TURNS.values())})
            about |= {(r.kind, turn, id_) for turn, ids in r.examples.items() for id_ in ids if id_ in known}
    return +counted, about
