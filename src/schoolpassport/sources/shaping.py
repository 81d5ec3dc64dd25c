"""Settings as SQL: how the cells of a file become the columns of a schema, where a district says so.

Each transform is one layer of a relation, so that its SQL may name a value as often as it likes: layered, the length
of a statement grows with the number of steps, nested it would grow with its power.
"""

from collections.abc import Callable, Iterator

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import literal, texts_of
from schoolpassport.kit.conditions import Column
from schoolpassport.sources import policies
from schoolpassport.sources.policies import Shaping, Step
from schoolpassport.sources.records import PLAIN, Shaped
from schoolpassport.sources.schemas import FileSchema
from schoolpassport.sources.transforms import Given, Made

_SPLIT = "list_filter(list_transform(string_split({}, ','), lambda e: trim(e)), lambda e: e <> '')"


def shaped(file: FileSchema, headers: tuple[str, ...], shaping: Shaping) -> Shaped:
    """How to read a file with these headers; ``PLAIN`` where nothing is said about it."""
    feeds, steps = shaping.feeds_of(file.kind.name), shaping.steps_of(file)
    if not feeds and not steps:
        return PLAIN
    return _Shaper(file, headers, shaping, steps).shaped()


class _Shaper:
    def __init__(
        self, file: FileSchema, headers: tuple[str, ...], shaping: Shaping, steps: dict[str, tuple[Step, ...]]
    ) -> None:
        self.file = file
        self.headers = headers
        self.feeds = shaping.feeds_of(file.kind.name)
        self.steps = steps
        self.read: list[str] = []  # the columns of the file that are looked at
        self.layers: list[dict[str, str]] = [{}]
        self.unread: dict[str, list[str]] = {}  # column → SQL of its findings

    def shaped(self) -> Shaped:
        targets = sorted({*self.feeds, *self.steps})
        columns = {header: self._column(number, header) for number, header in enumerate(targets)}
        found = ", ".join(each for header in targets for each in self.unread.get(header, ()))
        return Shaped(
            columns=columns,
            layers=tuple(tuple(layer.items()) for layer in self.layers),
            read=tuple(sorted(self.read)),
            fallible=tuple(sorted(self.unread)),
            faults=f"list_filter([{found}], lambda f: f IS NOT NULL)" if found else "",
            key_stands_alone=not any(s.asks for s in self.steps.get("sourcedId", ())),
        )

    def _fed(self, header: str) -> str:
        """SQL: what the source gives for a column; NULL when it has no feed."""
        feed = self.feeds.get(header)
        if feed is not None and feed.constant:
            return literal(feed.constant)
        came_from = feed.header if feed is not None else header
        if came_from not in self.headers:
            return "NULL::VARCHAR"
        if came_from not in self.read:
            self.read.append(came_from)
            at = self.headers.index(came_from)
            self.layers[0][f"h{at}"] = f"nullif(trim(c{at}), '')"
        return f"h{self.headers.index(came_from)}"

    def _column(self, number: int, header: str) -> str:
        value = self._fed(header)
        for place, step in enumerate(self.steps.get(header, ()), 1):
            name, unread = f"a{number}_{place}", f"x{number}_{place}"
            made = self._step(header, step, value)
            layer = self._layer(place)
            layer[name] = f"nullif(trim({made.value}), '')"
            if made.unread:
                layer[unread] = made.unread
                self._finding(header, step, place, value, unread)
            value = name
        return value

    def _layer(self, place: int) -> dict[str, str]:
        while len(self.layers) <= place:
            self.layers.append({})
        return self.layers[place]

    def _step(self, header: str, step: Step, value: str) -> Made:
        given = Given(values=step.values, row={n: self._fed(policies.column_of(self.file, n)) for n in step.asks})
        each = step.transform.each and policies.is_list(self.file, header)
        made = _of_each(step, value, given) if each else step.transform.sql(value, given)
        if not step.transform.fills:  # what is blank stays so, and can always be read
            unread = made.unread and f"coalesce({value} IS NOT NULL AND {made.unread}, false)"
            made = Made(value=made.value, unread=unread)
        if step.when is None:
            return made
        holds = conditions.sql(step.when, column=self._asked(given))
        return Made(
            value=f"CASE WHEN {holds} THEN {made.value} ELSE {value} END",
            unread=made.unread and f"({holds} AND {made.unread})",
        )

    def _asked(self, given: Given) -> Callable[[str], Column]:
        def column(name: str) -> Column:
            if name in self.file.asked:
                return Column(sql=texts_of(given.row[name]), many=True)
            many = policies.kind_of(self.file, name).many
            return Column(sql=f"string_split({given.row[name]}, ',')" if many else given.row[name], many=many)

        return column

    def _finding(self, header: str, step: Step, place: int, value: str, unread: str) -> None:
        cleared = "clear" in {step.values.get("unreadable"), step.values.get("others")}
        after = "taken away" if cleared else "kept as it is"
        says = f"”; step {place} of its transforms ({step.transform.name}) cannot read that. It was {after}."
        self.unread.setdefault(header, []).append(
            f"CASE WHEN {unread} THEN {{'column': {literal(header)}, 'value': {value}::VARCHAR, "
            f"'sentence': {literal(header + ' is “')} || {value} || {literal(says)}}} END"
        )


def _of_each(step: Step, value: str, given: Given) -> Made:
    """A step put to every value of a list by itself."""
    one = step.transform.sql("e", given)
    parts = _SPLIT.format(value)
    kept = f"list_filter(list_transform({parts}, lambda e: trim({one.value})), lambda e: e <> '')"
    return Made(
        value=f"array_to_string({kept}, ',')",
        unread=one.unread and f"len(list_filter({parts}, lambda e: {one.unread})) > 0",
    )


def layered(relation: str, layers: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """SQL: the relation with the columns of every layer beside its own."""
    for layer in layers:
        if layer:
            relation = f"(SELECT *, {', '.join(_named(layer))} FROM {relation})"
    return relation


def _named(layer: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, expression in layer:
        yield f"{expression} AS {name}"
