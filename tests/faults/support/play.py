"""A district that goes from package A to package B and back, again and again, killed on its way or not."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from tests.faults.support.children import KILLED, Children, Ended
from tests.faults.support.looking import Look, look
from tests.support import partners
from tests.support.nights import BY, Nights
from tests.support.packages import Package, Row, course, demographics, enrollment, org, small, user
from tests.support.views import View

KINDS = (
    "org",
    "academicSession",
    "course",
    "category",
    "resource",
    "user",
    "class",
    "enrollment",
    "demographics",
    "lineItem",
    "result",
)


def _line_item(key: str) -> Row:
    return {
        "sourcedId": key,
        "title": "Quiz",
        "assignDate": "2026-09-02T00:00:00Z",
        "dueDate": "2026-09-09T00:00:00Z",
        "classSourcedId": "k1",
        "categorySourcedId": "cat",
        "gradingPeriodSourcedId": "autumn",
        "resultValueMin": "0",
        "resultValueMax": "10",
    }


def _result(key: str) -> Row:
    mark = {"scoreStatus": "fully graded", "score": "7", "scoreDate": "2026-09-10"}
    return {"sourcedId": key, "lineItemSourcedId": "li", "studentSourcedId": "p1", **mark}


A = (
    small()
    .with_rows("categories", {"sourcedId": "cat", "title": "Homework"})
    .with_rows("resources", {"sourcedId": "res", "vendorResourceId": "v1", "title": "Atlas"})
    .with_rows("lineItems", _line_item("li"))
    .with_rows("results", _result("r1"), _result("r2"))
)
# Something of every kind is told differently, somebody is there only in A, and somebody only in B.
B = (
    A.changed("orgs", "s2", name="Renamed")
    .with_rows("orgs", org("dep", type="department"))
    .changed("academicSessions", "autumn", title="Fall")
    .changed("categories", "cat", title="Tests")
    .changed("resources", "res", title="Map")
    .changed("courses", "alg", title="Algebra")
    .with_rows("courses", course("new"))
    .changed("users", "p1", givenName="Renamed")
    .without("users", "p4")
    .with_rows("users", user("p9"))
    .changed("classes", "k1", title="Renamed")
    .without("enrollments", "e5")
    .with_rows("enrollments", enrollment("e9", userSourcedId="p9"))
    .without("demographics", "p4")
    .with_rows("demographics", demographics("p9"))
    .changed("lineItems", "li", title="Exam")
    .without("results", "r2")
    .changed("results", "r1", score="8")
)

Line = tuple[str, str, str]


@dataclass
class Play:
    """``looks``, ``turns``: what each of A and B looks like when undisturbed, and what the log says of a turn to it."""

    sis: Nights
    others: Children
    view: View
    origins: dict[str, Path]
    stands: str = "A"
    looks: dict[str, Look] = field(default_factory=dict)
    turns: dict[str, Counter[Line]] = field(default_factory=dict)
    lines: int = 0

    @property
    def district_id(self) -> UUID:
        return self.sis.district_id

    @property
    def next(self) -> str:
        return "B" if self.stands == "A" else "A"

    @property
    def is_sound(self) -> bool:
        return look(self.district_id) == self.looks[self.stands] and len(self.view.versions()) == self.lines

    def rehearse(self, turns: str) -> None:
        """Undisturbed, until each turn says what it will say ever after."""
        for turn in turns:
            self.sis.done(self.origins[turn])
            self.stands, self.looks[turn], self.turns[turn] = turn, look(self.district_id), self.new_lines()

    # ------------------------------------------------------------------------------------------------------- a turn

    def turn(self) -> None:
        """One night without trouble."""
        self.sis.done(self.origins[self.next])
        self.arrive()

    def ask(self) -> Run:
        return self.sis.ask(self.origins[self.next])

    def walk(self, run: Run, *, killpoint: str = "", trace: bool = False) -> Ended:
        """In another process."""
        return self.others.run("walk", killpoint=killpoint, trace=trace, district_id=run.district_id, run_id=run.id)

    def die(self, run: Run, killpoint: str) -> Run:
        """Walk, and be killed at the point. Where a killed run is past the point already, it arrives, and the next
        turn is killed there. Returns the run that is dead."""
        ended = self.walk(run, killpoint=killpoint)
        if ended.code == 0:
            self.arrive()
            run = self.ask()
            ended = self.walk(run, killpoint=killpoint)
        assert ended.code == KILLED, f"{killpoint}: {ended}"
        self._forgive(run)
        self.check(look(self.district_id), f"killed at {killpoint}")
        return run

    def _forgive(self, run: Run) -> None:
        """It dies more often here than a run may before it is parked."""
        with scope.inside(self.district_id):
            Run.objects.filter(district_id=self.district_id, id=run.id).update(attempts=0)

    def check(self, seen: Look, when: str) -> None:
        """Both old, both new, or the roster new and the view still to follow; never anything else."""
        old, new = self.looks[self.stands], self.looks[self.next]
        assert seen.whole, f"{when}: the change log is not whole"
        fine = {(old.roster, old.view), (new.roster, old.view), (new.roster, new.view)}
        assert (seen.roster, seen.view) in fine, f"{when}: a reader saw a mixture"

    def recover(self, run: Run, how: str) -> None:
        """The same run is walked again, as a worker does, or the next night brings the same package."""
        again = self.sis.walk(run) if how == "same run" else self.sis.run(self.origins[self.next])
        assert again.state in {"done", "unchanged"}, f"{again.state}: {again.message}"
        self.arrive()

    def arrive(self) -> None:
        """All is as if nothing had happened: content, ids, and what the log says of this turn, once."""
        here = self.next
        assert look(self.district_id) == self.looks[here], "it came to something else"
        assert self.new_lines() == self.turns[here], "the log tells it differently"
        self.stands = here

    def new_lines(self) -> Counter[Line]:
        log = self.view.versions()
        told = Counter((line.kind, str(line.id), line.change) for line in log[self.lines :])
        self.lines = len(log)
        return told

    @property
    def since(self) -> tuple[int, int]:
        """Where it stands: the revisions of the roster and of the view."""
        return self.sis.revision(), self.view.model().revision

    def in_words(self, since: tuple[int, int]) -> dict[str, Any]:
        """All that was and happened since then, in the source's own words, without ids and times: what twins share."""
        names = {str(id_): f"{kind} {key}" for kind, ids in self.sis.all_ids().items() for key, id_ in ids.items()}

        def words(value: Any) -> Any:
            if isinstance(value, dict):
                return {k: sorted(map(words, v), key=repr) if k == "children" else words(v) for k, v in value.items()}
            if isinstance(value, list):
                return [words(v) for v in value]
            return names.get(str(value).rpartition("/")[2], value)

        log = sorted(self.view.versions(), key=lambda line: (line.rev_from, line.kind, names[str(line.id)]))
        return {
            "past": [self.sis.everything(as_of=n) for n in range(since[0], self.sis.revision() + 1)],
            "keys": {kind: sorted(ids) for kind, ids in self.sis.all_ids().items()},
            "log": [
                (line.rev_from - since[1], line.kind, line.change, words(line.facts))
                for line in log
                if line.rev_from > since[1]
            ],
        }


def share(sis: Nights) -> View:
    """Of one more application, which may see everything."""
    integration = partners.integrated(sis.district_id, sis.now).integration
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integration.id,
        contents=Contents(attributes=catalogue.everything(kinds=KINDS)),
        by=BY,
        now=sis.now,
    )
    return View(sis.district_id, integration.id)


def begin(sis: Nights, others: Children, *, a: Package = A, b: Package = B) -> Play:
    play = Play(sis, others, share(sis), {"A": sis.write(a), "B": sis.write(b)})
    play.rehearse("ABAB")  # on the first two, everybody is new; from the third on, whoever comes comes back
    return play
