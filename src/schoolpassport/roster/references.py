"""References that get another target, because two records became one, or one became two again."""

from dataclasses import dataclass
from uuid import UUID

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind
from schoolpassport.roster.models import OPEN


def fields_to(kind: Kind, target: str) -> tuple[Field, ...]:
    return tuple(f for f in kind.fields if f.target == target)


def kinds_to(target: str) -> tuple[Kind, ...]:
    """The kinds that refer to a kind."""
    return tuple(k for k in KINDS.values() if fields_to(k, target))


def names(field: Field, record: str, value: str) -> str:
    """SQL: the record refers to that id."""
    column = f"{record}.{quoted(field.column)}"
    return f"{value} = ANY({column})" if field.many else f"{column} = {value}"


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """Whatever refers to ``old`` refers to ``new`` from now on.

    With ``undone``, the revision of a merge: what referred to ``new`` before it does so again, as far as nothing was
    said about it since.
    """

    target: str
    old: UUID
    new: UUID
    undone: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        return {"old": self.old, "new": self.new, "undone": self.undone}

    def staged(self, kind: Kind) -> str:
        """SQL: put the records of a kind that refer to it into the stage, with their new references."""
        values = [f"{self._value(f) if f.target == self.target else f'r.{quoted(f.column)}'}" for f in kind.fields]
        columns = ", ".join(quoted(c) for c in kind.columns)
        fields = fields_to(kind, self.target)
        there = " OR ".join(names(f, "r", "%(old)s") for f in fields) or "false"
        joins = ""
        if self.undone is not None:
            joins = (
                f"JOIN roster_{kind.table} p ON p.district_id = %(d)s AND p.id = r.id AND p.rev_to = %(undone)s "
                f"JOIN roster_{kind.table} a ON a.district_id = %(d)s AND a.id = r.id AND a.rev_from = %(undone)s "
            )
            there = f"({there}) AND ({' OR '.join(names(f, 'p', '%(new)s') for f in fields) or 'false'})"
        return (
            f"INSERT INTO stage (id, op, line, origin, {columns}) SELECT r.id, 'u', r.line, r.origin, "
            f"{', '.join(values)} FROM roster_{kind.table} r {joins} WHERE r.district_id = %(d)s "
            f"AND r.rev_to = {OPEN} AND r.status = 'active' AND ({there}) "
            "AND NOT EXISTS (SELECT FROM stage s WHERE s.id = r.id) AND r.id NOT IN (SELECT id FROM missing)"
        )

    def _value(self, field: Field) -> str:
        column = quoted(field.column)
        plain = f"CASE WHEN r.{column} = %(old)s THEN %(new)s ELSE r.{column} END"
        if field.many:
            plain = (
                "(SELECT array_agg(ref ORDER BY place) FROM (SELECT ref, min(place) AS place FROM "
                f"unnest(array_replace(r.{column}, %(old)s, %(new)s)) WITH ORDINALITY u(ref, place) GROUP BY ref) o)"
            )
        if self.undone is None:
            return plain
        return (
            f"CASE WHEN r.{column} IS NOT DISTINCT FROM a.{column} THEN p.{column} "
            f"WHEN coalesce({names(field, 'p', '%(new)s')}, false) AND NOT coalesce({names(field, 'p', '%(old)s')}, "
            f"false) THEN {plain} ELSE r.{column} END"
        )

    def claimed(self, field: Field) -> tuple[str, str]:
        """SQL: the claim with its new reference, and the condition under which it has the old one."""
        name = literal(field.column)
        if not field.many:
            there = f"c.said ->> {name} = %(old)s::text"
            return f"jsonb_set(c.said, ARRAY[{name}], to_jsonb(%(new)s::text))", there
        each = (
            "SELECT ref, min(place) AS place FROM (SELECT CASE ref WHEN %(old)s::text THEN %(new)s::text ELSE ref END "
            f"AS ref, place FROM jsonb_array_elements_text(c.said -> {name}) WITH ORDINALITY u(ref, place)) n "
            "GROUP BY ref"
        )
        listed = f"(SELECT jsonb_agg(ref ORDER BY place) FROM ({each}) o)"
        return f"jsonb_set(c.said, ARRAY[{name}], {listed})", f"c.said -> {name} ? %(old)s::text"
