"""The words in which a look-up table is declared."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """``words``: value → what it becomes; they are compared without regard to capitals."""

    name: str
    sentence: str
    words: Mapping[str, str]
