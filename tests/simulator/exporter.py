"""How a system writes what it knows: the same rows in ever other bytes. And how an export goes wrong.

An export is what a night's package holds, and what its maker knows about it (`Said`). A fault makes another export of
one: what of it the documents speak of is written into `said`, and the oracle judges it by that alone.
"""

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from tests.simulator.oracle import Said
from tests.support.packages import HEADERS, STAMP, Row, manifest

Rows = dict[str, list[Row]]


@dataclass(frozen=True)
class Style:
    """Quirks that say nothing: a package in another style is the same district."""

    order: int = 0  # seeds of other orders of rows and of columns; 0: as they come
    quoted: bool = False
    bom: bool = False
    crlf: bool = False
    stamped: bool = False  # status and time of change filled


PLAIN = Style()


@dataclass(frozen=True)
class Export:
    rows: Rows
    files: dict[str, bytes]
    said: Said
    style: Style = PLAIN
    zipped: bool = False
    cut: bool = False  # the zip file itself ends in the middle

    def again(self, **said: object) -> "Export":
        """With this known about it, and another digest if its bytes are others."""
        return replace(self, said=replace(self.said, digest=_digest(self.files), **said))


@dataclass(frozen=True)
class Extra:
    """What differs from a full export: files that are deltas, columns that nobody asked for."""

    modes: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)


def a_style(random: Random) -> Style:
    return Style(
        order=random.choice((0, random.randrange(1, 10**6))),
        quoted=random.random() < 0.3,
        bom=random.random() < 0.3,
        crlf=random.random() < 0.3,
        stamped=random.random() < 0.3,
    )


def export(rows: Rows, style: Style = PLAIN, extra: Extra = Extra()) -> Export:
    files = {f"{name}.csv": _table(name, rows[name], style, extra) for name in rows}
    modes = {name: extra.modes.get(name, "bulk") for name in rows}
    files["manifest.csv"] = manifest(modes).encode()
    columns = {name: frozenset(_columns(name, extra)) for name in rows}
    said = Said(rows=rows, digest=_digest(files), modes=modes, columns=columns)
    return Export(rows=rows, files=files, said=said, style=style)


def _columns(name: str, extra: Extra) -> list[str]:
    return HEADERS[name] + ([extra.columns[name]] if name in extra.columns else [])


def _table(name: str, rows: list[Row], style: Style, extra: Extra) -> bytes:
    columns, rows = _columns(name, extra), list(rows)
    if style.order:
        shuffler = Random(style.order)
        shuffler.shuffle(rows)
        shuffler.shuffle(columns)
    if style.stamped or extra.modes.get(name) == "delta":
        rows = [{"status": "active", "dateLastModified": STAMP, **row} for row in rows]
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if style.quoted else csv.QUOTE_MINIMAL
    end = "\r\n" if style.crlf else "\n"
    writer = csv.DictWriter(out, columns, restval="", lineterminator=end, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig" if style.bom else "utf-8")


def _digest(files: dict[str, bytes]) -> str:
    told = b"".join(name.encode() + b"\0" + content for name, content in sorted(files.items()))
    return hashlib.sha256(told).hexdigest()


def delta(rows: Rows, taken: dict[str, dict[str, Row]]) -> Export:
    """What differs from what was taken last: rows that are new or changed, and rows that went."""
    changed: Rows = {}
    for name, now in rows.items():
        before, keys = taken.get(name, {}), {row["sourcedId"] for row in now}
        told = [row for row in now if before.get(row["sourcedId"]) != row]
        gone = [{**row, "status": "tobedeleted"} for key, row in before.items() if key not in keys]
        if told or gone:
            changed[name] = told + gone
    return export(changed, Style(stamped=True), Extra(modes=dict.fromkeys(changed, "delta")))


# ------------------------------------------------------------------------------------------------------------- faults

Fault = Callable[[Export, Random], Export]
FAULTS: dict[str, Fault] = {}


def fault(made: Fault) -> Fault:
    FAULTS[made.__name__] = made
    return made


def _with(export_: Export, name: str, rows: list[Row]) -> Export:
    return export(export_.rows | {name: rows}, export_.style)


@fault
def cut_at_a_line_end(export_: Export, random: Random) -> Export:
    """The last rows are not there, and nothing in the bytes says so."""
    name = random.choice(["users", "enrollments", "classes", "demographics"])
    rows = export_.rows[name]
    return _with(export_, name, rows[: -max(1, int(len(rows) * random.choice((0.01, 0.03, 0.12, 0.6))))])


@fault
def cut_in_a_row(export_: Export, random: Random) -> Export:
    """The last row has its id and half of its next filled cell, and then the file ends."""
    plain = export(export_.rows)
    name = random.choice(["users", "enrollments"])
    rows = plain.rows[name]
    keep = len(rows) - max(1, int(len(rows) * random.choice((0.01, 0.03))))
    whole, torn = _table(name, rows[:keep], PLAIN, Extra()), rows[keep]["sourcedId"]
    files = plain.files | {f"{name}.csv": whole + f"{torn},,".encode()}
    made = replace(plain, rows=plain.rows | {name: rows[:keep]}, files=files)
    return made.again(rows=made.rows, torn=frozenset({name}), unreadable={name: [torn]})


@fault
def other_encoding(export_: Export, random: Random) -> Export:
    text = export_.files["users.csv"].decode("utf-8-sig")
    made = replace(export_, files=export_.files | {"users.csv": text.encode("utf-16")})
    return made.again(broken="bad encoding")


@fault
def twice_the_same_id(export_: Export, random: Random) -> Export:
    """Two rows that differ under one id: nobody can tell which is right. And one row that merely stands twice."""
    rows = export_.rows["users"]
    one, other = random.sample(rows, 2)
    return _with(export_, "users", [{**one, "givenName": f"{one['givenName']}x"}, *rows, dict(other)])


@fault
def everybody_twice(export_: Export, random: Random) -> Export:
    rows = export_.rows["users"]
    return _with(export_, "users", [*rows, *({**row, "familyName": "Twice"} for row in rows)])


@fault
def no_rows(export_: Export, random: Random) -> Export:
    name = random.choice(["users", "enrollments", "orgs"])
    made = _with(export_, name, [])
    return made.again(broken="empty file")


@fault
def no_file(export_: Export, random: Random) -> Export:
    """The manifest names it and the package does not hold it."""
    name = random.choice(["users", "enrollments", "classes"])
    files = {file: content for file, content in export_.files.items() if file != f"{name}.csv"}
    return replace(export_, files=files).again(broken="missing file")


@fault
def said_to_be_absent(export_: Export, random: Random) -> Export:
    """A file is not there, and the manifest says so: nothing is said about its records."""
    name = random.choice(["enrollments", "demographics", "classes"])
    return export({n: rows for n, rows in export_.rows.items() if n != name}, export_.style)


@fault
def ten_times_the_rows(export_: Export, random: Random) -> Export:
    rows = export_.rows["users"]
    more = [{**row, "sourcedId": f"{row['sourcedId']}-{n}", "identifier": ""} for n in range(9) for row in rows]
    return _with(export_, "users", rows + more)


@fault
def upper_case_headers(export_: Export, random: Random) -> Export:
    """Another case is another name."""
    head, line, body = export_.files["users.csv"].partition(b"\n")
    made = replace(export_, files=export_.files | {"users.csv": head.upper() + line + body})
    return made.again(broken="wrong column name")


@fault
def a_column_is_missing(export_: Export, random: Random) -> Export:
    plain = export(export_.rows)
    lines = csv.reader(io.StringIO(plain.files["users.csv"].decode()))
    out = io.StringIO()
    place = HEADERS["users"].index("familyName")
    csv.writer(out, lineterminator="\n").writerows([*line[:place], *line[place + 1 :]] for line in lines)
    made = replace(plain, files=plain.files | {"users.csv": out.getvalue().encode()})
    return made.again(broken="missing column")


@fault
def one_column_more(export_: Export, random: Random) -> Export:
    """Blank in every row; but whoever changed the columns may have changed more."""
    return export(export_.rows, export_.style, Extra(columns={"users": "metadata.house"}))


@fault
def half_a_zip_file(export_: Export, random: Random) -> Export:
    return replace(export_, zipped=True, cut=True).again(broken="damaged")


@fault
def roles_nobody_knows(export_: Export, random: Random) -> Export:
    """More rows than can be left out and the rest still be trusted."""
    rows = [{**row, "role": "pupil"} if n % 20 == 0 else row for n, row in enumerate(export_.rows["users"])]
    return _with(export_, "users", rows)


@fault
def a_role_nobody_knows(export_: Export, random: Random) -> Export:
    rows = list(export_.rows["users"])
    n = random.randrange(len(rows))
    rows[n] = {**rows[n], "role": "pupil"}
    return _with(export_, "users", rows)


@fault
def a_school_is_missing(export_: Export, random: Random) -> Export:
    """Somebody did not select it: its row, its people, its classes are not there."""
    schools = [row["sourcedId"] for row in export_.rows["orgs"] if row["type"] == "school"]
    school = random.choice(schools)
    rows = export_.rows
    people = {row["sourcedId"] for row in rows["users"] if row["orgSourcedIds"] == school}
    left = {
        "orgs": [r for r in rows["orgs"] if r["sourcedId"] != school],
        "users": [r for r in rows["users"] if r["sourcedId"] not in people],
        "classes": [r for r in rows["classes"] if r["schoolSourcedId"] != school],
        "enrollments": [
            r for r in rows["enrollments"] if r["schoolSourcedId"] != school and r["userSourcedId"] not in people
        ],
        "demographics": [r for r in rows["demographics"] if r["sourcedId"] not in people],
    }
    return export(rows | left, export_.style)


@fault
def a_grade_is_missing(export_: Export, random: Random) -> Export:
    rows = export_.rows
    pupil = random.choice([r for r in rows["users"] if r["role"] == "student"])
    place = (pupil["orgSourcedIds"], pupil["grades"])
    people = {r["sourcedId"] for r in rows["users"] if (r["orgSourcedIds"], r["grades"]) == place}
    return export(without_people(rows, people), export_.style)


def without_people(rows: Rows, keys: set[str]) -> Rows:
    return rows | {
        "users": [r for r in rows["users"] if r["sourcedId"] not in keys],
        "enrollments": [r for r in rows["enrollments"] if r["userSourcedId"] not in keys],
        "demographics": [r for r in rows["demographics"] if r["sourcedId"] not in keys],
    }
