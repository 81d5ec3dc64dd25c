"""Condition trees: read from JSON, written as SQL of two engines, and answered as a plain evaluator answers."""

import re

import duckdb
import pytest

from schoolpassport.kit import conditions
from schoolpassport.kit.conditions import All, Any_, Condition, Not, Unreadable, parse
from tests.support.plain_conditions import KNOWN, TODAY, column


def answers(content: object, values: list[str | None], attribute: str = "title") -> list[str | None]:
    """The values that pass."""
    asked = conditions.sql(parse(content, known=KNOWN), column=column, today=TODAY)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(f'CREATE TABLE rows ("{attribute}" VARCHAR)')
        db.executemany("INSERT INTO rows VALUES (?)", [[v] for v in values])
        found = db.execute(f'SELECT "{attribute}", {asked} FROM rows').fetchall()
    assert all(isinstance(answer, bool) for _, answer in found)
    return [value for value, answer in found if answer]


def is_(test: str, value: object = None, attribute: str = "title") -> dict[str, object]:
    return {"attribute": attribute, "is": test} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("content", "passing", "failing"),
    [
        (is_("equals", "Ähre"), ["ähre", "A\u0308HRE", " Ähre "], ["Ahre", "Ähren", None, ""]),
        (is_("equals", "ΣΟΦΌΣ"), ["σοφός"], ["σοφο"]),
        (is_("not equals", "a"), ["b"], ["A", None, " "]),
        ({"not": is_("equals", "a")}, ["b", None, ""], ["A"]),
        (is_("contains", "50%_'"), ["x50%_'y"], ["50ab'", None]),
        (is_("not contains", "b"), ["a"], ["abc", "B", None]),
        (is_("begins with", "al"), ["Algebra"], ["normal", None]),
        (is_("ends with", "É"), ["café", "cafe\u0301"], ["cafe", None]),
        (is_("empty"), [None, "", "  "], ["x"]),
        (is_("not empty"), ["x"], [None, "", "  "]),
        (is_("one of", ["a", "B"]), ["A", "b"], ["c", None]),
        (is_("not one of", ["a", "B"]), ["c"], ["A", "b", None]),
        (is_("greater", 7), ["8", "7.5", "08"], ["7", "-9", "8x", "1e9", None]),
        (is_("less", "-1"), ["-2", "-1.5"], ["-1", "0", "", None]),
        (is_("between", [1, 3]), ["1", "2.5", "3"], ["0", "3.1", "x"]),
        (
            is_("shaped like", "e-mail"),
            ["a@b.example", "a.b+c@d-e.f.gh"],
            ["a@b", "a b@c.d", "@b.c", "a@b.c,d@e.f", None],
        ),
        (is_("not shaped like", "phone"), ["no", "12"], ["+1 (203) 555-0100", "2035550100 ext. 12", None]),
        ({"all": []}, ["a", None], []),
        ({"any": []}, [], ["a", None]),
        (
            {"all": [is_("contains", "a"), {"any": [is_("equals", "ab"), is_("ends with", "z")]}]},
            ["ab", "az"],
            ["b", "a"],
        ),
    ],
    ids=str,
)
def test_a_text_passes_or_not(content, passing, failing):
    assert answers(content, [*passing, *failing]) == passing


@pytest.mark.parametrize(
    ("content", "passing", "failing"),
    [
        (is_("equals", "07"), ["07", "06, 07", "07,"], ["7", "06", None, ","]),
        (is_("not equals", "07"), ["06", "06,08"], ["07", "06,07", None]),
        (is_("empty"), [None, "", " , "], ["07"]),
        (is_("not empty"), ["07", ",08"], [None, ","]),
        (is_("greater", 8), ["09", "KG,10"], ["08", "KG", None]),
        (is_("not one of", ["KG", "01"]), ["02"], ["kg", "02,01", None]),
    ],
    ids=str,
)
def test_of_a_list_one_element_is_enough_and_no_means_none(content, passing, failing):
    content = content | {"attribute": "grades"}
    assert answers(content, [*passing, *failing], "grades") == passing


@pytest.mark.parametrize(
    ("content", "passing", "failing"),
    [
        (is_("equals", "2026-09-01"), ["2026-09-01"], ["2026-09-02", "x", None]),
        (
            is_("after", "2026-09-01"),
            ["2026-09-02", "2026-09-01T23:00:00-05:00"],
            ["2026-09-01", "2026-13-40", "epoch"],
        ),
        (is_("before", "2026-09-01"), ["2026-08-31", "0001-01-01"], ["2026-09-01", "infinity", None]),
        (is_("between", ["2026-09-01", "2026-09-30"]), ["2026-09-01", "2026-09-30"], ["2026-10-01"]),
        (is_("past"), ["2026-08-31"], ["2026-09-01", "2026-09-02", None]),
        (is_("future"), ["2026-09-02"], ["2026-09-01", None]),
        (is_("within days", 2), ["2026-09-01", "2026-09-03"], ["2026-08-31", "2026-09-04", None]),
        (is_("within days", -2), ["2026-09-01", "2026-08-30"], ["2026-09-02", "2026-08-29"]),
        (is_("not equals", "2026-09-01"), ["2026-09-02"], ["2026-09-01", None]),
        (is_("empty"), [None, ""], ["2026-09-01", "x"]),
    ],
    ids=str,
)
def test_a_date_passes_or_not(content, passing, failing):
    content = content | {"attribute": "birthDate"}
    assert answers(content, [*passing, *failing], "birthDate") == passing


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "In the condition: write an object with “all”, “any”, “not” or “attribute”."),
        ({"all": {}}, "In the condition: “all” takes a list of conditions."),
        (is_("equals", "x", "titel"), "In the condition: there is no attribute “titel”; did you mean “title”?"),
        (is_("equls", "x"), "In the condition: there is no test “equls”; did you mean “equals”?"),
        (
            {"any": [is_("empty"), {"not": is_("equals")}]},
            "In the condition, any 2, not: “equals” needs a value; to ask for blanks, use “empty”.",
        ),
        (is_("empty", "x"), "In the condition: “empty” takes no value."),
        (is_("one of", "a"), "In the condition: “one of” takes a list of values."),
        (is_("between", [1]), "In the condition: “between” takes two values, the lower and the upper."),
        (is_("greater", "many"), "In the condition: “many” is no number; write it like 7 or 12.5."),
        (is_("after", "1.9.2026", "birthDate"), "In the condition: “1.9.2026” is no date; write it like 2026-09-01."),
        (
            is_("equals", "2026-02-30", "birthDate"),
            "In the condition: “2026-02-30” is no date; write it like 2026-09-01.",
        ),
        (
            is_("after", "2026-09-01"),
            "In the condition: “after” compares dates, and title is none; use “greater” or “less”.",
        ),
        (
            is_("less", 5, "birthDate"),
            "In the condition: “less” compares numbers, and birthDate is none; use “after” or “before”.",
        ),
        (
            is_("within days", "soon", "birthDate"),
            "In the condition: “within days” takes a number of days, like 30, or -30 for the last thirty.",
        ),
        (is_("shaped like", "email"), "In the condition: there is no shape “email”; did you mean “e-mail”?"),
        (is_("equals", "yes", "enabledUser"), "In the condition: write “true” or “false”, not “yes”."),
        (is_("equals", "a\x00b"), "In the condition: a value is too long or holds characters that cannot be printed."),
        (
            {**is_("empty"), "or": 1},
            "In the condition: “or” is not understood; a condition has “attribute”, “is”, “value”.",
        ),
    ],
    ids=lambda p: p[:60] if isinstance(p, str) else "",
)
def test_what_cannot_be_read_is_told_with_its_place_and_what_to_do(content, sentence):
    with pytest.raises(Unreadable, match=f"^{re.escape(sentence)}$"):
        parse(content, known=KNOWN)


def test_trees_too_deep_or_too_large_are_refused():
    nested: dict[str, object] = is_("empty")
    for _ in range(conditions.DEEPEST):
        nested = {"not": nested}
    with pytest.raises(Unreadable, match="more than 8 deep"):
        parse(nested)
    assert parse(nested["not"])
    with pytest.raises(Unreadable, match="more than 200 parts"):
        parse({"all": [is_("empty")] * 201})
    with pytest.raises(Unreadable, match="more than 200 conditions"):
        parse({"all": [{"any": [is_("empty")] * 101}] * 2})


def test_a_tree_goes_to_json_and_back_and_can_be_told():
    tree = All(
        (
            Condition("grades", conditions.Test.ONE_OF, ("07", "08")),
            Not(Any_((Condition("title", conditions.Test.EMPTY), Condition("birthDate", conditions.Test.PAST)))),
        )
    )
    assert parse(conditions.to_content(tree), known=KNOWN) == tree
    assert conditions.attributes_of(tree) == {"grades", "title", "birthDate"}
    assert conditions.asks_the_clock(tree)
    assert not conditions.asks_the_clock(tree.parts[0])
    assert conditions.told(tree) == "grades one of “07”, “08” and (not (title empty or birthDate past))"
