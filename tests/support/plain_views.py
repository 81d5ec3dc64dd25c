"""A view filled from plain dicts, revision by revision: what publications leave behind, without any.

A record is its OneRoster document as a dict, without `dateLastModified`; references are {"sourcedId": …}. Each revision
is the whole state of a kind: what differs from the one before becomes new version rows, what is missing a tombstone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from psycopg.types.json import Jsonb

from schoolpassport.roster.kinds import KINDS, SHARED, Field, Kind, Type
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.models import HREF, Consent, ConsentStep, View, ViewRevision
from schoolpassport.tenancy import scope

Document = dict[str, Any]
State = Mapping[str, Iterable[Mapping[str, Any]]]  # kind → its records

FIRST_MORNING = datetime(2026, 9, 1, 6, tzinfo=UTC)


@dataclass
class PlainView:
    """`history[n]` is what revision n shows, by kind and id: a test asks it what the database was asked."""

    district_id: UUID
    integration_id: UUID
    number: int
    seq: int = 0
    history: list[dict[str, dict[str, Document]]] = field(default_factory=lambda: [{}], init=False, repr=False)

    @property
    def revision(self) -> int:
        return len(self.history) - 1

    def shown(self, kind: str, revision: int | None = None) -> dict[str, Document]:
        return self.history[self.revision if revision is None else revision].get(kind, {})

    def publish(self, state: State) -> None:
        stamp = FIRST_MORNING + timedelta(days=self.revision, milliseconds=123)
        first, before = self.seq, self.history[-1]
        self.history.append({kind: dict(documents) for kind, documents in before.items()})
        with scope.inside(self.district_id):
            for kind, records in state.items():
                self._publish(KINDS[kind], {r["sourcedId"]: dict(r) for r in records}, stamp)
            ViewRevision.objects.create(
                district_id=self.district_id,
                view=self.number,
                number=self.revision,
                at=stamp,
                roster_revision=self.revision,
                seq_from=first,
                seq_to=self.seq,
            )
            self._set(revision=self.revision, last_seq=self.seq)

    def narrow(self) -> None:
        """As after a change of consent: nothing older than the present revision is readable."""
        with scope.inside(self.district_id):
            self._set(oldest_readable=self.revision)

    def agree(self, attributes: Mapping[str, list[str]]) -> None:
        """Another consent in place of the one in force; what is shown changes with the next publication."""
        with scope.inside(self.district_id):
            mine = Consent.objects.filter(district_id=self.district_id, integration_id=self.integration_id)
            for old in mine.filter(state="active"):
                step(old, "revoke", "district", "revoked")
                mine.filter(id=old.id).update(state="revoked", step=old.step + 1, ended_at=FIRST_MORNING)
            consent = _consent(self.district_id, self.integration_id, attributes)
            self._set(consent_id=consent.id, projected_consent_id=consent.id)

    def _set(self, **values: int | UUID) -> None:
        View.objects.filter(district_id=self.district_id, number=self.number).update(**values)

    def _publish(self, kind: Kind, records: dict[str, Document], stamp: datetime) -> None:
        shown = self.history[-1].setdefault(kind.name, {})
        written = stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for key, (change, record) in sorted(_turns(shown, records).items()):
            self.seq += 1
            heads = {"sourcedId": key, "status": record["status"], "dateLastModified": written}
            shown[key] = heads | {k: v for k, v in record.items() if k not in heads}
            self._write(kind, change, shown[key])

    def _write(self, kind: Kind, change: str, document: Document) -> None:
        table, key = f"sharing_{kind.table}", document["sourcedId"]
        row = {
            "district_id": self.district_id,
            "view": self.number,
            "id": key,
            "rev_from": self.revision,
            "rev_to": OPEN,
            "seq": self.seq,
            "change": change,
            "status": document["status"],
            **{f.column: _column(f, document.get(f.name)) for f in kind.fields if f.in_view},
            **_body(kind, document),
        }
        columns = ", ".join(f'"{name}"' for name in row)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET rev_to = %s WHERE district_id = %s AND view = %s AND id = %s AND rev_to = {OPEN}",
                [self.revision, self.district_id, self.number, key],
            )
            cursor.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())
            )


def a_plain_view(
    district_id: UUID, *, integration_id: UUID | None = None, attributes: Mapping[str, list[str]] | None = None
) -> PlainView:
    """A view that shares these attributes (all that there are, demographics included), and shows nothing yet."""
    integration_id = integration_id or uuid4()
    terms = catalogue.everything(kinds=tuple(SHARED)) if attributes is None else attributes
    with scope.inside(district_id):
        number = View.objects.filter(district_id=district_id).count() + 1
        consent = _consent(district_id, integration_id, terms)
        View.objects.create(
            district_id=district_id,
            number=number,
            integration_id=integration_id,
            consent_id=consent.id,
            projected_consent_id=consent.id,
        )
    return PlainView(district_id, integration_id, number)


def _consent(district_id: UUID, integration_id: UUID, attributes: Mapping[str, list[str]]) -> Consent:
    consent = Consent(
        district_id=district_id,
        id=uuid4(),
        integration_id=integration_id,
        state="",
        step=0,
        attributes=dict(attributes),
        drafted_at=FIRST_MORNING,
        agreed_at=FIRST_MORNING,
        begun_at=FIRST_MORNING,
    )
    for act, side, became in AGREED:
        step(consent, act, side, became)
        consent.state, consent.step = became, consent.step + 1
    consent.save(force_insert=True)
    return consent


AGREED = (
    ("draft", "district", "draft"),
    ("send", "district", "sent"),
    ("approve", "partner", "approved"),
    ("begin", "house", "active"),
)


def step(consent: Consent, act: str, side: str, became: str) -> None:
    ConsentStep.objects.create(
        district_id=consent.district_id,
        consent_id=consent.id,
        number=consent.step + 1,
        act=act,
        side=side,
        was=consent.state,
        became=became,
        at=FIRST_MORNING,
        by="test",
    )


def served(kind: str, document: Document, base: str) -> Document:
    """The document as the API shows it under this address."""
    whole: Document = json.loads(_stored(KINDS[kind], document).replace(HREF, base))
    return whole


def _turns(shown: dict[str, Document], records: dict[str, Document]) -> dict[str, tuple[str, Document]]:
    """What is written: the change, and the record as it is from now on."""
    turns = {}
    for key, record in records.items():
        old = shown.get(key)
        if old is None or _content(old) != _content({"status": "active", **record}):
            change = "c" if old is None else "u" if old["status"] == "active" else "r"
            turns[key] = (change, {"status": "active", **record})
    for key, old in shown.items():
        if key not in records and old["status"] == "active":
            turns[key] = ("d", old | {"status": "tobedeleted"})
    return turns


def _content(document: Document) -> Document:
    return {k: v for k, v in document.items() if k not in {"sourcedId", "dateLastModified"}}


def _body(kind: Kind, document: Document) -> Document:
    if kind.stored_document:
        return {"doc": _stored(kind, document)}
    metadata = dict(document.get("metadata", {}))
    sis_id = metadata.pop(catalogue.SIS_ID, None)
    return {"sis_id": sis_id, "metadata": Jsonb(metadata) if metadata else None}


def _stored(kind: Kind, document: Document) -> str:
    targets = {f.name: f.target for f in kind.fields if f.is_reference} | {d.name: d.kind for d in kind.derived}
    whole = {name: _reference(value, targets.get(name)) for name, value in document.items()}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).replace("\\u0001", HREF)


def _reference(value: Any, target: str | None) -> Any:
    if target is None:
        return value
    if isinstance(value, list):
        return [_reference(each, target) for each in value]
    href = f"{HREF}/{KINDS[target].plural}/{value['sourcedId']}"
    return {"href": href, "sourcedId": value["sourcedId"], "type": target}


def _column(declared: Field, value: Any) -> Any:
    if value is None:
        return None
    if declared.is_single_reference:
        return value["sourcedId"]
    if declared.is_reference:
        return [UUID(each["sourcedId"]) for each in value]
    if declared.type is Type.BOOLEAN:
        return value == "true"
    return Jsonb(value) if declared.type is Type.JSON else value
