"""A plain evaluator of condition trees, that the engines are held against; it reads the JSON, not the parsed tree."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta

from schoolpassport.kit.conditions import Attribute, Column, Shape

TODAY = date(2026, 9, 1)
KNOWN = {
    "title": Attribute(),
    "grades": Attribute(many=True),
    "score": Attribute(shape=Shape.NUMBER),
    "birthDate": Attribute(shape=Shape.DATE),
    "enabledUser": Attribute(shape=Shape.BOOLEAN),
}


def column(name: str) -> Column:
    cell = f'"{name}"'
    attribute = KNOWN[name]
    return Column(
        sql=f"string_split({cell}, ',')" if attribute.many else cell, shape=attribute.shape, many=attribute.many
    )


_SHAPES = {
    "e-mail": lambda v: bool(re.fullmatch(r"[^@\s,;:<>()]+@[^@\s,;:<>().]+(\.[^@\s,;:<>().]+)+", v)),
    "phone": lambda v: len(re.findall(r"\d", v)) >= 5 and not re.search(r"[^0-9 ()./+-]", v),
}


def _fold(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    upper = "".join(c.upper() if len(c.upper()) == 1 else c for c in composed)
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in upper)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _test(test: str, wanted: list[str], text: str, shape: Shape) -> bool:
    if test in {"after", "before", "past", "future", "within days"} or (shape is Shape.DATE and test == "between"):
        day = _day(text)
        return day is not None and _day_fits(test, wanted, day)
    if test in {"greater", "less", "between"}:
        number, ends = _number(text), [float(w) for w in wanted]
        if number is None:
            return False
        return {"greater": number > ends[0], "less": number < ends[0]}.get(test, ends[0] <= number <= ends[-1])
    folded, marks = _fold(text), [_fold(w) for w in wanted]
    if test == "shaped like":
        return _SHAPES[wanted[0]](text)
    fits = {"contains": marks[0] in folded, "begins with": folded.startswith(marks[0])}
    return {**fits, "ends with": folded.endswith(marks[0])}.get(test, folded in marks)


def _day_fits(test: str, wanted: list[str], day: date) -> bool:
    if test == "within days":
        marks = sorted((TODAY, TODAY + timedelta(int(wanted[0]))))
    else:
        marks = [date.fromisoformat(w) for w in wanted] or [TODAY]
    later, earlier = day > marks[0], day < marks[0]
    fits = {"after": later, "future": later, "before": earlier, "past": earlier}
    return fits.get(test, marks[0] <= day <= marks[-1])


def plainly(content: dict[str, object], row: Mapping[str, str | None], known: Mapping[str, Attribute] = KNOWN) -> bool:
    """Whether the row fulfils the tree."""
    if "all" in content:
        return all(plainly(p, row, known) for p in content["all"])
    if "any" in content:
        return any(plainly(p, row, known) for p in content["any"])
    if "not" in content:
        return not plainly(content["not"], row, known)
    attribute, test, value = known[content["attribute"]], content["is"], content.get("value", [])
    cell = row[content["attribute"]] or ""
    values = [v.strip(" ") for v in (cell.split(",") if attribute.many else [cell]) if v.strip(" ")]
    if test in {"empty", "not empty"}:
        return bool(values) == (test == "not empty")
    wanted = [str(v).strip() for v in (value if isinstance(value, list) else [value])]
    positive = test.removeprefix("not ")
    found = any(_test(positive, wanted, v, attribute.shape) for v in values)
    return bool(values) and not found if positive != test else found
