"""Night after night the roster is what a plain dict says it is; ids are given once, and the past stands still.

``HISTORIES=1000`` tries more of them than every run of the tests affords.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, given, note, settings

from schoolpassport.roster.models import Revision
from schoolpassport.roster.queries import dangling
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support.amount import amount
from tests.support.nights import Nights, nights
from tests.support.oracle import Oracle, said
from tests.support.packages import Package
from tests.support.world import histories

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
Roster = dict[str, dict[str, dict[str, Any]]]


@settings(
    max_examples=amount("HISTORIES", 6),
    database=None,
    phases=[
        Phase.generate
    ],  # a night takes half a second: what failed is told whole, in place of being shrunk for minutes
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_the_roster_is_what_the_oracle_says_night_after_night(history: list[Package]):
    with tempfile.TemporaryDirectory() as folder:
        live_through(history, Path(folder))


def live_through(history: list[Package], folder: Path) -> None:
    district = register_district(name=f"Amber Valley {uuid4()}", now=NOW)
    sis = nights(district_id=district.id, folder=folder, now=NOW)
    # The guard is not what is tried here; only a school that vanishes is asked about whatever the limits are.
    sis.set_limits(removed_share=1, removed_count=10**6, overlap_share=0, bad_row_share=1, hold_whole=True)
    oracle, ids = Oracle(), sis.all_ids()
    past: dict[int, Roster] = {0: roster(sis)}
    for package in history:
        revision = sis.revision()
        changed = oracle.night(package)
        note(f"night {len(past)}: {package}")
        run = sis.run(package)
        if run.state == "held":
            run = sis.approve(run)
        assert (run.state, sis.revision()) == (("done", revision + 1) if changed else ("unchanged", revision)), (
            run.message
        )
        past[sis.revision()] = now = roster(sis)
        assert differences(now, oracle.records) == {}
        check_statistics(sis, run, oracle)
        ids = check_ids(sis, ids)
        with scope.inside(sis.district_id):
            assert dangling(district_id=sis.district_id) == []
    check_past(sis, past)


def roster(sis: Nights, as_of: int | datetime | None = None) -> Roster:
    told = sis.everything(as_of)
    return {kind: {key: said(record) for key, record in records.items()} for kind, records in told.items()}


def differences(found: Roster, expected: Roster) -> dict[tuple[str, str], Any]:
    """Who differs, and in what: what was found, and what was expected."""
    told = {}
    for kind in found:
        wanted = expected.get(kind, {})
        for key in sorted(found[kind].keys() | wanted.keys()):
            a, b = found[kind].get(key, {}), wanted.get(key, {})
            if a != b:
                told[kind, key] = {f: (a.get(f), b.get(f)) for f in a.keys() | b.keys() if a.get(f) != b.get(f)}
    return told


def check_ids(sis: Nights, before: dict[str, dict[str, UUID]]) -> dict[str, dict[str, UUID]]:
    """Nobody's id changes or goes, and no two share one, but demographics with their user."""
    now = sis.all_ids()
    for kind, ids in before.items():
        assert ids.items() <= now[kind].items(), kind
    owners = [(kind, id_) for kind, ids in now.items() if kind != "demographics" for id_ in ids.values()]
    assert len({id_ for _, id_ in owners}) == len(owners)
    assert now["demographics"].items() <= now["user"].items()
    return now


def check_statistics(sis: Nights, run: Any, oracle: Oracle) -> None:
    told = {
        kind: {word: n for word, n in counts.items() if word not in {"unchanged", "rejected"}}
        for kind, counts in sis.statistics(run).items()
    }
    expected = {kind: dict(counts) for kind, counts in oracle.counts.items() if counts}
    assert {kind: counts for kind, counts in told.items() if counts} == expected


def check_past(sis: Nights, past: dict[int, Roster]) -> None:
    """Every earlier revision is told today as it was told then, by its number and by its instant."""
    with scope.inside(sis.district_id):
        at = {r.number: r.at for r in Revision.objects.filter(district_id=sis.district_id)}
    assert at.keys() | {0} == past.keys()
    for number, then in past.items():
        assert roster(sis, number) == then
        if number:
            assert roster(sis, at[number]) == then
