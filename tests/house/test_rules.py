"""The house's own linter, on the whole repository; and each rule on the examples it carries."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.house.rules import RULES, problems, sources
from tests.house.rules.shape import file

ROOT = Path(__file__).parents[2]
FILES = sources(ROOT, "src", "tests", "bench")

EXAMPLES = [
    (rule, example, wanted)
    for rule in RULES.values()
    for wanted, examples in (("bad", rule.bad), ("good", rule.good))
    for example in examples
]


@pytest.mark.parametrize("name", RULES)
def test_the_code_keeps_the_rule(name):
    rule = RULES[name]
    found = problems(rule, FILES)
    assert not found, "\n".join([rule.says, *found])


@pytest.mark.parametrize(
    ("rule", "example", "wanted"), EXAMPLES, ids=[f"{r.name}-{w}-{n}" for n, (r, _, w) in enumerate(EXAMPLES)]
)
def test_the_rule_objects_to_its_bad_examples_only(rule, example, wanted):
    found = problems(rule, [example])
    assert bool(found) is (wanted == "bad"), (example, found)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_brings_both_kinds_of_examples(name):
    assert RULES[name].bad
    assert RULES[name].good
    assert RULES[name].says


def test_the_linter_reads_the_whole_repository():
    read = {source.path for source in FILES}
    assert {"src/schoolpassport/tenancy/scope.py", "tests/conftest.py", "tests/house/test_rules.py"} <= read


@pytest.mark.parametrize("name", RULES)
def test_a_file_that_cannot_be_read_is_a_problem(name):
    assert len(problems(RULES[name], [replace(RULES[name].bad[0], text="def (:")])) == 1


def test_an_excuse_names_the_rule_and_a_reason():
    rule = RULES["clock-at-the-edge"]
    breaks = "import time\nat = time.time()"
    for excuse, wanted in (
        ("", 1),
        ("  # house: clock-at-the-edge", 1),
        ("  # house: clock-at-the-edge ()", 1),
        ("  # house: doors (this is another rule's name)", 1),
        ("  # house: clock-at-the-edge (this one may: it stamps a lock file)", 0),
    ):
        assert len(problems(rule, [file("sync/actions.py", breaks + excuse)])) == wanted
