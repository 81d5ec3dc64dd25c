"""The rows about the API: full walks with a real token beside a bare handler, deep pages, totals, and the control."""

import json
import random
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from uuid import UUID

import msgspec
import psycopg

from bench import applications
from bench.applications import Application
from bench.client import Client, Walk, side_by_side
from bench.figures import Figure, at_least, at_most
from bench.inside import time_of_total
from bench.place import BY, District, Place
from bench.progress import say
from bench.serving import PRODUCT, Serving, serving
from bench.syncs import Measured, rest

ONEROSTER = "/ims/oneroster/v1p1"
TEN_FIELDS = "sourcedId,status,dateLastModified,username,givenName,familyName,role,email,orgs,grades"
STUDENTS = "filter=role%3D%27student%27"
_OPEN = 2_147_483_647
_NIL = UUID(int=0)
_PAGES_APART = 200  # deep pages and first pages, in turns
_FIRSTS = 15  # warm first pages, of which the median counts


@dataclass(frozen=True)
class Target:
    """The view that is walked, and what opens it."""

    application: Application
    users: int
    enrollments: int
    keys: dict[tuple[str, int], list[UUID]]  # (collection, limit) → the last id before each page

    def environment(self) -> dict[str, str]:
        return {"BENCH_DISTRICT": str(self.application.district.id), "BENCH_VIEW": str(self.application.view)}


def measure(place: Place, district: District, *, rounds: int, seed: int, jobs: AbstractSet[str]) -> list[Figure]:
    """``jobs``: ``api``, ``control`` or both. The product's server is a new one in each round: it knows nothing yet."""
    target = _target(place, district)
    measured = Measured()
    chance = random.Random(seed)  # noqa: S311 (which pages are looked at is no secret)
    with (
        serving("bench.floor_wsgi:application", target.environment()) as floor,
        serving("bench.control:application", target.environment()) as control,
    ):
        for number in range(1, rounds + 1):
            title = f"round {number} of {rounds}"
            with serving(PRODUCT) as ours:
                if "api" in jobs:
                    if number == 1:
                        _keep_documents(place, target, ours)
                    _round(place, target, ours, floor, measured, title, chance)
                if "control" in jobs:
                    _control(target, ours, control, measured, title)
    if "api" in jobs:
        for name, query in (("all", ""), ("students", STUDENTS)):
            for _ in range(rounds):
                measured.add(f"known {name}", time_of_total(_granted(target), f"{ONEROSTER}/users", query))
    return [*(_figures(measured) if "api" in jobs else ()), *(_control_figure(measured) if "control" in jobs else ())]


def _figures(m: Measured) -> list[Figure]:
    rate = "records/s"

    def walk(job: str, name: str, least: float) -> Figure:
        return Figure.of(job, runs=m[name], floors=m[f"{name} floor"], unit=rate, goal=at_least(least))

    found = [
        walk("GET /users?limit=1000, full walk", "users 1000", 0.7),
        walk("GET /users?limit=100, full walk", "users 100", 0.7),
        walk("GET /enrollments?limit=1000, full walk", "enrollments 1000", 0.5),
        walk("GET /users?limit=1000 with fields=, 10 of 19 attributes", "fields", 0.5),
        Figure.of(
            "page at a random deep offset, limit=100", runs=m["deep"], floors=m["shallow"], unit="ms", goal=at_most(1.2)
        ),
    ]
    for name, title in (("all", "unfiltered"), ("students", "filtered by role")):
        found += [
            Figure.of(
                f"X-Total-Count, {title}: looking it up, of a page of 1000",
                runs=m[f"known {name}"],
                floors=m[f"page {name}"],
                unit="ms",
                goal=at_most(0.05),
            ),
            Figure.of(
                f"X-Total-Count, {title}: counting it once, of a walk by 1000",
                runs=m[f"count {name}"],
                floors=m[f"walk {name}"],
                unit="ms",
                goal=at_most(0.05),
            ),
        ]
    return found


def _control_figure(m: Measured) -> list[Figure]:
    return [
        Figure.of(
            "the same walk of users: ours beside Django REST framework",
            runs=m["ours beside control"],
            floors=m["control"],
            unit="records/s",
            goal=at_least(10),
        )
    ]


# ---------------------------------------------------------------------------------------------------------- preparation


def _target(place: Place, district: District) -> Target:
    application = applications.known(district)
    keys = {}
    counts = {}
    with psycopg.connect(place.superuser_url) as connection:
        for collection, limits in (("user", (1000, 100)), ("enrollment", (1000,))):
            held = f"FROM sharing_{collection} WHERE district_id = %s AND view = %s AND rev_to = {_OPEN}"
            row = connection.execute(f"SELECT count(*) {held}", [district.id, application.view]).fetchone()
            counts[collection] = row[0] if row else 0
            for limit in limits:
                numbered = f"SELECT id, row_number() OVER (ORDER BY id) AS place {held}"
                found = connection.execute(
                    f"SELECT id FROM ({numbered}) n WHERE place %% {limit} = 0 ORDER BY id",
                    [district.id, application.view],
                )
                keys[f"{collection}s", limit] = [_NIL, *(each for (each,) in found.fetchall())]
    return Target(
        application=application,
        users=counts["user"],
        enrollments=counts["enrollment"],
        keys=keys,
    )


def _keep_documents(place: Place, target: Target, ours: Serving) -> None:
    """Enrollments are written out as they are read; for their floor, the finished documents are stored in a table."""
    say(f"storing {target.enrollments:,} finished enrollments for the floor")
    with psycopg.connect(place.owner_url) as connection:
        client = target.application.client(ours)
        connection.execute("DROP TABLE IF EXISTS bench_enrollment")
        connection.execute("CREATE TABLE bench_enrollment (district_id uuid, view int, id uuid, doc text)")
        statement = "COPY bench_enrollment FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            kept = 0
            for offset in range(0, target.enrollments, 10_000):
                _, body = client.get(f"{ONEROSTER}/enrollments?limit=10000&offset={offset}")
                for document in _documents(body)["enrollments"]:
                    text = bytes(document).decode()
                    copy.write_row(
                        (target.application.district.id, target.application.view, json.loads(text)["sourcedId"], text)
                    )
                    kept += 1
        if kept != target.enrollments:
            raise RuntimeError(f"the API gave {kept} enrollments, the view holds {target.enrollments}")
        connection.execute("CREATE UNIQUE INDEX ON bench_enrollment (district_id, view, id)")
    rest(place)


_documents = msgspec.json.Decoder(dict[str, list[msgspec.Raw]]).decode


def _granted(target: Target) -> str:
    """Without a server."""
    from schoolpassport.kit import clock  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.partners import actions, queries, records  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.partners.contract import ROSTERING  # noqa: PLC0415 (not before Django is set up)

    now = clock.now()
    client = queries.client(
        client_id=target.application.client_id, client_secret=target.application.client_secret, now=now
    )
    assert isinstance(client, records.Client)
    new = actions.grant_token(
        client=client, asked=frozenset(), may=ROSTERING, lifetime=timedelta(hours=1), by=BY, now=now
    )
    assert isinstance(new, records.NewToken)
    return new.token


# ------------------------------------------------------------------------------------------------------------- a round


def _round(
    place: Place, target: Target, ours: Serving, floor: Serving, m: Measured, title: str, chance: random.Random
) -> None:
    client, bare = target.application.client(ours), Client(floor.port)
    for _ in range(_FIRSTS):  # connections, plans of other statements
        client.skim(f"{ONEROSTER}/orgs?limit=1000")
        bare.skim(f"/users/1000/{_NIL}")
    _totals(client, m)
    users = [f"{ONEROSTER}/users?limit=1000&offset={o}" for o in range(0, target.users, 1000)]
    by_hundreds = [f"{ONEROSTER}/users?limit=100&offset={o}" for o in range(0, target.users, 100)]
    enrollments = [f"{ONEROSTER}/enrollments?limit=1000&offset={o}" for o in range(0, target.enrollments, 1000)]
    client.skim(enrollments[0])
    _beside(
        place,
        m,
        title,
        "users 1000",
        Walk(client, users, target.users),
        _bare(bare, target, "users", 1000),
        ours,
        floor,
    )
    _beside(
        place,
        m,
        title,
        "users 100",
        Walk(client, by_hundreds, target.users),
        _bare(bare, target, "users", 100),
        ours,
        floor,
    )
    _beside(
        place,
        m,
        title,
        "enrollments 1000",
        Walk(client, enrollments, target.enrollments),
        _bare(bare, target, "enrollments", 1000),
        ours,
        floor,
    )
    whole, some = (
        Walk(client, users, target.users),
        Walk(client, [f"{u}&fields={TEN_FIELDS}" for u in users], target.users),
    )
    _beside(place, m, title, "fields", some, whole, ours, ours)
    m.add("walk all", whole.total * 1000)
    _deep(client, target, m, chance)
    _students(client, m)
    say(
        f"{title}: deep {m['deep'][-1]:.2f} ms, first {m['shallow'][-1]:.2f} ms; "
        f"counting all {m['count all'][-1]:.0f} ms, students {m['count students'][-1]:.0f} ms"
    )
    client.close()
    bare.close()


def _bare(client: Client, target: Target, collection: str, limit: int) -> Walk:
    total = target.users if collection == "users" else target.enrollments
    pages = -(-total // limit)
    return Walk(client, [f"/{collection}/{limit}/{after}" for after in target.keys[collection, limit][:pages]], total)


def _beside(
    place: Place, m: Measured, title: str, name: str, walk: Walk, other: Walk, server: Serving, other_server: Serving
) -> None:
    before = server.cpu(), other_server.cpu(), place.server.cpu()
    side_by_side(walk, other)
    after = server.cpu(), other_server.cpu(), place.server.cpu()
    m.add(name, walk.rate)
    m.add(f"{name} floor", other.rate)
    spent = [f"{(b - a) * 1e6 / walk.records:.1f}" for a, b in zip(before, after, strict=True)]
    say(
        f"{title}: {name}: {walk.rate:,.0f} beside {other.rate:,.0f} records/s ({walk.rate / other.rate:.0%}); "
        f"cpu per record {spent[0]} and {spent[1]} µs, database {spent[2]} µs for both"
    )


def _totals(client: Client, m: Measured) -> None:
    """The first page that a server process gives of a selection in a revision, against the same page afterwards."""
    for name, query in (("all", ""), ("students", f"&{STUDENTS}")):
        path = f"{ONEROSTER}/users?limit=1000{query}"
        begun = time.perf_counter()
        client.skim(path)
        first = time.perf_counter() - begun
        again = _timed(client, [path] * _FIRSTS)
        m.add(f"count {name}", max(first - median(again), 0.0) * 1000)
        m.add(f"page {name}", median(again) * 1000)


def _students(client: Client, m: Measured) -> None:
    path = f"{ONEROSTER}/users?limit=1000&{STUDENTS}"
    headers, _ = client.get(path)
    total = int(headers["x-total-count"])
    m.add("walk students", sum(_timed(client, [f"{path}&offset={o}" for o in range(0, total, 1000)])) * 1000)


def _deep(client: Client, target: Target, m: Measured, chance: random.Random) -> None:
    path = f"{ONEROSTER}/users?limit=100&offset="
    deep, shallow = [], []
    for _ in range(_PAGES_APART):
        deep += _timed(client, [f"{path}{chance.randrange(100, max(101, target.users - 100))}"])
        shallow += _timed(client, [f"{path}0"])
    m.add("deep", median(deep) * 1000)
    m.add("shallow", median(shallow) * 1000)


def _timed(client: Client, paths: Sequence[str]) -> list[float]:
    walk = Walk(client, paths, 0)
    side_by_side(walk)
    return walk.seconds


def _control(target: Target, ours: Serving, control: Serving, m: Measured, title: str) -> None:
    client, theirs = target.application.client(ours), Client(control.port)
    for one, path in ((client, f"{ONEROSTER}/users"), (theirs, "/users")):
        for _ in range(_FIRSTS):
            one.skim(f"{path}?limit=100")
    pages = range(0, target.users, 1000)
    walk = Walk(client, [f"{ONEROSTER}/users?limit=1000&offset={o}" for o in pages], target.users)
    other = Walk(theirs, [f"/users?limit=1000&offset={o}" for o in pages], target.users)
    side_by_side(walk, other)
    m.add("ours beside control", walk.rate)
    m.add("control", other.rate)
    say(f"{title}: Django REST framework: {other.rate:,.0f} records/s beside {walk.rate:,.0f}")
    client.close()
    theirs.close()
