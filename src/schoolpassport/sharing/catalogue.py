"""What can be shared: each attribute once, from the catalogue of kinds.

Consents, projections, the API's fields and the privacy tests read this list. An attribute that it lacks cannot leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schoolpassport.roster.kinds import KINDS, SHARED, Privacy, Type

SIS_ID = "gg4l.sisId"  # the source's own id; served in metadata, never as the key


@dataclass(frozen=True, kw_only=True)
class Attribute:
    kind: str
    name: str
    type: Type
    privacy: Privacy


def attributes(kind: str) -> tuple[Attribute, ...]:
    """Everything of a kind that a consent may name."""
    own = (Attribute(kind=kind, name=f.name, type=f.type, privacy=f.privacy) for f in KINDS[kind].fields)
    sis = Attribute(kind=kind, name=SIS_ID, type=Type.TEXT, privacy=Privacy.STUDENT)
    return (*(a for a in own if a.privacy is not Privacy.SECRET), sis)


def everything(*, kinds: tuple[str, ...] | None = None) -> dict[str, list[str]]:
    """Contents that share every attribute of these kinds (all but demographics, which must be named)."""
    chosen = kinds or tuple(k for k in SHARED if k != "demographics")
    return {kind: [a.name for a in attributes(kind)] for kind in chosen}


def checked(terms: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The attributes of a consent in the catalogue's order; raises ``ValueError`` naming what cannot be shared."""
    strangers = [k for k in terms if k not in SHARED]
    known = {kind: {a.name for a in attributes(kind)} for kind in terms if kind in SHARED}
    strangers += [
        f"{kind}.{name}" for kind, names in terms.items() if kind in known for name in set(names) - known[kind]
    ]
    if strangers:
        raise ValueError(f"The catalogue knows nothing to share by the name of {', '.join(sorted(strangers))}.")
    return {kind: tuple(a.name for a in attributes(kind) if a.name in terms[kind]) for kind in SHARED if kind in terms}
