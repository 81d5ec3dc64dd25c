"""The rows about whole views: a pull behind Privacy Shield beside one without, and the export beside COPY."""

import time
from http.client import HTTPConnection
from pathlib import Path

import psycopg

from bench import applications
from bench.applications import Application
from bench.client import Walk, side_by_side
from bench.figures import Figure, at_least
from bench.place import District, Place
from bench.progress import say
from bench.serving import Serving
from bench.syncs import Measured, rest

ONEROSTER = "/ims/oneroster/v1p1"
EXPORT = "/datahub/services/view/export"
_SHIELD = 3
_OPEN = 2_147_483_647
_BLOCK = 1 << 20
_WARM = 3
_LINES = r"(FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')"  # no line holds either
_MEGABYTE = 1_000_000


# ----------------------------------------------------------------------------------------------------- masked pulls


def measure_masked(place: Place, district: District, ours: Serving, *, rounds: int) -> list[Figure]:
    """Both views hold the same people; the pages of both are asked for in turns."""
    begun = time.perf_counter()
    masked, plain = applications.another(district, shield=_SHIELD), applications.known(district)
    say(f"a masked view was made in {time.perf_counter() - begun:.1f} s")
    rest(place, "sharing_user")
    measured = Measured()
    users = _count(place, plain, "user")
    for number in range(1, rounds + 1):
        walks = [_pull(each, ours, users) for each in (masked, plain)]
        side_by_side(*walks)
        for name, walk in zip(("masked", "plain"), walks, strict=True):
            measured.add(name, walk.rate)
            walk.client.close()
        say(
            f"pulls, round {number} of {rounds}: masked {walks[0].rate:,.0f} records/s "
            f"beside {walks[1].rate:,.0f} unmasked"
        )
    return [
        Figure.of(
            "pull of users by 1000, masked, beside unmasked",
            runs=measured["masked"],
            floors=measured["plain"],
            unit="records/s",
            goal=at_least(0.7),
        )
    ]


def _pull(application: Application, server: Serving, users: int) -> Walk:
    client = application.client(server)
    paths = [f"{ONEROSTER}/users?limit=1000&offset={offset}" for offset in range(0, users, 1000)]
    for _ in range(_WARM):
        client.skim(paths[0])
    return Walk(client, paths, users)


def _count(place: Place, application: Application, kind: str) -> int:
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM sharing_{kind} WHERE district_id = %s AND view = %s AND rev_to = {_OPEN}",
            [application.district.id, application.view],
        ).fetchone()
    return row[0] if row else 0


# ------------------------------------------------------------------------------------------------------- the export


def measure_export(place: Place, district: District, ours: Serving, *, folder: Path, rounds: int) -> list[Figure]:
    """The floor copies the very lines out of a table that holds nothing else, in the order in which they lie there."""
    application = applications.known(district)
    measured = Measured()
    headers = {"Authorization": f"Bearer {application.token(ours)}"}
    for name, query in (("users", "?collections=users"), ("everything", "")):
        file = folder / f"{name}.ndjson"
        with file.open("wb") as target:
            _streamed(ours, EXPORT + query, headers, target.write)
        _keep_lines(place, file)
        for number in range(1, rounds + 1):
            before = ours.cpu(), place.server.cpu()
            size, seconds = _streamed(ours, EXPORT + query, headers)
            spent = ours.cpu() - before[0], place.server.cpu() - before[1]
            copied, bare, bare_cpu = _copied(place)
            measured.add(name, size / _MEGABYTE / seconds)
            measured.add(f"{name} floor", copied / _MEGABYTE / bare)
            say(
                f"export of {name}, round {number} of {rounds}: {size / _MEGABYTE:.1f} MB in {seconds:.2f} s, "
                f"cpu {spent[0]:.2f} + database {spent[1]:.2f}; COPY {bare:.2f} s, cpu {bare_cpu:.2f}"
            )
        file.unlink()
    with psycopg.connect(place.owner_url) as connection:
        connection.execute("DROP TABLE bench_line")
    return [
        Figure.of(
            f"NDJSON export of {name}",
            runs=measured[name],
            floors=measured[f"{name} floor"],
            unit="MB/s",
            goal=at_least(0.8),
        )
        for name in ("users", "everything")
    ]


def _streamed(server: Serving, path: str, headers: dict[str, str], keep=None) -> tuple[int, float]:
    """How many bytes came, and the seconds until the last of them."""
    connection = HTTPConnection("127.0.0.1", server.port)
    begun, size, buffer, last = time.perf_counter(), 0, bytearray(_BLOCK), b""
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {answer.read(500)!r}")
    while got := answer.readinto(buffer):
        size, last = size + got, bytes(buffer[max(0, got - 200) : got])
        if keep:
            keep(memoryview(buffer)[:got])
    seconds = time.perf_counter() - begun
    connection.close()
    if b'{"end":{' not in last:
        raise RuntimeError(f"{path}: the export broke off: {last!r}")
    return size, seconds


def _keep_lines(place: Place, file: Path) -> None:
    with psycopg.connect(place.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_line")
        cursor.execute("CREATE TABLE bench_line (line text)")
        with file.open("rb") as source, cursor.copy(f"COPY bench_line FROM STDIN {_LINES}") as copy:
            while block := source.read(_BLOCK):
                copy.write(block)
    rest(place, "bench_line")


def _copied(place: Place) -> tuple[int, float, float]:
    """Bytes, seconds, and processor time of both sides."""
    with psycopg.connect(place.owner_url) as connection, connection.cursor() as cursor:
        begun, cpu, size = time.perf_counter(), time.process_time() + place.server.cpu(), 0
        with cursor.copy(f"COPY bench_line TO STDOUT {_LINES}") as copy:
            for block in copy:
                size += len(block)
        return size, time.perf_counter() - begun, time.process_time() + place.server.cpu() - cpu
