from pathlib import Path

import pytest

from tests.house import requirements

ROOT = Path(__file__).parents[2]
RUNTIME, DEV = (ROOT / "requirements" / name for name in ("runtime", "dev"))


def text(path: Path, suffix: str) -> str:
    return path.with_suffix(suffix).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [RUNTIME, DEV], ids=["runtime", "dev"])
def test_everything_is_pinned_and_hashed_and_no_address_is_named(path):
    assert list(requirements.unlocked(text(path, ".txt"))) == []
    assert set(requirements.wanted(text(path, ".in"))) <= requirements.pins(text(path, ".txt")).keys()


def test_tests_run_against_what_is_shipped():
    shipped, tested = (requirements.pins(text(path, ".txt")) for path in (RUNTIME, DEV))
    assert {name: tested.get(name) for name in shipped} == shipped


def test_every_dependency_has_its_reason():
    explained = text(ROOT / "docs" / "dependencies", ".md")
    asked = {*requirements.wanted(text(RUNTIME, ".in")), *requirements.wanted(text(DEV, ".in"))}
    first_cells = [line.split("|")[1] for line in explained.splitlines() if line.startswith("| ")]
    named = {name.strip() for cell in first_cells for name in cell.split(",")}
    assert asked - named == set()


HASH = " \\\n    --hash=sha256:0000\n    # via somebody\n"


def test_a_lock_as_it_should_be_is_no_problem():
    lock = f"click==8.5.1{HASH}colorama==0.4.6 ; sys_platform == 'win32'{HASH}psycopg[binary]==3.3.9{HASH}"
    assert list(requirements.unlocked(lock)) == []
    assert requirements.pins(lock) == {"click": {"8.5.1"}, "colorama": {"0.4.6"}, "psycopg": {"3.3.9"}}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("click>=8\n", "click>=8 is not pinned"),
        ("click==8.5.1\n", "click==8.5.1 has no hash"),
        ("--index-url https://packages.example/simple\n", "--index-url https://packages.example/simple is not pinned"),
        (f"click==8.5.1{HASH}    # from https://packages.example", "it says where to fetch from: https:"),
        (f"click==8.5.1 --find-links /wheels{HASH}", "it says where to fetch from: --find-links"),
    ],
)
def test_each_fault_of_a_lock_is_found(line, problem):
    assert problem in requirements.unlocked(line)
