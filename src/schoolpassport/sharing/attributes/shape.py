"""The words in which a shareable attribute is declared, beside what its kind says of it."""

from dataclasses import dataclass
from enum import StrEnum

from schoolpassport.sharing.masks import Like


class Dialect(StrEnum):
    """What outlets speak, and so what an attribute has a name in."""

    ONEROSTER_1P1 = "oneroster-1.1"
    ONEROSTER_1P2 = "oneroster-1.2"
    CSV = "csv"
    DATA_API = "data-api"


AS_IN_THE_KIND = "="


@dataclass(frozen=True)
class Declared:
    """``data_api``: its name there, empty where that dialect has no place for it.

    ``since``: the first edition of the catalogue in which an application gets it. ``explicit``: shared only if it is
    named. ``follows``: the attribute of the same person that it says again: where that one is masked, so is this one.
    The other names follow from the kind, by OneRoster's rules for names, unless they are said.
    """

    name: str
    label: str
    data_api: str
    like: Like = Like.PLAIN
    v1p2: str = AS_IN_THE_KIND
    csv: str = AS_IN_THE_KIND
    since: int = 1
    explicit: bool = False
    follows: str = ""
