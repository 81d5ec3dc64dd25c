"""What the columns of a format may ask for: an attribute of the row, or of something it leads to, dot by dot.

``sourcedId``, ``familyName``, ``metadata.locker``, ``school.name``, ``class.teacher.email``, ``teachers.email``. Where
a step leads to several, the value is a list, and nothing leads further from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from schoolpassport.delivery.formats.shape import cell, under
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.conditions import Attribute, Shape
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.sharing.catalogue import extensions

OF_EVERY_KIND = ("sourcedId", "status", "dateLastModified")
METADATA = "metadata."
EACH = "each"


class NoSuchPath(ValueError):
    """The sentence says what there is instead."""


@dataclass(frozen=True, kw_only=True)
class Led:
    """Relations that no attribute of the record itself states: who teaches a class, who learns in it."""

    target: str
    role: str = ""
    many: bool = False


LED: Mapping[str, Mapping[str, Led]] = {
    "class": {
        "teacher": Led(target="user", role="teacher"),  # the primary one, or the one who was enrolled first
        "teachers": Led(target="user", role="teacher", many=True),
        "students": Led(target="user", role="student", many=True),
    },
    "user": {"demographics": Led(target="demographics")},
}
_ENROLLED = 'e."primary" IS DISTINCT FROM \'true\', e."sourcedId"'


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where a path ends. ``field``: None for what every kind has, and for ``metadata.*``."""

    kind: Kind
    field: Field | None
    many: bool

    @property
    def shape(self) -> Attribute:
        types = {Type.DATE: Shape.DATE, Type.BOOLEAN: Shape.BOOLEAN}
        known = types.get(self.field.type, Shape.TEXT) if self.field is not None and not self.many else Shape.TEXT
        return Attribute(shape=known, many=self.many)


@dataclass
class Rows:
    """The rows of one file, and the relations that its columns need beside them.

    ``each``: a list of the kind; then there is one row for each of its values, called ``each``. ``reads``: by kind, the
    attributes that were asked for so far, or led there.
    """

    kind: Kind
    each: str = ""
    reads: dict[str, set[str]] = field(default_factory=dict)
    _joins: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._note(self.kind.name)
        if self.each and not (self.each in self.kind and self.kind[self.each].many):
            lists = [f.name for f in self.kind.fields if f.many]
            raise NoSuchPath(
                f"“{self.each}” is no list of a {self.kind.name}; there are: {', '.join(lists) or 'none'}."
            )
        if self.each:
            self._note(self.kind.name, self.each)

    # ------------------------------------------------------------------------------------------------------- looking

    def asked(self, path: str) -> Asked:
        """Where a path ends. Raises ``NoSuchPath``."""
        kind, many = self.kind, False
        *steps, last = path.split(".") if METADATA not in path else _before_metadata(path)
        for place, step in enumerate(steps):
            if many:
                raise NoSuchPath(
                    f"“{path}” leads on from a list; end at “{'.'.join(steps[:place])}” and one attribute."
                )
            kind, many = self._step(kind, step, path, first=place == 0)
        if last == EACH and not steps and self.each:
            return Asked(kind=kind, field=None, many=False)
        found = kind[last] if last in kind and last != "metadata" else None
        if found is None and last not in OF_EVERY_KIND and not last.startswith(METADATA):
            raise NoSuchPath(self._lacks(kind, last, path))
        return Asked(kind=kind, field=found, many=many or bool(found and found.many))

    def _step(self, kind: Kind, step: str, path: str, *, first: bool) -> tuple[Kind, bool]:
        if first and step == EACH and self.each and kind[self.each].is_reference:
            return KINDS[kind[self.each].target], False
        if led := LED.get(kind.name, {}).get(step):
            return KINDS[led.target], led.many
        if step not in kind or not kind[step].is_reference:
            raise NoSuchPath(self._lacks(kind, step, path))
        return KINDS[kind[step].target], kind[step].many

    def _lacks(self, kind: Kind, name: str, path: str) -> str:
        names = [*OF_EVERY_KIND, *(f.name for f in kind.fields if f.name != "metadata"), *LED.get(kind.name, {})]
        names += [EACH] if self.each and kind is self.kind else []
        close = get_close_matches(name, names, n=1, cutoff=0.6)
        instead = f"did you mean “{close[0]}”?" if close else f"there are: {', '.join(names)}, metadata.*."
        where = f" (in “{path}”)" if path != name else ""
        return f"a {kind.name} has no “{name}”{where}; {instead}"

    # ------------------------------------------------------------------------------------------------------- writing

    def value(self, path: str) -> str:
        """SQL: the value as a text; the elements of a list with commas between."""
        asked = self.asked(path)
        *steps, last = path.split(".") if METADATA not in path else _before_metadata(path)
        if last == EACH and not steps:
            return 'r."each"'
        alias, kind = "r", self.kind
        walked: tuple[str, ...] = ()
        for place, step in enumerate(steps):
            walked = (*walked, step)
            if self._step(kind, step, path, first=place == 0)[1]:
                return self._list(alias, kind, walked, asked, last)
            alias, kind = self._join(alias, kind, walked, first=place == 0)
        return self._attribute(asked, last, alias)

    def relation(self) -> str:
        """SQL from FROM on, after all values were asked for."""
        own = f"now_{self.kind.name} r"
        if self.each:
            each = quoted(self.each)
            own = (
                f'(SELECT *, unnest({each}) AS "each", generate_subscripts({each}, 1) AS "each place" '
                f"FROM now_{self.kind.name}) r"
            )
        return " ".join([own, *(join for _, join in self._joins.values())])

    def _note(self, kind: str, *names: str) -> None:
        self.reads.setdefault(kind, set()).update(names)

    def _join(self, alias: str, kind: Kind, walked: tuple[str, ...], *, first: bool) -> tuple[str, Kind]:
        step = walked[-1]
        target, _ = self._step(kind, step, step, first=first)
        self._note_step(kind, step)
        self._note(target.name)
        if walked not in self._joins:
            name = f"j{len(self._joins)}"
            led = LED.get(kind.name, {}).get(step)
            if led and led.role:
                ids = (
                    f'(SELECT e."class" AS id, arg_min(e."user", ({_ENROLLED})) AS led FROM now_enrollment e '
                    f'WHERE e."role" = {literal(led.role)} GROUP BY 1)'
                )
                join = f'LEFT JOIN {ids} {name}l ON {name}l.id = {alias}."sourcedId" '
                join += f'LEFT JOIN now_{target.name} {name} ON {name}."sourcedId" = {name}l.led'
            else:
                key = "sourcedId" if led else step
                join = f'LEFT JOIN now_{target.name} {name} ON {name}."sourcedId" = {alias}.{quoted(key)}'
            self._joins[walked] = (name, join)
        return self._joins[walked][0], target

    def _list(self, alias: str, kind: Kind, walked: tuple[str, ...], asked: Asked, last: str) -> str:
        """SQL: an attribute of everything that a list leads to, in the list's order."""
        self._note_step(kind, walked[-1])
        key = (*walked, last)
        if key not in self._joins:
            name = f"j{len(self._joins)}"
            led = LED.get(kind.name, {}).get(walked[-1])
            if led:
                each = (
                    f'SELECT e."class" AS id, e."user" AS ref, row_number() OVER (ORDER BY {_ENROLLED}) AS place '
                    f'FROM now_enrollment e WHERE e."role" = {literal(led.role)}'
                )
            else:
                refs = quoted(walked[-1])
                each = (
                    f'SELECT "sourcedId" AS id, unnest({refs}) AS ref, generate_subscripts({refs}, 1) AS place '
                    f"FROM now_{kind.name}"
                )
            one = f"replace({self._attribute(asked, last, 't')}, ',', ' ')"
            told = (
                f"(SELECT k.id, string_agg({one}, ',' ORDER BY k.place) AS told FROM ({each}) k "
                f'JOIN now_{asked.kind.name} t ON t."sourcedId" = k.ref GROUP BY 1)'
            )
            self._joins[key] = (name, f'LEFT JOIN {told} {name} ON {name}.id = {alias}."sourcedId"')
        return f"{self._joins[key][0]}.told"

    def _note_step(self, kind: Kind, step: str) -> None:
        """What is read to find where a step leads."""
        led = LED.get(kind.name, {}).get(step)
        if led is None and step in kind:
            self._note(kind.name, step)
        elif led is not None and led.role:
            self._note("enrollment", "class", "user", "role", "primary")

    def _attribute(self, asked: Asked, name: str, alias: str) -> str:
        if asked.field is not None:
            self._note(asked.kind.name, name)
            return cell(asked.field, alias)
        if name.startswith(METADATA):
            key = name.removeprefix(METADATA)
            self._note(asked.kind.name, extensions(asked.kind.name).get(key, METADATA.rstrip(".")))
            return under(key, alias)
        self._note(asked.kind.name)
        return f"{alias}.{quoted(name)}"


def _before_metadata(path: str) -> list[str]:
    """A key of metadata may have dots in it."""
    before, _, key = path.partition(METADATA)
    return [*(before.rstrip(".").split(".") if before else ()), METADATA + key]
