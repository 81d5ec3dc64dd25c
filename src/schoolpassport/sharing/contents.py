"""The contents of a consent, judged and brought into order: what can be agreed at all, and how it is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from schoolpassport.kit import conditions
from schoolpassport.kit.conditions import Tree, Unreadable
from schoolpassport.quality.policies import attributes as askable
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import catalogue, shield
from schoolpassport.sharing.catalogue import CATALOGUE, Attribute
from schoolpassport.sharing.masks import MASKS
from schoolpassport.sharing.records import Contents

_WITHHELD, _NOTHING = "drop", "nothing"


class NotShareable(ValueError):
    """The contents of a consent cannot be agreed; the sentence says what, and what to do."""


def checked(contents: Contents) -> Contents:
    """The same in the catalogue's order. Raises ``NotShareable``, or ``ValueError`` for unknown attributes."""
    attributes = catalogue.checked(contents.attributes)
    masks = _following(_fitting(contents, attributes), attributes)
    contents = replace(contents, masks=masks)
    if not 0 <= contents.shield < len(shield.LEVELS):
        raise NotShareable(f"There is no level {contents.shield} of Privacy Shield; there are 0 to 3.")
    if holes := shield.holes(contents):
        raise NotShareable(f"Level {contents.shield} of Privacy Shield masks {_told(holes)}: choose a mask.")
    left = {
        kind: tuple(n for n in names if f"{kind}.{n}" not in shield.withheld(contents))
        for kind, names in attributes.items()
    }
    _hold_the_standard(left)
    return Contents(
        attributes=left,
        masks=masks,
        shield=contents.shield,
        schools=None if contents.schools is None else tuple(sorted(set(contents.schools), key=str)),
        filters={
            kind: _judged(kind, contents.filters[kind], attributes) for kind in SHARED if kind in contents.filters
        },
        purpose=contents.purpose.strip(),
    )


def _fitting(contents: Contents, attributes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The masks, in the catalogue's order; each fits the attribute that it is put on."""
    found: dict[str, str] = {}
    for kind in CATALOGUE:
        for attribute in catalogue.attributes(kind):
            if attribute.key in contents.masks:
                found[attribute.key] = _mask(attribute, contents.masks[attribute.key], attributes)
    for key in contents.masks:
        catalogue.attribute(key)
    return found


def _mask(attribute: Attribute, name: str, attributes: Mapping[str, Sequence[str]]) -> str:
    key, fitting = attribute.key, attribute.masks
    if name not in MASKS:
        raise NotShareable(f"There is no mask “{name}”; there are: {', '.join(sorted(MASKS))}.")
    if name not in fitting:
        if MASKS[name].removes:
            raise NotShareable(_required([attribute]))
        able = f"what fits is: {', '.join(fitting)}" if fitting else "it can neither be masked nor withheld"
        raise NotShareable(f"{key} cannot be masked by “{name}”; {able}.")
    if not MASKS[name].removes and attribute.name not in attributes.get(attribute.kind, ()):
        raise NotShareable(f"{key} is masked and not shared: share it, or drop the mask.")
    return name


def _following(masks: Mapping[str, str], attributes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What says again what is masked is masked, too: alike where that fits, else it is withheld.

    Raises ``NotShareable`` where it was to show more.
    """
    found = dict(masks)
    for attribute in (a for kind in CATALOGUE for a in catalogue.attributes(kind) if a.follows):
        leader = f"{attribute.kind}.{attribute.follows}"
        if leader not in masks or attribute.name not in attributes.get(attribute.kind, ()):
            continue
        alike = masks[leader] if masks[leader] in attribute.masks else _WITHHELD
        chosen = found.setdefault(attribute.key, alike)
        if chosen != alike and not (MASKS[chosen].removes or MASKS[chosen].keeps == _NOTHING):
            raise NotShareable(
                f"{attribute.key} masked by “{chosen}” would tell more than {leader} masked by “{masks[leader]}”: "
                f"mask it by “{alike}” or by one that keeps nothing, or do not share it."
            )
    return {a.key: found[a.key] for kind in CATALOGUE for a in catalogue.attributes(kind) if a.key in found}


def _hold_the_standard(attributes: Mapping[str, Sequence[str]]) -> None:
    """Whoever shares a kind shares what its records cannot be without."""
    for kind, names in attributes.items():
        if missing := [a for a in catalogue.attributes(kind) if a.required and a.name not in names]:
            raise NotShareable(_required(missing))


def _required(missing: Sequence[Attribute]) -> str:
    maskable = [a.key for a in missing if a.masks]
    instead = f"Mask {_told(maskable)}, or share" if maskable else "Share"
    return (
        f"OneRoster requires {_told([a.key for a in missing])}: that cannot be withheld. {instead} no "
        f"{SHARED[missing[0].kind].plural} at all."
    )


def _told(keys: Sequence[str]) -> str:
    return ", ".join(keys)


def _judged(kind: str, where: Tree, attributes: Mapping[str, object]) -> Tree:
    """A filter that says the same of a record whatever else changes, and whenever it is asked."""
    plural = SHARED[kind].plural
    if kind not in attributes:
        raise NotShareable(f"{plural} are filtered and not shared: share them, or drop the filter.")
    known = askable(kind)
    try:
        tree = conditions.parse(conditions.to_content(where), known=known)
    except Unreadable as unreadable:
        raise NotShareable(f"The filter of {plural}. {unreadable}") from unreadable
    for name in sorted(conditions.attributes_of(tree)):
        if known.asked(name).through is not None:
            raise NotShareable(
                f"The filter of {plural} asks about {name}, which is no attribute of {plural}. Filter the "
                "kind that has it: what cannot be without a record that is left out goes with it."
            )
    if conditions.asks_the_clock(tree):
        raise NotShareable(
            f"The filter of {plural} asks what day it is, and a consent must not change by itself. Compare with a date."
        )
    return tree


def written(contents: Contents) -> dict[str, object]:
    """As JSON, from which ``read`` makes the same."""
    return {
        "attributes": {kind: list(names) for kind, names in contents.attributes.items()},
        "schools": None if contents.schools is None else [str(s) for s in contents.schools],
        "masks": dict(contents.masks),
        "filters": {kind: conditions.to_content(tree) for kind, tree in contents.filters.items()},
        "shield": contents.shield,
        "purpose": contents.purpose,
    }


def read(content: Mapping[str, object]) -> Contents:
    """What ``written`` wrote. Raises ``NotShareable`` for anything else."""
    try:
        return _read(content)
    except (TypeError, ValueError, AttributeError, Unreadable) as wrong:
        raise NotShareable(f"These are no contents of a consent: {wrong}") from wrong


def _read(content: Mapping[str, object]) -> Contents:
    if strangers := sorted(set(content) - set(Contents.__dataclass_fields__)):
        raise ValueError(f"“{strangers[0]}” is not understood.")
    schools, shield = content.get("schools"), content.get("shield", 0)
    if not isinstance(shield, int):
        raise TypeError("“shield” is a number.")
    return Contents(
        attributes={kind: _texts(kind, names) for kind, names in _object("attributes", content).items()},
        schools=None if schools is None else tuple(UUID(s) for s in _texts("schools", schools)),
        masks=dict(zip(_object("masks", content), _texts("masks", [*_object("masks", content).values()]), strict=True)),
        filters={kind: conditions.parse(where) for kind, where in _object("filters", content).items()},
        shield=shield,
        purpose=str(content.get("purpose", "")),
    )


def _object(name: str, content: Mapping[str, object]) -> Mapping[str, object]:
    found = content.get(name, {})
    if not isinstance(found, Mapping):
        raise TypeError(f"“{name}” is an object.")
    return found


def _texts(name: str, found: object) -> tuple[str, ...]:
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise TypeError(f"“{name}” holds texts.")
    return tuple(found)
