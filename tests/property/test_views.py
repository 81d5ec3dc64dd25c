"""Whatever happens to the roster and to consents: each view is its consent applied to the roster, and nothing else.

``HISTORIES=1000`` tries more of them than every run of the tests affords.
"""

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from schoolpassport.kit import conditions
from schoolpassport.partners import actions as partners_actions
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.support import partners
from tests.support.amount import amount
from tests.support.nights import BY, Nights, nights
from tests.support.packages import Package
from tests.support.plain_masks import DRAWN
from tests.support.projection import FOLLOWS, ORDER, PRIMARY_GRADE, SIS_ID, Expected, Key, Terms, project
from tests.support.random_consents import LEAVES, leaf
from tests.support.views import Seen, View, check_log
from tests.support.world import histories

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
FIELDS = {
    kind: {f.column: f.name for f in KINDS[kind].fields}
    | {f.folded: f.name for f in KINDS[kind].fields if f.sought}
    | {"sis_id": "sis_id"}
    for kind in ORDER
}
FOLDED = {f"{kind.name}.{f.folded}": f.column for kind in KINDS.values() for f in kind.fields if f.sought}
ALL = {kind: [a.name for a in catalogue.attributes(kind)] for kind in ORDER}


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    shared: dict[str, list[str]] = {}
    for kind in ORDER:
        how = draw(st.sampled_from(["all", "all", "some", "some", "not"]))
        if how != "not":
            may = [a.name for a in catalogue.attributes(kind) if not a.required]
            left_out = draw(st.sets(st.sampled_from(may), max_size=8)) if how == "some" else set()
            shared[kind] = [name for name in ALL[kind] if name not in left_out]
    able = [a for kind in shared for a in catalogue.attributes(kind) if a.name in shared[kind] and a.masks]
    some = draw(st.just([]) | st.lists(st.sampled_from(able), max_size=9, unique=True)) if able else []
    masks = {a.key: draw(st.sampled_from(a.masks)) for a in some}
    for name, leader in FOLLOWS.items():  # is masked alike, or withheld where that does not fit
        if (mask := masks.get(f"user.{leader}")) and name in shared.get("user", ()):
            masks[f"user.{name}"] = mask if name.startswith("preferred") else "drop"
    filters = {kind: draw(trees(kind)) for kind in shared if draw(st.sampled_from([*[False] * 5, True]))}
    schools = draw(st.none() | st.lists(st.sampled_from(("s1", "s2", "s3", "d2")), unique=True, max_size=2).map(tuple))
    skips = {kind: need for kind, need in MAY_LACK.items() if draw(st.sampled_from([False, False, True]))}
    return Terms(shared, schools, masks, filters, skips=skips)


MAY_LACK = {"user": "email", "course": "grades", "academicSession": "parent"}


def trees(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions on the records of a kind."""
    return st.recursive(
        st.sampled_from([leaf(said) for said in LEAVES[kind]]),
        lambda part: st.one_of(
            part.map(lambda p: {"not": p}),
            *(st.lists(part, max_size=2).map(lambda p, w=w: {w: p}) for w in ("all", "any")),
        ),
        max_leaves=3,
    )


def decisions() -> st.SearchStrategy[list[Terms | str]]:
    """What a district decides about one application, before each night: new terms, an end, or nothing."""
    return st.lists(terms() | st.sampled_from(["", "", "", "revoke"]), min_size=6, max_size=6)


@dataclass
class Application:
    sis: Nights
    integration_id: UUID
    application_id: UUID
    terms: Terms | None = None
    past: dict[int, dict[Key, dict[str, Any]]] = field(default_factory=dict)

    @property
    def view(self) -> View:
        return View(self.sis.district_id, self.integration_id)

    def secret(self) -> bytes:
        with scope.inside(self.sis.district_id):
            return partners_actions.mask_secret(
                district_id=self.sis.district_id, integration_id=self.integration_id, now=NOW
            )

    def decide(self, decision: Terms | str) -> None:
        facts = {"district_id": self.sis.district_id, "integration_id": self.integration_id, "by": BY, "now": NOW}
        if decision == "revoke":
            sharing.revoke(**facts)
            self.terms = None
        elif isinstance(decision, Terms):
            known = self.sis.ids("org")
            schools = None if decision.schools is None else tuple(s for s in decision.schools if s in known)
            kept = {
                k: [n for n in ns if decision.masks.get(f"{k}.{n}") != "drop"] for k, ns in decision.attributes.items()
            }
            self.terms = replace(decision, attributes=kept, schools=schools, secret=self.secret())
            sharing.require(
                application_id=self.application_id,
                content={"attributes": {f"{k}.{n}": {"missing": "skip"} for k, n in decision.skips.items()}},
                by=BY,
                now=NOW,
            )
            sharing.agree(
                **facts,
                contents=Contents(
                    attributes=decision.attributes,
                    schools=None if schools is None else [known[s] for s in schools],
                    masks=decision.masks,
                    filters={kind: conditions.parse(where) for kind, where in decision.filters.items()},
                ),
            )


def application(sis: Nights) -> Application:
    made = partners.integrated(sis.district_id, NOW)
    return Application(sis, made.integration.id, made.application.id)


@settings(
    max_examples=amount("HISTORIES", 5),
    database=None,
    phases=[
        Phase.generate
    ],  # a night takes half a second: what failed is told whole, in place of being shrunk for minutes
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(most=4), first=terms(), one=decisions(), other=decisions())
def test_a_view_is_its_consent_applied_to_the_roster(history, first, one, other):
    with tempfile.TemporaryDirectory() as folder:
        live_through(history, [[first, *one], [*other]], Path(folder))


def live_through(history: list[Package], decided: list[list[Terms | str]], folder: Path) -> None:
    district = register_district(name=f"Birch Hollow {uuid4()}", now=NOW)
    sis = nights(district_id=district.id, folder=folder, now=NOW)
    sis.set_limits(removed_share=1, removed_count=10**6, overlap_share=0, bad_row_share=1, hold_whole=True)
    applications = [application(sis) for _ in decided]
    for night, package in enumerate(history):
        for app, decisions_ in zip(applications, decided, strict=True):
            note(f"before night {night + 1}: {decisions_[night]}")
            app.decide(decisions_[night])
        check(sis, applications)
        note(f"night {night + 1}: {package}")
        run = sis.run(package)
        if run.state == "held":
            run = sis.approve(run)
        assert run.state in {"done", "unchanged"}, run.message
        check(sis, applications)
    for app in applications:
        check_past(app)
        check_against_a_new_one(app)


def check(sis: Nights, applications: Iterable[Application]) -> None:
    roster, ids = sis.everything(), sis.all_ids()
    for app in (a for a in applications if a.terms is not None or a.past):
        expected = project(roster, ids, app.terms)
        rows = app.view.rows()
        assert differences(rows, expected) == {}
        check_log(app.view)
        check_closure(rows, app.terms)
        check_tombstones(rows, app.terms)
        app.past[app.view.model().revision] = app.view.active()


def differences(rows: dict[Key, Seen], expected: dict[Key, Expected]) -> dict[Any, Any]:
    active = {key: row for key, row in rows.items() if row.status == "active"}
    found: dict[Any, Any] = {key: (active.get(key), expected.get(key)) for key in active.keys() ^ expected.keys()}
    for key in active.keys() & expected.keys():
        row, wanted = active[key], expected[key]
        if row.doc is not None:
            doc = row.facts["doc"]
            names = {n for n in doc.keys() | wanted.doc.keys() if doc.get(n) != wanted.doc.get(n)}
            found |= {(*key, n): (doc.get(n), wanted.doc.get(n)) for n in names}
        for column, value in row.columns.items():
            if of := FOLDED.get(f"{row.kind}.{column}"):  # made of its neighbour by the database, to be found by
                assert value == (None if row.columns[of] is None else row.columns[of].lower())
                continue
            name = FIELDS[row.kind][column]
            if told(value) != told(wanted.values.get(name)):
                found[*key, name] = (value, wanted.values.get(name))
    return found


def told(value: Any) -> Any:
    """Dates and JSON as the roster's words have them."""
    if isinstance(value, str) and value[:1] in "{[" and value:
        return json.loads(value)
    return value.isoformat() if isinstance(value, date) else value


def references(row: Seen) -> Iterable[Key]:
    for value in (row.doc or {}).values():
        for ref in value if isinstance(value, list) else [value]:
            if isinstance(ref, dict) and "href" in ref:
                assert ref["href"].endswith(f"/{KINDS[ref['type']].plural}/{ref['sourcedId']}")
                yield ref["type"], UUID(ref["sourcedId"])
    for f in KINDS[row.kind].fields:
        if f.is_reference and row.columns.get(f.column):
            value = row.columns[f.column]
            yield from ((f.target, id_) for id_ in (value if f.many else [value]))


def check_closure(rows: dict[Key, Seen], terms: Terms | None) -> None:
    """No active record refers to anything that is not an active record of the same view, or to an unshared kind."""
    active = {key for key, row in rows.items() if row.status == "active"}
    for key in active:
        assert set(references(rows[key])) <= active, key
        assert terms is not None
        assert key[0] in terms.attributes, key


def check_tombstones(rows: dict[Key, Seen], terms: Terms | None) -> None:
    """What is gone tells nothing that the consent of today does not share."""
    for key, row in rows.items():
        shared = set(terms.attributes.get(row.kind, ()) if terms else ())
        if "parent" in shared:
            shared.add("children")
        if SIS_ID in shared:
            shared |= {"metadata", "sis_id"}
        shared |= {"metadata"} if PRIMARY_GRADE in shared else set()
        shared |= {"primarySchool"} if "primaryOrg" in shared else set()
        named = set(row.doc or {}) - {"sourcedId", "status", "dateLastModified"}
        assert named <= shared, (key, named - shared)
        if SIS_ID not in shared:
            assert SIS_ID not in (row.doc or {}).get("metadata", {}), key
        # By role and type it can be told under which path a record is gone; who reads them there knew them before.
        kept = {"role", "type"} if row.status == "tobedeleted" else set()
        filled = {FIELDS[row.kind][c] for c, v in row.columns.items() if v is not None} - kept
        assert filled <= shared, (key, filled - shared)


def check_past(app: Application) -> None:
    for revision, then in app.past.items():
        assert app.view.at(revision) == then


def check_against_a_new_one(app: Application) -> None:
    """Night by night came to the same as all at once."""
    if app.terms is None:
        return
    new = application(app.sis)
    new.decide(app.terms)
    assert differences(new.view.rows(), project(app.sis.everything(), app.sis.all_ids(), new.terms)) == {}
    if not DRAWN & set(app.terms.masks.values()):
        assert new.view.active() == app.view.active()
    assert {row.change for row in new.view.versions()} <= {"c"}
