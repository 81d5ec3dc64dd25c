"""Privacy Shield: levels that name bundles of masks, each with all of the one before.

Preferred names go with the names they stand for: masked names beside them would hide nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from schoolpassport.sharing import catalogue
from schoolpassport.sharing.masks import MASKS
from schoolpassport.sharing.records import Contents

_NAME, _WITHHELD = "initial", "drop"
_ADDED: tuple[Mapping[str, str], ...] = (
    {},
    {"user.familyName": _NAME, "user.preferredLastName": _NAME},
    {"user.givenName": _NAME, "user.preferredFirstName": _NAME, "user.email": "alias"},
    {
        "user.middleName": _NAME,
        "user.preferredMiddleName": _NAME,
        "user.username": "pseudonym",
        "user.sms": "digits",
        "user.phone": "digits",
        "demographics.birthDate": "year",
    },
)
LEVELS: tuple[Mapping[str, str], ...] = tuple(
    MappingProxyType({key: mask for added in _ADDED[: level + 1] for key, mask in added.items()})
    for level in range(len(_ADDED))
)


def raised(contents: Contents, *, level: int, takes: Callable[[str], bool]) -> Contents:
    """The same behind a level of the shield. Masks that were chosen stay; ``level``: 0 to 3.

    ``takes``: whether the application can work with a masked value of an attribute, “kind.name”. One that it does not
    take masked is withheld, where the standard lets it be; else it is masked.
    """
    masks = dict(contents.masks)
    for key, mask in LEVELS[level].items():
        kind, _, name = key.partition(".")
        if key not in masks and name in contents.attributes.get(kind, ()):
            able = not takes(key) and not catalogue.attribute(key).required
            masks[key] = _WITHHELD if able else mask
    return replace(contents, masks=masks, shield=level)


def holes(contents: Contents) -> list[str]:
    """What the level that it names masks, and it shares as it is."""
    return [
        key
        for key in LEVELS[contents.shield]
        if key not in contents.masks and key.partition(".")[2] in contents.attributes.get(key.partition(".")[0], ())
    ]


def withheld(contents: Contents) -> dict[str, str]:
    """The masks of which nothing is left of the attribute."""
    return {key: name for key, name in contents.masks.items() if name in MASKS and MASKS[name].removes}
