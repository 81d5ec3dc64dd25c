"""A source that never tells its roster twice in the same way: what it tells changes, and so does how it writes it.

Drawn from a seed, so that a story can be told again. A story must be long and its files not too small: what the product
remembers of a file shows only nights later, and a file of which half is new is forgotten anyway.
"""

import csv
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.support.packages import HEADERS, Row, class_, course, demographics, enrollment, manifest, org, session, user

FILES = ("orgs", "academicSessions", "courses", "users", "classes", "enrollments", "demographics")
_SIZES = {
    "orgs": 9,
    "academicSessions": 8,
    "courses": 14,
    "users": 30,
    "classes": 18,
    "enrollments": 45,
    "demographics": 20,
}
_LETTERS = {
    "orgs": "s",
    "academicSessions": "t",
    "courses": "c",
    "users": "u",
    "classes": "k",
    "enrollments": "e",
    "demographics": "u",
}
_REFERENCES = {
    "orgs": {"parentSourcedId": "orgs"},
    "academicSessions": {"parentSourcedId": "academicSessions"},
    "courses": {"orgSourcedId": "orgs", "schoolYearSourcedId": "academicSessions"},
    "users": {"orgSourcedIds": "orgs", "agentSourcedIds": "users"},
    "classes": {"courseSourcedId": "courses", "schoolSourcedId": "orgs", "termSourcedIds": "academicSessions"},
    "enrollments": {"classSourcedId": "classes", "schoolSourcedId": "orgs", "userSourcedId": "users"},
    "demographics": {},
}
_MAKERS: dict[str, Callable[..., Row]] = {
    "orgs": org,
    "academicSessions": session,
    "courses": course,
    "users": user,
    "classes": class_,
    "enrollments": enrollment,
    "demographics": demographics,
}
# Any column that may hold any text, and one whose values are counted.
_FREE = {
    "orgs": ("name", "type"),
    "academicSessions": ("title", "type"),
    "courses": ("title", "courseCode"),
    "users": ("familyName", "role"),
    "classes": ("title", "classType"),
    "enrollments": ("beginDate", "role"),
    "demographics": ("cityOfBirth", "sex"),
}


@dataclass(frozen=True)
class Hand:
    """How a file is written, night after night until something changes it."""

    columns: tuple[str, ...]
    all_quoted: bool = False
    end: bytes = b"\n"
    mark: bool = False  # the byte order mark
    stamped: bool = False  # dateLastModified in every row, another every night
    status: str = ""
    padded: bool = False
    open_end: bool = False  # no line end after the last line


@dataclass(frozen=True)
class Slip:
    """Something wrong with one row or its line; it may stay for some nights."""

    how: str
    key: str


@dataclass
class Told:
    """One file as it is told tonight."""

    mode: str
    text: bytes
    notes: list[str]


@dataclass
class Teller:
    seed: int
    night: int = 0
    truth: dict[str, dict[str, Row]] = field(default_factory=dict)
    gone: dict[str, dict[str, Row]] = field(default_factory=dict)
    hands: dict[str, Hand] = field(default_factory=dict)
    slips: dict[str, list[Slip]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        for file in FILES:
            self.truth[file], self.gone[file], self.slips[file] = {}, {}, []
            self.hands[file] = Hand(tuple(HEADERS[file]), all_quoted=self.draw.random() < 0.3)
            for n in range(_SIZES[file]):
                key = f"{_LETTERS[file]}{n:02d}"
                self.truth[file][key] = self._row(file, key)

    # ---------------------------------------------------------------------------------------------------- what is told

    def tell(self) -> tuple[dict[str, bytes], str]:
        """The files of tonight, and what there is to know of them when something goes wrong."""
        self.night += 1
        notes = [f"night {self.night}"]
        told: dict[str, Told] = {}
        if self.night > 1:  # so that each night some lines differ of which the cells do not
            file = self.draw.choice(("users", "classes", "demographics"))
            self.hands[file] = replace(self.hands[file], stamped=not self.hands[file].stamped)
            notes.append(f"{file}: stamps")
        for file in FILES:
            one = self._tell(file) if self.night > 1 else Told("bulk", self._written(file, self._rows(file)), [])
            if one is not None:
                told[file] = one
                notes += [f"{file}: {', '.join([one.mode, *one.notes])}"] if one.notes else []
            else:
                notes.append(f"{file}: absent")
        files = {f"{file}.csv": one.text for file, one in told.items()}
        files["manifest.csv"] = manifest({file: one.mode for file, one in told.items()}).encode()
        return files, "; ".join(notes)

    def _tell(self, file: str) -> Told | None:
        notes = list(self._changes(file))
        mode = self.draw.choices(("bulk", "delta", "absent", "header"), (88, 5, 6, 0.3))[0]
        if mode == "absent":
            return None
        if mode == "header":
            return Told("bulk", self._written(file, []), ["header only"])
        if mode == "delta":
            return Told("delta", self._written(file, self._delta(file)), notes)
        if self.draw.random() < 0.5:
            self.slips[file] = []
        if self.draw.random() < 0.09:
            self.slips[file] = [self._slip(file) for _ in range(self.draw.choice((1, 1, 2)))]
        return Told(
            "bulk", self._written(file, self._rows(file)), notes + [f"{s.how} {s.key}" for s in self.slips[file]]
        )

    def _changes(self, file: str) -> Iterator[str]:
        # What everything refers to changes seldom: half of every other file would be looked at again.
        if self.draw.random() < (0.12 if file in {"orgs", "academicSessions"} else 0.5):
            for _ in range(self.draw.choice((1, 1, 2, 3))):
                yield self.draw.choices((self._cell, self._comes, self._goes, self._exchange), (3, 3, 4, 1))[0](file)
        if self.draw.random() < 0.02:
            keys = [key for key in self.truth[file] if self.draw.random() < 0.6]
            self.truth[file] |= {key: self._row(file, key) for key in keys}
            yield "most of it new"
        if self.draw.random() < 0.05:
            self._shuffle(file)
            yield "other order"
        if self.draw.random() < 0.15:
            self.hands[file], how = self._another_hand(self.hands[file])
            yield how

    def _cell(self, file: str) -> str:
        key, what = self._key(file), self.draw.choice((*_FREE[file], *_REFERENCES[file]))
        row = self._row(file, key)
        if what in _REFERENCES[file] and self.draw.random() < 0.8:
            self.truth[file][key] = {**self.truth[file][key], what: row[what]}
        elif what == _FREE[file][0]:
            self.truth[file][key] = {**self.truth[file][key], what: self._word(file)}
        else:  # a value that is none, often
            self.truth[file][key] = {**row, what: self.draw.choice((row.get(what, ""), "wizard"))}
        return f"{what} of {key}"

    def _comes(self, file: str) -> str:
        if self.gone[file] and self.draw.random() < 0.7:
            key = self.draw.choice(sorted(self.gone[file]))
            self.truth[file][key] = self.gone[file].pop(key)
            return f"{key} back"
        key = f"{_LETTERS[file]}{self.draw.randrange(100):02d}"
        self.truth[file][key] = self._row(file, key)
        return f"{key} new"

    def _goes(self, file: str) -> str:
        keys = self._some_keys(file)
        for key in keys:
            if len(self.truth[file]) > _SIZES[file] // 2:
                self.gone[file][key] = self.truth[file].pop(key)
        return f"{' '.join(keys)} gone"

    def _some_keys(self, file: str) -> list[str]:
        """One, or the last of the file, or several."""
        keys = list(self.truth[file])
        return self.draw.choice(([self.draw.choice(keys)], keys[-1:], keys[-2:], self.draw.sample(keys, 2)))

    def _exchange(self, file: str) -> str:
        """Two lines change their keys: each stands where it stood, for the other."""
        one, other = self.draw.sample(sorted(self.truth[file]), 2)
        rows = self.truth[file]
        rows[one], rows[other] = {**rows[other], "sourcedId": one}, {**rows[one], "sourcedId": other}
        return f"{one} and {other} exchanged"

    def _shuffle(self, file: str) -> None:
        rows = list(self.truth[file].items())
        self.draw.shuffle(rows)
        self.truth[file] = dict(rows)

    def _rows(self, file: str) -> list[Row]:
        return list(self.truth[file].values())

    def _delta(self, file: str) -> list[Row]:
        told = []
        for key in self.draw.sample(sorted(self.truth[file]), min(3, len(self.truth[file]))):
            if self.draw.random() < 0.5:
                told.append({**self.truth[file][key], "status": "tobedeleted"})
                if self.draw.random() < 0.5:
                    self.gone[file][key] = self.truth[file].pop(key)
            else:
                told.append({**self.truth[file][key], "status": "active"})
        return told

    # ------------------------------------------------------------------------------------------------------- who exists

    def _key(self, file: str) -> str:
        return self.draw.choice(sorted(self.truth[file]))

    def _word(self, file: str) -> str:
        if file == "enrollments":
            return self.draw.choices(("2026-09-01", "2026-09-02", "", "someday"), (9, 9, 9, 1))[0]
        return self.draw.choice(("Ash", "Birch", "Cedar, red", 'Elm "old"', "Fir", "Größe", "O'Hara"))

    def _row(self, file: str, key: str) -> Row:
        cells = {column: self._reference(column, target) for column, target in _REFERENCES[file].items()}
        if file == "orgs":
            district = key in {"s00", "s01"}
            cells |= {"type": "district" if district else "school", "parentSourcedId": "" if district else "s00"}
        if file == "academicSessions":
            year = key in {"t00", "t01"}
            cells |= {"type": "schoolYear" if year else "term", "parentSourcedId": "" if year else "t00"}
        return _MAKERS[file](key, **cells, **{_FREE[file][0]: self._word(file)})

    def _reference(self, column: str, target: str) -> str:
        """Mostly somebody who is there."""
        names = sorted(self.truth[target]) if self.truth.get(target) else []
        names = names or [f"{_LETTERS[target]}00"]
        if self.draw.random() < 0.02:
            names = [*self.gone.get(target, {}), f"{_LETTERS[target]}99"]
        if column == "agentSourcedIds" and self.draw.random() < 0.7:
            return ""
        many = self.draw.choice((1, 1, 2)) if column.endswith("Ids") else 1
        return self.draw.choice((",", ", ")).join(self.draw.choices(names, k=many))

    # ------------------------------------------------------------------------------------------------ how it is written

    def _another_hand(self, hand: Hand) -> tuple[Hand, str]:
        ways: dict[str, Callable[[], Hand]] = {
            "columns in another order": lambda: replace(hand, columns=self._permuted(hand.columns)),
            "a column more or less": lambda: replace(hand, columns=self._with_or_without(hand.columns)),
            "quotes": lambda: replace(hand, all_quoted=not hand.all_quoted),
            "line ends": lambda: replace(hand, end=self.draw.choice((b"\n", b"\r\n", b"mixed"))),
            "byte order mark": lambda: replace(hand, mark=not hand.mark),
            "stamps": lambda: replace(hand, stamped=not hand.stamped),
            "status": lambda: replace(hand, status=self.draw.choice(("", "active", " active", "active "))),
            "blanks after cells": lambda: replace(hand, padded=not hand.padded),
            "open end": lambda: replace(hand, open_end=not hand.open_end),
        }
        # Most of these give every line another look, and leave every cell as it is.
        how = self.draw.choices(list(ways), (4, 2, 2, 2, 1, 4, 1, 1, 1))[0]
        return ways[how](), how

    def _permuted(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        first = self.draw.choice((0, 1, 1))  # the key stays first, mostly
        return (*columns[:first], *self.draw.sample(columns[first:], len(columns) - first))

    def _with_or_without(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        extra = self.draw.choice(("metadata.house", "metadata.bus", "shoeSize", "status"))
        if extra in columns:
            return tuple(c for c in columns if c != extra)
        place = self.draw.randrange(1, len(columns))
        return (*columns[:place], extra, *columns[place:])

    def _written(self, file: str, rows: list[Row]) -> bytes:
        hand, slips = self.hands[file], {s.key: s.how for s in self.slips[file]}
        lines = [_line(list(hand.columns), hand)]
        for row in self._with_slips(rows, slips):
            cells = [self._cell_of(row, column, hand) for column in hand.columns]
            lines += _with_slip(_line(cells, hand), slips.get(row["sourcedId"], ""))
        ends = [hand.end if hand.end != b"mixed" else (b"\n", b"\r\n")[n % 2] for n, _ in enumerate(lines)]
        text = b"".join(line + end for line, end in zip(lines, ends, strict=True))
        return (b"\xef\xbb\xbf" if hand.mark else b"") + (text.rstrip(b"\r\n") if hand.open_end else text)

    def _cell_of(self, row: Row, column: str, hand: Hand) -> str:
        usual = {
            "status": hand.status,
            "dateLastModified": f"2026-09-{self.night % 30 + 1:02d}T05:00:00.000Z" if hand.stamped else "2026-09-01",
            "metadata.house": f"House {len(row['sourcedId']) + int(row['sourcedId'][-1:] or 0) % 3}",
            "shoeSize": "38",
        }
        cell = row.get(column) or usual.get(column, "")
        return f"{cell}  " if hand.padded and column in {"sourcedId", "title", "familyName"} else cell

    def _slip(self, file: str) -> Slip:
        rows = ("twice", "twice apart", "contrary", "contrary apart", "nameless", "deleted", "padded")
        return Slip(self.draw.choice((*rows, *_LINES)), self._key(file))

    def _with_slips(self, rows: list[Row], slips: dict[str, str]) -> list[Row]:
        """Slips that concern the row as such."""
        told: list[Row] = []
        last: list[Row] = []
        for row in rows:
            how = slips.get(row["sourcedId"], "")
            if how in {"deleted", "padded"}:
                row = {**row, "status": "tobedeleted"} if how == "deleted" else {**row, "status": "active   "}
            told.append(row)
            copy = {**row, "status": "active", "grades": "09"} if how.startswith("contrary") else row
            if how in {"twice", "contrary"}:
                told.append(copy)
            elif how in {"twice apart", "contrary apart"}:
                last.append(copy)
            elif how == "nameless":
                told[-1] = {**row, "sourcedId": ""}
        return told + last


def _line(cells: list[str], hand: Hand) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL if hand.all_quoted else csv.QUOTE_MINIMAL, lineterminator="").writerow(cells)
    return out.getvalue().encode()


# What a slip makes of a line: one line or several.
_LINES: dict[str, Callable[[bytes], list[bytes]]] = {
    "a cell too few": lambda line: [line.rpartition(b",")[0]],
    "a cell too many": lambda line: [line + b",more"],
    "a blank cell too many": lambda line: [line + b","],
    "open quote": lambda line: [line.replace(b",", b',"', 1)],
    "open quote at the end": lambda line: [line + b'"'],
    "quote within": lambda line: [line.replace(b",", b'x"y,', 1)],
    "text after quote": lambda line: [line.replace(b",", b',"a"b', 1)],
    "line break in a cell": lambda line: [line.rpartition(b",")[0] + b',"two', b'lines"'],
    "line break in the first cell": lambda line: [b'"' + line[:2], line[2:].replace(b",", b'",', 1)],
    "control character": lambda line: [line.replace(b",", b"\x07,", 1)],
    "character one": lambda line: [line.replace(b",", b"\x01,", 1)],
    "unit separator": lambda line: [line.replace(b",", b"\x1f,", 1)],
    "bad byte": lambda line: [line.replace(b",", b"\xff,", 1)],
    "bad byte at the end": lambda line: [line + b"\xff"],
    "blank line before": lambda line: [b"", line],
    "blank line after": lambda line: [line, b""],
    "line of blanks": lambda line: [line, b"   "],
    "line of commas": lambda line: [line, b"," * line.count(b",")],
    "return in a cell": lambda line: [line.rpartition(b",")[0] + b',"a\rb"'],
    "the next line in quotes": lambda line: [line.replace(b",", b',"', 1), line.replace(b",", b'",', 1)],
}


def _with_slip(line: bytes, how: str) -> list[bytes]:
    return _LINES[how](line) if how in _LINES else [line]
