"""Whoever silences a check says why, beside it, to the next person."""

import re

from tests.house.rules.shape import Found, Rule, Source, file

_SILENCERS = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|fmt:\s*(off|skip)|ruff:|mypy:|house:|isort:)")
_WITH_REASON = (
    re.compile(r"# noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* \(.{8,}\)"),
    re.compile(r"# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]  # .{8,}"),
    re.compile(r"# pragma: no (cover|branch) \(.{8,}\)"),
    re.compile(r"# fmt: (off|skip)( \(.{8,}\))"),
    re.compile(r"# fmt: on"),
    re.compile(r"# ruff: noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* (\(.{8,}\)|- .{8,})"),
    re.compile(r"# house: [a-z-]+ \(.{8,}\)"),
)


def find(source: Source) -> Found:
    for line, comment in source.comments.items():
        if _SILENCERS.search(comment) and not any(form.search(comment) for form in _WITH_REASON):
            yield line, f"no reason: {comment}"


RULE = Rule(
    name="suppressions",
    says="`# noqa: X100 (reason)`, `# type: ignore[code]  # reason`, `# fmt: skip (reason)`",
    find=find,
    folders=frozenset({"src", "tests", "bench"}),
    bad=(
        file("kit/x.py", "import os  # noqa"),
        file("kit/x.py", "import os  # noqa: F401"),
        file("kit/x.py", "import os  # noqa: F401 because"),
        file("kit/x.py", "import os  # type: ignore"),
        file("kit/x.py", "import os  # type: ignore[import-untyped]"),
        file("kit/x.py", "# ruff: noqa"),
        file("kit/x.py", "# mypy: ignore-errors"),
        file("tests/unit/kit/test_x.py", "x = 1  # fmt: skip"),
        file("bench/x.py", "x = 1  # pragma: no cover"),
    ),
    good=(
        file("kit/x.py", "import os  # noqa: F401 (the import is what is tested)"),
        file("kit/x.py", "import os  # noqa: F401, E402 (the import is what is tested)"),
        file("kit/x.py", "import os  # type: ignore[import-untyped]  # they ship no types"),
        file("kit/x.py", "# ruff: noqa: RUF001 (the letters are those of the names)"),
        file("kit/x.py", "x = '# noqa'  # a string about noqa"),
    ),
)
