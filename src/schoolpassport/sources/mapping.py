"""What a district says about files that nobody else knows (setting ``tables``), parsed.

Files to kinds, and columns to attributes:

    [{"file": "schueler*.xlsx", "sheet": "Liste", "header": 3, "records": [
        {"kind": "user", "attributes": {
            "sourcedId": {"from": "Schüler-ID", "prefix": "student/"}, "givenName": "Vorname",
            "role": {"constant": "student"}, "orgs": {"constant": "amber"}}}]}]

One table may feed several kinds, and one kind may come from several tables. Rows of a table that give the same
``sourcedId`` are one record; so schools, courses and classes can be made of what repeats in a list of pupils.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from schoolpassport.kit.plaintext import ENCODINGS
from schoolpassport.roster.kinds import Type
from schoolpassport.sources.schemas import FileSchema, Schema
from schoolpassport.sources.schemas.shape import METADATA
from schoolpassport.sources.transforms import TRANSFORMS

DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "tab", "tab": "tab"}
MOST_TABLES = 100
_MOST_RECORDS = 40
_MOST_HEADERS = 10  # for one attribute
_LAST_HEADER = 1_000
_LONGEST = 2_000  # characters of a text in a document
_OF_A_TABLE = {"file", "sheet", "header", "delimiter", "encoding", "optional", "records"}
_OF_A_VALUE = {"from", "with", "prefix", "words", "dates", "split", "constant"}
_NONE: Mapping[str, str] = MappingProxyType({})


class BadPolicy(ValueError):
    """A document cannot be taken; the sentence says where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """Where an attribute comes from: always the same text, or one or several columns, joined by ``joined``.

    ``words``: what a cell becomes, without regard to capitals. ``dates``: in which formats a date is written.
    ``split``: by what the several values in one cell are parted. ``prefix``: what stands before each value.
    """

    headers: tuple[str, ...] = ()
    constant: str = ""
    joined: str = "/"
    prefix: str = ""
    split: str = ""
    words: Mapping[str, str] = field(default_factory=lambda: _NONE)
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the rows of a table say about one kind: the canonical file's column → its value."""

    file: FileSchema
    values: Mapping[str, Value]

    @property
    def kind(self) -> str:
        return self.file.kind.name


@dataclass(frozen=True, kw_only=True)
class Table:
    """``file``, ``sheet``: patterns of names. ``header``: its row; 0: there is none, the columns are A, B and so on."""

    file: str
    sheet: str = ""
    header: int | None = None
    delimiter: str = ""
    encoding: str = ""
    optional: bool = False
    records: tuple[Record, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.file}, sheet {self.sheet}" if self.sheet else self.file

    @property
    def headers(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        named = [h for r in self.records for v in r.values.values() for h in v.headers]
        return tuple(dict.fromkeys(named))


def tables(content: object, schema: Schema) -> tuple[Table, ...]:
    """The tables of a source. Raises ``BadPolicy``."""
    if not content:
        return ()
    if not schema.tabled:
        raise BadPolicy(f"In tables: {schema.title} says itself what its files hold. Use the schema any-table.")
    if not isinstance(content, list) or len(content) > MOST_TABLES:
        raise BadPolicy(f"In tables: write a list of at most {MOST_TABLES} tables, like [{{“file”: …}}].")
    files = {f.kind.name: f for f in schema.files}
    return tuple(_table(f"tables, table {n}", told, files) for n, told in enumerate(content, 1))


def a_text(where: str, name: str, value: object, *, blank: bool = False) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not (value or blank):
        raise BadPolicy(f"In {where}: “{name}” must be a text of 1 to {_LONGEST:,} characters.")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise BadPolicy(f"In {where}: “{name}” holds a control character; remove it.")
    return value


def _table(where: str, told: object, files: Mapping[str, FileSchema]) -> Table:
    if not isinstance(told, dict) or not {"file", "records"} <= set(told) <= _OF_A_TABLE:
        raise BadPolicy(
            f"In {where}: write an object with {_list({'file', 'records'})}; it may have also "
            f"{_list(_OF_A_TABLE - {'file', 'records'})}, and nothing else."
        )
    header, records = told.get("header"), told["records"]
    if header is not None and (type(header) is not int or not 0 <= header <= _LAST_HEADER):
        raise BadPolicy(f"In {where}: “header” must be the number of a row, or 0 where there is none.")
    if not isinstance(told.get("optional", False), bool):
        raise BadPolicy(f"In {where}: “optional” must be true or false.")
    delimiter = told.get("delimiter", "")
    if delimiter and delimiter not in DELIMITERS:
        raise BadPolicy(f"In {where}: “delimiter” must be one of: , ; | tab.")
    encoding = told.get("encoding", "")
    if encoding and encoding not in ENCODINGS:
        raise BadPolicy(f"In {where}: “encoding” must be one of: {', '.join(ENCODINGS)}.")
    if not isinstance(records, list) or not 1 <= len(records) <= _MOST_RECORDS:
        raise BadPolicy(
            f"In {where}: “records” must be a list of 1 to {_MOST_RECORDS} objects with “kind” and “attributes”."
        )
    return Table(
        file=a_text(where, "file", told["file"]),
        sheet=a_text(where, "sheet", told.get("sheet", ""), blank=True),
        header=header,
        delimiter="\t" if delimiter == "tab" else delimiter,
        encoding=encoding,
        optional=told.get("optional", False),
        records=tuple(_record(f"{where}, record {n}", r, files) for n, r in enumerate(records, 1)),
    )


def _record(where: str, told: object, files: Mapping[str, FileSchema]) -> Record:
    if not isinstance(told, dict) or set(told) != {"kind", "attributes"} or not isinstance(told["attributes"], dict):
        raise BadPolicy(f"In {where}: write an object with “kind” and “attributes”, and nothing else.")
    if told["kind"] not in files:
        raise BadPolicy(f"In {where}: there is no kind “{told['kind']}”; there are: {_list(files)}.")
    file = files[told["kind"]]
    values = {}
    for attribute, value in told["attributes"].items():
        header = _attribute(where, attribute, file)
        values[header] = _value(f"{where} ({file.kind.name}), {attribute}", value, file, header)
    if "sourcedId" not in values and file.kind.name != "enrollment":
        raise BadPolicy(
            f"In {where}: “sourcedId” is missing. Say which columns tell one {file.kind.name} from another."
        )
    return Record(file=file, values=values)


def _attribute(where: str, name: str, file: FileSchema) -> str:
    known = file.attributes
    if name in known or METADATA.fullmatch(name):
        return known.get(name, name)
    raise BadPolicy(
        f"In {where}: {file.kind.plural} have no attribute “{name}”; there are: {_list(known)} and metadata.*."
    )


def _value(where: str, told: object, file: FileSchema, header: str) -> Value:
    if isinstance(told, str):
        return Value(headers=(a_text(where, "from", told),))
    if not isinstance(told, dict) or not set(told) <= _OF_A_VALUE or len({"from", "constant"} & set(told)) != 1:
        raise BadPolicy(
            f"In {where}: write the name of a column, or an object with “from” or “constant”; beside "
            f"“from” may stand {_list(_OF_A_VALUE - {'from', 'constant'})}."
        )
    if "constant" in told:
        if len(told) > 1:
            raise BadPolicy(f"In {where}: beside “constant” nothing else has a meaning.")
        return Value(constant=a_text(where, "constant", told["constant"]))
    given = told["from"] if isinstance(told["from"], list) else [told["from"]]
    if not 1 <= len(given) <= _MOST_HEADERS:
        raise BadPolicy(f"In {where}: “from” must name 1 to {_MOST_HEADERS} columns.")
    split = a_text(where, "split", told.get("split", ""), blank=True)
    if split and not _is_many(file, header):
        raise BadPolicy(f"In {where}: “split” is for attributes that may hold several values.")
    return Value(
        headers=tuple(a_text(where, "from", h) for h in given),
        joined=a_text(where, "with", told.get("with", "/"), blank=True),
        prefix=a_text(where, "prefix", told.get("prefix", ""), blank=True),
        split=split,
        words=_words(where, told.get("words", {})),
        dates=_dates(where, told.get("dates", []), file, header),
    )


def _words(where: str, told: object) -> dict[str, str]:
    if not isinstance(told, dict):
        raise BadPolicy(f"In {where}: “words” must be an object, text by text.")
    return {a_text(where, "words", k).casefold(): a_text(where, "words", v) for k, v in told.items()}


def _dates(where: str, told: Any, file: FileSchema, header: str) -> tuple[str, ...]:  # noqa: ANN401 (a part of a JSON document)
    formats = [told] if isinstance(told, str) else told
    if not isinstance(formats, list):
        raise BadPolicy(f"In {where}: “dates” must be a format or a list of formats, like DD.MM.YYYY.")
    if formats and not is_date(file, header):
        raise BadPolicy(f"In {where}: “dates” is for attributes that are dates.")
    texts = tuple(a_text(where, "dates", f) for f in formats)
    if texts and (refusal := TRANSFORMS["date"].refuses({"formats": texts})):
        raise BadPolicy(f"In {where}: {refusal}")
    return texts


def is_date(file: FileSchema, header: str) -> bool:
    return any(c.header == header and c.field.type is Type.DATE for c in file.columns)


def _is_many(file: FileSchema, header: str) -> bool:
    return any(c.header == header and c.field.many for c in file.columns)


def _list(names: Any) -> str:  # noqa: ANN401 (any collection of texts)
    return ", ".join(sorted(names))
