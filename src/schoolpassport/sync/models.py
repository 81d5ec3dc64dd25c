from django.contrib.postgres.fields import ArrayField
from django.db import models


class RunState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    HELD = "held"  # the guard asks a person
    DONE = "done"
    UNCHANGED = "unchanged"  # nothing differs from what stands
    REFUSED = "refused"  # the package cannot be trusted; nothing was changed
    REJECTED = "rejected"  # a person said no
    SUPERSEDED = "superseded"  # a newer package came while this one was held
    FAILED = "failed"
    CANCELLED = "cancelled"  # a person took it back before it changed anything
    PARKED = "parked"  # it failed too often; it waits for a person to look at it
    SUSPENDED = "suspended"  # imports of the source rest at this time; the package was not read


# Every transition there is. `sync.states` moves a run by a conditional UPDATE and refuses anything else.
TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.WAITING: frozenset(
        {RunState.RUNNING, RunState.FAILED, RunState.SUPERSEDED, RunState.CANCELLED, RunState.PARKED}
    ),
    RunState.RUNNING: frozenset(
        {
            RunState.RUNNING,
            RunState.HELD,
            RunState.DONE,
            RunState.UNCHANGED,
            RunState.REFUSED,
            RunState.FAILED,
            RunState.SUPERSEDED,
            RunState.CANCELLED,
            RunState.PARKED,
            RunState.SUSPENDED,
        }
    ),
    RunState.HELD: frozenset({RunState.RUNNING, RunState.REJECTED, RunState.SUPERSEDED}),
    RunState.FAILED: frozenset({RunState.RUNNING, RunState.SUPERSEDED, RunState.CANCELLED, RunState.PARKED}),
    RunState.DONE: frozenset(),
    RunState.UNCHANGED: frozenset(),
    RunState.REFUSED: frozenset(),
    RunState.REJECTED: frozenset(),
    RunState.SUPERSEDED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.PARKED: frozenset(),
    RunState.SUSPENDED: frozenset(),
}


class Run(models.Model):
    """One package on its way through the house."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    number = models.IntegerField()
    source_id = models.UUIDField()
    state = models.CharField(max_length=12, choices=RunState.choices)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    origin = models.TextField()  # the path it was read from; empty: the source's connector fetches it
    attempts = models.SmallIntegerField(default=0)  # how often somebody began to walk it
    cancelled_by = models.CharField(max_length=200, blank=True)  # who asked to take it back
    progress = models.JSONField(null=True)  # how far it is, while it is walked: what a page shows
    input_digest = models.CharField(max_length=64, blank=True)
    observed_at = models.DateTimeField(null=True)  # not after when the package was said, if the source was asked for it
    approved_by = models.CharField(max_length=200, blank=True)
    revision = models.IntegerField(null=True)  # the revision it made
    message = models.TextField(blank=True)  # what a person should know, in plain words
    hold = models.JSONField(null=True)  # the guard's report
    quarantine = models.JSONField(null=True)  # removals that wait since this run, and why
    migration = models.IntegerField(null=True)  # of its source's keys, made for this package
    settings = models.JSONField(default=dict)  # subject → version of the setting under which it was walked

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "number"), name="runs_are_numbered"),
            models.CheckConstraint(condition=models.Q(state__in=RunState.values), name="run_state"),
            models.CheckConstraint(
                condition=~models.Q(state="held") | models.Q(hold__isnull=False), name="held_runs_say_why"
            ),
            models.UniqueConstraint(
                fields=("district_id", "source_id"),
                condition=models.Q(state="held"),
                name="one_held_run_per_source",
            ),
        )


class Step(models.Model):
    """One step of a run: how long, how many rows, which attempt."""

    pk = models.CompositePrimaryKey("district_id", "run_id", "name")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    name = models.CharField(max_length=10)
    position = models.SmallIntegerField()
    seconds = models.FloatField(default=0)
    rows = models.BigIntegerField(default=0)
    attempts = models.SmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)


class Statistic(models.Model):
    """What a run did to one kind in one school (or altogether: ``school_id`` is the nil UUID).

    ``unchanged``: what it left as it stood, of whatever source. How much of that its package said again nobody counts:
    a file that says what it said last time is not read row by row.
    """

    pk = models.CompositePrimaryKey("district_id", "run_id", "kind", "school_id")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    school_id = models.UUIDField()
    added = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    archived = models.BigIntegerField(default=0)
    restored = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)

    @property
    def standing(self) -> int:
        """How many stood in the district after it."""
        return int(self.added + self.updated + self.restored + self.unchanged)


class Due(models.Model):
    """When a source's timetable comes round next. ``version`` is that of the setting the instant was made from."""

    pk = models.CompositePrimaryKey("district_id", "source_id")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    version = models.IntegerField()
    next_at = models.DateTimeField(null=True)  # none: the timetable has ended, or was taken away


class AbsenceState(models.TextChoices):
    WITNESS = "witness"  # not enough packages have lacked it, or nothing is removed at this time
    HELD = "held"  # the guard asks a person
    KEPT = "kept"  # a person said no: it stays until the source brings it back


class Absence(models.Model):
    """A record that stands and that its source's packages lack. The row goes when the record goes or comes back.

    ``witnesses``: numbers of the runs, of different packages, that lacked it. ``explicit``: the source said that it is
    deleted, which needs no witness. ``run``: the one that brought it into this state.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    state = models.CharField(max_length=7, choices=AbsenceState.choices)
    witnesses = ArrayField(models.IntegerField())
    explicit = models.BooleanField(default=False)
    rule = models.CharField(max_length=40)
    reason = models.TextField(blank=True)  # in plain words
    since_run = models.IntegerField()
    run = models.IntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(state__in=AbsenceState.values), name="absence_state"),
            models.CheckConstraint(
                condition=~models.Q(state="held") | ~models.Q(reason=""), name="held_removals_say_why"
            ),
            models.CheckConstraint(condition=models.Q(witnesses__len__lte=3), name="three_witnesses_at_most"),
            models.CheckConstraint(condition=models.Q(since_run__lte=models.F("run")), name="absences_begin_first"),
        )
        indexes = (models.Index(fields=("district_id", "record_id"), name="absence_by_record"),)
