"""Documents of 1.1 as 1.2 wants them: roles at orgs, references under the base of their service, a few fields more."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.rosterapi.oneroster_1p2 import extras
from schoolpassport.rosterapi.oneroster_1p2.services import BASE_OF
from schoolpassport.sharing.queries import Reader, These

Document = dict[str, Any]

_EXTENSIONS: Final = {field.extension: field.name for field in KINDS["user"].fields if field.extension}
_ROLES: Final = KINDS["user"]["roles"].extension
_CALLED: Final = {field.v1p1: field.name for field in KINDS["user"].fields if field.v1p1 and not field.extension}


def shaped(kind: Kind, documents: bytes, reader: Reader, *, address: str, revision: int | None) -> list[Document]:
    """``documents``: with commas between. ``address``: of this server; hrefs are made anew."""
    found: list[Document] = msgspec.json.decode(b"[" + documents + b"]")
    if kind.name in _BESIDE:
        _add(kind, found, reader, revision)
    if kind.name == "user":
        found = [_user(each, _types(found, reader, revision)) for each in found]
    for each in found:
        _bring_references_back(kind, each)
        extras.brought_back(kind.name, each)
        if kind.name == "enrollment" and "role" in each:
            each.setdefault("primary", "false")
        _readdress(each, address)
    return found


def _bring_references_back(kind: Kind, document: Document) -> None:
    """What 1.1 has as ids among extensions."""
    metadata = document.get("metadata", {})
    for field in kind.fields:
        if field.is_reference and field.extension in metadata:
            document[field.name] = {"href": "", "sourcedId": metadata.pop(field.extension), "type": field.target}
    if metadata == {}:
        document.pop("metadata", None)


def _readdress(document: Document, address: str) -> None:
    for value in document.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict) and "sourcedId" in each:
                kind = KINDS[each["type"]]
                each["href"] = f"{address}{BASE_OF[kind.name]}/{kind.plural}/{each['sourcedId']}"
            elif isinstance(each, dict) and isinstance(each.get("org"), dict):
                _readdress(each, address)


# --------------------------------------------------------------------------------------------------------------- users


def _types(users: Iterable[Document], reader: Reader, revision: int | None) -> Mapping[str, str]:
    """What kind of org each is that an administrator belongs to; of all others nobody needs to know."""
    orgs = {org["sourcedId"] for user in users if _runs(user) for org in user.get("orgs", [])}
    if not orgs:
        return {}
    found = msgspec.json.decode(reader.inquire(These("org", tuple(UUID(each) for each in sorted(orgs)), revision)))
    return {org["sourcedId"]: org["type"] for org in found if "type" in org}


def _runs(user: Document) -> bool:
    """Whether anything is told of them by the word of 1.1 that 1.2 has two for."""
    told = user.get("metadata", {}).get(_ROLES, [])
    return "administrator" in {user.get("role"), *(each.get("role") for each in told)}


def _user(user: Document, types: Mapping[str, str]) -> Document:
    """Their roles as a source of 1.2 tells them; at orgs of which it tells none, the role of 1.1.

    Where none is told at all, the one at the first org is the primary one.
    """
    role, orgs, found = user.get("role"), user.get("orgs", []), _renamed(user)
    kept = {name: value for name, value in found.items() if name not in {"role", "orgs", "roles"}}
    if role is None or not orgs:
        return kept
    told = [_told(each, orgs, types) for each in found.get("roles", [])]
    there = {each["org"]["sourcedId"] for each in told}
    more = [
        {"roleType": "secondary", "role": _role(role, types.get(org["sourcedId"])), "org": org}
        for org in orgs
        if org["sourcedId"] not in there
    ]
    if not told:
        more[0]["roleType"] = "primary"
    return {**kept, "roles": [*told, *more]}


def _told(role: Document, orgs: list[Document], types: Mapping[str, str]) -> Document:
    org = next(dict(each) for each in orgs if each["sourcedId"] == role["org"])
    return {"roleType": "primary", **role, "role": _role(role.get("role", ""), types.get(role["org"])), "org": org}


def _renamed(user: Document) -> Document:
    """With its properties of 1.2, which documents of 1.1 have by other names."""
    extensions = user.get("metadata", {})
    left = {key: value for key, value in extensions.items() if key not in _EXTENSIONS}
    found = {_CALLED.get(name, name): value for name, value in user.items() if name != "metadata"}
    found |= {name: extensions[key] for key, name in _EXTENSIONS.items() if key in extensions}
    if "userProfiles" in found:
        found["userProfiles"] = [_profile(each) for each in found["userProfiles"]]
    return {**found, "metadata": left} if left else found


def _profile(told: Document) -> Document:
    """A source's account in another system; who signs in there, as credentials."""
    kept = {name: value for name, value in told.items() if name not in {"credentialType", "username"}}
    if "username" not in told:
        return kept
    return {**kept, "credentials": [{"type": told.get("credentialType", "username"), "username": told["username"]}]}


def _role(role: str, org_type: str | None) -> str:
    if role != "administrator":
        return role
    return "siteAdministrator" if org_type in {"school", "department"} else "districtAdministrator"


# --------------------------------------------------------------------------------------------- what stands beside them


def _school(item: Document, class_: Document) -> None:
    if "school" in class_:
        item["school"] = class_["school"]


def _class(result: Document, item: Document) -> None:
    if "class" in item:
        result["class"] = item["class"]


_BESIDE: Final[Mapping[str, tuple[str, str, Callable[[Document, Document], None]]]] = {
    "lineItem": ("class", "class", _school),  # the field that names it, its kind, and what is taken from it
    "result": ("lineItem", "lineItem", _class),
}


def _add(kind: Kind, found: list[Document], reader: Reader, revision: int | None) -> None:
    field, other, take = _BESIDE[kind.name]
    ids = {UUID(each[field]["sourcedId"]) for each in found if field in each}
    beside = msgspec.json.decode(reader.inquire(These(other, tuple(sorted(ids)), revision))) if ids else []
    by_id = {each["sourcedId"]: each for each in beside}
    for each in found:
        if "gradingPeriod" in each:
            each["academicSession"] = dict(each["gradingPeriod"])
        neighbour = by_id.get(each[field]["sourcedId"]) if field in each else None
        if neighbour is not None:
            take(each, neighbour)
