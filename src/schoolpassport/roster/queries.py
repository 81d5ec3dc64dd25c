"""Reading the library of record: as of now, or as of any revision or instant."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import Cursor

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import (
    FIRST_SEEN,
    OPEN,
    SPLIT,
    Alias,
    Claim,
    Link,
    Merge,
    Migration,
    Question,
    Refusal,
    Relink,
    Revision,
)
from schoolpassport.roster.records import ALTOGETHER, Authority, Claimed, Lineage, Remap, Saying
from schoolpassport.roster.schools import belongs, school_join, schools

_COPY_BYTES = 1 << 20
_METADATA = "metadata."


def current_revision(*, district_id: UUID) -> int:
    """The number of the newest revision; 0 before the first."""
    newest = Revision.objects.filter(district_id=district_id).order_by("-number").first()
    return newest.number if newest else 0


def revision_as_of(*, district_id: UUID, as_of: int | datetime | None) -> int:
    """The revision that held at an instant; a number is itself; None is now."""
    if as_of is None:
        return current_revision(district_id=district_id)
    if isinstance(as_of, int):
        return as_of
    found = Revision.objects.filter(district_id=district_id, at__lte=as_of).order_by("-number").first()
    return found.number if found else 0


def instant(*, district_id: UUID, revision: int) -> datetime:
    """When a revision was written."""
    return Revision.objects.get(district_id=district_id, number=revision).at


def records(*, district_id: UUID, kind: str, as_of: int | datetime | None = None) -> list[dict[str, Any]]:
    """Every record of a kind as it stood, tombstones included, by GG4L ID. For people and tests, not for outlets."""
    return _select(district_id=district_id, kind=kind, as_of=as_of, where="", params=[])


def record(*, district_id: UUID, kind: str, id: UUID, as_of: int | datetime | None = None) -> dict[str, Any] | None:  # noqa: A002 (the column's name)
    """One record as it stood, or None when it was not known then."""
    found = _select(district_id=district_id, kind=kind, as_of=as_of, where="AND id = %s", params=[id])
    return found[0] if found else None


def records_of(*, district_id: UUID, kind: str, ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """These records as they stand now, tombstones included; who is not known is left out."""
    found = _select(district_id=district_id, kind=kind, as_of=None, where="AND id = ANY(%s)", params=[list(ids)])
    return {record["id"]: record for record in found}


def _select(
    *, district_id: UUID, kind: str, as_of: int | datetime | None, where: str, params: Sequence[UUID | list[UUID]]
) -> list[dict[str, Any]]:
    revision = revision_as_of(district_id=district_id, as_of=as_of)
    columns = ["id", "status", *KINDS[kind].columns]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(quoted(c) for c in columns)} FROM roster_{KINDS[kind].table} "
            f"WHERE district_id = %s AND rev_from <= %s AND rev_to > %s {where} ORDER BY id",
            [district_id, revision, revision, *params],
        )
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def standing(*, district_id: UUID) -> dict[tuple[str, UUID], int]:
    """How many records stand, by kind and school (``ALTOGETHER`` for the kind as a whole)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, school_id, standing FROM roster_tally WHERE district_id = %s", [district_id])
        return {(kind, school): count for kind, school, count in cursor.fetchall()}


def school_names(*, district_id: UUID) -> dict[UUID, str]:
    """Names of the orgs, those that went included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM roster_org WHERE district_id = %s AND rev_to = %s", [district_id, OPEN])
        return dict(cursor.fetchall())


def called(record: Mapping[str, Any]) -> str:
    """The name of a record of any kind, by its columns; empty where it has none."""
    both = " ".join(filter(None, (record.get("given_name"), record.get("family_name"))))
    return both or record.get("name") or record.get("title") or ""


def standing_orgs(*, district_id: UUID, but: UUID) -> list[dict[str, Any]]:
    """Schools and the like that stand, and that this source does not know by a key of its own; no districts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.name, r.type, r.identifier FROM roster_org r WHERE r.district_id = %(d)s "
            "AND r.rev_to = %(open)s AND r.status = 'active' AND r.type <> 'district' AND NOT EXISTS (SELECT FROM "
            "roster_link l WHERE l.district_id = %(d)s AND l.source_id = %(but)s AND l.kind = 'org' "
            "AND l.record_id = r.id AND NOT l.gone) ORDER BY r.id",
            {"d": district_id, "open": OPEN, "but": but},
        )
        names = [c.name for c in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def by_school(*, district_id: UUID, kind: str, ids: Path) -> dict[UUID, int]:
    """How many of these records (a file of id and key, as COPY reads it) belong to each school."""
    declared = KINDS[kind]
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor
        cursor.execute("CREATE TEMP TABLE asked (id uuid, key text) ON COMMIT DROP")
        with ids.open("rb") as file, cursor.copy("COPY asked FROM STDIN") as copy:
            while block := file.read(_COPY_BYTES):
                copy.write(block)
        cursor.execute(
            f"SELECT school, count(*) FROM (SELECT {schools(belongs(declared), declared)} AS school FROM asked a "
            f"JOIN roster_{declared.table} r ON r.id = a.id {school_join(declared)} "
            f"WHERE r.district_id = %(d)s AND r.rev_to = {OPEN}) x GROUP BY school",
            {"d": district_id},
        )
        found = dict(cursor.fetchall())
        cursor.execute("DROP TABLE asked")
    return {school: count for school, count in found.items() if school not in {ALTOGETHER, None}}


def export_places(*, district_id: UUID, kind: str, ids: Path, into: Path) -> None:
    """To which schools these records (a file of ids, as COPY reads it) belong: id, school, and a pupil's grades.

    Of orgs, those that are schools; of kinds that belong to no school, nothing.
    """
    declared = KINDS[kind]
    grade, only = "NULL::text", ""
    if kind == "org":
        only = "AND r.type = 'school'"
    if kind == "user":
        grades = "CASE WHEN x.role = 'student' AND cardinality(x.grades) > 0 THEN x.grades ELSE array[NULL::text] END"
        grade = f"unnest({grades})"
    with connection.cursor() as wrapped:
        _asked(wrapped.cursor, ids)
        _export(
            wrapped.cursor,
            f"SELECT id, school, {grade} FROM (SELECT r.*, "
            f"{schools(belongs(declared), declared)} AS school FROM asked a "
            f"JOIN roster_{declared.table} r ON r.id = a.id {school_join(declared)} "
            f"WHERE r.district_id = %(d)s AND r.rev_to = {OPEN} {only}) x WHERE school <> '{ALTOGETHER}'",
            {"d": district_id},
            into,
        )


def export_bound(*, district_id: UUID, kind: str, ids: Path, to: Path, into: Path) -> None:
    """Which of these records are bound to one of those: both are files of ids, as COPY reads them."""
    declared = KINDS[kind]
    bound = [
        f"r.{'id' if f.name == 'sourcedId' else quoted(f.column)} IN (SELECT id FROM held)"
        for f in declared.references
        if f.binding and not f.many
    ]
    with connection.cursor() as wrapped:
        _asked(wrapped.cursor, ids)
        _asked(wrapped.cursor, to, table="held")
        _export(
            wrapped.cursor,
            f"SELECT r.id FROM asked a JOIN roster_{declared.table} r ON r.id = a.id WHERE r.district_id = %(d)s "
            f"AND r.rev_to = {OPEN} AND ({' OR '.join(bound) or 'false'})",
            {"d": district_id},
            into,
        )


def standing_by_grade(*, district_id: UUID, schools: Iterable[UUID]) -> dict[tuple[UUID, str], int]:
    """How many students stand in each grade of these schools."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT school, grade, count(*) FROM (SELECT unnest(orgs) AS school, grades FROM roster_user "
            f"WHERE district_id = %(d)s AND rev_to = {OPEN} AND status = 'active' AND role = 'student' "
            "AND orgs && %(s)s::uuid[]) x, unnest(grades) AS grade WHERE school = ANY(%(s)s::uuid[]) GROUP BY 1, 2",
            {"d": district_id, "s": list(schools)},
        )
        return {(school, grade): n for school, grade, n in cursor.fetchall()}


def _asked(cursor: Cursor[Any], ids: Path, *, table: str = "asked") -> None:
    cursor.execute(f"CREATE TEMP TABLE {table} (id uuid) ON COMMIT DROP")
    with ids.open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        while block := file.read(_COPY_BYTES):
            copy.write(block)
    cursor.execute(f"ANALYZE {table}")


def _export(cursor: Cursor[Any], query: str, facts: dict[str, Any], into: Path) -> None:
    """As CSV; the temporary tables go, so that the next question may make them anew."""
    with into.open("wb") as file, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", facts) as copy:
        for block in copy:
            file.write(block)
    cursor.execute("DROP TABLE asked; DROP TABLE IF EXISTS held")


def export_links(*, district_id: UUID, source_id: UUID, kind: str, into: Path) -> None:
    """What a source's links say, as text that COPY wrote: key, id, hash, gone."""
    with connection.cursor() as wrapped, into.open("wb") as file:
        statement = (
            "COPY (SELECT key, record_id, row_hash, gone FROM roster_link WHERE district_id = %s AND source_id = %s "
            "AND kind = %s) TO STDOUT (FORMAT csv, FORCE_QUOTE (key))"
        )
        with wrapped.cursor.copy(statement, [district_id, source_id, kind]) as copy:
            for block in copy:
                file.write(block)


def count_told(*, district_id: UUID, source_id: UUID, kind: str, attributes: Sequence[str]) -> int:
    """Of how many records that stand a source tells one of these attributes; ``metadata.house`` is one, too."""
    if not attributes:
        return 0
    declared = KINDS[kind]
    told = " OR ".join(_is_told(declared, name) for name in attributes)
    statement = (
        f"SELECT count(DISTINCT r.id) FROM roster_link l JOIN roster_{declared.table} r "
        f"ON r.district_id = l.district_id AND r.id = l.record_id AND r.rev_to = {OPEN} "
        "LEFT JOIN roster_claim c ON c.district_id = l.district_id AND c.source_id = l.source_id AND c.kind = l.kind "
        f"AND c.key = l.key WHERE l.district_id = %s AND l.source_id = %s AND l.kind = %s AND NOT l.gone AND ({told})"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [district_id, source_id, kind])
        return int(cursor.fetchone()[0])


def _is_told(kind: Kind, name: str) -> str:
    """SQL: by the key's own claim, where others speak of the record, too; else the record stands as the key said it."""
    if name.startswith(_METADATA):
        key = literal(name.removeprefix(_METADATA)).replace("%", "%%")
        stands, said = f"r.metadata ? {key}", f"c.said -> 'metadata' ? {key}"
    else:
        column = kind[name].column
        stands, said = f"r.{quoted(column)} IS NOT NULL", f"c.said ? {literal(column)}"
    return f"CASE WHEN c.key IS NULL THEN {stands} ELSE {said} END"


def export_values(
    *,
    district_id: UUID,
    kind: str,
    attributes: Sequence[str],
    into: Path,
    ids: Path | None = None,
    saying: Saying | None = None,
) -> None:
    """Values of records as text that COPY wrote: id, status, then the attributes; of some only, or of all.

    Of what was merged away nothing is told. An attribute of a kind that goes with this one (a user's birth date) is
    found there. ``ids``: a file of ids, as COPY reads it. ``saying``: of all that say one of these, and some more.
    """
    declared = KINDS[kind]
    beside = next((k for k in KINDS.values() if k.same_id_as == kind), None)
    columns: dict[str, str] = {}
    joins, chosen = "", ""
    for name in attributes:
        if name in declared:
            column, many = f"r.{quoted(declared[name].column)}", declared[name].many
        else:
            assert beside is not None  # noqa: S101 (the caller's own attributes)
            column, many = f"x.{quoted(beside[name].column)}", beside[name].many
            joins = (
                f"LEFT JOIN roster_{beside.table} x ON x.district_id = r.district_id AND x.id = r.id "
                f"AND x.rev_to = {OPEN}"
            )
        columns[name] = f"array_to_string({column}, ',')" if many else column
    with connection.cursor() as wrapped, into.open("wb") as file:
        cursor = wrapped.cursor
        if ids is not None:
            _take(cursor, "wanted (id uuid)", ids)
            joins += " JOIN wanted ON wanted.id = r.id"
        if saying is not None:
            _take(cursor, "said (value text)", saying.values)
            chosen = f"AND ({' OR '.join(_may_say(columns[a]) for a in saying.attributes)})"
        statement = (
            f"COPY (SELECT {', '.join(('r.id', 'r.status', *columns.values()))} "
            f"FROM roster_{declared.table} r {joins} WHERE r.district_id = %(d)s "
            f"AND r.rev_to = {OPEN} {chosen} AND NOT EXISTS (SELECT FROM roster_alias a WHERE a.district_id = %(d)s "
            "AND a.kind = %(k)s AND a.alias_id = r.id)) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
        )
        with cursor.copy(statement, {"d": district_id, "k": kind}) as copy:
            for block in copy:
                file.write(block)
        cursor.execute("DROP TABLE IF EXISTS wanted, said")


def _take(cursor: Cursor[Any], table: str, path: Path) -> None:
    """A temporary table of what a file says, as COPY reads it."""
    name = table.partition(" ")[0]
    cursor.execute(f"CREATE TEMP TABLE {table} ON COMMIT DROP")
    with path.open("rb") as file, cursor.copy(f"COPY {name} FROM STDIN") as copy:
        while block := file.read(_COPY_BYTES):
            copy.write(block)
    cursor.execute(f"ANALYZE {name}")


def _may_say(column: str) -> str:
    """SQL: one of ``said`` whatever its case; or beyond ASCII, where this database's case need not be DuckDB's."""
    text = f'({column})::text COLLATE "C"'
    return f"lower(trim({text})) IN (SELECT value FROM said) OR octet_length({text}) <> length({text})"


def meant(*, district_id: UUID, source_id: UUID, kind: str, keys: Iterable[str]) -> dict[str, UUID]:
    """The records that these keys of a source mean, or meant before it lost them; keys that are new are left out."""
    found = Link.objects.filter(district_id=district_id, source_id=source_id, kind=kind, key__in=list(keys))
    return dict(found.values_list("key", "record_id"))


def keys_of(*, district_id: UUID, kind: str, ids: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """What sources call these records now: the source and its key, in order; who has no key is left out."""
    found = Link.objects.filter(district_id=district_id, kind=kind, record_id__in=list(ids), gone=False)
    said: dict[UUID, list[tuple[UUID, str]]] = {}
    for link in found.order_by("source_id", "key"):
        said.setdefault(link.record_id, []).append((link.source_id, link.key))
    return said


def has_one_link_each(*, district_id: UUID) -> bool:
    """Whether no record has a second link: every further one came by another rule than being seen first."""
    return not Link.objects.filter(district_id=district_id).exclude(rule=FIRST_SEEN).exists()


def lineage(
    *,
    district_id: UUID,
    kind: str,
    id: UUID,  # noqa: A002 (the column's name)
    attribute: str,
    authority: Authority,
) -> Lineage | None:
    """Why a record says this, and since when. None when there is no such record."""
    field = KINDS[kind][attribute]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT to_jsonb({quoted(field.column)}), status, rev_from, line, origin FROM roster_{KINDS[kind].table} "
            "WHERE district_id = %s AND id = %s ORDER BY rev_from DESC",
            [district_id, id],
        )
        versions = [(json.loads(value) if value else None, *rest) for value, *rest in cursor.fetchall()]
    if not versions:
        return None
    value, status, *_ = versions[0]
    brought = versions[0]
    for version in versions:
        if version[0] != value:
            break
        brought = version
    revision = Revision.objects.get(district_id=district_id, number=brought[2])
    claims = _claims(district_id, KINDS[kind], id, field.column, alone=(value, brought[3], brought[2]))
    chosen, rule = _chosen(claims, authority, kind, field.column, value)
    return Lineage(
        value=value,
        status=status,
        revision=revision.number,
        at=revision.at,
        cause=revision.cause,
        line=brought[3],
        origin=brought[4] or "",
        claims=claims,
        chosen=chosen,
        by=rule,
    )


def _claims(
    district_id: UUID, kind: Kind, id_: UUID, column: str, *, alone: tuple[object, int | None, int]
) -> tuple[Claimed, ...]:
    """What every key says; a record without claims says what its one live link does."""
    links = Link.objects.filter(district_id=district_id, kind=kind.name, record_id=id_, gone=False)
    rules = {(link.source_id, link.key): link.rule for link in links}
    found = Claim.objects.filter(district_id=district_id, kind=kind.name, record_id=id_).order_by("source_id", "key")
    claims = tuple(
        Claimed(
            source_id=c.source_id,
            key=c.key,
            value=c.said.get(column),
            rule=rules.get((c.source_id, c.key), ""),
            line=c.line,
            since=c.revision,
        )
        for c in found
    )
    value, line, since = alone
    return claims or tuple(
        Claimed(source_id=source_id, key=key, value=value, rule=rule, line=line, since=since)
        for (source_id, key), rule in rules.items()
    )


def _chosen(
    claims: tuple[Claimed, ...], authority: Authority, kind: str, column: str, value: object
) -> tuple[Claimed | None, str]:
    """The claim whose value it is, and the rule that chose it."""
    if len(claims) == 1:
        return claims[0], "only source"
    ranked = authority.ranked(kind, column)
    for source_id in (*ranked.first, *ranked.kept):
        for claim in claims:
            if claim.source_id == source_id and claim.value is not None and claim.value == value:
                return claim, authority.rule(kind, column, source_id)
    return None, ""


def resolve(*, district_id: UUID, kind: str, id: UUID) -> UUID:  # noqa: A002 (the column's name)
    """The id that stands for this one now: itself, or what it was merged into."""
    while (alias := Alias.objects.filter(district_id=district_id, kind=kind, alias_id=id).first()) is not None:
        id = alias.record_id  # noqa: A001 (see above)
    return id


def merges(*, district_id: UUID, limit: int = 100) -> list[Merge]:
    """Newest first, those that were undone included."""
    return list(Merge.objects.filter(district_id=district_id).order_by("-number")[:limit])


def migrations(*, district_id: UUID) -> list[Migration]:
    """Newest first, those that were undone included."""
    return list(Migration.objects.filter(district_id=district_id).order_by("-number"))


def source_of_migration(*, district_id: UUID, number: int) -> UUID:
    """Whose keys it moved; the nil UUID where there is no such migration."""
    found = Migration.objects.filter(district_id=district_id, number=number).first()
    return found.source_id if found else UUID(int=0)


def remaps(*, district_id: UUID, since: int = 0, kind: str = "", id: UUID | None = None) -> list[Remap]:  # noqa: A002 (the column's name)
    """What sources call by another key than before, after a revision: of a kind, or of one record. Oldest first."""
    found = Relink.objects.filter(district_id=district_id, revision__gt=since, migration__isnull=False)
    found = found.filter(**{name: value for name, value in (("kind", kind), ("was_id", id)) if value})
    return [
        Remap(
            kind=r.kind,
            id=r.was_id,
            source_id=r.source_id,
            was=r.key,
            key=r.became or "",
            revision=r.revision,
            migration=r.migration or 0,
        )
        for r in found.order_by("revision", "kind", "key")
    ]


def questions(*, district_id: UUID) -> list[Question]:
    """The keys of which somebody must say whom they mean."""
    return list(Question.objects.filter(district_id=district_id, answer="").order_by("asked_at", "key"))


def decided(*, district_id: UUID, source_id: UUID) -> int:
    """How often people decided about the keys of a source: what a run knew before the last of these is outdated."""
    mine = "WHERE district_id = %(d)s AND source_id = %(s)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT count(*) FROM roster_relink {mine}) + (SELECT count(*) FROM roster_question {mine} "
            f"AND answer = 'same') + (SELECT count(*) FROM roster_refusal {mine} AND undone_by <> '') "
            f"+ (SELECT count(*) FROM roster_relink {mine} AND undone_by <> '')",
            {"d": district_id, "s": source_id},
        )
        return int(cursor.fetchone()[0])


def parted(*, district_id: UUID, source_id: UUID, kind: str) -> list[tuple[str, UUID]]:
    """Keys, and the records of which a person said that they are not what the key means."""
    mine = {"district_id": district_id, "source_id": source_id, "kind": kind}
    cut = Relink.objects.filter(**mine, merge=None, migration=None, undone_by="").values_list("key", "was_id")
    said = Refusal.objects.filter(**mine, undone_by="").values_list("key", "record_id")
    return [*cut, *said]


def refused(*, district_id: UUID, source_id: UUID) -> list[Refusal]:
    """What a person said that keys of a source do not mean, and did not take back, newest first."""
    found = Refusal.objects.filter(district_id=district_id, source_id=source_id, undone_by="")
    return list(found.order_by("-at", "kind", "key", "record_id"))


def apart(*, district_id: UUID, kind: str) -> list[tuple[UUID, UUID, str, datetime]]:
    """Pairs of records, the smaller id first, that a person told apart by a key that meant, or might have meant, both.

    With who said so, and when; of a split that only its revision knows.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (1, 2) least(a.id, l.record_id), greatest(a.id, l.record_id), a.by, a.at FROM ("
            "SELECT source_id, key, record_id AS id, by, at FROM roster_refusal WHERE district_id = %(d)s "
            "AND kind = %(k)s AND undone_by = '' "
            "UNION ALL SELECT r.source_id, r.key, r.was_id, %(split)s, v.at FROM roster_relink r "
            "JOIN roster_revision v ON v.district_id = r.district_id AND v.number = r.revision "
            "WHERE r.district_id = %(d)s AND r.kind = %(k)s AND r.merge IS NULL AND r.migration IS NULL "
            "AND r.undone_by = '') a "
            "JOIN roster_link l ON l.district_id = %(d)s AND l.kind = %(k)s AND l.source_id = a.source_id "
            "AND l.key = a.key WHERE l.record_id <> a.id ORDER BY 1, 2, a.at",
            {"d": district_id, "k": kind, "split": SPLIT},
        )
        return list(cursor.fetchall())


def taken_for_same(*, district_id: UUID, source_id: UUID, kind: str) -> list[tuple[str, UUID]]:
    """Keys, and the rows (their hashes) of which a person said that they mean whom the key always meant."""
    rows = Question.objects.filter(district_id=district_id, source_id=source_id, kind=kind, answer="same")
    return [(row.key, row.row_hash) for row in rows]


def export_edges(*, district_id: UUID, source_id: UUID, kind: str, into: Path) -> None:
    """Who stands under whom in a kind that has parents, in the source's own ids: key, parent key."""
    table = f"roster_{KINDS[kind].table}"
    with connection.cursor() as wrapped, into.open("wb") as file:
        statement = (
            f"COPY (SELECT l.key, p.key FROM {table} r "
            "JOIN roster_link l ON l.district_id = r.district_id AND l.record_id = r.id AND l.source_id = %(s)s "
            "AND l.kind = %(k)s "
            "JOIN roster_link p ON p.district_id = r.district_id AND p.record_id = r.parent_id "
            "AND p.source_id = %(s)s AND p.kind = %(k)s "
            f"WHERE r.district_id = %(d)s AND r.rev_to = {OPEN} AND r.status = 'active') "
            "TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
        )
        with wrapped.cursor.copy(statement, {"d": district_id, "s": source_id, "k": kind}) as copy:
            for block in copy:
                file.write(block)


def dangling(*, district_id: UUID) -> list[str]:
    """References of active records to records that do not exist in the district. Empty, or something is broken."""
    found = []
    with connection.cursor() as cursor:
        for kind in KINDS.values():
            for field in (f for f in kind.fields if f.is_reference):
                targets = f"unnest(r.{quoted(field.column)})" if field.many else f"r.{quoted(field.column)}"
                cursor.execute(
                    f"SELECT count(*) FROM (SELECT {targets} AS target FROM roster_{kind.table} r "
                    f"WHERE r.district_id = %s AND r.rev_to = {OPEN} AND r.status = 'active') x "
                    f"WHERE target IS NOT NULL AND NOT EXISTS (SELECT FROM roster_{KINDS[field.target].table} t "
                    f"WHERE t.district_id = %s AND t.id = target AND t.rev_to = {OPEN})",
                    [district_id, district_id],
                )
                (count,) = cursor.fetchone()
                if count:
                    found.append(f"{kind.name}.{field.name}: {count}")
    return found


def known_ids(*, district_id: UUID, kind: str, ids: Iterable[UUID]) -> set[UUID]:
    """Which of these are records of the kind that stand now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM roster_{KINDS[kind].table} WHERE district_id = %s AND rev_to = {OPEN} AND id = ANY(%s)",
            [district_id, list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}


def diff(
    *,
    district_id: UUID,
    kind: str,
    since: int | datetime,
    until: int | datetime | None = None,
    most: int | None = None,
) -> list[dict[str, Any]]:
    """What is different in a kind between two moments: id, what happened, and the attributes before and after.

    ``change`` is one of added, archived, restored, updated. Only records that differ are listed, by GG4L ID; at
    ``most`` so many of each status before and after. What was changed and changed back in between is no difference.
    """
    first = revision_as_of(district_id=district_id, as_of=since)
    last = revision_as_of(district_id=district_id, as_of=until)
    columns = ["status", *KINDS[kind].columns]
    stood = f"FROM roster_{KINDS[kind].table} WHERE district_id = %(d)s AND rev_from <= {{0}} AND rev_to > {{0}}"
    old, new = stood.format("%(first)s"), stood.format("%(last)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM (SELECT row_number() OVER (PARTITION BY o.status, n.status ORDER BY id) AS place, "
            f"id, {', '.join(f'o.{quoted(c)} AS o{i}, n.{quoted(c)} AS n{i}' for i, c in enumerate(columns))} "
            f"FROM (SELECT * {old}) o FULL JOIN (SELECT * {new}) n USING (id) "
            f"WHERE o.rev_from IS DISTINCT FROM n.rev_from AND "
            f"({' OR '.join(f'o.{quoted(c)} IS DISTINCT FROM n.{quoted(c)}' for c in columns)})) x "
            "WHERE %(most)s::bigint IS NULL OR place <= %(most)s ORDER BY id",
            {"d": district_id, "first": first, "last": last, "most": most},
        )
        return [
            _difference(row[1], dict(zip(columns, zip(row[2::2], row[3::2], strict=True), strict=True)))
            for row in cursor.fetchall()
        ]


def _difference(id_: UUID, pairs: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    before, after = pairs.pop("status")
    change = {
        (None, "active"): "added",
        ("active", "tobedeleted"): "archived",
        ("tobedeleted", "active"): "restored",
    }.get((before, after), "updated")
    return {"id": id_, "change": change, "attributes": {c: pair for c, pair in pairs.items() if pair[0] != pair[1]}}


def standing_as_of(*, district_id: UUID, as_of: int | datetime) -> dict[tuple[str, UUID], int]:
    """How many records stood, by kind and school, at a revision or instant: what ``standing`` would have said then."""
    revision = revision_as_of(district_id=district_id, as_of=as_of)
    found: dict[tuple[str, UUID], int] = {}
    with connection.cursor() as cursor:
        for name, kind in KINDS.items():
            cursor.execute(
                f"SELECT school, count(*) FROM (SELECT {schools(belongs(kind), kind)} AS school "
                f"FROM roster_{kind.table} r {school_join(kind, '%(r)s')} WHERE r.district_id = %(d)s "
                "AND r.rev_from <= %(r)s AND r.rev_to > %(r)s AND r.status = 'active') x "
                "WHERE school IS NOT NULL GROUP BY school",
                {"d": district_id, "r": revision},
            )
            found.update({(name, school): count for school, count in cursor.fetchall()})
    return found


def history(*, district_id: UUID, kind: str, id: UUID) -> list[dict[str, Any]]:  # noqa: A002 (the column's name)
    """Every version of one record, oldest first: its revision, instant, cause, status, and what was different then."""
    columns = KINDS[kind].columns
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.number, v.at, v.cause, r.status, {', '.join(f'r.{quoted(c)}' for c in columns)} "
            f"FROM roster_{KINDS[kind].table} r JOIN roster_revision v ON v.district_id = r.district_id "
            "AND v.number = r.rev_from WHERE r.district_id = %s AND r.id = %s ORDER BY r.rev_from",
            [district_id, id],
        )
        rows = cursor.fetchall()
    told, before = [], dict.fromkeys(columns)
    for number, at, cause, status, *values in rows:
        after = dict(zip(columns, values, strict=True))
        attributes = {c: (before[c], after[c]) for c in columns if before[c] != after[c]}
        told.append({"revision": number, "at": at, "cause": cause, "status": status, "attributes": attributes})
        before = after
    return told


def changed_kinds(*, district_id: UUID, revision: int) -> frozenset[str]:
    """The kinds of which later revisions than this one changed any record."""
    later = Revision.objects.filter(district_id=district_id, number__gt=revision).values_list("changed", flat=True)
    return frozenset(kind for changed in later for kind, records in changed.items() if records)


def changed_since(*, district_id: UUID, revision: int, kinds: Iterable[str]) -> bool:
    """Whether a later revision than this one changed any record of these kinds."""
    return not changed_kinds(district_id=district_id, revision=revision).isdisjoint(kinds)


def remapped_kinds(*, district_id: UUID, revision: int) -> frozenset[str]:
    """The kinds of which a source called records by other keys since that revision (``remap``)."""
    later = Relink.objects.filter(district_id=district_id, revision__gt=revision, migration__isnull=False)
    return frozenset(later.values_list("kind", flat=True))


def named_by_id(alias: str, sources: str) -> str:
    """SQL: the user name of a person is an id, without its prefix, in the place of one that these sources do not have.

    ``sources``: how an id is compared with theirs, like ``IN (…)``.
    """
    # A scalar subquery is asked row by row, by the index; an EXISTS would be joined, once more for each row.
    return (
        f"coalesce((SELECT true FROM roster_link l WHERE l.district_id = {alias}.district_id AND l.kind = 'user' "
        f"AND l.record_id = {alias}.id AND l.source_id {sources} "
        f"AND right(l.key, length({alias}.username)) = {alias}.username LIMIT 1), false)"
    )


def export_people(*, district_id: UUID, since: int, naming: Collection[UUID], into: Path) -> None:
    """Whoever stands now, as CSV: what tells people apart, and whether it is new after a revision.

    ``naming``: sources that put an id, without its prefix, in the place of a user name that they do not have. Such a
    one is left out.
    """
    named = f"CASE WHEN NOT {named_by_id('u', '= ANY(%(n)s)')} THEN u.username END" if naming else "u.username"
    statement = (
        "COPY (SELECT u.id, u.role, u.given_name, u.family_name, u.middle_name, "
        "u.preferred_first_name, d.birth_date, d.sex, u.email, coalesce(u.phone, u.sms), u.identifier, "
        f"{named}, nullif(array_to_string(u.orgs, ','), ''), u.grades[1], u.rev_from > %(r)s "
        "OR coalesce(d.rev_from > %(r)s, false) "
        "FROM roster_user u LEFT JOIN roster_demographics d ON d.district_id = u.district_id AND d.id = u.id "
        f"AND d.rev_to = {OPEN} AND d.status = 'active' "
        f"WHERE u.district_id = %(d)s AND u.rev_to = {OPEN} AND u.status = 'active') TO STDOUT (FORMAT csv)"
    )
    with (
        connection.cursor() as wrapped,
        into.open("wb") as file,
        wrapped.cursor.copy(statement, {"d": district_id, "r": since, "n": list(naming)}) as copy,
    ):
        for block in copy:
            file.write(block)


def export_speakers(*, district_id: UUID, ids: Path, into: Path) -> None:
    """Which sources speak of these people now, as CSV: id, source. ``ids``: a file of ids, as COPY reads it."""
    statement = (
        "COPY (SELECT l.record_id, l.source_id FROM roster_link l JOIN wanted w ON w.id = l.record_id "
        "WHERE l.district_id = %(d)s AND l.kind = 'user' AND NOT l.gone) TO STDOUT (FORMAT csv)"
    )
    with connection.cursor() as wrapped, into.open("wb") as file:
        cursor = wrapped.cursor
        _take(cursor, "wanted (id uuid)", ids)
        with cursor.copy(statement, {"d": district_id}) as copy:
            for block in copy:
                file.write(block)
        cursor.execute("DROP TABLE wanted")


def standing_ids(*, district_id: UUID, kind: str, ids: Iterable[UUID]) -> set[UUID]:
    """Which of these are active records of the kind now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM roster_{KINDS[kind].table} WHERE district_id = %s AND rev_to = {OPEN} "
            "AND status = 'active' AND id = ANY(%s)",
            [district_id, list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}
