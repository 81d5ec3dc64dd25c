"""The import contracts of pyproject.toml can be broken: `make check` runs them on the code, this on a worse copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def verdicts(copy: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def add(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def test_every_contract_breaks_when_the_code_breaks_it(copy):
    package = copy / "src" / "schoolpassport"
    add(package / "tenancy" / "queries.py", "from schoolpassport.audit import queries")
    add(package / "rosterapi" / "__init__.py", "from schoolpassport.roster import queries")
    add(package / "roster" / "kinds" / "user.py", "from django.db import models")
    add(package / "sources" / "connectors" / "folder.py", "from schoolpassport.sources.connectors import landing")
    add(package / "sync" / "actions.py", "import httpx")
    said = verdicts(copy)
    assert "Floors BROKEN" in said
    assert "Student records are guarded BROKEN" in said
    assert "Kinds, schemas, connectors and formats are pure BROKEN" in said
    assert "Connectors are strangers to one another BROKEN" in said
    assert "Outgoing connections only by the kit BROKEN" in said


def test_a_room_that_has_no_floor_is_refused(copy):
    attic = copy / "src" / "schoolpassport" / "attic"
    attic.mkdir()
    (attic / "__init__.py").touch()
    assert "attic" in verdicts(copy)
