"""What the object that an application sends means: every value judged by the catalogue of kinds, and by its fellows."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from schoolpassport.gradebook.contract import GRADES, id_of, is_name, is_ours
from schoolpassport.gradebook.records import Said, Unwritable
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type, Version
from schoolpassport.roster.kinds.shape import PAIRS

Json = Mapping[str, Any]

_HEADS: Final = frozenset({"sourcedId", "status", "dateLastModified"})  # ours to say
NEEDED: Final = {  # the standard's own, but for what real clients leave out
    "category": ("title",),
    "scoreScale": ("title", "type", "class", "scoreScaleValue"),
    "lineItem": ("title", "class", "assignDate", "dueDate"),
    "result": ("lineItem", "student", "scoreStatus", "scoreDate"),
    "assessmentLineItem": ("title",),
    "assessmentResult": ("assessmentLineItem", "student", "scoreStatus", "scoreDate"),
}
_SCORED: Final = frozenset({"fully graded", "partially graded"})
_RESERVED: Final = "gg4l."  # keys of metadata that are School Passport's own
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS: Final = range(1900, 2201)
_GREATEST: Final = 1e12
_SHOWN: Final = 60  # characters of a value that a sentence repeats


def read(*, kind_name: str, name: str, sent: object, integration_id: UUID, version: Version) -> Said:
    """``sent``: the object of one record, as JSON has it; ``name``: the id in the path. Raises ``Unwritable``.

    ``version``: the one in whose words it is sent.
    """
    kind = KINDS[kind_name]
    if not isinstance(sent, dict):
        raise Unwritable(f"{kind.name} is a JSON object with the record in it; this is {_shown(sent)}.")
    _check_heads(kind, name, sent)
    given = {key: value for key, value in sent.items() if key not in _HEADS and value is not None}
    if unknown := sorted(set(given) - {field.name for field in kind.fields if version in field.versions}):
        raise Unwritable(f"{kind.name} has no property {_shown(unknown[0])}.")
    for needed in NEEDED[kind.name]:
        if needed not in given:
            raise Unwritable(f"{kind.name}.{needed} is missing.")
    values = {kind[key].column: _value(kind, kind[key], value, integration_id) for key, value in given.items()}
    _check_together(kind, given, values)
    return Said(kind.name, name_id(kind.name, name, integration_id), name, values, tuple(sorted(given)))


def name_id(kind_name: str, name: str, integration_id: UUID) -> UUID:
    """What an application's word for a record stands for: an id of ours, or its own name for what it wrote."""
    if is_ours(name):
        return UUID(name)
    return id_of(integration_id=integration_id, kind=kind_name, name=name)


def check_name(kind_name: str, name: str) -> None:
    """Raises ``Unwritable`` for what no record can be called."""
    if not is_name(name):
        raise Unwritable(
            f"{kind_name}.sourcedId {_shown(name)} cannot be used: 1 to 255 letters, digits and ._@:~+=|$- it has."
        )


def _check_heads(kind: Kind, name: str, sent: Json) -> None:
    check_name(kind.name, name)
    if sent.get("sourcedId", name) != name:
        raise Unwritable(
            f"{kind.name}.sourcedId is {_shown(sent['sourcedId'])} in the body, and {_shown(name)} in the path."
        )
    if sent.get("status", "active") != "active":
        raise Unwritable(f"{kind.name}.status {_shown(sent['status'])} cannot be put; to delete, send DELETE.")


# ----------------------------------------------------------------------------------------------------------- one value


def _value(kind: Kind, field: Field, value: object, integration_id: UUID) -> object:
    where = f"{kind.name}.{field.name}"
    if field.is_reference:
        return _reference(where, field, value, integration_id)
    return _READERS[field.type](where, field, value)


def _reference(where: str, field: Field, value: object, integration_id: UUID) -> UUID:
    named = value.get("sourcedId") if isinstance(value, dict) else None
    if not isinstance(named, str) or not named:
        raise Unwritable(f'{where} is an object like {{"sourcedId": "…"}}; this is {_shown(value)}.')
    if field.target in GRADES or is_ours(named):
        return name_id(field.target, named, integration_id)
    return _nobody(named)


def _nobody(named: str) -> UUID:
    """Ids of the district's records are ours. Whatever else is sent stands for an id that nobody has."""
    return id_of(integration_id=UUID(int=0), kind="", name=named)


def _text(where: str, field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise Unwritable(f"{where} is a text; this is {_shown(value)}.")
    if field.values and value not in field.values:
        raise Unwritable(f"{where} is one of: {', '.join(field.values)}; this is {_shown(value)}.")
    if len(value) > field.max_length:
        raise Unwritable(f"{where} has {len(value)} characters; {field.max_length} are allowed.")
    return value


def _number(where: str, field: Field, value: object) -> float:  # noqa: ARG001 (all readers are called alike)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unwritable(f"{where} is a number; this is {_shown(value)}.")
    if not math.isfinite(value) or abs(value) > _GREATEST:
        raise Unwritable(f"{where} {_shown(value)} is out of range.")
    return float(value)


def _day(where: str, field: Field, value: object) -> date:
    """A date, or the day (in UTC) of a date-time, which some clients send."""
    return _instant(where, field, value).date()


def _instant(where: str, field: Field, value: object) -> datetime:
    wanted = "a date like 2026-09-01" if field.type is Type.DATE else "a date-time like 2026-09-01T08:00:00.000Z"
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) and _DAY.match(value) else None
        at = at and (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError):
        at = None
    if at is None or at.year not in _YEARS:
        raise Unwritable(f"{where} is {wanted}; this is {_shown(value)}.")
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _flag(where: str, field: Field, value: object) -> bool:  # noqa: ARG001 (all readers are called alike)
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise Unwritable(f'{where} is "true" or "false"; this is {_shown(value)}.')
    return value in (True, "true")


def _pairs(where: str, field: Field, value: object) -> object:
    """A list of objects with two texts, at least one."""
    names = PAIRS[field.type]
    pairs = value if isinstance(value, list) and value else [None]
    for each in pairs:
        if not isinstance(each, dict) or set(each) != set(names) or not all(isinstance(v, str) for v in each.values()):
            shape = ", ".join(f'"{name}": "…"' for name in names)
            raise Unwritable(f"{where} is a list of objects like {{{shape}}}; this has {_shown(each)}.")
    return value


def _json(where: str, field: Field, value: object) -> object:
    return _metadata(where, value) if field.name == "metadata" else objects(where, value)


def objects(where: str, value: object) -> object:
    """A list of JSON objects, as it is. Raises ``Unwritable``."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Unwritable(f"{where} is a list of objects; this is {_shown(value)}.")
    return value


def _metadata(where: str, value: object) -> object:
    if not isinstance(value, dict):
        raise Unwritable(f"{where} is a JSON object; this is {_shown(value)}.")
    if reserved := sorted(key for key in value if key.startswith(_RESERVED)):
        raise Unwritable(f"{where}: keys that begin with {_RESERVED} are School Passport's own, as {reserved[0]}.")
    return value


_READERS: Final[Mapping[Type, Callable[[str, Field, object], object]]] = {
    Type.TEXT: _text,
    Type.FLOAT: _number,
    Type.DATE: _day,
    Type.DATE_TIME: _instant,
    Type.BOOLEAN: _flag,
    Type.SCALE: _pairs,
    Type.JSON: _json,
}


# ------------------------------------------------------------------------------------------------------ and its fellows


def _check_together(kind: Kind, given: Json, values: Mapping[str, Any]) -> None:
    if "result_value_min" in values and "result_value_max" in values:
        low, high = values["result_value_min"], values["result_value_max"]
        if low > high:
            raise Unwritable(f"{kind.name}.resultValueMin {low:g} is greater than resultValueMax {high:g}.")
    if "due_date" in values and values["due_date"] < values["assign_date"]:
        raise Unwritable(f"lineItem.dueDate {_shown(given['dueDate'])} lies before assignDate.")
    if kind.name == "result" and values["score_status"] in _SCORED and "score" not in values:
        raise Unwritable(f"result.score is missing; a result that is {values['score_status']} has one.")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
