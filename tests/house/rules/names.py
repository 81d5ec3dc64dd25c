"""A module is named for its subject. A name that fits everything attracts everything."""

from tests.house.rules.shape import Found, Rule, Source, file

_NAMES_FOR_NOTHING = frozenset({"util", "utils", "helper", "helpers", "common", "misc", "stuff", "tools", "lib"})


def find(source: Source) -> Found:
    for part in source.path.removesuffix(".py").split("/"):
        if part.strip("_") in _NAMES_FOR_NOTHING or part.endswith(("_utils", "_helpers", "_util", "_helper")):
            yield 1, f"{part} names no subject"


RULE = Rule(
    name="names",
    says="name the module for what it knows; put the tool into the room that uses it",
    find=find,
    folders=frozenset({"src", "tests", "bench"}),
    bad=(
        file("sharing/utils.py", ""),
        file("kit/helpers/__init__.py", ""),
        file("kit/_common.py", ""),
        file("kit/date_utils.py", ""),
        file("tests/support/misc.py", ""),
    ),
    good=(file("sharing/projection.py", ""), file("kit/columns.py", ""), file("sharing/commonplace.py", "")),
)
