"""YAML as people write it, and no more of it: texts, whole numbers, true and false, lists and objects.

No anchors (a few lines of them make gigabytes), no tags, no name twice in one object, and nothing is taken for a date
or, as *yes* and *no* are elsewhere, for something else than it says.
"""

import re
from typing import Any, Final

import yaml

MOST_CHARACTERS: Final = 200_000


class Unreadable(ValueError):
    """The text is not such YAML; the sentence says in which line, and what to do."""


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 (yaml's own nodes)
        if self.check_event(yaml.AliasEvent):
            at = self.get_event().start_mark  # type: ignore[no-untyped-call]  # yaml's own
            raise _told(at, "anchors and * are not read here; write the lines out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002, ARG002 (yaml's own)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _told(key.start_mark, "a name must be a text")
            if key.value in seen:
                raise _told(key.start_mark, f"“{key.value}” stands here twice; keep one")
            seen.add(key.value)
        return super().construct_mapping(node, deep=True)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^-?(?:0|[1-9][0-9]{0,8})$"), list("-0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:~|null|)$"), ["~", "n", ""])


def read(text: str) -> Any:  # noqa: ANN401 (whatever somebody wrote)
    """What the text says. Raises ``Unreadable``."""
    if len(text) > MOST_CHARACTERS:
        raise Unreadable(f"The text has {len(text):,} characters; {MOST_CHARACTERS:,} are read.")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader of less)
    except yaml.MarkedYAMLError as error:
        where = f"Line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"{where}this is no YAML that is read here ({error.problem}).") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("This is no YAML that is read here.") from error


def write(content: Any) -> str:  # noqa: ANN401 (lists and objects of texts)
    """As ``read`` reads it."""
    text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)
    return text


def _told(mark: Any, sentence: str) -> Unreadable:  # noqa: ANN401 (yaml's own)
    return Unreadable(f"Line {mark.line + 1}: {sentence}.")
