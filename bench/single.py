"""The rows about small questions: one record, and filters, at their 99th percentile beside a bare SELECT."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from urllib.parse import quote
from uuid import UUID

import psycopg

from bench import applications
from bench.applications import Application
from bench.client import Client, Walk, side_by_side
from bench.figures import NO_GOAL, Figure, at_most
from bench.floor_single import INDEXES, TABLE
from bench.place import District, Place
from bench.progress import say
from bench.serving import Serving, serving
from bench.syncs import Measured, rest

_USERS = "/ims/oneroster/v1p1/users"
_OPEN = 2_147_483_647
_NIL = UUID(int=0)
_WARM = 20


@dataclass(frozen=True)
class Asked:
    """The same question, as we and the floor are asked it: one path of ours for each of theirs."""

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]


def measure(place: Place, district: District, ours: Serving, *, rounds: int, requests: int, seed: int) -> list[Figure]:
    """``requests`` of each question in each round, each about something else where there is something else."""
    application = applications.known(district)
    questions = _questions(place, application, requests, random.Random(seed))  # noqa: S311 (no secret)
    measured = Measured()
    with serving("bench.floor_single:application") as floor:
        for number in range(1, rounds + 1):
            for asked in questions:
                spent, bare = _round(application, ours, floor, asked)
                measured.add(asked.name, _p99(spent))
                measured.add(f"{asked.name} floor", _p99(bare))
                measured.add(f"{asked.name} median", median(spent) * 1000)
                measured.add(f"{asked.name} median floor", median(bare) * 1000)
                say(
                    f"{asked.name}, round {number} of {rounds}: p99 {_p99(spent):.2f} beside {_p99(bare):.2f} ms, "
                    f"median {median(spent) * 1000:.2f} beside {median(bare) * 1000:.2f}"
                )
    with psycopg.connect(place.superuser_url) as connection:
        connection.execute(f"DROP TABLE {TABLE}")
    found = []
    for asked in questions:
        for what, goal in (("", at_most(2)), (" median", NO_GOAL)):
            found.append(
                Figure.of(
                    f"{asked.name}:{what or ' p99'}",
                    runs=measured[asked.name + what],
                    floors=measured[f"{asked.name}{what} floor"],
                    unit="ms",
                    goal=goal,
                )
            )
    return found


def _round(application: Application, ours: Serving, floor: Serving, asked: Asked) -> tuple[list[float], list[float]]:
    client, bare = application.client(ours), Client(floor.port)
    for _ in range(_WARM):
        client.skim(f"{_USERS}?limit=1")
        bare.skim(asked.theirs[0])
    walks = Walk(client, asked.ours, 0), Walk(bare, asked.theirs, 0)
    side_by_side(*walks)
    client.close()
    bare.close()
    return walks[0].seconds, walks[1].seconds


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[-1] * 1000


def _questions(place: Place, application: Application, requests: int, chance: random.Random) -> list[Asked]:
    """Also makes the floor's table, with its indexes."""
    facts = [application.district.id, application.view]
    with psycopg.connect(place.superuser_url) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute(
            f"CREATE TABLE {TABLE} AS SELECT id, email, role, rev_from, doc FROM sharing_user "
            f"WHERE district_id = %s AND view = %s AND rev_to = {_OPEN} ORDER BY id",
            facts,
        )
        for columns in INDEXES:
            connection.execute(f"CREATE INDEX ON {TABLE} {columns}")
        connection.execute(f"GRANT SELECT ON {TABLE} TO PUBLIC")
        people = connection.execute(f"SELECT id, email FROM {TABLE} WHERE email IS NOT NULL").fetchall()
        teachers = connection.execute(f"SELECT id FROM {TABLE} WHERE role = 'teacher' ORDER BY id").fetchall()
        instants = connection.execute(
            "SELECT number, at FROM sharing_viewrevision WHERE district_id = %s AND view = %s ORDER BY number", facts
        ).fetchall()
    rest(place, TABLE)
    some = [chance.choice(people) for _ in range(requests)]
    (_, before), (last, at) = instants[-2:]
    between = [before + (at - before) * chance.random() for _ in range(requests)]
    places = [chance.randrange(max(1, len(teachers) - 100)) for _ in range(requests)]
    starts = [teachers[place - 1][0] if place else _NIL for place in places]
    return [
        Asked("GET /users/{id}", [f"{_USERS}/{i}" for i, _ in some], [f"/one/{i}" for i, _ in some]),
        Asked(
            "filter by e-mail",
            [_filtered(f"email='{mail}'") for _, mail in some],
            [f"/email/{quote(mail)}" for _, mail in some],
        ),
        Asked(
            "filter by dateLastModified",
            [_filtered(f"dateLastModified>'{_stamp(moment)}'") for moment in between],
            [f"/since/{last}"] * requests,
        ),
        Asked(
            "filter by role, any page",
            [f"{_filtered(_TEACHERS)}&offset={place}" for place in places],
            [f"/role/teacher/{start}" for start in starts],
        ),
    ]


_TEACHERS = "role='teacher'"


def _filtered(clause: str) -> str:
    return f"{_USERS}?limit=100&filter={quote(clause)}"


def _stamp(moment: datetime) -> str:
    shown = moment - timedelta(microseconds=moment.microsecond % 1000)
    return shown.strftime("%Y-%m-%dT%H:%M:%S.") + f"{shown.microsecond // 1000:03d}Z"
