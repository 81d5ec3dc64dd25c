"""One real database for the whole session, and districts to work in.

Tests commit. They do not disturb one another because each works in a district of its own, which is the promise that
row-level security makes to the districts themselves.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import hypothesis
import pytest

from tests.support import database as databases
from tests.support import network

if TYPE_CHECKING:
    from schoolpassport.tenancy.models import District

HERE = Path(__file__).parent
# These need no Django, and bring their own server if any.
PURE = tuple(HERE / "unit" / room for room in ("kit", "demo", "sources", "roster", "sharing"))

network.stay_here()
databases.forget_settings(os.environ)
os.environ["PYTHONPATH"] = str(HERE.parent / "src")  # child processes run the same code
hypothesis.settings.register_profile("house", deadline=None)  # two cores, a database: time is no property here
hypothesis.settings.load_profile("house")

_started = pytest.StashKey[databases.TestDatabase]()


def _is_pure(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in PURE)


def _database(config: pytest.Config) -> databases.TestDatabase:
    if _started not in config.stash:
        config.stash[_started] = started = databases.start()
        config.add_cleanup(lambda: databases.stop(started))
    return config.stash[_started]


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> None:
    """Test modules import models, so Django must be ready before the first of them is read."""
    if not _is_pure(module_path):
        _database(parent.config)


@pytest.fixture(scope="session")
def database(pytestconfig: pytest.Config) -> databases.TestDatabase:
    return _database(pytestconfig)


@pytest.fixture(autouse=True)
def _left_outside(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test ends where it began: in no transaction, and so in no district."""
    yield
    if not _is_pure(request.path):
        from django.db import connection

        assert not connection.in_atomic_block, "the test left a transaction open"


@pytest.fixture
def now() -> datetime:
    """The first morning of a school year."""
    return datetime(2026, 9, 1, 6, tzinfo=UTC)


@pytest.fixture
def district(now: datetime) -> "District":
    return _registered("Amber Valley", now)


@pytest.fixture
def other_district(now: datetime) -> "District":
    return _registered("Birch Hollow", now)


def _registered(name: str, now: datetime) -> "District":
    from schoolpassport.tenancy import actions

    return actions.register_district(name=f"{name} {uuid4().hex[:12]}", now=now)
