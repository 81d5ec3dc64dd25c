"""The documentation says what the code does: parts of it are written from the code, the rest leads where it says."""

import importlib
import pkgutil
import re
from dataclasses import fields
from pathlib import Path

import pytest

from schoolpassport.config import environment
from schoolpassport.kit.refusal import Code
from schoolpassport.quality import rules
from schoolpassport.sources import manifest
from schoolpassport.sync.models import RunState
from schoolpassport.sync.policies import Limits
from tests.house import documents

PAGES = documents.texts()
OPERATORS, PARTNERS, CHECKS, HOUSE = (
    Path("docs") / name for name in ("operators.md", "partners.md", "package-checks.md", "house.md")
)
ROOMS = sorted(p.parent.name for p in (documents.ROOT / "src" / "schoolpassport").glob("*/__init__.py"))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_a_page_takes_from_the_code_is_what_the_code_says(page):
    """`python -m tests.house.documents` writes it anew."""
    assert documents.written(PAGES[page]) == PAGES[page]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_path_and_test_that_a_page_names_is_there(page):
    assert list(documents.astray(page, PAGES[page])) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_code_in_a_table_stands_between_single_marks(page):
    """Between two it would show the one that is left: ``schools.csv`*``."""
    assert [line for line in PAGES[page].splitlines() if line.startswith("|") and "``" in line] == []


def test_every_setting_is_documented():
    assert [s.name for s in environment.SETTINGS if f"`{s.name}`" not in PAGES[OPERATORS]] == []


def test_every_command_is_documented_with_its_options():
    text = PAGES[Path("docs") / "commands.md"]
    for words, command in documents.commands():
        section = text.partition(f"### `schoolpassport {words}")[2].partition("\n### ")[0]
        assert section, words
        assert [o for p in command.params for o in p.opts if o.startswith("-") and o not in section] == [], words


def test_every_command_that_a_page_shows_exists():
    known = {words for words, _ in documents.commands()}
    groups = {words.split()[0] for words in known}
    for page, text in PAGES.items():
        for shown in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?schoolpassport ([a-z][^\n|]*)", text, re.MULTILINE):
            words = re.findall(r"^[a-z]+|(?<= )[a-z][a-z-]*(?= |$)", shown)
            assert words[0] in groups, (page, shown)
            assert words[0] in known or words[0] == "sync" or " ".join(words[:2]) in known, (page, shown)


def test_every_check_of_a_package_is_documented():
    text = PAGES[CHECKS]
    modules = [importlib.import_module(f"{rules.__name__}.{m.name}") for m in pkgutil.iter_modules(rules.__path__)]
    public = {name: value for m in modules for name, value in vars(m).items() if re.match(r"[A-Z]", name)}
    of_rows = {value for value in public.values() if isinstance(value, str)}
    source = Path(manifest.__file__).read_text(encoding="utf-8")
    of_packages = set(re.findall(r'rule="([^"]+)"', source))
    assert len(of_packages) > 10
    assert sorted(rule for rule in of_rows | of_packages if f"**{rule}**" not in text) == []
    assert [code for code in Code if f"`{code}`" not in text] == []


def test_every_state_and_limit_is_explained_to_operators():
    text = PAGES[OPERATORS]
    assert [state for state in RunState if f"`{state}`" not in text] == []
    limits = [f.name for f in fields(Limits) if f.name != "kinds"]  # that is said by --kind
    assert [name for name in limits if f"`--{name.replace('_', '-')}`" not in text] == []


def test_every_room_is_in_the_plan_of_the_house():
    assert [room for room in ROOMS if f"`{room}`" not in PAGES[HOUSE]] == []


def test_decision_records_are_numbered_and_name_what_enforces_them():
    records = [page for page in PAGES if page.parent.name == "adr"]
    assert [int(page.name[:4]) for page in records] == list(range(1, len(records) + 1))
    for page in records:
        headings = re.findall(r"^## (.+)$", PAGES[page], re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequence", "Enforced by"], page
        assert re.search(r"`(tests/|pyproject\.toml)", PAGES[page].partition("## Enforced by")[2]), page


def test_every_promise_about_security_has_its_test():
    rows = [line for line in PAGES[Path("docs") / "security.md"].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if not row.startswith("| ---") and "`tests/" not in row] == []


def test_the_readme_fits_on_a_screen():
    assert len(PAGES[Path("README.md")].splitlines()) <= 80


def test_a_link_that_leads_nowhere_is_found():
    page = Path("docs") / "house.md"
    text = "[a](nowhere.md) [b](glossary.md#nothing) `tests/house/test_docs.py::test_nothing` `src/nothing.py`"
    assert len(list(documents.astray(page, text))) == 4


def test_a_part_that_is_behind_the_code_is_found():
    text = "<!-- from the code: settings -->\n| old |\n<!-- end -->\n"
    assert documents.written(text) != text
