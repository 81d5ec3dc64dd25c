"""The words in which a format is declared: files, their columns as SQL over the view's kinds, how bytes are written.

SQL selects from ``now_user`` and its like: one relation for each kind, with ``sourcedId``, ``status``,
``dateLastModified``, every attribute under its OneRoster name (texts; lists of texts where there are many; a reference
is the id of what it names) and ``metadata`` (JSON). Of a delta it holds what changed; ``was_user`` holds what the same
records were, and ``all_user`` everything that is active, which in full is the same as ``now_user``.

Of the attributes a relation has those that some file of the format says it reads, and no others: what is written down
about a delivery is what its files can have been made of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sharing.catalogue import METADATA, extensions
from schoolpassport.sharing.records import Layout

_MOST_METADATA = 200


class Mode(StrEnum):
    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, kw_only=True)
class Style:
    """How rows become bytes."""

    delimiter: str = ","
    quote: str = '"'  # "": never
    quote_all: bool = False
    header: bool = True
    encoding: str = "utf-8"
    bom: bool = False
    line_end: str = "\n"


@dataclass(frozen=True, kw_only=True)
class Change:
    """The column that says what became of a row, and its words. In full every row is ``added``."""

    header: str
    added: str
    changed: str
    removed: str


@dataclass(frozen=True, kw_only=True)
class File:
    """One file. ``reads``: the attributes that its SQL uses, by kind; first the kind whose records its rows are.

    ``every``: each record of that kind is told of, so that who is in the view is in the file. ``rows`` is SQL from FROM
    on; the kind's own relation is called ``r`` in it. ``required``: columns that the standard wants filled, and whether
    the record's id may stand in where the consent shows nothing. ``names``: those of them of which a person may have
    only another. ``whole``: kinds that are needed in full even when
    only changes are told. ``metadata``: ``metadata.*`` columns follow at the far right, except for the keys in
    ``elsewhere``, which have a column or a file of their own. ``cells``: header → attribute, "" for a blank one, of all
    columns but ``sourcedId``, where the file is nothing but the attributes of a kind's records. ``key``: headers of the
    columns that name a row, where a delta is made by comparing rows; ``change`` then says what became of them.
    ``left_out``: who has no row and why, in words → SQL from FROM on of those.
    """

    name: str
    reads: Mapping[str, frozenset[str]]
    columns: Mapping[str, str]
    rows: str
    required: Mapping[str, bool] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    whole: tuple[str, ...] = ()
    metadata: bool = False
    elsewhere: frozenset[str] = frozenset()
    every: bool = True
    order: str = 'r."sourcedId"'
    changes: str = ""  # SQL from FROM on for a delta, where its rows are more than the changed records
    optional: bool = True  # a file without rows is left out
    key: tuple[str, ...] = ()
    change: Change | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)

    def shown(self, keys: Iterable[str]) -> list[str]:
        """Which keys of metadata have a column, in their order."""
        return [key for key in sorted(keys) if key.isprintable() and key not in self.elsewhere][:_MOST_METADATA]

    @property
    def kind(self) -> str:
        return next(iter(self.reads))

    @property
    def in_order(self) -> bool:
        """Whether its rows come in its order, where the kind's records do."""
        return (self.rows, self.order) == (f"now_{self.kind} r", 'r."sourcedId"')


@dataclass(frozen=True, kw_only=True)
class Format:
    """``archive``: the name of the zip that holds the files; "" when they go side by side.

    ``version``: of the OneRoster manifest; "" when there is none. ``listed``: all files that the manifest speaks of.
    ``hindrance``: why it is delivered in full only, in a sentence. ``hints``: what whoever wrote it may not expect.
    """

    name: str
    title: str
    about: str
    files: tuple[File, ...]
    archive: str = ""
    version: str = ""
    listed: tuple[str, ...] = ()
    style: Style = field(default_factory=Style)
    modes: tuple[Mode, ...] = (Mode.FULL,)
    hindrance: str = ""
    hints: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Whether a delta is what differs between the rows of two revisions, and not the records that changed."""
        return all(file.change is not None for file in self.files)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self.reads)

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """All that its files use, by kind."""
        found: dict[str, frozenset[str]] = {}
        for kind, names in (each for file in self.files for each in file.reads.items()):
            found[kind] = found.get(kind, frozenset()) | names
        return found

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """The kinds that in full are one file of their attributes and nothing else: no engine has to look at them."""
        readers = [kind for file in self.files for kind in file.reads]
        return {
            file.kind: Layout(columns=file.cells, shown=file.shown, counted=tuple(file.required))
            for file in self.files
            if self.version and file.cells and not any(file.required.values())
            if readers.count(file.kind) == 1 and not KINDS[file.kind].stored_document
        }

    @property
    def read_once(self) -> frozenset[str]:
        """The kinds of which one file is made and nothing else, row for row: to keep them takes more than it gives."""
        readers = [kind for file in self.files for kind in file.reads]
        return frozenset(file.kind for file in self.files if file.in_order and readers.count(file.kind) == 1)

    @property
    def whole(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for file in self.files for kind in file.whole))


def extended(kind: str) -> frozenset[str]:
    """The attributes that columns ``metadata.*`` show."""
    return frozenset({METADATA, *extensions(kind).values()})


def plain(text: str) -> str:
    """SQL: a value without line ends, of which no field may hold any; NULL when it is blank.

    ``PLAIN`` says how, or ``HARMLESS`` where nothing that was loaded has one.
    """
    return f"plain({text})"


# Hardly any has one, and to look is much cheaper than to translate.
PLAIN: Final = (
    "nullif(CASE WHEN contains(t, chr(10)) OR contains(t, chr(13)) THEN translate(t, chr(10) || chr(13), '  ') "
    "ELSE t END, '')"
)
HARMLESS: Final = "nullif(t, '')"


def cell(known: Field, alias: str = "r") -> str:
    """SQL: an attribute as OneRoster CSV writes it. In lists a comma parts values, so none may hold one."""
    value = f"{alias}.{quoted(known.name)}"
    if known.type in PAIRS:
        left, right = (f"(u->>{literal(name)})" for name in PAIRS[known.type])
        each = f"'{{' || {left} || ':' || {right} || '}}'"
        return plain(f"array_to_string(list_transform({value}::JSON[], lambda u: {each}), ',')")
    if known.many and known.is_reference:
        return f"nullif(array_to_string({value}, ','), '')"
    if known.many:
        return plain(f"array_to_string(list_transform({value}, lambda e: replace(e, ',', ' ')), ',')")
    if known.is_reference or known.type in {Type.BOOLEAN, Type.DATE, Type.DATE_TIME, Type.FLOAT}:
        return value
    return plain(value)


def tied(ties: str, headers: str = "") -> File:
    """The file of a kind that no view holds: a row for each entry of the list that is gathered from it.

    ``headers``: of its columns, where they are not a title and the two ids; those that name neither side stay empty.
    """
    owner, field_ = next((k.name, f) for k in KINDS.values() for f in k.gathered if f.gathered == ties)
    listed, ids = quoted(field_.name), (f"{owner}SourcedId", f"{field_.target}SourcedId")
    # What is listed now; and what was and is not any more, which nothing else in a delta says.
    changed = f"""(SELECT * FROM now_{owner} WHERE "status" = 'active' UNION ALL BY NAME
        SELECT w.* REPLACE ('tobedeleted' AS "status", n."dateLastModified" AS "dateLastModified", list_filter(
        w.{listed}, lambda e: n."status" <> 'active' OR NOT list_contains(coalesce(n.{listed}, []), e)) AS {listed})
        FROM was_{owner} w JOIN now_{owner} n ON n."sourcedId" = w."sourcedId")"""
    entries = f"(SELECT *, unnest({listed}) AS entry FROM {{}}) x"
    return File(
        name=f"{KINDS[ties].plural}.csv",
        reads={owner: frozenset({field_.name})},
        every=False,
        columns={
            "sourcedId": "x.\"sourcedId\" || '/' || x.entry",  # one uses a resource once, so this names the row
            "status": 'x."status"',
            "dateLastModified": 'x."dateLastModified"',
            **dict.fromkeys(headers.split() or ("title", *ids), "NULL"),
            **dict(zip(ids, ('x."sourcedId"', "x.entry"), strict=True)),
        },
        rows=entries.format(f"now_{owner}"),
        changes=entries.format(changed),
        order='x."sourcedId", x.entry',
    )


def under(key: str, alias: str = "r") -> str:
    """SQL: what stands in a record's metadata under this key."""
    return plain(f"json_extract_string({alias}.metadata, {place(key)})")


def place(key: str) -> str:
    """SQL: the path to a key of an object."""
    return literal('$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"')
