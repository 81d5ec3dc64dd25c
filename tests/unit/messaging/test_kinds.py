"""Every kind of notice on the shelf: its texts take their example, stay on their lines, and name commands that exist."""

import shlex
import string

import click
import pytest

from schoolpassport.messaging import wording
from schoolpassport.messaging.kinds import KINDS
from schoolpassport.messaging.kinds.shape import How, Kind, Whom
from tests.house import documents

HOSTILE = "Two\r\nBcc: all@evil.example\u2028{run} \x1b[31m\u202eno {0.__class__}"


def _names(kind: Kind) -> set[str]:
    texts = (kind.subject, kind.words, *kind.commands)
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    return dict(documents.commands())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_says_all_that_its_example_gives_and_nothing_else(kind):
    assert _names(kind) == set(kind.example)
    put = wording.put(kind, kind.example)
    assert len(put.subject) <= 120
    assert "{" not in put.subject + put.words + put.commands
    assert kind.whom


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_comes_from_outside_stays_on_its_line(kind):
    """A name with line ends makes no header, no line of its own, and no other text."""
    lists = {name for name, fact in kind.example.items() if not isinstance(fact, str | int)}
    facts = {name: (HOSTILE,) if name in lists else HOSTILE for name in kind.example}
    put, plain = wording.put(kind, facts), wording.put(kind, {n: ("x",) if n in lists else "x" for n in facts})
    for said, meant in ((put.subject, plain.subject), (put.words, plain.words), (put.commands, plain.commands)):
        assert said.count("\n") == meant.count("\n")
        assert not set("\r\u2028\x1b\u202e") & set(said)
    assert "{run}" in put.subject + put.words


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_names_commands_that_exist_and_can_be_typed_as_they_stand(kind, commands):
    for line in wording.put(kind, kind.example).commands.splitlines():
        program, *words = shlex.split(line)
        assert program == "schoolpassport"
        known = next((k for k in (" ".join(words[:2]), words[0]) if k in commands), None)
        assert known, line
        commands[known].make_context(known, words[len(known.split()) :])  # raises for what is missing, or unknown


def test_a_name_without_its_fact_is_a_mistake_that_shows():
    with pytest.raises(KeyError):
        wording.put(KINDS["run-held"], {"run": 1})


def test_long_values_and_long_lists_are_cut():
    kind = Kind(
        name="long",
        title="Long",
        whom=(Whom.DISTRICT,),
        usual=How.OFF,
        subject="{one}",
        words="{many}",
        commands=(),
        example={"one": "", "many": ()},
    )
    put = wording.put(kind, {"one": "a" * 1000, "many": ["b"] * 25})
    assert (len(put.subject), put.subject[-1]) == (300, "…")
    assert put.words.splitlines() == ["- b"] * 20 + ["- and 5 more"]
