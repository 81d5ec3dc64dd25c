"""What the documentation says about the code: parts that are written from it, and references that must lead somewhere.

A generated part stands between two marks, ``<!-- from the code: NAME -->`` and ``<!-- end -->``. ``python -m
tests.house.documents`` writes all of them anew.
"""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click

from schoolpassport.cli import commands as programs
from schoolpassport.config import environment, startup
from schoolpassport.delivery.formats import FORMATS
from schoolpassport.delivery.transports import TRANSPORTS
from schoolpassport.kit import conditions
from schoolpassport.messaging.kinds import KINDS as NOTICES
from schoolpassport.roster.kinds import KINDS
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.sharing import catalogue, shield
from schoolpassport.sharing.attributes import Dialect
from schoolpassport.sharing.lifecycle import TRANSITIONS
from schoolpassport.sharing.masks import MASKS
from schoolpassport.sharing.sanity import CHECKS
from schoolpassport.sources import cleaning
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.connectors.shape import Setting as ConnectorSetting
from schoolpassport.sources.schemas import SCHEMAS, FileSchema, Input, Schema
from schoolpassport.sources.tables import TABLES
from schoolpassport.sources.transforms import TRANSFORMS, Example, Parameter

ROOT = Path(__file__).parents[2]

_PART = re.compile(
    r"(?P<begin><!-- from the code: (?P<name>[a-z -]+) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL
)
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)
_TEST = re.compile(r"`(?P<path>tests/[\w/]+\.py)(::(?P<name>\w+))?`")
_FILE = re.compile(r"`(?P<path>(?:src|docs|bench|requirements|tests)/[\w./-]*)`")


def texts() -> dict[Path, str]:
    """Every page of documentation, by its path below the root."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in sorted(paths)}


# ---------------------------------------------------------------------------------------------------- generated parts


def written(text: str) -> str:
    """The page with its generated parts as the code has them now."""
    return _PART.sub(lambda found: f"{found['begin']}{PARTS[found['name']]()}{found['end']}", text)


def settings_table() -> str:
    rows = ((f"`{s.name}`", f"`{s.default}`" if s.default else "–", s.meaning) for s in environment.SETTINGS)
    return _table(("setting", "default", "meaning"), rows)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command there is, with the words that call it. Found as ``cli.main`` finds them, with no database up."""
    for name in sorted(module.name for module in pkgutil.iter_modules(programs.__path__)):
        yield from _below(name, importlib.import_module(f"{programs.__name__}.{name}").command)


def commands_reference() -> str:
    return "\n".join(_reference(words, command) for words, command in commands())


def consent_table() -> str:
    """What can be done with a consent, from which state, by whom, and where it leads."""
    rows = (
        (f"`{t.was}`" if t.was else "–", t.act.replace("_", " "), str(t.whose), f"`{t.became}`") for t in TRANSITIONS
    )
    return _table(("state", "what can be done", "by", "becomes"), rows)


def kinds_table() -> str:
    rows = (
        (f"`{kind.name}`", ", ".join(f"`{f.name}`{'*' if f.required else ''}" for f in kind.fields))
        for kind in KINDS.values()
    )
    return _table(("kind", "attributes (* required)"), rows)


def files_table() -> str:
    """The files that OneRoster 1.1 packages are read from."""
    rows = (
        (f"`{f.file_name}`", f"`{f.kind.name}`", " ".join(f"`{c.header}`" for c in f.columns if c.required) or "–")
        for f in SCHEMAS["oneroster-1.1"].files
    )
    return _table(("file", "becomes", "required columns besides `sourcedId`"), rows)


def schemas_reference() -> str:
    """Every dialect: its files, their columns, and of which kinds records are made of them."""
    return "\n".join(_schema(schema) for schema in SCHEMAS.values())


def _schema(schema: Schema) -> str:
    head = f"## {schema.title}\n\n`--schema {schema.name}`\n\n"
    if schema.tabled:
        return head + "What its files hold, a district says: see [mapping](mapping.md#any-csv-or-excel).\n"
    rows = (
        [
            (f"`{i.file_name}`" + ("" if i.optional else "*"), _columns_of(i), _made_of(schema, i), i.skipped)
            for i in schema.inputs
        ]
        if schema.inputs
        else [(f"`{f.file_name}`", _headers(f), f"`{f.kind.name}`", f.skipped) for f in schema.files]
    )
    table = _table(
        ("file", "columns (* required)", "becomes", "known, never read"),
        ((name, columns, made, ", ".join(f"`{s}`" for s in skipped) or "–") for name, columns, made, skipped in rows),
    )
    later = ", ".join(f"`{name}.csv`" for name in schema.not_read)
    return head + table + (f"\nNot taken yet, and named by a finding when they come: {later}.\n" if later else "")


def _columns_of(wanted: Input) -> str:
    told = (f"`{names[0]}`{'*' if c in wanted.required else ''}" for c, names in wanted.columns.items())
    return ", ".join(told)


def _headers(file: FileSchema) -> str:
    first = "`sourcedId`*, `status`, `dateLastModified`, "
    return first + ", ".join(f"`{c.header}`{'*' if c.required else ''}" for c in file.columns)


def _made_of(schema: Schema, wanted: Input) -> str:
    return ", ".join(dict.fromkeys(f"`{o.kind}`" for o in schema.outputs if wanted.name in o.of)) or "–"


def operations_table() -> str:
    from schoolpassport.rosterapi.operations import OF_1P1

    return _operations(OF_1P1)


def further_operations_table() -> str:
    from schoolpassport.rosterapi.operations import OF_1P1, OPERATIONS

    return _operations(o for o in OPERATIONS if o not in OF_1P1)


def _operations(those: Iterable[Operation]) -> str:
    rows = ((f"`{o.path}`", f"`{o.envelope}`", _scopes(o.scopes)) for o in those)
    return _table(("GET", "envelope", "opened by the scope"), rows)


def connectors_reference() -> str:
    """Every way to come by a package, with what it must be told."""
    return "\n".join(
        f"## {c.title}\n\n{c.about}\n\n"
        + (_table((f"`--connector {c.name}`", "default", "meaning"), map(_told, c.settings)) if c.settings else "")
        for c in CONNECTORS.values()
    )


def _told(setting: ConnectorSetting) -> tuple[str, str, str]:
    marks = [mark for mark, on in (("required", setting.required), ("secret", setting.secret)) if on]
    more = [*marks, *([f"one of {', '.join(setting.choices)}"] if setting.choices else [])]
    default = f"`{setting.default}`" if setting.default else "–"
    return f"`{setting.name}`", default, f"{setting.title}: {setting.help}" + (f" ({', '.join(more)})" if more else "")


def rules_table() -> str:
    """The rules of the roster, as they are before a district changes them."""
    from schoolpassport.quality.rules.standing import SHELF

    rows = (
        (f"**{r.name}**", f"`{r.kind}`", str(r.severity), "yes" if r.where is not None else "–", r.sentence, r.fix)
        for r in SHELF.values()
    )
    return _table(("rule", "kind", "severity", "can withhold", "finding", "what to do"), rows)


def linked_table() -> str:
    """What goes with a row that a filter leaves out."""
    from schoolpassport.quality.policies import hangs_on

    rows = ((f"`{kind}`", ", ".join(f"`{k}`" for k in hangs_on(kind)) or "–") for kind in KINDS)
    return _table(("filter of", "goes along by default"), rows)


def tests_of_conditions() -> str:
    return ", ".join(f"`{test}`" for test in conditions.Test) + "\n"


def transforms_table() -> str:
    """The vocabulary of transforms: what each does, its parameters, and an example."""
    rows = (
        (f"`{t.name}`", t.sentence, "<br>".join(_parameter(p) for p in t.parameters) or "–", _becomes(t.examples[0]))
        for t in TRANSFORMS.values()
    )
    return _table(("do", "what it does", "parameters (* required)", "example"), rows)


def _parameter(parameter: Parameter) -> str:
    choices = " (" + ", ".join(f"`{c or ' '}`" for c in parameter.choices) + ")" if parameter.choices else ""
    return f"`{parameter.name}`{'*' if parameter.required else ''}: {parameter.sentence}{choices}"


def _becomes(example: Example) -> str:
    values = "".join(f", {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in example.values.items())
    before, after = ("blank" if v is None else f"“{v}”" for v in (example.given, example.becomes))
    return f"{before} → {after}{values}".replace("|", "\\|")


def tables_table() -> str:
    rows = ((f"`{t.name}`", t.sentence, f"{len(t.words)}") for t in TABLES.values())
    return _table(("table", "holds", "entries"), rows)


def cleaning_table() -> str:
    rows = (
        (c.what, ", ".join(f"`{a}`" for a in c.attributes) or "all", c.sentence, _examples(c.examples))
        for c in cleaning.LIST
    )
    return _table(("of", "attributes", "what is done", "examples"), rows)


def _examples(examples: tuple[tuple[str, str], ...]) -> str:
    visible = ((a.replace("\u00a0", "⍽").replace("\u2003", "⍽"), b) for a, b in examples)
    return "<br>".join(f"“{a}” → “{b}”" for a, b in visible) or "–"


def formats_table() -> str:
    rows = (
        (f"`{f.name}`", f.title, f.about, ", ".join(f"`{each.name}`" for each in f.files)) for f in FORMATS.values()
    )
    return _table(("format", "title", "what it is", "files"), rows)


def catalogue_table() -> str:
    """Every shareable attribute: what it is, how it can be masked, and what each dialect calls it."""
    dialects = tuple(Dialect)
    rows = (
        (
            f"`{a.key}`{'*' if a.required else ''}",
            a.label,
            str(a.type) + (" (list)" if a.many else ""),
            str(a.privacy),
            ", ".join(f"`{m}`" for m in a.masks) or "–",
            *(f"`{a.names[d]}`" if a.names[d] else "–" for d in dialects),
        )
        for kind in catalogue.CATALOGUE
        for a in catalogue.attributes(kind)
    )
    return _table(("attribute (* required)", "label", "type", "privacy", "masks", *dialects), rows)


def masks_table() -> str:
    rows = (
        (
            f"`{m.name}`",
            m.title,
            "all that is not required" if m.removes else ", ".join(sorted(map(str, m.likes))),
            m.keeps,
            "yes" if m.traceable else "–",
        )
        for m in MASKS.values()
    )
    return _table(
        ("mask", "what is shown", "of what", "what is left of the value", "the district finds whose it is"), rows
    )


def checks_table() -> str:
    rows = ((f"`{c.name}`", c.title, ", ".join(f"`{k}`" for k in c.needs)) for c in CHECKS.values())
    return _table(("check", "finds", "needs these kinds"), rows)


def shield_table() -> str:
    rows = (
        (
            f"{level}",
            ", ".join(f"`{key}` ({mask})" for key, mask in masks.items() if key not in shield.LEVELS[level - 1]),
        )
        for level, masks in enumerate(shield.LEVELS)
        if level
    )
    return _table(("level", "masks, besides those before"), rows)


def transports_reference() -> str:
    """Every way by which files go, with what it must be told."""
    return "\n".join(
        f"### {t.title}\n\n{t.about}\n\n"
        + (_table((f"`--transport {t.name}`", "default", "meaning"), map(_told, t.settings)) if t.settings else "")
        for t in TRANSPORTS.values()
    )


def notices_table() -> str:
    rows = (
        (f"`{k.name}`", k.title, " and ".join(k.whom), f"`{k.usual}`", "yes" if k.waits else "–")
        for k in NOTICES.values()
    )
    return _table(("kind", "tells", "whom", "usually", "waits"), rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings_table,
    "commands": commands_reference,
    "kinds": kinds_table,
    "consents": consent_table,
    "files": files_table,
    "formats": formats_table,
    "transports": transports_reference,
    "schemas": schemas_reference,
    "operations": operations_table,
    "further operations": further_operations_table,
    "connectors": connectors_reference,
    "rules": rules_table,
    "linked": linked_table,
    "tests": tests_of_conditions,
    "transforms": transforms_table,
    "tables": tables_table,
    "cleaning": cleaning_table,
    "catalogue": catalogue_table,
    "masks": masks_table,
    "shield": shield_table,
    "checks": checks_table,
    "notices": notices_table,
}


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _below(f"{words} {name}", child)
    else:
        yield words, command


def _reference(words: str, command: click.Command) -> str:
    arguments = [p.human_readable_name for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option)]
    head = " ".join(["schoolpassport", words, *arguments])
    text = inspect.cleandoc(command.help or "").replace("\n\n", "\n").replace("\n", " ")
    lines = [f"### `{head}`", "", text, "", *(_option(o) for o in options)]
    return "\n".join([*lines, ""] if options else lines)


def _option(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('any')))}"
    default = f" Default: {option.default}." if option.show_default and option.default is not None else ""
    required = " Required." if option.required else ""
    return f"* `{'/'.join(option.opts)}{value}` {option.help or ''}{default}{required}".rstrip()


def _scopes(scopes: frozenset[str]) -> str:
    return " or ".join(f"`{scope.rsplit('/', 1)[1]}`" for scope in sorted(scopes, key=len))


def _table(headers: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


# --------------------------------------------------------------------------------------------------------- references


def astray(page: Path, text: str) -> Iterator[str]:
    """Links and paths of a page that lead nowhere."""
    plain = _FENCE.sub("", text)
    for found in _LINK.finditer(plain):
        target = found["target"]
        if not target.startswith(("http:", "https:", "mailto:")) and not _leads(page, target):
            yield f"{page}: the link {target} leads nowhere"
    for found in _FILE.finditer(plain):
        if not (ROOT / found["path"]).exists():
            yield f"{page}: there is no {found['path']}"
    for found in _TEST.finditer(plain):
        if found["name"] and not _has_test(ROOT / found["path"], found["name"]):
            yield f"{page}: there is no test {found['path']}::{found['name']}"


def _leads(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    there = (ROOT / page).parent / path if path else ROOT / page
    return there.exists() and (not anchor or anchor in _anchors(there.read_text(encoding="utf-8")))


def _anchors(text: str) -> set[str]:
    """As the usual renderers make them: lower case, blanks to hyphens, all other signs gone."""
    return {re.sub(r"[^\w\- ]", "", found["text"].lower()).replace(" ", "-") for found in _HEADING.finditer(text)}


def _has_test(file: Path, name: str) -> bool:
    return file.is_file() and re.search(rf"^def {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None


def main() -> None:
    startup.set_up_django()
    for page, text in texts().items():
        if (new := written(text)) != text:
            (ROOT / page).write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
