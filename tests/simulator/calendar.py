"""What happens on which night of a school year: the life of the world, the quirks and faults of its exports, and what
people do about what waits. All of it comes from one random source, so a seed is a history."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from tests.simulator import directory, exporter, troubles
from tests.simulator.exporter import PLAIN, Export
from tests.simulator.oracle import Calendar
from tests.simulator.stage import Second, Stage

LIFE = (  # what may happen on a day, and how likely it is
    ("newcomer", 0.35),
    ("withdrawal", 0.35),
    ("move", 0.25),
    ("back", 0.20),
    ("mail", 0.25),
    ("marriage", 0.10),
    ("colleague", 0.10),
    ("twins", 0.04),
    ("split", 0.03),
    ("reuse", 0.05),
    ("rename", 0.02),
)
ANNOUNCED = ("user", "class", "enrollment", "demographics", "academicSession")


@dataclass
class Year:
    """One school year on a stage. `tell` hears one line per night."""

    stage: Stage
    random: Random
    nights: int
    tell: Callable[[str], None] = lambda _: None
    told: list[str] = field(default_factory=list)
    before: Export | None = None  # what was exported last night

    def live(self) -> None:
        world, clock = self.stage.world, self.stage.clock
        clock.now = datetime(world.year, 9, 1, 2, tzinfo=UTC)
        migrates = self.random.randrange(self.nights // 3, self.nights) if self.random.random() < 0.5 else -1
        summer = self._announce()
        for night in range(self.nights):
            self.told = []
            clock.now = datetime(world.year, 9, 1, 2, tzinfo=UTC) + timedelta(days=night * 300 // self.nights)
            if night == migrates and night not in summer:
                self._migrate()
            else:
                self._a_night(quiet=night in summer)
            self._consents()
            if self.stage.second:
                self._a_night_of_directory(self.stage.second, quiet=night in summer)
            world.a_night_passes()
            self.tell(f"{world.year} night {night + 1}: {'; '.join(self.told)}")
        self.stage.check_all()
        self._decide_all()

    def turn(self) -> None:
        """From one year to the next: announced beforehand, or held and approved."""
        stage, world = self.stage, self.stage.world
        self.told = [world.year_turns()]
        stage.clock.now = datetime(world.year, 8, 20, 2, tzinfo=UTC)
        day = stage.clock.now.date()
        if self.random.random() < 0.5:
            expected = tuple((kind, day, day + timedelta(days=5)) for kind in ANNOUNCED)
            stage.announce(Calendar(announced=expected))
            for style in (PLAIN, exporter.Style(order=1 + self.random.randrange(10**6))):
                stage.night(stage.export(style))
                stage.clock.now += timedelta(days=1)
            self.told.append("announced")
        else:
            made = stage.export()
            verdict = stage.night(made)
            stage.assure(verdict.state == "held", f"a new year passed unasked: {verdict}")
            stage.approve(made)
            self.told.append("approved")
        self.before = None
        self.tell("; ".join(self.told))

    # ------------------------------------------------------------------------------------------------------- a night

    def _announce(self) -> set[int]:
        """At the year's end nothing is removed for some nights, then nothing is read. Returns those nights."""
        first, last = self.nights * 90 // 100, self.nights * 97 // 100
        start = datetime(self.stage.world.year, 9, 1, tzinfo=UTC)

        def day(night: int) -> datetime:
            return start + timedelta(days=night * 300 // self.nights)

        removals = ((day(first).date(), (day(last) - timedelta(days=1)).date()),) if first < last else ()
        imports = (day(last).date(), day(self.nights).date())
        self.stage.announce(Calendar(imports=(imports,), removals=removals))
        return set(range(first, self.nights))

    def _a_night(self, *, quiet: bool) -> None:
        stage = self.stage
        self._live(quiet=quiet)
        made, again = self._package()
        trouble = self._trouble()
        if trouble:
            self.told.append(trouble)
            verdict = troubles.TROUBLES[trouble](stage, made, self.random)
        else:
            verdict = stage.night(made, again=again, watched=self.random.random() < 0.1)
        self.told.append(verdict.state)
        self.before = made
        if verdict.state == "held":
            self._decide()
        self._tidy()

    def _consents(self) -> None:
        for app in self.stage.apps:
            if told := app.live(self.stage.schools, self.stage.clock.now):
                self.told.append(told)
                self.stage.check_apps()

    def _a_night_of_directory(self, second: Second, *, quiet: bool) -> None:
        """It has a life, faults and people of its own, and goes on whatever the SIS' package came to."""
        stage, chance = self.stage, second.directory.random
        stage.clock.now += timedelta(hours=1)
        if not quiet and chance.random() < 0.5:
            self.told += second.directory.live()
        if not quiet and chance.random() < 0.01:
            self.told.append(second.directory.migration())
            made = second.directory.export()
            verdict = stage.night_of_directory(made)
            stage.assure(verdict.state == "held", f"another directory passed unasked: {verdict}")
            stage.approve_directory(made)
            return
        made = second.directory.export(exporter.a_style(chance) if chance.random() > 0.7 else PLAIN)
        if chance.random() < 0.2:
            name = chance.choice(list(directory.FAULTS))
            self.told.append(name)
            made = directory.FAULTS[name](made, chance)
        verdict = stage.night_of_directory(made)
        self.told.append(f"directory {verdict.state}")
        if verdict.state == "held" and chance.random() < 0.5:
            stage.reject_directory()
            self.told.append("rejected")

    def _live(self, *, quiet: bool) -> None:
        """Nothing at all happens on two days of five."""
        if quiet or self.random.random() < 0.4:
            return
        for what, chance in LIFE:
            if self.random.random() < chance and not (what == "reuse" and self.stage.oracle.questions):
                self.told.append(getattr(self.stage.world, what)())

    def _package(self) -> tuple[Export, None]:
        stage, chance = self.stage, self.random.random()
        if chance < 0.25:
            made = stage.export()
            name = self.random.choice(list(exporter.FAULTS))
            self.told.append(name)
            return exporter.FAULTS[name](made, self.random), None
        if chance < 0.30 and self.before is not None:
            self.told.append("yesterday's package again")
            return self.before, None
        if chance < 0.40 and stage.taken and not stage.oracle.questions:
            made = exporter.delta(stage.world.rows(), stage.taken)
            if made.rows:
                self.told.append("a delta")
                return made, None
        return stage.export(exporter.a_style(self.random) if chance > 0.7 else PLAIN), None

    def _trouble(self) -> str:
        if self.random.random() > 0.15:
            return ""
        names = list(troubles.TROUBLES)
        return self.random.choices(names, [troubles.WEIGHTS.get(n, 4) for n in names])[0]

    # ---------------------------------------------------------------------------------------------------- people decide

    def _migrate(self) -> None:
        self._decide_all()
        self.told.append(self.stage.world.migration())
        made = self.stage.export()
        verdict = self.stage.night(made)
        self.stage.assure(verdict.state == "held", f"another system passed unasked: {verdict}")
        self.stage.approve(made)
        self.before = None

    def _decide(self) -> None:
        """Nobody approves what a fault made; somebody may say no, or wait for a better package."""
        if self.random.random() < 0.5:
            self.stage.reject()
            self.told.append("rejected")

    def _tidy(self) -> None:
        """Sooner or later somebody looks at what waits."""
        if self.stage.oracle.questions and self.random.random() < 0.5:
            self.told.append(f"another: {self.stage.answer()}")
        if self.random.random() < 0.05 and self.stage.is_held:
            kept = self.random.random() < 0.3
            self.told.append("kept" if kept else "released")
            self.stage.keep() if kept else self.stage.release()

    def _decide_all(self) -> None:
        if self.stage.oracle.questions:
            self.stage.answer()
        if self.stage.is_held:
            self.stage.release()
