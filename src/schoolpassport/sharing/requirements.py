"""What an application needs of the data it gets: judged, written down, and compared with what a consent would give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.catalogue import PRIMARY_GRADE, SIS_ID
from schoolpassport.sharing.masks import MASKS
from schoolpassport.sharing.records import Contents
from schoolpassport.sharing.sanity import CHECKS


class Missing(StrEnum):
    """What becomes of a record that lacks an attribute."""

    SHOW = "show"
    REPORT = "report"  # it is shown, and counted as an error
    SKIP = "skip"  # it is withheld, and counted as skipped


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """``required``: the application does not work without. ``masked``: it works with a masked value."""

    required: bool = False
    missing: Missing = Missing.SHOW
    masked: bool = False


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """``of``: by “kind.attribute”; what is not there the application does not want. ``checks``: of the sanity shelf."""

    of: Mapping[str, Requirement] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    number: int = 0  # 0: the application never said anything

    def takes_masked(self, key: str) -> bool:
        """Whether a masked value does. Who never said anything takes everything."""
        return self.of[key].masked if key in self.of else True

    def skipping(self, kind: str) -> tuple[str, ...]:
        """The attributes without which a record of the kind is withheld."""
        return self._missing(kind, Missing.SKIP)

    def reporting(self, kind: str) -> tuple[str, ...]:
        return self._missing(kind, Missing.REPORT)

    def _missing(self, kind: str, what: Missing) -> tuple[str, ...]:
        return tuple(
            key.partition(".")[2] for key, r in self.of.items() if r.missing is what and key.partition(".")[0] == kind
        )


NONE = Requirements()


class NotRequirable(ValueError):
    """The requirements cannot be taken; the sentence says where and what to do."""


def read(content: object) -> Requirements:
    """``{"attributes": {"user.email": {"required": true, "missing": "skip", "masked": true}}, "checks": […]}``.

    Raises ``NotRequirable``.
    """
    if not isinstance(content, Mapping) or set(content) - {"attributes", "checks"}:
        raise NotRequirable("Requirements are an object with “attributes” and, if you like, “checks”.")
    said, checks = content.get("attributes", {}), content.get("checks", [])
    if not isinstance(said, Mapping) or not isinstance(checks, Sequence) or isinstance(checks, str):
        raise NotRequirable("“attributes” is an object (“kind.attribute” → what is needed), “checks” a list of names.")
    if strangers := [str(c) for c in checks if c not in CHECKS]:
        raise NotRequirable(f"There is no check “{strangers[0]}”; there are: {', '.join(CHECKS)}.")
    found = {str(key): _requirement(str(key), each) for key, each in said.items()}
    in_order = (a.key for kind in catalogue.CATALOGUE for a in catalogue.attributes(kind))
    return Requirements(of={key: found[key] for key in in_order if key in found}, checks=tuple(map(str, checks)))


def _requirement(key: str, said: object) -> Requirement:
    try:
        catalogue.attribute(key)
    except ValueError as unknown:
        raise NotRequirable(str(unknown)) from unknown
    if not isinstance(said, Mapping) or (set(said) - {"required", "missing", "masked"}):
        raise NotRequirable(f"Of {key} one can say “required”, “missing” and “masked”.")
    required, masked, missing = said.get("required", False), said.get("masked", False), said.get("missing", "show")
    if not isinstance(required, bool) or not isinstance(masked, bool):
        raise NotRequirable(f"Of {key}: “required” and “masked” are true or false.")
    if missing not in set(Missing):
        raise NotRequirable(f"Of {key}: “missing” is one of {', '.join(Missing)}.")
    if missing != Missing.SHOW and key.endswith(f".{SIS_ID}"):
        raise NotRequirable(f"Of {key}: no record that came from a source is without one; leave out “missing”.")
    if missing != Missing.SHOW and key.endswith(f".{PRIMARY_GRADE}"):
        raise NotRequirable(f"Of {key}: who has a grade has one; say “missing” of the grades.")
    return Requirement(required=required, missing=Missing(missing), masked=masked)


def written(requirements: Requirements) -> dict[str, object]:
    """As JSON, from which ``read`` makes the same."""
    return {
        "attributes": {
            key: {"required": r.required, "missing": str(r.missing), "masked": r.masked}
            for key, r in requirements.of.items()
        },
        "checks": list(requirements.checks),
    }


# ----------------------------------------------------------------------------------------------------- the mask check


@dataclass(frozen=True, kw_only=True)
class Break:
    """What a consent would break. ``stops``: the application says that it does not work so."""

    about: str  # “kind.attribute”, or the name of a check
    stops: bool
    sentence: str


def broken(requirements: Requirements, contents: Contents) -> list[Break]:
    """Which of the requirements a consent with these contents would not meet: before anybody approves it."""
    found = [b for key, r in requirements.of.items() if (b := _broken(key, r, contents))]
    for name in requirements.checks:
        if lacking := [SHARED[k].plural for k in CHECKS[name].needs if k not in contents.attributes]:
            sentence = f"“{CHECKS[name].title}” cannot be checked: no {', no '.join(lacking)} are shared."
            found.append(Break(about=name, stops=False, sentence=sentence))
    return found


def _broken(key: str, requirement: Requirement, contents: Contents) -> Break | None:
    attribute, mask = catalogue.attribute(key), contents.masks.get(key)
    label = f"{attribute.label} ({key})"
    if attribute.kind not in contents.attributes:
        why = f"no {SHARED[attribute.kind].plural} are shared"
    elif attribute.name not in contents.attributes[attribute.kind] or (mask and MASKS[mask].removes):
        why = "it is withheld"
    elif mask and not requirement.masked:
        why = f"it is masked ({MASKS[mask].title}), and is not taken masked"
    else:
        return None
    needs = "is required" if requirement.required else "is asked for"
    return Break(about=key, stops=requirement.required, sentence=f"{label} {needs}, and {why}.")
