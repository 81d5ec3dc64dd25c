"""A draft of the setting ``tables``, made of a package: what each file seems to hold, and which column is what.

Read are headers and a sample of the values. Each column gets a meaning (``student.givenName``), how sure it is, and a
reason in words; what is not likely stays unmapped. Nothing is set, and the same package gives the same draft.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schoolpassport.kit.columns import Columns, literal
from schoolpassport.sources import mapped, tabling
from schoolpassport.sources.headers import Meaning, meaning
from schoolpassport.sources.mapping import tables
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sources.tabling import Grid, Header

_SAMPLE = 5_000  # rows of a file that are looked at
_PEOPLE = ("student", "teacher", "person")
_OWN = ("givenName", "familyName", "middleName", "preferredFirstName", "email", "sms", "phone", "username", "role")
_OF_CLASSES = ("periods", "location")
_LIKELY = 0.5
_MOST = 0.9  # share of values that must look like what the header says
_FIRST, _DENSE = 100, 10  # up to where a count begins, and how many times as large as its rows it may be
_TECHNICAL = re.compile(r"uuid|guid|sourced|key|schl[uü]ssel", re.IGNORECASE)  # ids for machines
_DATES = ("YYYY-MM-DD", "D.M.YYYY", "D/M/YYYY", "M/D/YYYY", "YYYY/M/D", "D-M-YYYY")
_SLASHES = ("D/M/YYYY", "M/D/YYYY")
_GRADE = (
    r"(grade |year |klasse |jg\.? ?|stufe )?(pk|tk|k|kg|ps|[0-9]{1,2}|ef|q1|q2)(st|nd|rd|th|\.|º|ª|º eso|e|eme|ème)?|"
    r"[1-4]º (eso|bach.*)|2nde|1re|tle"
)
_SHAPES = {
    "email": r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
    "phone": r"\+?[0-9 ()/.-]{6,20}",
    "grade": _GRADE,
    "sex": r"(m|f|w|d|x|h|v|male|female|männlich|weiblich|divers|mann|frau|hombre|mujer|masculin|f[ée]minin|gar[çc]on|"
    r"fille|boy|girl|other|niño|niña|masculino|femenino)",
    "year": r"(19|20)[0-9]{2}",
    "schoolYear": r"(19|20)[0-9]{2}( ?[/–-] ?([0-9]{2}|20[0-9]{2}))?",
    "fullName": r"[^0-9@]+,? [^0-9@]+",
    "comma": r"[^0-9@,]+, [^0-9@,]+",
    "long": r".*[^0-9 ].* .*",
}
_SEXES = {
    "female": "f w female weiblich mujer feminin féminin fille girl niña femenino frau",
    "male": "m h v male männlich hombre masculin garçon garcon boy niño masculino mann",
}
_ROLES = {
    "student": "student pupil learner schüler schülerin alumno alumna estudiante élève eleve lerner s",
    "teacher": "teacher lehrer lehrerin lehrkraft profesor profesora docente professeur enseignant instructor "
    "faculty t",
    "administrator": "administrator admin principal staff verwaltung schulleitung secretary director direction rektor",
    "aide": "aide assistant counselor counsellor ta",
    "parent": "parent mother father eltern padre madre",
    "guardian": "guardian tutor erziehungsberechtigte",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """``means``: whose attribute, like ``student.givenName``; blank where none is proposed. ``sure``: 0 to 1."""

    header: str
    means: str
    sure: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One file or sheet. ``holds``: what its rows are, in words. ``notes``: what a person should look at."""

    label: str
    holds: str
    header_row: int
    rows: int
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """``tables``: the document, as ``setting import`` takes it. ``missing``: what a roster still needs."""

    tables: list[dict[str, Any]]
    drafts: tuple[Draft, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What the values of a column look like: shares of the cells that are filled."""

    filled: int
    distinct: int
    shares: Mapping[str, float]
    dates: tuple[str, ...]  # formats that fit nearly all of them
    values: tuple[str, ...]  # some of them, the frequent first
    counts: bool  # numbers that are given one after the other, from the first on

    def like(self, shape: str) -> float:
        return self.shares.get(shape, 0.0)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A file as it was looked at. ``own``: whose rows they are (student, teacher, person, class, school …)."""

    grid: Grid
    header: Header
    name: str
    sheet: str
    rows: int
    meanings: tuple[Meaning, ...]
    facts: tuple[_Facts, ...]
    own: str
    columns: tuple[Column, ...] = ()

    def has(self, *means: str) -> bool:
        return any(c.means in means for c in self.columns)

    def header_of(self, *means: str) -> str:
        return next((c.header for wanted in means for c in self.columns if c.means == wanted), "")

    def facts_of(self, header: str) -> _Facts:
        return next(f for c, f in zip(self.columns, self.facts, strict=True) if c.header == header)


def propose(db: Columns, *, files: Mapping[str, Path], folder: Path, school: str = "") -> Proposal:
    """Look at a package's files. ``school``: its name, where the package is of one school and no column says which."""
    folder.mkdir()
    opened = tabling.Opened(files=files, folder=folder)
    seen: list[_Seen] = []
    for name in sorted(files):
        if tabling.IS_WORKBOOK.search(name):
            grids = opened.sheets(name)
        elif tabling.IS_TEXT.search(name):
            grids = [grid] if (grid := opened.text(name)) else []
        else:
            grids = []
            opened.problems.append(tabling.no_table(name))
        for grid in grids:
            sheet = grid.label.partition(", sheet ")[2] if len(grids) > 1 else ""
            if found := _look(db, grid, name, sheet):
                seen.append(found)
    seen = [replace(s, columns=tuple(_columns(s))) for s in seen]
    document, notes = _Writer(seen, school).written()
    return Proposal(
        tables=document,
        drafts=tuple(
            Draft(
                label=s.grid.label,
                holds=_HOLDS.get(s.own, "nothing that is known"),
                header_row=s.header.last,
                rows=s.rows,
                columns=s.columns,
                notes=tuple(notes.get(s.grid.label, ())),
            )
            for s in seen
        ),
        missing=tuple(_missing(document)),
        problems=tuple(p.sentence for p in opened.problems),
    )


_HOLDS = {
    "student": "students",
    "teacher": "teachers and staff",
    "person": "people",
    "class": "classes",
    "enrollment": "who is in which class",
    "school": "schools",
    "term": "terms",
    "course": "courses",
}


# ------------------------------------------------------------------------------------------------------------ looking


def _look(db: Columns, grid: Grid, name: str, sheet: str) -> _Seen | None:
    header = _header(grid)
    if header is None or not any(header.cells):
        return None
    places = {f"v{n}": n for n, cell in enumerate(header.cells) if cell}
    tabling.load(db, grid, header, "looked", places)
    (rows,) = db.execute("SELECT count(*) FROM looked").fetchone() or (0,)
    facts = tuple(_facts(db, column) for column in places)
    db.execute("DROP TABLE looked")
    meanings = tuple(meaning(header.cells[n]) for n in places.values())
    own = _own(f"{name.rpartition('.')[0]} {sheet}", meanings)
    return _Seen(
        grid=grid,
        header=header,
        name=name,
        sheet=sheet,
        rows=int(rows),
        meanings=meanings,
        facts=facts,
        own=own,
        columns=tuple(Column(header=header.cells[n], means="", sure=0, reason="") for n in places.values()),
    )


def _header(grid: Grid) -> Header | None:
    """The row near the top with the most words that are known, the first of several."""
    rows = tabling.head(grid, 500)
    filled = [r for r in rows[:30] if sum(map(bool, r.cells)) > 1] or [r for r in rows[:30] if any(r.cells)]
    if not filled:
        return None

    def known(cells: Sequence[str]) -> int:
        found = [meaning(c) for c in cells if c and not re.search(r"@|\d{3}", c)]
        return sum(bool(m.who or m.what) for m in found)

    best = max(filled, key=lambda r: (known(r.cells), -r.first))
    return Header(cells=best.cells, last=best.last, width=max(len(r.cells) for r in rows))


def _facts(db: Columns, column: str) -> _Facts:
    sample = f"(SELECT lower({column}) AS v FROM looked WHERE {column} IS NOT NULL LIMIT {_SAMPLE})"
    asked = [f"avg(regexp_full_match(v, {literal(shape)})::INTEGER)" for shape in _SHAPES.values()]
    asked += [f"avg((try_strptime(v, {literal(_strptime(d))}) IS NOT NULL)::INTEGER)" for d in _DATES]
    filled, distinct, *shares = db.execute(
        f"SELECT count(*), count(DISTINCT v), {', '.join(asked)} FROM {sample}"
    ).fetchone() or (0, 0)
    frequent = db.execute(f"SELECT v FROM {sample} GROUP BY v ORDER BY count(*) DESC, v LIMIT 40").fetchall()
    smallest, largest, others, all_ = db.execute(
        f"SELECT min(n), max(n), count(v) - count(n), count(DISTINCT v) FROM "
        f"(SELECT {column} AS v, try_cast({column} AS BIGINT) AS n FROM looked)"
    ).fetchone() or (None, None, 0, 0)
    named = dict(zip([*_SHAPES, *_DATES], [float(s or 0) for s in shares], strict=True))
    return _Facts(
        filled=int(filled),
        distinct=int(distinct),
        shares=named,
        dates=tuple(d for d in _DATES if named[d] >= _MOST),
        values=tuple(v for (v,) in frequent),
        counts=smallest is not None and not others and smallest <= _FIRST and largest <= _DENSE * all_,
    )


def _strptime(wanted: str) -> str:
    return wanted.replace("YYYY", "%Y").replace("DD", "%d").replace("MM", "%m").replace("D", "%d").replace("M", "%m")


def _own(name: str, meanings: Sequence[Meaning]) -> str:
    """Whose rows they are, by the name of the file and by its headers."""
    named = meaning(name)
    people = [w for w in named.who if w in _PEOPLE]
    told = {what for m in meanings for what in m.what if not m.who or m.who[-1] in _PEOPLE}
    who = Counter(m.who[-1] for m in meanings if m.who)
    named_people = [m for m in meanings if _names_somebody(m)]
    title = any(m.what[:1] == ("title",) and not m.who for m in meanings)
    if named_people or (people and title and not who["class"]):
        about = Counter(m.who[-1] for m in named_people if m.who and m.who[-1] in _PEOPLE)
        if about:
            return max(about, key=lambda w: (about[w], w == "student"))
        if people:
            return people[-1]
        if "role" in told:
            return "person"
        return "student" if {"birth", "grade"} & told or who["student"] or who["guardian"] or who["class"] else "person"
    if who["class"] and (who["student"] or who["person"]) and "title" not in told:
        return "enrollment"
    if "enrollment" in named.who and who["class"]:
        return "enrollment"
    for kind in ("class", "term", "course", "school"):
        if kind in named.who and (kind in who or title or told & {"id", "number"}):
            return kind
    return next((kind for kind in ("class", "course", "term", "school") if who[kind]), "")


def _names_somebody(told: Meaning) -> bool:
    whole = told.what[:1] == ("title",) and told.who[-1:] in {("student",), ("teacher",), ("person",)}
    return "guardian" not in told.who and (whole or bool(set(told.what) & {"givenName", "familyName"}))


# ------------------------------------------------------------------------------------------------------------ columns


def _columns(seen: _Seen) -> Iterator[Column]:
    """The meaning of each column; where two could be the same, the surer one has it, then the one further left."""
    guesses = [
        _guess(seen, column.header, m, f) for column, m, f in zip(seen.columns, seen.meanings, seen.facts, strict=True)
    ]
    guesses = _ids_apart(_families(guesses))
    taken: dict[str, int] = {}
    for place, guess in sorted(enumerate(guesses), key=lambda g: (-g[1].sure, g[0])):
        if guess.means and guess.sure >= _LIKELY:
            taken.setdefault(guess.means, place)
    for place, guess in enumerate(guesses):
        if guess.means and guess.sure < _LIKELY:
            yield replace(guess, means="")
        elif guess.means and taken[guess.means] != place:
            other = guesses[taken[guess.means]].header
            yield replace(guess, means="", reason=f"{guess.reason}; but “{other}” is taken for that")
        else:
            yield guess


def _guess(seen: _Seen, header: str, told: Meaning, facts: _Facts) -> Column:
    means = _means(seen, header, told, facts)
    if not means:
        by_value = _by_value(seen, facts)
        reason = "not a part of a roster" if told.what else "the header says nothing that is known"
        if told.what[:1] in {("id",), ("number",)}:
            reason = f"an id, but of what? “{' '.join(told.unknown)}” is not known"
        return by_value(header) if by_value and not told.what and not told.who else _none(header, reason)
    what = means.rpartition(".")[2]
    sure = 0.95 if not told.unknown else 0.75
    words = f"header “{header}”"
    share, shape = _fits(what, facts)
    if not facts.filled:
        return Column(header=header, means=means, sure=sure - 0.15, reason=f"{words}; no values")
    if shape and share < _MOST:
        return Column(header=header, means=means, sure=sure * 0.5 * share, reason=f"{words}, but {share:.0%} {shape}")
    more = (
        f"; {facts.distinct / facts.filled:.0%} distinct" if what == "id" else f"; {share:.0%} {shape}" if shape else ""
    )
    return Column(header=header, means=means, sure=round(sure, 2), reason=words + more)


def _none(header: str, reason: str) -> Column:
    return Column(header=header, means="", sure=0, reason=reason)


def _by_value(seen: _Seen, facts: _Facts) -> Any:  # noqa: ANN401 (a function, or None)
    if seen.own in _PEOPLE and facts.filled and facts.like("email") >= _MOST:
        return lambda header: Column(
            header=header, means=f"{seen.own}.email", sure=0.6, reason=f"{facts.like('email'):.0%} e-mail addresses"
        )
    return None


def _fits(what: str, facts: _Facts) -> tuple[float, str]:
    """Which share of the values is as the meaning wants them, and what that is in words."""
    match what:
        case "email":
            return facts.like("email"), "e-mail addresses"
        case "birthDate" | "beginDate" | "endDate" | "startDate":
            return max(facts.like(d) for d in _DATES), "dates"
        case "sex":
            return facts.like("sex"), "words for sexes"
        case "phone" | "sms":
            return facts.like("phone"), "phone numbers"
        case "schoolYear":
            return facts.like("schoolYear"), "school years"
        case "fullName":
            return facts.like("fullName"), "names of two words"
        case "id" | "identifier":
            return 1 - facts.like("long") * (facts.distinct < facts.filled), "short values"
        case _:
            return 1.0, ""


def _means(seen: _Seen, header: str, told: Meaning, facts: _Facts) -> str:
    """Whose attribute a header names, by its words and by whose rows they are; blank where it is none of ours."""
    what = told.what[0] if told.what else ""
    if what in {"password", "private", "other"}:
        return ""
    if what in {"id", "number"} and told.unknown and not told.who:  # an id, but of what?
        return ""
    people = [w for w in told.who if w in {*_PEOPLE, "guardian"}]
    if people:
        # *Person* in a list of pupils is one of them.
        who = seen.own if people[-1] == "person" and seen.own in _PEOPLE else people[-1]
        return _of_person(who, header, told, what, comma=facts.like("comma") >= _MOST)
    if told.who:
        return _of_thing(told.who[-1], what, alien=told.alien)
    if what == "year" and facts.filled:
        return _year(seen, facts)
    if seen.own in _PEOPLE:
        return _of_person(seen.own, header, told, what, comma=facts.like("comma") >= _MOST)
    return _of_thing(seen.own, what, alien=told.alien)


def _year(seen: _Seen, facts: _Facts) -> str:
    """*Year* is a grade to some, and a school year to others."""
    if facts.like("schoolYear") >= _MOST:
        return "term.schoolYear"
    return f"{seen.own}.grade" if seen.own in _PEOPLE and facts.like("grade") >= _LIKELY else ""


def _of_person(who: str, header: str, told: Meaning, what: str, *, comma: bool) -> str:
    whose = f"guardian{_which(header, told)}" if who == "guardian" else who
    if what == "title" or (comma and what in {"givenName", "familyName"}):
        return f"{whose}.fullName"
    match what:
        case "birth" | "sex" | "grade":
            return f"{who}.{'birthDate' if what == 'birth' else what}" if who != "guardian" else ""
        case "id" | "number":
            return "" if who == "guardian" and what == "number" else f"{whose}.{'identifier' if told.alien else 'id'}"
        case "beginDate" | "endDate":
            return f"enrollment.{what}"
        case "schoolYear":
            return "term.schoolYear"
        case "periods" | "location":
            return f"class.{what}"
        case _:
            return f"{whose}.{what}" if what in _OWN else ""


def _which(header: str, told: Meaning) -> str:
    folded = header.casefold()
    words = {"1": "mother mutter madre mère mere", "2": "father vater padre père pere"}
    return told.count or next((n for n, ws in words.items() if any(w in folded for w in ws.split())), "")


# Of schools, courses, classes, terms and enrollments: whose, and which → what it means there.
_THINGS = ("school", "class", "course", "term")
_OF_THINGS: Mapping[tuple[str, str], str] = {
    **{(who, what): f"{who}.id" for who in _THINGS for what in ("id", "number")},
    **{(who, "title"): f"{who}.title" for who in _THINGS},
    **{(who, ""): f"{who}.name" for who in _THINGS},  # without a word for what it is, it is their name
    **{(who, "schoolYear"): "term.schoolYear" for who in (*_THINGS, "enrollment", "")},
    **{(who, what): f"class.{what}" for who in ("class", "course", "") for what in _OF_CLASSES},
    **{(who, "beginDate"): "term.startDate" for who in ("term", "class")},
    **{(who, "endDate"): "term.endDate" for who in ("term", "class")},
    ("term", "year"): "term.schoolYear",
    ("class", "grade"): "class.grade",
    ("enrollment", "id"): "enrollment.id",
    **{("enrollment", what): f"enrollment.{what}" for what in ("beginDate", "endDate", "role")},
}


def _of_thing(who: str, what: str, *, alien: bool) -> str:
    means = _OF_THINGS.get((who, what), "")
    return means.replace(".id", ".code") if alien else means


def _families(guesses: list[Column]) -> list[Column]:
    """A *Name* beside a given name is the family's."""
    means = {g.means for g in guesses}
    return [
        replace(
            g,
            means=g.means.replace("fullName", "familyName"),
            sure=0.8,
            reason=f"header “{g.header}” beside a given name",
        )
        if g.means.endswith(".fullName")
        and g.means.replace("fullName", "givenName") in means
        and g.means.replace("fullName", "familyName") not in means
        else g
        for g in guesses
    ]


def _ids_apart(guesses: list[Column]) -> list[Column]:
    """Of several ids of one thing, the one that is called so; a number beside it is a code. A name alone is an id."""
    found = list(guesses)
    ids = [n for n, g in enumerate(found) if g.means.endswith(".id")]
    for who in {found[n].means.partition(".")[0] for n in ids}:
        mine = [n for n in ids if found[n].means == f"{who}.id"]
        plain = [n for n in mine if "id" in meaning(found[n].header).what] or mine
        for n in mine:
            if n != plain[0]:
                code = "identifier" if who in _PEOPLE else "code"
                found[n] = replace(
                    found[n], means=f"{who}.{code}" if who in {*_PEOPLE, "class", "course", "school"} else ""
                )
    for n, guess in enumerate(found):
        who, _, what = guess.means.partition(".")
        if what == "name":
            taken = {g.means for g in found}
            free = f"{who}.title" if f"{who}.id" in taken or (who == "course") else f"{who}.id"
            found[n] = replace(guess, means=free if free not in taken else f"{who}.title")
    return found


# ------------------------------------------------------------------------------------------------------- the document


class _Writer:
    """Records of the setting, made of what the columns of all files mean."""

    def __init__(self, seen: list[_Seen], school: str) -> None:
        self.seen = seen
        self.school = school
        self.notes: dict[str, list[str]] = {}
        people = [s for s in seen if s.own in _PEOPLE]
        self.prefixed = bool(people) and all(s.own != "person" for s in people)
        with_classes = [s for s in seen if s.has("class.id", "class.title")]
        # A name like 5a says little without its school; an id is one.
        self.composed = (
            bool(with_classes)
            and all(s.has("school.id", "school.title") for s in with_classes)
            and not any("id" in meaning(s.header_of("class.id")).what for s in with_classes)
        )
        self.class_files = [s for s in seen if s.own == "class"] or with_classes
        self.school_files = [s for s in seen if s.own == "school"] or [
            s for s in seen if s.has("school.id", "school.title")
        ]
        self.people_of = {s.own: s for s in people}

    def written(self) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
        made = []
        constants = list(self._constants())
        for s in self.seen:
            records = [{"kind": kind, "attributes": values} for kind, values in self._records(s) if values]
            if not records:
                continue
            records = [*constants, *records]
            constants = []
            table = {"file": _pattern(s.name), "records": records}
            made.append(table | ({"sheet": s.sheet} if s.sheet else {}))
        return made, self.notes

    def _note(self, s: _Seen, sentence: str) -> None:
        self.notes.setdefault(s.grid.label, []).append(sentence)

    def _constants(self) -> Iterator[dict[str, Any]]:
        if self.school and not self.school_files:
            same = {"constant": self.school}
            yield {"kind": "org", "attributes": {"sourcedId": same, "name": same}}
        if self.class_files and not any(s.has("term.id", "term.title", "term.schoolYear") for s in self.class_files):
            attributes = {"sourcedId": {"constant": "year {year}"}, "title": {"constant": "School year {year}"}}
            yield {"kind": "academicSession", "attributes": attributes}

    def _records(self, s: _Seen) -> Iterator[tuple[str, dict[str, Any]]]:
        if s in self.school_files:
            key = s.header_of("school.id", "school.title")
            code = {"identifier": s.header_of("school.code")} if s.has("school.code") else {}
            yield "org", {"sourcedId": key, "name": s.header_of("school.title") or key, **code}
        if s in self.class_files:
            yield from self._terms(s)
            yield "course", self._course(s)
        if s.own == "term" and s not in self.class_files:
            yield from self._terms(s)
        for who in _PEOPLE:
            named = s.has(f"{who}.givenName") and s.has(f"{who}.familyName")
            if s.own == who or (named and who not in self.people_of):
                yield from self._person(s, who)
        yield from self._guardians(s)
        if s in self.class_files:
            yield "class", self._class(s)
        if s.has("class.id", "class.title"):
            yield from self._seats(s)

    def _terms(self, s: _Seen) -> Iterator[tuple[str, dict[str, Any]]]:
        key = s.header_of("term.id", "term.title", "term.schoolYear")
        if key:
            dates = {a: self._date(s, f"term.{a}") for a in ("startDate", "endDate") if s.has(f"term.{a}")}
            year = {"schoolYear": s.header_of("term.schoolYear")} if s.has("term.schoolYear") else {}
            yield "academicSession", {"sourcedId": key, "title": s.header_of("term.title") or key, **dates, **year}

    def _term(self, s: _Seen) -> dict[str, Any]:
        key = s.header_of("term.id", "term.title", "term.schoolYear")
        return {"terms": key or {"constant": "year {year}"}}

    def _org(self, s: _Seen) -> Any:  # noqa: ANN401 (a value of the document)
        key = s.header_of("school.id", "school.title")
        return key or ({"constant": self.school} if self.school and not self.school_files else None)

    def _class_key(self, s: _Seen) -> Any:  # noqa: ANN401 (a value of the document)
        key = s.header_of("class.id", "class.title")
        course = s.header_of("course.id", "course.title") if "number" in meaning(key).what and s.own != "class" else ""
        parts = [p for p in (self._org(s) if self.composed else None, course, key) if isinstance(p, str) and p]
        return parts[0] if len(parts) == 1 else {"from": parts}

    def _course_key(self, s: _Seen) -> Any:  # noqa: ANN401 (a value of the document)
        key = s.header_of("course.id", "course.title")
        org = self._org(s)
        if not key:
            return self._class_key(s)
        return {"from": [org, key]} if isinstance(org, str) and not s.has("course.id") else key

    def _course(self, s: _Seen) -> dict[str, Any]:
        title = s.header_of("course.title", "course.id", "class.title", "class.id")
        code = {"courseCode": s.header_of("course.code")} if s.has("course.code") else {}
        org = {"org": self._org(s)} if self._org(s) else {}
        return {"sourcedId": self._course_key(s), "title": title, **org, **code}

    def _class(self, s: _Seen) -> dict[str, Any]:
        more = {a: s.header_of(f"class.{m}") for a, m in _CLASS_MORE.items() if s.has(f"class.{m}")}
        school = {"school": self._org(s)} if self._org(s) else {}
        title = s.header_of("class.title", "class.id")
        return {
            "sourcedId": self._class_key(s),
            "title": title,
            "course": self._course_key(s),
            **school,
            **self._term(s),
            **more,
        }

    def _key(self, s: _Seen, who: str) -> Any:  # noqa: ANN401 (a value of the document)
        header = s.header_of(f"{who}.id", f"{who}.identifier")
        if not header:
            header = next((h for h in (s.header_of(f"{who}.email"), s.header_of(f"{who}.username")) if h), "")
            if header and s.own == who:
                self._note(s, f"no column is an id of each {who}; “{header}” is taken for one, and must never change")
        if not header:
            return None
        return {"from": header, "prefix": f"{who}/"} if self.prefixed and who in {"student", "teacher"} else header

    def _person(self, s: _Seen, who: str) -> Iterator[tuple[str, dict[str, Any]]]:
        key = self._key(s, who)
        if key is None:
            self._note(s, f"no column tells one {who} from another; add one with an id that never changes")
            return
        org = {"orgs": self._org(s)} if self._org(s) else {}
        plain = {a: s.header_of(f"{who}.{a}") for a in (*_OWN, "identifier") if s.has(f"{who}.{a}") and a != "role"}
        if s.has(f"{who}.fullName") and not s.has(f"{who}.familyName"):
            full = s.header_of(f"{who}.fullName")
            plain |= {"givenName": full, "familyName": full}
            self._note(s, f"“{full}” holds whole names: part them with the transform split (givenName, familyName)")
        plain |= self._number(s, who)
        grades = {"grades": s.header_of(f"{who}.grade")} if s.has(f"{who}.grade") and who != "teacher" else {}
        agents = self._agents(s) if who == "student" else {}
        yield "user", {"sourcedId": key, **plain, **self._role(s, who), **org, **grades, **agents}
        private: dict[str, Any] = {}
        if s.has(f"{who}.birthDate"):
            private["birthDate"] = self._date(s, f"{who}.birthDate")
        if s.has(f"{who}.sex"):
            header = s.header_of(f"{who}.sex")
            private["sex"] = {"from": header, "words": _words_for(s.facts_of(header), _SEXES)}
        if private and who == "student":
            yield "demographics", {"sourcedId": key, **private}

    def _number(self, s: _Seen, who: str) -> dict[str, Any]:
        """The id that is a student number is one for applications, too: their identifier."""
        header = s.header_of(f"{who}.id")
        told = meaning(header)
        called = "number" in told.what or ("student" in told.who and not _TECHNICAL.search(header))
        if who not in {"student", "person"} or s.has(f"{who}.identifier") or not header or not called:
            return {}
        if s.facts_of(header).counts:
            self._note(
                s,
                f"“{header}” counts from the first on, as other lists may, and is taken for the id alone; if it is the "
                "student number, map it to identifier, too",
            )
            return {}
        return {"identifier": header}

    def _role(self, s: _Seen, who: str) -> dict[str, Any]:
        if s.has(f"{who}.role") and s.own == "person":
            header = s.header_of(f"{who}.role")
            words = _words_for(s.facts_of(header), _ROLES)
            if strange := [v for v in s.facts_of(header).values if v not in words and v not in _ROLES]:
                self._note(s, f"“{header}” has values that are no role of the standard: {', '.join(strange[:10])}")
            return {"role": {"from": header, "words": words} if words else header}
        return {"role": {"constant": who}} if who != "person" else {}

    def _guardians_of(self, s: _Seen) -> list[str]:
        named = sorted({c.means.partition(".")[0] for c in s.columns if c.means.startswith("guardian")})
        return [
            g for g in named if s.has(f"{g}.givenName") and s.has(f"{g}.familyName") and s.has(f"{g}.id", f"{g}.email")
        ]

    def _agents(self, s: _Seen) -> dict[str, Any]:
        keys = [s.header_of(f"{g}.id", f"{g}.email") for g in self._guardians_of(s)]
        if not keys:
            return {}
        one = {"from": keys[0], "prefix": "guardian/"}
        return {"agents": one if len(keys) == 1 else {"from": keys, "with": ";", "split": ";", "prefix": "guardian/"}}

    def _guardians(self, s: _Seen) -> Iterator[tuple[str, dict[str, Any]]]:
        for g in self._guardians_of(s):
            plain = {
                a: s.header_of(f"{g}.{a}")
                for a in ("givenName", "familyName", "email", "phone", "sms")
                if s.has(f"{g}.{a}")
            }
            key = {"from": s.header_of(f"{g}.id", f"{g}.email"), "prefix": "guardian/"}
            org = {"orgs": self._org(s)} if self._org(s) else {}
            yield "user", {"sourcedId": key, **plain, "role": {"constant": "guardian"}, **org}

    def _seats(self, s: _Seen) -> Iterator[tuple[str, dict[str, Any]]]:
        for who in _PEOPLE:
            key = self._key(s, who) if s.has(f"{who}.id", f"{who}.identifier") or s.own == who else None
            if key is None:
                continue
            org = {"school": self._org(s)} if self._org(s) else {}
            dates = {a: self._date(s, f"enrollment.{a}") for a in ("beginDate", "endDate") if s.has(f"enrollment.{a}")}
            role: dict[str, Any] = {"role": {"constant": who}} if who != "person" else {}
            if s.has("enrollment.role", "person.role"):
                header = s.header_of("enrollment.role", "person.role")
                role = {"role": {"from": header, "words": _words_for(s.facts_of(header), _ROLES)}}
            yield "enrollment", {"class": self._class_key(s), "user": key, **org, **role, **dates}

    def _date(self, s: _Seen, means: str) -> Any:  # noqa: ANN401 (a value of the document)
        header = s.header_of(means)
        fits = s.facts_of(header).dates
        if set(_SLASHES) <= set(fits):
            self._note(s, f"“{header}”: day or month first cannot be told; write “dates”: “D/M/YYYY” or “M/D/YYYY”")
            return header
        needed = [f for f in fits if f not in {"YYYY-MM-DD", "D.M.YYYY"}]
        return {"from": header, "dates": needed[0]} if needed else header


_CLASS_MORE = {"classCode": "code", "periods": "periods", "location": "location", "grades": "grade"}


def _pattern(name: str) -> str:
    """The name of a file without the date in it."""
    stem, dot, end = name.rpartition(".")
    escaped = re.sub(r"([\[?*])", r"[\1]", stem)
    return re.sub(r"(19|20)\d\d[-_.]?(\d\d[-_.]?\d\d)?(T?\d{4,6})?", "*", escaped) + dot + end


def _words_for(facts: _Facts, known: Mapping[str, str]) -> dict[str, str]:
    said = {word: meant for meant, words in known.items() for word in words.split()}
    return {v: said[v] for v in facts.values if v in said and said[v] != v}


def _missing(document: list[dict[str, Any]]) -> Iterator[str]:
    if not document:
        yield "No file holds anything that is known."
        return
    parsed = tables(document, SCHEMAS["any-table"])
    kinds = {r.kind for t in parsed for r in t.records}
    for table in parsed:
        for record in table.records:
            for attribute in mapped.lacking(record):
                yield (
                    f"{table.name}: nothing is mapped to {attribute} of {record.file.kind.plural}, which each must "
                    "have."
                )
    plurals = {f.kind.name: f.kind.plural for f in SCHEMAS["any-table"].files}
    for kind in ("org", "user", "class", "enrollment"):
        if kind not in kinds:
            yield f"No file says which {plurals[kind]} there are."
