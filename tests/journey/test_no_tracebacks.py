"""Whatever is typed, a command says what is wrong with it: none ends in a traceback."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from schoolpassport.cli import commands
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.naming import BadName
from schoolpassport.tenancy import actions as tenancy
from tests.support.nights import nights
from tests.support.packages import small

_LIVING = {"serve", "worker", "demo", "database", "doctor", "sftp", "key"}  # they go on, or are about the machine
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
_FILES = {
    "odd.json": b'{"": null, "user": [{"a": {}}], "days": "x", "at": 7, "every": ["day"], "kind": [], "all": 1}',
    "table.csv": b"a,b\n1\n",
}
TEXTS = (*_FILES, "", "x" * 5000, "two\nlines ';--%s{0}é", ".", "-1", "9" * 21, "00000000-0000-0000-0000-000000000000")


def _leaves(group: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(group, click.Group):
        for name, inner in group.commands.items():
            yield from _leaves(inner, (*words, name))
    else:
        yield words, group


def _every() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for module in pkgutil.iter_modules(commands.__path__):
        if module.name not in _LIVING:
            command = importlib.import_module(f"{commands.__name__}.{module.name}").command
            yield from _leaves(command, (module.name,))


EVERY = dict(_every())


def _value(param: click.Parameter, known: Mapping[str, str]) -> str:
    """What is right in the place of an argument: of the fixtures by its name, or by its type."""
    if param.name in known:
        return known[param.name]
    match param.type:
        case click.Choice():
            return str(param.type.choices[0])
        case click.types.UUIDParameterType():
            return known["id_"]
        case click.types.IntParamType():
            return "1"
        case click.Path():
            return "odd.json"
        case _:
            return "SIS"


def _typed(command: click.Command, known: Mapping[str, str]) -> Iterator[list[str]]:
    """Each text in each place in turn, and what is right in all others that must be filled."""
    taking = [p for p in command.params if isinstance(p, click.Argument) or not p.is_flag]
    for odd in taking:
        for text in TEXTS:
            words: list[str] = []
            options: list[str] = []
            for param in taking:
                value = text if param is odd else _value(param, known)
                if isinstance(param, click.Argument):
                    words += [value] * max(param.nargs, 1)
                elif param is odd or param.required or param.name == "district":
                    options += [param.opts[0], *([value] * param.nargs)]
            yield [*options, "--", *words]


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> dict[str, str]:
    """Real things by the names of the arguments that mean them: of a district that a source told of once."""
    district = tenancy.register_district(name=f"Typed {new_id()}", now=NOW)
    sis = nights(district_id=district.id, folder=tmp_path_factory.mktemp("typed"), now=NOW)
    run = sis.done(small())
    return {
        "district": str(district.id),
        "source": sis.source.name,
        "number": str(run.number),
        "package": str(run.origin),
        "kind": "user",
        "id_": str(sis.ids("user")["p1"]),
        "attribute": "email",
    }


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_no_command_ends_in_a_traceback(words, known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in _FILES.items():
        (tmp_path / name).write_bytes(content)
    bad = []
    for typed in _typed(EVERY[words], known):
        result = CliRunner().invoke(EVERY[words], typed, input="")
        if result.exception and not isinstance(result.exception, SystemExit | BadName):
            told = f"{type(result.exception).__name__}: {str(result.exception)[:200]}"
            bad.append(f"{' '.join(words)} {[t[:30] for t in typed]}: {told}")
    assert not bad, "\n".join(bad)
