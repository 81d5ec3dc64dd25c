"""Two sources of one district: a SIS, and a directory that adds an account to everybody; a night of both, merged."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import duckdb

from bench import processes
from bench.figures import NO_GOAL, Figure, at_most
from bench.place import BY, District, Packages, Place, a_district
from bench.progress import say
from bench.syncs import night, rest, sync
from schoolpassport.kit import clock

_NIGHTLY = 0.01  # of the accounts change


def measure(place: Place, packages: Packages, *, folder: Path, rounds: int, profile: Path | None) -> list[Figure]:
    """Each round loads both sources into a new district, and then tells a night of both."""
    first, second = _accounts(packages.day1, folder / "accounts1"), _accounts(packages.day2, folder / "accounts2")
    costs, walls, floors = [], [], []
    for number in range(1, rounds + 1):
        sis = a_district()
        directory = replace(sis, source_id=_directory(sis))
        sync(place, sis, packages.day1, wants="done")
        loaded = sync(place, directory, first, wants="done")
        _check_merged(directory, first)
        rest(place)
        nights = [(sis, packages.day2), (directory, second)]
        readings = [min(_reading(package, reader) for reader in ("DuckDB", "Polars")) for _, package in nights]
        told = night(place, nights, wants="done", profile=profile and profile / "several.txt")
        costs.append(told.said["cpu"] + told.server_cpu)
        walls.append(told.said["wall"])
        floors.append(sum(readings))
        say(
            f"two sources, round {number} of {rounds}: directory loaded in {loaded.said['wall']:.1f} s; a night: "
            f"wall {told.said['wall']:.2f} cpu {told.said['cpu']:.2f} + {told.server_cpu:.2f}"
            f"; only reading {sum(readings):.2f} cpu"
        )
    return [
        Figure.of("two sources merged, night, 1 % changed", runs=costs, floors=floors, unit="s cpu", goal=at_most(6)),
        Figure.of("two sources merged, wall", runs=[median(walls)], floors=None, unit="s wall", goal=NO_GOAL),
    ]


def _reading(folder: Path, reader: str) -> float:
    return float(processes.run("bench.reading", {"reader": reader, "paths": Packages.files(folder)}).said["cpu"])


def _accounts(day: Path, into: Path) -> Path:
    """What a directory says of the people of a day: one account each, found by number and names."""
    if not into.is_dir():
        into.mkdir(parents=True)
        number = "try_cast(regexp_extract(sourcedId, '[0-9]+') AS BIGINT)"
        late = f"CASE WHEN {number} % {round(1 / _NIGHTLY)} = 7 AND {day.name == 'day2'} THEN '2' ELSE '' END"
        duckdb.sql(
            f"COPY (SELECT 'ad-' || sourcedId AS id, 'cn=' || sourcedId || ',ou=people' AS dn, username, "
            f"split_part(sourcedId, '-', 1) || {number} || {late} || '@accounts.cedar.example' AS mail, givenName, "
            f"familyName AS sn, identifier AS employeeNumber, 'true' AS enabled FROM read_csv('{day}/users.csv', "
            f"all_varchar = true) WHERE identifier IS NOT NULL) TO '{into}/accounts.csv' (HEADER)"
        )
    return into


def _directory(district: District):
    """Its addresses are the ones that count."""
    from schoolpassport.sources import actions  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sources.models import SourceRole  # noqa: PLC0415 (not before Django is set up)

    source = actions.register_source(
        district_id=district.id,
        name="Directory",
        schema="directory",
        role=SourceRole.ENRICHMENT,
        by=BY,
        now=clock.now(),
    )
    actions.write_setting(
        district_id=district.id,
        subject="masters",
        content={"user": [{"attribute": "email", "source": "Directory", "rule": "master"}]},
        by=BY,
        now=clock.now(),
    )
    return source.id


def _check_merged(directory: District, accounts: Path) -> None:
    """The figure is about merging: nearly every account must have found its person."""
    from schoolpassport.roster.models import Link  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.tenancy import scope  # noqa: PLC0415 (not before Django is set up)

    with scope.inside(directory.id):
        found = Link.objects.filter(district_id=directory.id, source_id=directory.source_id, kind="user").count()
    ((there,),) = duckdb.sql(f"SELECT count(*) FROM read_csv('{accounts}/accounts.csv')").fetchall()
    say(f"{found:,} of {there:,} accounts found their person")
    if found < 0.95 * there:
        raise RuntimeError("too many accounts found nobody: this is no night of two merged sources")
