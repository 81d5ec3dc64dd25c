"""Moving a view to where the roster and its consent stand: set work in one transaction.

For each kind, after the kinds it refers to: which records may look different (``cand``), which of them belong in the
view (``mem``: the records themselves), what they look like (``want``); the difference to what the view holds of them
(``held``) becomes new version rows, which are the view's change log at the same time. Each record is looked up once.
A first publication writes straight into the view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from schoolpassport.gradebook import queries as gradebook
from schoolpassport.gradebook.contract import GRADES
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.joins import FEW, as_usual, believed, chosen, one_by_one, reshapes
from schoolpassport.kit.killpoint import reach
from schoolpassport.partners import actions as partners
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, SHARED, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import asking, masking
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.lifecycle import ConsentState
from schoolpassport.sharing.masks import MASKS
from schoolpassport.sharing.models import Consent, View, ViewRevision
from schoolpassport.sharing.projection import (
    HEAD_LENGTH,
    TOMBSTONE_LENGTH,
    Projected,
    Terms,
    head,
    looks_at_members,
    membership,
    project,
)
from schoolpassport.sharing.records import NOTHING, Contents
from schoolpassport.sharing.requirements import Requirements
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import SourceRole

# The schools of a consent and everything above them, as of a revision.
UPWARDS = (
    "WITH RECURSIVE up AS (SELECT unnest(%(schools)s::uuid[]) AS id UNION "
    "SELECT o.parent_id FROM up JOIN roster_org o ON o.id = up.id AND o.district_id = %(d)s "
    "AND o.rev_from <= %(at)s AND o.rev_to > %(at)s WHERE o.parent_id IS NOT NULL) SELECT id FROM up"
)
_MINE = f"r.district_id = %(d)s AND r.rev_to = {OPEN}"  # what stands in the roster
_HELD = f"v.district_id = %(d)s AND v.view = %(v)s AND v.rev_to = {OPEN}"  # what stands in the view
# Records that a source calls by another key since the view was made.
_REMAPPED = (
    "SELECT was_id AS id FROM roster_relink WHERE district_id = %(d)s AND kind = %(k)s AND revision > %(seen)s "
    "AND migration IS NOT NULL"
)
_ONLY_REMAPPED = f"SELECT c.id FROM mem c WHERE c.rev_from <= %(seen)s AND c.id IN ({_REMAPPED})"
_RETYPED = (
    f"SELECT n.id FROM roster_org n JOIN roster_org w ON w.district_id = n.district_id AND w.id = n.id "
    f"AND w.rev_from <= %(seen)s AND w.rev_to > %(seen)s AND w.type <> n.type "
    f"WHERE n.district_id = %(d)s AND n.rev_to = {OPEN} AND n.rev_from > %(seen)s"
)
_KEPT_IN_TOMBSTONES = ("role", "type")  # so that /students and /schools still list what left them


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a publication did: the number of changes, and the tables of which a large share is new."""

    changes: int
    reshaped: frozenset[str]


def move(*, view: View, consent: Consent, now: datetime) -> Moved:
    """Bring a locked view up to date, in the caller's scope and transaction."""
    publication = _Publication(view=view, consent=consent, now=now)
    for kind in SHARED.values():
        publication.publish(kind)
        reach(f"publish.{kind.name}")
    return Moved(changes=publication.finish(), reshaped=frozenset(publication.reshaped))


def take_in(*, view: View, consent: Consent, written: Mapping[str, Sequence[UUID]], now: datetime) -> Moved:
    """Show in a locked view what applications have just written, by kind, and nothing else that is new.

    In the caller's scope and transaction. The view goes on standing where it does, in the roster and its consent.
    """
    publication = _Publication(view=view, consent=consent, now=now, written=written)
    for name in GRADES:
        publication.publish(KINDS[name])
    return Moved(changes=publication.finish(), reshaped=frozenset(publication.reshaped))


def terms_of(view: View, contents: Contents, requirements: Requirements) -> Terms:
    """What a view is made by, in the caller's scope."""
    enrichment = (s.id for s in sources.sources(district_id=view.district_id) if s.role == SourceRole.ENRICHMENT)
    return Terms(
        view=view.number,
        district_id=view.district_id,
        attributes=contents.attributes,
        filters=contents.filters,
        masks=contents.masks,
        skips={kind: requirements.skipping(kind) for kind in contents.attributes},
        scoped=contents.schools is not None,
        one_link=roster.has_one_link_each(district_id=view.district_id),
        enrichment=tuple(enrichment),
    )


class _Publication:
    def __init__(
        self, *, view: View, consent: Consent, now: datetime, written: Mapping[str, Sequence[UUID]] | None = None
    ) -> None:
        self._view = view
        self._consent = consent
        self._written = written
        self._cursor = connection.cursor()
        if written is None:
            # No night may commit between our statements: a view revision is made of one roster revision.
            self._cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 1))", [str(view.district_id)]
            )
        self._first = view.revision == 0 and written is None
        self._roster = (
            view.roster_revision if written is not None else roster.current_revision(district_id=view.district_id)
        )
        self._number = view.revision + 1
        self._at = self._instant(now)
        self._seq = view.last_seq
        # A change of consent looks at everything; a change of the roster only at what it touched.
        self._whole = view.projected_consent_id != consent.id
        contents = consent.served if consent.state == ConsentState.ACTIVE else NOTHING
        requirements = asking.of_integration(district_id=view.district_id, integration_id=view.integration_id)
        self._requirements = requirements.number
        self._whole = (self._whole or view.projected_requirements != requirements.number) and written is None
        self._terms = terms_of(view, contents, requirements)
        self.reshaped: set[str] = set()
        seen = view.roster_revision
        quiet = written is not None
        self._changed = set() if quiet else roster.changed_kinds(district_id=view.district_id, revision=seen)
        self._remapped = set() if quiet else roster.remapped_kinds(district_id=view.district_id, revision=seen)
        self._few = False  # whether the records in hand are looked up one by one
        self._large = False  # or so many that tables are read as a whole
        self._flipped: set[str] = set()  # kinds of which some record came into the view or left it
        self._make_scope()
        self._make_mask_keys(contents)
        # Another scope is like another consent.
        self._whole = self._whole or self._scope_moved()

    def _instant(self, now: datetime) -> datetime:
        """Milliseconds, and strictly later than the revision before."""
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        last = ViewRevision.objects.filter(
            district_id=self._view.district_id, view=self._view.number, number=self._view.revision
        ).first()
        return max(at, last.at + timedelta(milliseconds=1)) if last else at

    @property
    def _stamp(self) -> str:
        return self._at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._at.microsecond // 1000:03d}Z"

    def _make_scope(self) -> None:
        """The named schools, what they belong to, and nothing beside: any school brings the district office."""
        self._run("CREATE TEMP TABLE scope_org (id uuid PRIMARY KEY) ON COMMIT DROP")
        if self._consent.schools is not None:
            self._run(f"INSERT INTO scope_org {UPWARDS}", schools=list(self._consent.schools), at=self._roster)

    def _make_mask_keys(self, contents: Contents) -> None:
        """What masks draw from; the secret stands in one statement, and in none that says more."""
        if any(MASKS[name].drawn for name in contents.masks.values()):
            secret = partners.mask_secret(
                district_id=self._view.district_id, integration_id=self._view.integration_id, now=self._at
            )
            self._run(masking.MAKE_KEYS)
            self._cursor.execute(masking.FILL_KEYS, masking.keys(secret))

    def _scope_moved(self) -> bool:
        """Whether a school stands under something else than when the view was made."""
        if self._consent.schools is None or self._whole:
            return False
        before = f"SELECT * FROM ({UPWARDS}) b"
        self._run(
            f"SELECT EXISTS (({before} EXCEPT SELECT id FROM scope_org) "
            f"UNION ALL (SELECT id FROM scope_org EXCEPT {before}))",
            schools=list(self._consent.schools),
            at=self._view.roster_revision,
        )
        return bool(self._cursor.fetchone()[0])

    # --------------------------------------------------------------------------------------------------------- a kind

    def publish(self, kind: Kind) -> None:
        if self._first:
            if self._terms.shares(kind.name):
                self._publish_first(kind)
        elif candidates := self._find_candidates(kind):
            self._choose_joins(kind, candidates)
            self._find_members(kind)
            self._write_difference(kind, project(kind, self._terms, self._stamp))
        else:
            return
        self._run(f"DROP TABLE IF EXISTS cand, mem, held, own, want; {as_usual()}")

    def _publish_first(self, kind: Kind) -> None:
        """Into an empty view: everything that belongs there, without a look at what might."""
        self._run(chosen(changing=1, standing=0)[1])
        belongs = f"{_MINE} AND {membership(kind, self._terms)}"
        projected = project(kind, self._terms, self._stamp)
        if looks_at_members(kind, self._terms):
            self._run(f"CREATE TEMP TABLE mem ON COMMIT DROP AS SELECT r.* FROM {_meant(kind)} r WHERE {belongs}")
            self._run("ANALYZE mem (id)")
            self._own(kind)
            self._write_first(kind, projected, f"mem r {projected.joins}")
        else:
            self._write_first(kind, projected, f"{_meant(kind)} r {projected.joins} WHERE {belongs}")

    def _find_candidates(self, kind: Kind) -> int:
        """``cand``: records that may look different from what the view holds. How many they are."""
        table = _standing(kind)
        if self._whole:
            held = f"SELECT id FROM sharing_{kind.table} WHERE district_id = %(d)s AND view = %(v)s AND rev_to = {OPEN}"
            self._run(f"CREATE TEMP TABLE cand ON COMMIT DROP AS SELECT r.id FROM {table} r WHERE {_MINE} UNION {held}")
        else:
            ways = self._dependents(kind)
            if self._written is not None and self._written.get(kind.name):
                ways.append("SELECT unnest(%(ids)s::uuid[])")
            if kind.name in self._remapped and self._terms.shows(kind, SIS_ID):
                ways.append(f"SELECT r.id FROM {table} r JOIN ({_REMAPPED}) m ON m.id = r.id WHERE {_MINE}")
            if kind.name in self._changed:
                ways.append(f"SELECT r.id FROM {table} r WHERE {_MINE} AND r.rev_from > %(seen)s")
            if not ways:
                return 0
            touched = f"SELECT id FROM ({' UNION '.join(ways)}) w(id) ORDER BY id"
            ids = list((self._written or {}).get(kind.name, ()))
            self._run(f"CREATE TEMP TABLE cand ON COMMIT DROP AS {touched}", k=kind.name, ids=ids)
            self._widen(kind)
        self._run("SELECT count(*) FROM cand")
        found = self._number_of()
        if not found:
            self._run("DROP TABLE cand")
        return found

    def _dependents(self, kind: Kind) -> list[str]:
        """Records that refer to something that came into the view or left it in this publication."""
        ways = []
        for field in kind.references:
            if field.target == kind.name or field.target not in self._flipped:
                continue
            flipped = f"SELECT id FROM flip_{KINDS[field.target].table}"
            if kind.name in GRADES and field.target not in GRADES:
                flipped = _and_what_was_merged(flipped, field.target)
            if field.many:
                condition = f"r.{quoted(field.column)} && ARRAY({flipped})"
            else:
                column = "id" if field.name == "sourcedId" else field.column
                condition = f"r.{quoted(column)} IN ({flipped})"
            ways.append(f"SELECT r.id FROM {_standing(kind)} r WHERE {_MINE} AND {condition}")
        if kind.name == "user" and self._terms.shows(kind, "primaryOrg") and "org" in self._changed:
            # What is a school now, and was none, or the other way round, is as good as come or gone.
            ways.append(f"SELECT r.id FROM roster_user r WHERE {_MINE} AND r.orgs && ARRAY({_RETYPED})")
        if kind.name == "course" and self._terms.scoped:
            # Which courses are taught in the scope changes with the classes.
            ways.append(
                "SELECT t.course_id AS id FROM roster_class t WHERE t.district_id = %(d)s "
                "AND (t.rev_from > %(seen)s OR (t.rev_to > %(seen)s AND t.rev_to <> " + f"{OPEN}))"
            )
        return ways

    def _widen(self, kind: Kind) -> None:
        """Kinds that show their children are small; when one changes, all are looked at."""
        if kind.derived and self._any("cand"):
            self._run(
                f"INSERT INTO cand SELECT r.id FROM roster_{kind.table} r WHERE r.district_id = %(d)s "
                f"AND r.rev_to = {OPEN} EXCEPT SELECT id FROM cand"
            )

    def _choose_joins(self, kind: Kind, candidates: int) -> None:
        """A large share is hashed, a small one looked up; the planner's statistics may be from before the load."""
        self._few, self._large = candidates <= FEW and not self._whole, False
        if self._few:
            self._run(one_by_one())
            return
        self._run("ANALYZE cand")
        self._run(
            "SELECT coalesce(max(standing), 0) FROM roster_tally WHERE district_id = %(d)s AND kind = %(k)s",
            k=kind.name,
        )
        self._large, joins = chosen(changing=candidates, standing=self._number_of())
        self._run(joins)
        if self._large:
            self._reshape(kind, candidates)
        else:
            self._run("CREATE UNIQUE INDEX ON cand (id)")

    def _find_members(self, kind: Kind) -> None:
        """``mem``: the candidates that belong in the view, ``held``: what it holds of them."""
        condition = membership(kind, self._terms) if self._terms.shares(kind.name) else "false"
        self._run(
            "CREATE TEMP TABLE mem ON COMMIT DROP AS "
            f"SELECT r.* FROM cand c JOIN {_meant(kind)} r ON r.id = c.id AND {_MINE} WHERE {condition}"
        )
        self._run(
            "CREATE TEMP TABLE held ON COMMIT DROP AS "
            f"SELECT v.*, v.ctid AS lies FROM cand c JOIN sharing_{kind.table} v ON v.id = c.id AND {_HELD}"
        )
        self._find_flips(kind)
        self._look_at_own_references(kind)
        self._analyze("mem (id), held (id)")
        self._own(kind)

    def _find_flips(self, kind: Kind) -> None:
        """``flip_<kind>``: whose belonging changes. There is none when nobody's does."""
        flip, active = f"flip_{kind.table}", "SELECT id FROM held WHERE status = 'active'"
        self._run(
            f"CREATE TEMP TABLE {flip} ON COMMIT DROP AS (SELECT id FROM mem EXCEPT {active}) "
            f"UNION ALL ({active} EXCEPT SELECT id FROM mem)"
        )
        if self._terms.scoped and not self._terms.shares(kind.name):
            # What is bound to an unshared record follows it into the scope and out of it.
            self._run(f"INSERT INTO {flip} SELECT id FROM cand")
        if self._any(flip):
            self._run(f"ANALYZE {flip}")  # other kinds are joined with it
            self._flipped.add(kind.name)

    def _look_at_own_references(self, kind: Kind) -> None:
        """A member whose guardian came or left looks different, though nothing about itself changed."""
        own = [f for f in kind.fields if f.target == kind.name]
        if self._whole or not own or kind.name not in self._flipped:
            return
        flipped = f"SELECT id FROM flip_{kind.table}"
        named = " OR ".join(
            f"r.{quoted(f.column)} && ARRAY({flipped})" if f.many else f"r.{quoted(f.column)} IN ({flipped})"
            for f in own
        )
        self._run(
            f"CREATE TEMP TABLE more ON COMMIT DROP AS SELECT r.id FROM {_standing(kind)} r "
            f"JOIN sharing_{kind.table} v ON v.id = r.id AND {_HELD} AND v.status = 'active' "
            f"WHERE {_MINE} AND ({named}) AND NOT EXISTS (SELECT FROM cand c WHERE c.id = r.id)"
        )
        self._run("INSERT INTO cand SELECT id FROM more")
        self._run(f"INSERT INTO mem SELECT r.* FROM more JOIN {_meant(kind)} r ON r.id = more.id AND {_MINE}")
        self._run(
            f"INSERT INTO held SELECT v.*, v.ctid FROM more JOIN sharing_{kind.table} v ON v.id = more.id AND {_HELD}"
        )
        self._run("DROP TABLE more")

    def _own(self, kind: Kind) -> None:
        """``own``: members of the kind after this publication, for kinds that refer to themselves.

        All of them for a kind that shows its children; else those that the members in hand are, or name.
        """
        own = [f for f in kind.fields if f.target == kind.name]
        if not (kind.derived or own):
            return
        self._run("CREATE TEMP TABLE own ON COMMIT DROP AS SELECT id FROM mem")
        if not self._first:
            columns = [f"unnest({quoted(f.column)})" if f.many else quoted(f.column) for f in own]
            named = " UNION ".join(f"SELECT {column} FROM mem" for column in columns)
            self._run(
                f"INSERT INTO own SELECT v.id FROM sharing_{kind.table} v WHERE {_HELD} AND v.status = 'active' "
                f"AND NOT EXISTS (SELECT FROM cand c WHERE c.id = v.id)"
                f"{'' if kind.derived else f' AND v.id IN ({named})'}"
            )
        if not self._few:
            self._run("CREATE UNIQUE INDEX ON own (id); ANALYZE own")

    # -------------------------------------------------------------------------------------------------------- writing

    def _write_first(self, kind: Kind, projected: Projected, members: str) -> None:
        self._run(
            f"INSERT INTO sharing_{kind.table} (district_id, view, id, rev_from, rev_to, seq, change, status, "
            f"{_list(projected.columns)}) SELECT %(d)s, %(v)s, r.id, %(n)s, {OPEN}, "
            f"%(seq)s + row_number() OVER (ORDER BY r.id), 'c', 'active', {', '.join(projected.values)} "
            f"FROM {members} ORDER BY r.id"
        )
        self._seq += self._cursor.rowcount
        self._reshape(kind, self._cursor.rowcount)

    def _write_difference(self, kind: Kind, projected: Projected) -> None:
        columns = projected.columns
        self._run(
            f"CREATE TEMP TABLE want ON COMMIT DROP AS SELECT r.id, {_named(projected)} FROM mem r {projected.joins}"
        )
        self._analyze("want (id)")
        same = " AND ".join(
            f"substr(v.doc, {HEAD_LENGTH + 1}) = substr(w.doc, {HEAD_LENGTH + 1})"
            if c == "doc"
            else f"v.{quoted(c)} IS NOT DISTINCT FROM w.{quoted(c)}"
            for c in columns
        )
        tells = kind.name in self._remapped and self._terms.shows(kind, SIS_ID)
        remapped = f"WHEN w.id IN ({_ONLY_REMAPPED}) THEN 'm' " if tells else ""
        self._run(
            f"CREATE TEMP TABLE turn ON COMMIT DROP AS "
            "SELECT w.id, CASE WHEN v.id IS NULL THEN 'c' WHEN v.status = 'tobedeleted' THEN 'r' "
            f"{remapped}ELSE 'u' END AS change, v.lies FROM want w LEFT JOIN held v ON v.id = w.id "
            f"WHERE v.id IS NULL OR v.status = 'tobedeleted' OR NOT ({same}) "
            "UNION ALL SELECT v.id, 'd', v.lies FROM held v "
            f"WHERE (v.status = 'active'{self._or_tells_too_much(columns)}) "
            f"AND NOT EXISTS (SELECT FROM mem WHERE mem.id = v.id) ORDER BY id",
            k=kind.name,
        )
        self._analyze("turn")
        if self._any("turn"):
            self._write_turns(kind, columns)
        self._run("DROP TABLE turn")

    def _or_tells_too_much(self, columns: tuple[str, ...]) -> str:
        """SQL: after a change of consent, no tombstone may hold what the old terms shared."""
        if not self._whole:
            return ""
        content = [c for c in columns if c not in _KEPT_IN_TOMBSTONES]
        told = [f"length(v.doc) > {TOMBSTONE_LENGTH}" if c == "doc" else f"v.{quoted(c)} IS NOT NULL" for c in content]
        return f" OR {' OR '.join(told)}"

    def _write_turns(self, kind: Kind, columns: tuple[str, ...]) -> None:
        table = f"sharing_{kind.table}"
        # Nobody else moves the rows of a locked view: they lie where they were found.
        found = "v.id = t.id" if self._large else "v.ctid = t.lies"
        self._run(f"UPDATE {table} v SET rev_to = %(n)s FROM turn t WHERE {found} AND t.change <> 'c' AND {_HELD}")
        # What is gone from the roster keeps its last content. What a consent withdrew is reduced to its id.
        last = [_bare(c, self._stamp) if self._whole else _tombstone(c, self._stamp) for c in columns]
        self._run(
            f"INSERT INTO {table} (district_id, view, id, rev_from, rev_to, seq, change, status, {_list(columns)}) "
            f"SELECT %(d)s, %(v)s, id, %(n)s, {OPEN}, %(seq)s + row_number() OVER (ORDER BY id), change, "
            f"CASE change WHEN 'd' THEN 'tobedeleted' ELSE 'active' END, {_list(columns)} FROM ("
            f"SELECT t.id, t.change, {_list(columns, 'w')} FROM turn t JOIN want w USING (id) WHERE t.change <> 'd' "
            f"UNION ALL SELECT t.id, t.change, {', '.join(last)} FROM turn t JOIN held v USING (id) "
            "WHERE t.change = 'd') x ORDER BY id"
        )
        self._seq += self._cursor.rowcount

    def finish(self) -> int:
        """Write the view revision, if there is something to say, and where the view stands now."""
        view, changes = self._view, self._seq - self._view.last_seq
        if changes:
            self._revise(changes)
        flips = "".join(f", flip_{kind.table}" for kind in SHARED.values())
        self._run(masking.DROP_KEYS)
        self._run(f"DROP TABLE IF EXISTS scope_org{flips}")  # the next view may be moved in the same transaction
        if self._whole:
            view.oldest_readable = view.revision  # what an older page shows may not be shared any more
        if self._written is not None:
            view.save(update_fields=["revision", "last_seq"])
            return changes
        view.roster_revision = self._roster
        view.projected_consent_id = self._consent.id
        view.projected_requirements = self._requirements
        view.save()
        return changes

    def _revise(self, changes: int) -> None:
        view = self._view
        ViewRevision.objects.create(
            district_id=view.district_id,
            view=view.number,
            number=self._number,
            at=self._at,
            roster_revision=self._roster,
            seq_from=view.last_seq,
            seq_to=view.last_seq + changes,
            graded=self._written is not None,
        )
        view.revision = self._number
        view.last_seq += changes

    # ---------------------------------------------------------------------------------------------------------- tools

    def _reshape(self, kind: Kind, rows: int) -> None:
        def known() -> float:
            self._run(believed(f"sharing_{kind.table}"))
            return float(self._cursor.fetchone()[0])

        if reshapes(rows, known):
            self.reshaped.add(f"sharing_{kind.table}")

    def _analyze(self, tables: str) -> None:
        """Tell the planner about our tables, where it has a choice."""
        if not self._few:
            self._run(f"ANALYZE {tables}")

    def _any(self, table: str) -> bool:
        self._run(f"SELECT EXISTS (SELECT FROM {table})")
        return bool(self._cursor.fetchone()[0])

    def _number_of(self) -> int:
        return int(self._cursor.fetchone()[0])

    def _run(self, statement: str, **more: list[UUID] | str | int) -> None:
        facts: dict[str, UUID | int | str | list[UUID]] = {
            "d": self._view.district_id,
            "v": self._view.number,
            "n": self._number,
            "seq": self._seq,
            "seen": self._view.roster_revision,
            "reader": self._view.integration_id,
            **more,
        }
        self._cursor.execute(statement, facts)


def _standing(kind: Kind) -> str:
    """SQL: the rows that may belong in a view, in the columns of the roster's table; to be named by an alias.

    Of what applications wrote, those that its reader wrote or is shown. No revision of the roster brought them.
    """
    return _with_written(kind, [f"w.{quoted(column)}" for column in kind.columns])


def _meant(kind: Kind) -> str:
    """SQL: the same, where what was written about a record that was merged into another is about that one."""
    return _with_written(
        kind,
        [
            _merged(f"w.{quoted(field.column)}", field.target)
            if field.is_reference and field.target not in GRADES
            else f"w.{quoted(field.column)}"
            for field in kind.fields
        ],
    )


def _with_written(kind: Kind, written: Sequence[str]) -> str:
    table = f"roster_{kind.table}"
    if kind.name not in GRADES:
        return table
    columns = ", ".join(quoted(column) for column in kind.columns)
    return (
        f"(SELECT district_id, id, status, {columns}, rev_from, rev_to FROM {table} UNION ALL "
        f"SELECT w.district_id, w.id, w.status, {', '.join(written)}, 0, {OPEN} "
        f"FROM ({gradebook.shown(kind, columns=kind.columns)}) w)"
    )


def _merged(value: str, target: str) -> str:
    """SQL: what an id means by now."""
    return (
        f"(WITH RECURSIVE m (id, steps) AS (SELECT {value}, 0 UNION ALL SELECT a.record_id, m.steps + 1 FROM m "
        f"JOIN roster_alias a ON a.district_id = %(d)s AND a.kind = {literal(target)} AND a.alias_id = m.id) "
        "SELECT m.id FROM m ORDER BY m.steps DESC LIMIT 1)"
    )


def _and_what_was_merged(ids: str, target: str) -> str:
    """SQL: these ids, and those that were merged into one of them."""
    return (
        f"WITH RECURSIVE m (id) AS ({ids} UNION SELECT a.alias_id FROM m JOIN roster_alias a "
        f"ON a.district_id = %(d)s AND a.kind = {literal(target)} AND a.record_id = m.id) SELECT id FROM m"
    )


def _bare(column: str, stamp: str) -> str:
    if column == "doc":
        return f"{head(stamp, status='tobedeleted', alias='v')} || '}}'"
    return f"v.{quoted(column)}" if column in _KEPT_IN_TOMBSTONES else "NULL"


def _tombstone(column: str, stamp: str) -> str:
    if column != "doc":
        return f"v.{quoted(column)}"
    return f"{head(stamp, status='tobedeleted', alias='v')} || substr(v.doc, {HEAD_LENGTH + 1})"


def _named(projected: Projected) -> str:
    pairs = zip(projected.values, projected.columns, strict=True)
    return ", ".join(f"{value} AS {quoted(column)}" for value, column in pairs)


def _list(columns: tuple[str, ...], alias: str = "") -> str:
    dot = f"{alias}." if alias else ""
    return ", ".join(f"{dot}{quoted(c)}" for c in columns)
