from tests.house import smells
from tests.house.rules.shape import file


def test_the_longest_come_first_and_are_marked():
    long, short = file("roster/a.py", "def f():\n" + "    x = 1\n" * 40), file("roster/b.py", "def g():\n    x = 1\n")
    assert smells.report("functions", smells.functions([short, long])) == (
        "The longest functions (look again above 35 lines: 1 of these)\n"
        "!    41  src/schoolpassport/roster/a.py:1 f\n"
        "      2  src/schoolpassport/roster/b.py:1 g\n"
    )


def test_ten_are_enough():
    many = [file(f"roster/m{n}.py", "x = 1\n" * n) for n in range(30)]
    assert len(smells.report("files", smells.files(many)).splitlines()) == 1 + 10
