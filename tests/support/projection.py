"""What an application must see of a roster under a consent, worked out record by record with plain dicts.

The rules, in words: of a named school an application sees what belongs to it and to whatever stands above it. A course
is there, too, when a class it sees teaches it. A reference to something it does not see is cut; what makes no sense
without the thing it refers to is withheld. An attribute that was not shared is nowhere.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from schoolpassport.kit.conditions import Attribute
from tests.support.plain_conditions import plainly
from tests.support.plain_masks import masked

Roster = dict[str, dict[str, dict[str, Any]]]
Ids = dict[str, dict[str, UUID]]
Key = tuple[str, UUID]

HREF = "\x01"
ORDER = ("org", "academicSession", "course", "user", "class", "enrollment", "demographics")
PLURALS = {
    "org": "orgs",
    "academicSession": "academicSessions",
    "course": "courses",
    "user": "users",
    "class": "classes",
    "enrollment": "enrollments",
    "demographics": "demographics",
}
REFERENCES = {
    "org": {"parent": "org"},
    "academicSession": {"parent": "academicSession"},
    "course": {"schoolYear": "academicSession", "org": "org"},
    "user": {"orgs": "org", "agents": "user"},
    "class": {"course": "course", "school": "org", "terms": "academicSession"},
    "enrollment": {"user": "user", "class": "class", "school": "org"},
    "demographics": {},
}
BINDING = {"class": ("course", "school"), "enrollment": ("user", "class", "school")}
EXTENSIONS = {
    "userMasterIdentifier",
    "preferredFirstName",
    "preferredMiddleName",
    "preferredLastName",
    "pronouns",
    "userProfiles",
}
# What says a value again: a mask of the second is one of the first.
FOLLOWS = {
    "preferredFirstName": "givenName",
    "preferredMiddleName": "middleName",
    "preferredLastName": "familyName",
    "userProfiles": "username",
    "gg4l.primaryGrade": "grades",
}
ONLY_IN_1P2 = {*EXTENSIONS, "roles", "primaryOrg"}
SIS_ID = "gg4l.sisId"
PRIMARY_GRADE = "gg4l.primaryGrade"
# What the filters of tests ask about; grades are a list.
ASKED = {
    "grades": Attribute(many=True),
    **{n: Attribute() for n in ("role", "givenName", "email", "metadata.house", "name", "type", "title", "sex")},
}
BLANK_IF_MISSING = {"course": "courseCode"}  # required in JSON, optional in CSV


@dataclass(frozen=True)
class Terms:
    """``schools`` None: the whole district. ``attributes``: by kind; a kind that is missing is not shared.

    ``masks`` by “kind.attribute”, ``filters`` by kind, as JSON. ``secret``: what masks draw from. ``skips``: by kind, the
    attributes without which the application wants no record. ``base``: what addresses in documents begin with.
    """

    attributes: dict[str, list[str]]
    schools: tuple[str, ...] | None = None
    masks: dict[str, str] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    secret: bytes = b""
    skips: dict[str, str] = field(default_factory=dict)
    base: str = HREF

    def shows(self, kind: str, name: str) -> bool:
        return name in self.attributes.get(kind, ())

    def reference(self, target: str, id_: UUID) -> dict[str, str]:
        return {"href": f"{self.base}/{PLURALS[target]}/{id_}", "sourcedId": str(id_), "type": target}

    def mask(self, kind: str, name: str, record: UUID, value: Any) -> Any:
        """The value as the application sees it."""
        if value is None or (mask := self.masks.get(f"{kind}.{name}")) is None:
            return value
        choices = ("male", "female") if name == "sex" else ()
        return masked(mask, secret=self.secret, key=f"{kind}.{name}", record=record, value=value, choices=choices)


@dataclass(frozen=True)
class Expected:
    """One record as the application sees it: its document, and what columns beside it may hold, by attribute."""

    doc: dict[str, Any]
    values: dict[str, Any]


def project(roster: Roster, ids: Ids, terms: Terms | None) -> dict[Key, Expected]:
    if terms is None:
        return {}
    members = _members(roster, terms)
    return {
        (kind, ids[kind][key]): _seen(kind, key, roster, ids, terms, members) for kind in ORDER for key in members[kind]
    }


def _members(roster: Roster, terms: Terms) -> dict[str, set[str]]:
    members: dict[str, set[str]] = {kind: set() for kind in ORDER}
    scope = None if terms.schools is None else _with_those_above(roster["org"], terms.schools)
    for kind in (k for k in ORDER if k in terms.attributes):
        asked = terms.filters.get(kind)
        for key, record in roster[kind].items():
            if record["status"] != "active":  # of who is gone, not even the person need be known by this key
                continue
            inside = scope is None or _inside(kind, key, roster, scope)
            chosen = asked is None or plainly(asked, _cells(record), ASKED)
            lacks = (need := terms.skips.get(kind, "")) and terms.shows(kind, need) and not record.get(need)
            if inside and chosen and not lacks and _stands(kind, key, record, terms, members):
                members[kind].add(key)
    return members


def _cells(record: dict[str, Any]) -> dict[str, str | None]:
    """The record as conditions ask about it."""
    flat = {**record, **{f"metadata.{k}": v for k, v in (record.get("metadata") or {}).items()}}
    told = {name: ",".join(v) if isinstance(v, list) else v for name, v in flat.items()}
    return defaultdict(lambda: None, {name: None if v is None else str(v) for name, v in told.items()})


def _with_those_above(orgs: dict[str, dict[str, Any]], named: Iterable[str]) -> set[str]:
    found, look = set(), list(named)
    while look:
        key = look.pop()
        if key not in found:
            found.add(key)
            look += [orgs[key]["parent"]] if orgs[key].get("parent") else []
    return found


def _inside(kind: str, key: str, roster: Roster, scope: set[str]) -> bool:
    record = roster[kind][key]
    if kind == "org":
        return key in scope
    if kind == "user":
        return bool(scope & set(record.get("orgs") or ()))
    if kind == "course":
        taught = any(
            c["status"] == "active" and c["course"] == key and c["school"] in scope for c in roster["class"].values()
        )
        return record["org"] in scope or taught
    if kind == "demographics":
        return bool(scope & set(roster["user"][key].get("orgs") or ()))
    return record["school"] in scope if kind in BINDING else True


def _stands(kind: str, key: str, record: dict[str, Any], terms: Terms, members: dict[str, set[str]]) -> bool:
    if kind == "demographics":
        return "user" not in terms.attributes or key in members["user"]
    needed = {name: REFERENCES[kind][name] for name in BINDING.get(kind, ())}
    return all(t not in terms.attributes or record[name] in members[t] for name, t in needed.items())


def _seen(kind: str, key: str, roster: Roster, ids: Ids, terms: Terms, members: dict[str, set[str]]) -> Expected:
    doc: dict[str, Any] = {"sourcedId": str(ids[kind][key])}
    values: dict[str, Any] = {}
    for name, value in roster[kind][key].items():
        if name in {"status", "primaryOrg"} or value is None or not terms.shows(kind, name):
            continue
        if name in REFERENCES[kind]:
            target = REFERENCES[kind][name]
            found = [ids[target][k] for k in (value if isinstance(value, list) else [value]) if k in members[target]]
            named = [(terms.reference(target, id_), id_) for id_ in found]
            _refer(name, named, Expected(doc, values), many=isinstance(value, list))
        elif (masked_ := terms.mask(kind, name, ids[kind][key], value)) is not None:
            values[name] = masked_
            if name not in ONLY_IN_1P2:
                doc[name] = str(masked_).lower() if isinstance(masked_, bool) else masked_
    blank = BLANK_IF_MISSING.get(kind, "")
    if terms.shows(kind, blank):
        doc.setdefault(blank, "")
    parents = members[kind] if "parent" in REFERENCES[kind] else ()
    children = sorted(ids[kind][k] for k in parents if roster[kind][k].get("parent") == key)
    if children and terms.shows(kind, "parent"):
        doc["children"] = [terms.reference(kind, id_) for id_ in children]
    if terms.shows(kind, SIS_ID):
        values["sis_id"] = terms.mask(kind, SIS_ID, ids[kind][key], key)
    return _with_ours(kind, roster[kind][key], roster, ids, terms, members, Expected(doc, values))


def _with_ours(
    kind: str,
    record: dict[str, Any],
    roster: Roster,
    ids: Ids,
    terms: Terms,
    members: dict[str, set[str]],
    seen: Expected,
) -> Expected:
    """With what documents have beside the standard's properties."""
    doc, values = seen.doc, seen.values
    if ours := _ours(kind, record, terms, values):
        doc["metadata"] = {**doc.get("metadata", {}), **ours}
    if terms.shows(kind, "primaryOrg") and (school := _primary_school(record, roster, members)):
        doc["primarySchool"] = terms.reference("org", ids["org"][school])
    return Expected(doc, values)


def _refer(name: str, found: list[tuple[Any, UUID]], into: Expected, *, many: bool) -> None:
    """A reference, or a list of them, without what is not seen."""
    if found:
        refs, ids = [ref for ref, _ in found], [id_ for _, id_ in found]
        into.doc[name], into.values[name] = (refs, ids) if many else (refs[0], ids[0])


def _ours(kind: str, record: dict[str, Any], terms: Terms, values: dict[str, Any]) -> dict[str, Any]:
    """What stands in metadata beside what the source says there."""
    found = {f"gg4l.{name}": _without_nothing(values[name]) for name in EXTENSIONS & values.keys()}
    if "sis_id" in values:
        found[SIS_ID] = values["sis_id"]
    if terms.shows(kind, PRIMARY_GRADE) and record.get("grades"):
        found[PRIMARY_GRADE] = record["grades"][0]
    return found


def _primary_school(record: dict[str, Any], roster: Roster, members: dict[str, set[str]]) -> str | None:
    """The one that the source names among theirs, else a student's or teacher's first; a school that is shared."""
    theirs = [k for k in record.get("orgs") or () if k in members["org"] and roster["org"][k]["type"] == "school"]
    if record.get("primaryOrg") in theirs:
        return str(record["primaryOrg"])
    return theirs[0] if theirs and record["role"] in {"student", "teacher"} else None


def _without_nothing(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nothing(each) for each in value]
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
