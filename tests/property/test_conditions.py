"""Random condition trees over random rows: DuckDB and PostgreSQL answer as a plain evaluator does."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from django.db import connection

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.conditions import DUCKDB, POSTGRESQL, Column, Dialect, parse
from tests.support.plain_conditions import KNOWN, TODAY, column, plainly

TREES, ROWS = 150, 60
PIECES = ["a", "B", "É", "e\u0301", "ß", "ς", "Σ", "%", "_", "'", '"', "\\", "$", " ", "{", "李", "7", "0"]
DAYS = ["2026-08-30", "2026-08-31", "2026-09-01", "2026-09-02", "2026-10-01", "1999-12-31"]
GRADES = ["KG", "01", "07", "7", "8", "12", "é", "e\u0301"]


class Teller:
    """A random district in small: trees and rows from so few values that they meet."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def text(self) -> str:
        return "".join(self._dice.choices(PIECES, k=self._dice.randint(1, 2)))

    def cell(self, name: str) -> str | None:
        dice = self._dice
        if dice.random() < 0.2:
            return dice.choice([None, "", "  "])
        match name:
            case "title":
                return dice.choice([self.text(), "a@b.example", "12345", "a@b", "3", "-4.5"])
            case "grades":
                return ",".join(dice.choices([*GRADES, "", " 07 "], k=dice.randint(1, 3)))
            case "score":
                return dice.choice(["0", "7", "7.5", "-3", "100"])
            case "birthDate":
                return dice.choice(DAYS)
            case _:
                return dice.choice(["true", "false", "TRUE"])

    def row(self) -> dict[str, str | None]:
        return {name: self.cell(name) for name in KNOWN}

    def tree(self, depth: int = 3) -> dict[str, Any]:
        dice = self._dice
        if depth and dice.random() < 0.6:
            word = dice.choice(["all", "any", "not"])
            parts = [self.tree(depth - 1) for _ in range(dice.randint(1, 3))]
            return {word: parts[0] if word == "not" else parts}
        return self._leaf(dice.choice(list(KNOWN)))

    def _leaf(self, name: str) -> dict[str, Any]:
        dice, found = self._dice, {"attribute": name}
        words = ["equals", "not equals", "one of", "not one of", "empty", "not empty"]
        if name in {"title", "grades"}:
            words += ["contains", "not contains", "begins with", "ends with", "shaped like", "not shaped like"]
        if name in {"title", "grades", "score"}:
            words += ["greater", "less", "between"]
        if name == "birthDate":
            words += ["after", "before", "between", "past", "future", "within days"]
        found["is"] = word = dice.choice(words)
        if word in {"empty", "not empty", "past", "future"}:
            return found
        if "shaped" in word:
            return {**found, "value": dice.choice(["e-mail", "phone"])}
        if word == "within days":
            return {**found, "value": dice.choice([0, 1, 30, -1, -2])}
        many = dice.randint(1, 3) if "one of" in word else 2 if word == "between" else 0
        values = [self._value(name, word) for _ in range(many or 1)]
        return {**found, "value": values if many else values[0]}

    def _value(self, name: str, word: str) -> Any:
        dice = self._dice
        if name == "birthDate":
            return dice.choice(DAYS)
        if word in {"greater", "less", "between"} or name == "score":
            return dice.choice([-3, 0, 7, 7.5, 12])
        if name == "enabledUser":
            return dice.choice(["true", "false"])
        return dice.choice(GRADES) if name == "grades" else (self.text().strip() or "a")


def in_duckdb(tree: dict[str, Any], rows: list[dict[str, str | None]], dialect: Dialect = DUCKDB) -> list[bool]:
    asked = conditions.sql(parse(tree, known=KNOWN), column=column, today=TODAY, dialect=dialect)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(f"CREATE TABLE rows (n INT, {', '.join(f'{quoted(n)} VARCHAR' for n in KNOWN)})")
        db.executemany(
            f"INSERT INTO rows VALUES (?{', ?' * len(KNOWN)})", [[n, *r.values()] for n, r in enumerate(rows)]
        )
        return [answer for (answer,) in db.execute(f"SELECT {asked} FROM rows ORDER BY n").fetchall()]


def _in_postgresql(name: str) -> Column:
    attribute = KNOWN[name]
    sql = f"string_to_array({quoted(name)}, ',')" if attribute.many else quoted(name)
    return Column(sql=sql, shape=attribute.shape, many=attribute.many)


def in_postgresql(tree: dict[str, Any], rows: list[dict[str, str | None]]) -> list[bool]:
    asked = conditions.sql(parse(tree, known=KNOWN), column=_in_postgresql, today=TODAY, dialect=POSTGRESQL)
    cells = ", ".join(
        f"({n}, {', '.join('NULL' if v is None else literal(v) for v in row.values())})" for n, row in enumerate(rows)
    )
    names = ", ".join(quoted(n) for n in KNOWN)
    with connection.cursor() as wrapped:
        wrapped.cursor.execute(f"SELECT {asked} FROM (VALUES {cells}) r(n, {names}) ORDER BY n")
        return [answer for (answer,) in wrapped.cursor.fetchall()]


def tried(engine: Callable[[dict[str, Any], list[dict[str, str | None]]], list[bool]]) -> Counter[bool]:
    """How many rows passed, and how many did not."""
    seen: Counter[bool] = Counter()
    for seed in range(TREES):
        teller = Teller(seed)
        tree, rows = teller.tree(), [teller.row() for _ in range(ROWS)]
        expected = [plainly(tree, row) for row in rows]
        assert engine(tree, rows) == expected, (seed, tree)
        seen.update(expected)
    return seen


@pytest.mark.parametrize("engine", [in_duckdb, in_postgresql])
def test_an_engine_answers_as_a_plain_evaluator_does(engine):
    seen = tried(engine)
    assert min(seen[True], seen[False]) > TREES * ROWS / 10, seen


@pytest.mark.parametrize(
    "careless",
    [
        replace(DUCKDB, composed=lambda x: x),
        replace(DUCKDB, number=lambda x: f"coalesce(try_cast({x} AS DOUBLE), 0)"),
        replace(
            DUCKDB, any_element=lambda values, holds: f"len(list_filter({values}, lambda e: NOT {holds('e')})) = 0"
        ),
    ],
    ids=["accents as they are encoded", "no number is nought", "all elements"],
)
def test_the_comparison_finds_an_engine_that_is_careless(careless):
    """The control: otherwise the trees above prove nothing."""
    with pytest.raises(AssertionError):
        tried(lambda tree, rows: in_duckdb(tree, rows, careless))
