"""A partner's own format: a document of files, columns, conditions and transforms, made into a format of the shelf.

Everything in it comes from fixed vocabularies. What is wrong is told with the file and the column it stands in.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from schoolpassport.delivery.formats import Change, File, Format, Mode, Style
from schoolpassport.delivery.paths import NoSuchPath, Rows
from schoolpassport.kit import conditions, plainyaml
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.conditions import Attribute, Column
from schoolpassport.roster.kinds import KINDS, Type
from schoolpassport.sources.mapping import BadPolicy
from schoolpassport.sources.policies import Names, Step, step
from schoolpassport.sources.transforms import Given, Made, template

_MOST_FILES, _MOST_COLUMNS, _MOST_STEPS, _LONGEST = 20, 200, 20, 2_000
_OF_A_FORMAT = {"about", "zip", "style", "files"}
_OF_A_FILE = {"file", "rows", "each", "where", "order", "key", "columns"}
_OF_A_COLUMN = {"header", "from", "constant", "do", "change"}
_OF_A_CHANGE = {"add", "change", "delete"}
_OF_A_STYLE = {"delimiter", "quoting", "encoding", "line_end", "header", "dates", "booleans", "lists"}
_DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
_QUOTING = ("needed", "all", "none")
_ENCODINGS = {
    "utf-8": ("utf-8", False),
    "utf-8-bom": ("utf-8", True),
    "utf-16": ("utf-16", True),
    "windows-1252": ("cp1252", False),
    "iso-8859-1": ("latin-1", False),
}
_LINE_ENDS = {"lf": "\n", "crlf": "\r\n"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._-]{0,119}")
_PLACES = re.compile(r"\{([^{}]*)\}")
_DATE_SIGNS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "M": "%-m", "DD": "%d", "D": "%-d"}
_DATE_SIGN = re.compile("|".join(_DATE_SIGNS))
_BOOLEANS = 2


class BadFormat(ValueError):
    """The document cannot be taken; the sentence says where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What names of files may say of a delivery."""

    at: datetime
    revision: int
    mode: Mode

    def filled(self, name: str) -> str:
        words = {
            "date": f"{self.at:%Y-%m-%d}",
            "day": f"{self.at:%Y%m%d}",
            "time": f"{self.at:%H%M%S}",
            "revision": str(self.revision),
            "mode": self.mode.value,
        }
        return _PLACES.sub(lambda found: words[found[1]], name)


_WORDS_OF_NAMES = ("date", "day", "time", "revision", "mode")


def read(text: str, *, name: str, today: date) -> Format:
    """The format that the document describes. Raises ``BadFormat``."""
    try:
        content = plainyaml.read(text)
    except plainyaml.Unreadable as unreadable:
        raise BadFormat(str(unreadable)) from unreadable
    return _Reader(name, today).format(content)


def named(format_: Format, moment: Moment) -> Mapping[str, str]:
    """File → what it is called in a delivery of this moment."""
    names = [f.name for f in format_.files] + ([format_.archive] if format_.archive else [])
    return {name: moment.filled(name) for name in names}


class _Reader:
    def __init__(self, name: str, today: date) -> None:
        self._name = name
        self._today = today
        self._dates, self._booleans, self._lists = "%Y-%m-%d", ("true", "false"), ","
        self._hints: list[str] = []

    def format(self, content: object) -> Format:
        told = _object("the format", content, _OF_A_FORMAT)
        style = self._style(told.get("style") or {})
        files = _list("files", told.get("files"), _MOST_FILES)
        made = [self._file(f"file {n}", each) for n, each in enumerate(files, 1)]
        _differ("files", [f.name for f in made])
        archive = _file_name("zip", told["zip"]) if told.get("zip") else ""
        if archive and not archive.lower().endswith(".zip"):
            raise BadFormat(f"In zip: “{archive}” must end in .zip.")
        about = told.get("about") or ""
        silent = [f.name for f in made if f.change is None]
        return Format(
            name=self._name,
            title=self._name,
            about=_text("about", about) if about else "",
            files=tuple(made),
            archive=archive,
            style=style,
            modes=(Mode.FULL,) if silent else (Mode.FULL, Mode.DELTA),
            hindrance=f"{silent[0]} cannot say which row is gone: give the file a “key” and a column with “change”."
            if silent
            else "",
            hints=tuple(self._hints),
        )

    def _style(self, content: object) -> Style:
        told = _object("style", content, _OF_A_STYLE)
        quoting = _choice("style, quoting", told.get("quoting", "needed"), _QUOTING)
        encoding, bom = _ENCODINGS[_choice("style, encoding", told.get("encoding", "utf-8"), _ENCODINGS)]
        header = told.get("header", True)
        if not isinstance(header, bool):
            raise BadFormat("In style, header: write true or false.")
        self._dates = _date_format(told.get("dates", "YYYY-MM-DD"))
        self._booleans = _booleans(told.get("booleans", ["true", "false"]))
        self._lists = _text("style, lists", told.get("lists", ","))
        return Style(
            delimiter=_DELIMITERS[_choice("style, delimiter", told.get("delimiter", ","), _DELIMITERS)],
            quote="" if quoting == "none" else '"',
            quote_all=quoting == "all",
            header=header,
            encoding=encoding,
            bom=bom,
            line_end=_LINE_ENDS[_choice("style, line_end", told.get("line_end", "lf"), _LINE_ENDS)],
        )

    # --------------------------------------------------------------------------------------------------------- a file

    def _file(self, where: str, content: object) -> File:
        told = _object(where, content, _OF_A_FILE)
        name = _file_name(f"{where}, file", told.get("file"))
        where = f"{where} ({name})"
        kind = KINDS[_choice(f"{where}, rows", told.get("rows"), [n for n, k in KINDS.items() if k.shared])]
        try:
            rows = Rows(kind=kind, each=_text(f"{where}, each", told["each"]) if told.get("each") else "")
        except NoSuchPath as wrong:
            raise BadFormat(f"In {where}, each: {wrong}") from wrong
        writer = _Writer(rows, self._dates, self._booleans, self._lists)
        columns = [
            self._column(f"{where}, column {n}", each, writer)
            for n, each in enumerate(_list(f"{where}, columns", told.get("columns"), _MOST_COLUMNS), 1)
        ]
        _differ(f"{where}, columns", [header for header, _ in columns])
        key, change = self._told_apart(where, told.get("key"), told["columns"])
        condition = self._where(f"{where}, where", told.get("where"), writer)
        order = [_text(f"{where}, order", p) for p in told.get("order") or []]
        by = [writer.known(f"{where}, order", path) for path in order]
        return File(
            name=name,
            reads={kind: frozenset(names) for kind, names in rows.reads.items()},
            every=not rows.each and told.get("where") is None,
            columns=dict(columns),
            rows=writer.relation(condition),
            order=", ".join([*(f'r."{c}"' for c in by), 'r."sourcedId"', *(['r."each place"'] if rows.each else [])]),
            optional=False,
            key=key,
            change=change,
        )

    def _told_apart(
        self, where: str, content: object, columns: list[dict[str, Any]]
    ) -> tuple[tuple[str, ...], Change | None]:
        """The columns that name a row, and the one that says what became of it: both, or none. ``columns``: judged."""
        headers = [str(each["header"]) for each in columns if "change" not in each]
        changes = [(str(each["header"]), each["change"]) for each in columns if "change" in each]
        if len(changes) > 1:
            raise BadFormat(f"In {where}, columns: only one of them can have “change”.")
        if (content is None) != (not changes):
            raise BadFormat(
                f"In {where}: “key” and a column with “change” go together: one says which row is meant, the other "
                "what became of it."
            )
        if content is None:
            return (), None
        key = [_choice(f"{where}, key", each, headers) for each in _list(f"{where}, key", content, _MOST_COLUMNS)]
        (header, words) = changes[0]
        added, changed, removed = (str(words[word]) for word in ("add", "change", "delete"))
        return tuple(key), Change(header=header, added=added, changed=changed, removed=removed)

    def _column(self, where: str, content: object, writer: "_Writer") -> tuple[str, str]:
        told = _object(where, content, _OF_A_COLUMN)
        header = _text(f"{where}, header", told.get("header"))
        where = f"{where} ({header})"
        if "from" in told and "constant" in told:
            raise BadFormat(f"In {where}: give “from” or “constant”, not both.")
        if "change" in told:
            return header, literal(_added(where, told))
        steps = [
            writer.step(f"{where}, step {n}", each)
            for n, each in enumerate(_list(f"{where}, do", told["do"], _MOST_STEPS) if told.get("do") else [], 1)
        ]
        hints = (template.hint(each.values["text"]) for each in steps if each.transform is template.TRANSFORM)
        self._hints += [f"In {where}: {hint}" for hint in hints if hint]
        if "constant" in told:
            # A column that stays blank is a column, too.
            blank = told["constant"] in ("", None)
            value = "NULL::VARCHAR" if blank else literal(_text(f"{where}, constant", told["constant"]))
            return header, writer.stepped(value, steps, many=False)
        if "from" not in told:
            if not (steps and steps[0].transform.fills):
                raise BadFormat(f"In {where}: say where its values come from, by “from” or “constant”.")
            return header, writer.stepped("NULL::VARCHAR", steps, many=False)
        path = _text(f"{where}, from", told["from"])
        column = f'"{writer.known(where, path)}"'
        if not steps:
            return header, writer.styled(path, column)
        return header, writer.stepped(column, steps, many=writer.rows.asked(path).many)

    def _where(self, where: str, content: object, writer: "_Writer") -> str:
        if content is None:
            return "true"
        try:
            tree = conditions.parse(content)
            names = {p: writer.known(where, p) for p in sorted(conditions.attributes_of(tree))}
            conditions.parse(content, known={p: writer.rows.asked(p).shape for p in names})
        except conditions.Unreadable as unreadable:
            raise BadFormat(f"In {where}: {unreadable}") from unreadable
        return conditions.sql(tree, column=writer.column, today=self._today)


class _Writer:
    """The SQL of one file: values of paths first, then the steps of transforms, each in a layer of its own."""

    def __init__(self, rows: Rows, dates: str, booleans: tuple[str, str], lists: str) -> None:
        self.rows = rows
        self._dates, self._booleans, self._lists = dates, booleans, lists
        self._paths: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._layers: list[dict[str, str]] = []
        self._names = Names(check=self._check, kind=lambda path: Attribute(many=self.rows.asked(path).many))

    def known(self, where: str, path: str) -> str:
        """The column that holds a path's values. Raises ``BadFormat``."""
        self._check(where, path, BadFormat)
        return self._paths[path]

    def _check(self, where: str, path: str, error: type[ValueError] = BadPolicy) -> None:
        try:
            value = self.rows.value(path)
        except NoSuchPath as wrong:
            raise error(f"In {where}: {wrong}") from wrong
        name = self._paths.setdefault(path, f"p{len(self._paths)}")
        self._values[name] = value

    def column(self, path: str) -> Column:
        """How conditions find a path."""
        asked, name = self.rows.asked(path), f'"{self._paths[path]}"'
        return Column(
            sql=f"string_split({name}, ',')" if asked.many else name, shape=asked.shape.shape, many=asked.many
        )

    def step(self, where: str, content: object) -> Step:
        try:
            return step(where, content, self._names)
        except BadPolicy as wrong:
            raise BadFormat(str(wrong)) from wrong

    def styled(self, path: str, value: str) -> str:
        """SQL: dates, booleans and lists as this format writes them."""
        asked = self.rows.asked(path)
        if asked.many:
            return value if self._lists == "," else f"replace({value}, ',', {literal(self._lists)})"
        if asked.field is not None and asked.field.type is Type.DATE:
            return f"strftime(try_cast({value} AS DATE), {literal(self._dates)})"
        if asked.field is not None and asked.field.type is Type.BOOLEAN:
            yes, no = map(literal, self._booleans)
            return f"CASE {value} WHEN 'true' THEN {yes} WHEN 'false' THEN {no} END"
        return value

    def stepped(self, value: str, steps: Iterable[Step], *, many: bool) -> str:
        """SQL: the value after its transforms. Of a list each value by itself, where the transform works so."""
        for place, each in enumerate(steps):
            while len(self._layers) <= place:
                self._layers.append({})
            layer = self._layers[place]
            name = f"s{place}_{len(layer)}"
            layer[name] = self._made(each, value, many=many)
            value = f'"{name}"'
        return value if self._lists == "," or not many else f"replace({value}, ',', {literal(self._lists)})"

    def _made(self, each: Step, value: str, *, many: bool) -> str:
        given = Given(values=each.values, row={path: f'"{self._paths[path]}"' for path in each.asks})
        if many and each.transform.each:
            one: Made = each.transform.sql("e", given)
            parts = f"list_filter(list_transform(string_split({value}, ','), lambda e: trim(e)), lambda e: e <> '')"
            made = f"array_to_string(list_transform({parts}, lambda e: {one.value}), ',')"
        else:
            made = each.transform.sql(value, given).value
        if not each.transform.fills:
            made = f"CASE WHEN {value} IS NOT NULL THEN {made} END"
        made = f"nullif(trim({made}), '')"
        if each.when is None:
            return made
        return f"CASE WHEN {conditions.sql(each.when, column=self.column)} THEN {made} ELSE {value} END"

    def relation(self, condition: str) -> str:
        values = "".join(f", {sql} AS {quoted(name)}" for name, sql in self._values.items())
        each = ', r."each place" AS "each place"' if self.rows.each else ""
        found = f'SELECT r."sourcedId" AS "sourcedId", r."status" AS "status"{each}{values} FROM {self.rows.relation()}'
        for layer in self._layers:
            more = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in layer.items())
            found = f"SELECT *, {more} FROM ({found})"
        return f"({found}) r WHERE {condition}"


# ------------------------------------------------------------------------------------------------------------- words


def _object(where: str, content: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise BadFormat(f"In {where}: write an object with {_listed(names)}.")
    if strangers := sorted(set(content) - names, key=str):
        raise BadFormat(f"In {where}: “{strangers[0]}” is not understood; there are: {_listed(names)}.")
    return content


def _list(where: str, content: object, most: int) -> list[Any]:
    if not isinstance(content, list) or not 0 < len(content) <= most:
        raise BadFormat(f"In {where}: write a list of 1 to {most}.")
    return content


def _text(where: str, content: object) -> str:
    if isinstance(content, int) and not isinstance(content, bool):
        content = str(content)
    if not isinstance(content, str) or not content.strip() or len(content) > _LONGEST or not content.isprintable():
        raise BadFormat(f"In {where}: write a text, in quotes if it looks like something else.")
    return content


def _choice(where: str, content: object, choices: Collection[str]) -> str:
    if not isinstance(content, str) or content not in choices:
        raise BadFormat(f"In {where}: “{content}” is none of: {', '.join(choices)}.")
    return content


def _file_name(where: str, content: object) -> str:
    name = _text(where, content)
    for word in _PLACES.findall(name):
        if word not in _WORDS_OF_NAMES:
            raise BadFormat(f"In {where}: there is no {{{word}}} for names; there are: {_listed(_WORDS_OF_NAMES)}.")
    if not _NAME.fullmatch(_PLACES.sub("0", name)):
        raise BadFormat(
            f"In {where}: “{name}” is no name for a file. Use letters, digits, blanks, dots, hyphens and underscores, "
            "120 at most, and begin with a letter or digit."
        )
    return name


def _date_format(content: object) -> str:
    text = _text("style, dates", content)
    signs = sorted(sign[0] for sign in _DATE_SIGN.findall(text))
    if signs != ["D", "M", "Y"] or re.search(r"[%A-Za-z]", _DATE_SIGN.sub("", text)):
        raise BadFormat(f"In style, dates: “{text}” is no format; write YYYY or YY, MM or M, DD or D, like MM/DD/YYYY.")
    return _DATE_SIGN.sub(lambda found: _DATE_SIGNS[found[0]], text)


def _booleans(content: object) -> tuple[str, str]:
    if not isinstance(content, list) or len(content) != _BOOLEANS:
        raise BadFormat("In style, booleans: write two texts, the one for true and the one for false, like [Y, N].")
    words = ["true" if w is True else "false" if w is False else _text("style, booleans", w) for w in content]
    return words[0], words[1]


def _added(where: str, told: dict[str, Any]) -> str:
    """The word for a row that is new, where all words of a column with “change” are there and can be told apart."""
    if beside := sorted(set(told) - {"header", "change"}):
        raise BadFormat(f"In {where}: a column with “change” says nothing else; take “{beside[0]}” away.")
    words = _object(f"{where}, change", told["change"], _OF_A_CHANGE)
    if lacking := sorted(_OF_A_CHANGE - set(words)):
        raise BadFormat(f"In {where}, change: there is no word for “{lacking[0]}”.")
    texts = {name: _text(f"{where}, change, {name}", word) for name, word in words.items()}
    if texts["delete"] in {texts["add"], texts["change"]}:
        raise BadFormat(f"In {where}, change: the word for “delete” must be another than those for “add” and “change”.")
    return texts["add"]


def _differ(where: str, names: list[str]) -> None:
    folded = [name.casefold() for name in names]
    if twice := [n for n in names if folded.count(n.casefold()) > 1]:
        raise BadFormat(f"In {where}: “{twice[0]}” stands there twice; give each a name of its own.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"“{n}”" for n in sorted(names))
