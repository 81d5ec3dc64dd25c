"""Whatever a provider does with pages, counts, links, types and tokens: the package is its roster, cell by cell."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from schoolpassport.kit.recovery import NeedsAttention, Retry
from tests.support import oneroster_provider as fake
from tests.support.oneroster_provider import Quirks, provider, serving
from tests.support.packages import Package, user
from tests.support.world import FILES, KEYS, ROWS
from tests.unit.sources.test_oneroster_dialect import Nights
from tests.unit.sources.test_oneroster_rest import modes, pulled, rows, said

STARTED = datetime(2026, 8, 21, 5, tzinfo=UTC)
NAMES = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8)
PASSING = (
    fake.status(503),
    fake.status(429),
    fake.status(429, Retry_After="0"),
    fake.cut,
    fake.cut_in_a_chunk,
    fake.half_a_document,
)


@st.composite
def worlds(draw: st.DrawFn) -> Package:
    files = {}
    for file in FILES:
        keys = draw(st.lists(st.sampled_from(KEYS[file]), min_size=1, unique=True))
        files[file] = [draw(ROWS[file](key)) for key in keys]
    crowd = draw(st.integers(2, 23))
    files["users"] += [user(f"x{n}", givenName=draw(NAMES), role="student") for n in range(crowd)]
    sane = {
        f: tuple({**r, "role": "parent"} if r.get("role") == "wizard" else r for r in rs) for f, rs in files.items()
    }
    return Package(sane)


@st.composite
def quirks(draw: st.DrawFn) -> Quirks:
    """Ways that can be survived: one by which all records can be reached, and anything besides."""
    paging = draw(
        st.sampled_from(
            [
                {},
                {"past_end": 404},
                {"sorts": False},
                {"sorts": False, "shuffles": True},
                {"cursor": True, "link": "good"},
                {"cursor": True, "link": "lower"},
                {"cursor": True, "link": "relative", "sorts": False},
                {"ignores_limit": True, "ignores_offset": True},
            ]
        )
    )
    whole = "ignores_limit" in paging
    clamp = 0 if whole else draw(st.sampled_from([0, 0, 1, 2, 3, 7]))
    total = draw(st.sampled_from(["true", "none", "page", "more"]))
    faults = draw(st.dictionaries(st.integers(1, 60), st.sampled_from(PASSING), max_size=3))
    crossed = {n: f for n, f in faults.items() if not {n - 1, n - 2} & faults.keys()}
    return Quirks(
        **paging,
        clamp=0 if paging.get("shuffles") and clamp == 1 else clamp,
        total="true" if paging.get("shuffles") else total,
        booleans=draw(st.sampled_from(["text", "json", "capital", "digit"])),
        singles=draw(st.booleans()),
        bare=draw(st.booleans()),
        nulls=draw(st.booleans()),
        cased=draw(st.booleans()),
        extras=draw(st.booleans()),
        bom=draw(st.booleans()),
        token_life=draw(st.sampled_from([0, 0, 3, 10])),
        faults=crossed,
    )


@hypothesis.settings(max_examples=40, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(world=worlds(), how=quirks(), size=st.sampled_from(["2", "3", "10", "2000"]))
@pytest.mark.slow
def test_the_package_is_the_roster_whatever_the_provider_does(world, how, size):
    with tempfile.TemporaryDirectory() as folder, serving(provider(world, how)) as made:
        into = Path(folder) / "got"
        try:
            pulled(made, into, page_size=size)
        except (Retry, NeedsAttention):
            # Pages of a provider without any order fit together by chance only: then it is refused, never made up.
            assert how.shuffles
            return
        assert rows(into) == said(world)
        assert modes(into) == dict.fromkeys(world.rows, "bulk")


# What is told night after night, and by which a delta may be read or not; never one that misses something.
TELLING = (
    Quirks(),
    Quirks(clamp=3, total="none"),
    Quirks(filters="days"),
    Quirks(keeps_dates=True),
    Quirks(filters="ignored"),
    Quirks(filters="refused"),
    Quirks(dates="none"),
    Quirks(dates="same"),
    Quirks(dates="answer"),
)


def taken(stands, into):
    """What stands after a package: whole files take the place of what was, deltas change it."""
    told = rows(into)
    for file, mode in modes(into).items():
        kept = {} if mode == "bulk" else dict(stands.get(file, {}))
        for key, row in told[file].items():
            plain = {c: v for c, v in row.items() if c not in {"status", "dateLastModified"}}
            if row.get("status") == "tobedeleted":
                kept.pop(key, None)
            else:
                kept[key] = plain
        stands = {**stands, file: kept}
    return stands


@hypothesis.settings(max_examples=12, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(history=st.lists(worlds(), min_size=3, max_size=6), how=st.sampled_from(TELLING))
@pytest.mark.slow
def test_whole_files_and_deltas_add_up_to_the_roster_of_each_night(history, how):
    with tempfile.TemporaryDirectory() as folder, serving(provider(history[0], replace(how))) as made:
        known, stands = Nights(made, Path(folder), page_size="50"), {}
        for day, world in enumerate(history):
            stamp = (STARTED + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            stands = taken(stands, known.says(world, stamp))
            assert stands == said(world), f"night {day}: {modes(known.folder / f'night-{known.count}')}"
