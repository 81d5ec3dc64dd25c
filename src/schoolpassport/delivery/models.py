"""Tables of the room: a partner's own formats, what is delivered where and when, and what became of it."""

from django.db import models


class OwnFormat(models.Model):
    """One version of a format that was made for an integration; never changed. The highest version holds."""

    pk = models.CompositePrimaryKey("district_id", "integration_id", "name", "version")
    district_id = models.UUIDField()
    integration_id = models.UUIDField()
    name = models.CharField(max_length=60)
    version = models.IntegerField()
    content = models.TextField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(version__gte=1), name="formats_count_from_one"),)


class Delivery(models.Model):
    """What is made of an application's view, by which way it goes, and when. ``settings`` hold no secret.

    ``timetable`` blank: after each publication. ``revision``, ``sent_digest``, ``sent_version`` (of the format; 0 for a
    standard one) and ``sent_at``: of what was delivered last. ``from_revision`` and ``from_at``: where the changes in
    it began, and when that had been delivered.
    ``version`` changes with every change, so that a job that was planned before it does nothing.
    """

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    integration_id = models.UUIDField()
    name = models.CharField(max_length=60)
    format = models.CharField(max_length=60)
    mode = models.CharField(max_length=10)
    transport = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    timetable = models.JSONField(default=dict)
    always = models.BooleanField(default=False)
    paused = models.BooleanField(default=False)
    version = models.IntegerField(default=1)
    next_at = models.DateTimeField(null=True)
    revision = models.IntegerField(default=0)
    sent_digest = models.CharField(max_length=64, blank=True)
    sent_version = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    from_revision = models.IntegerField(default=0)
    from_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "name"), name="delivery_names_differ"),
            models.CheckConstraint(condition=models.Q(mode__in=("full", "delta")), name="delivery_mode"),
        )
        indexes = (models.Index(fields=("district_id", "integration_id"), name="delivery_by_integration"),)


class Secret(models.Model):
    """A secret of a delivery's destination, sealed for its district, column and delivery."""

    pk = models.CompositePrimaryKey("district_id", "delivery_id", "name")
    district_id = models.UUIDField()
    delivery_id = models.UUIDField()
    name = models.CharField(max_length=40)
    sealed = models.BinaryField()
    set_at = models.DateTimeField()


class State(models.TextChoices):
    WAITING = "waiting"
    SENT = "sent"
    UNCHANGED = "unchanged"  # there was nothing to send
    FAILED = "failed"  # it needs a person, or was tried too often


class Shipment(models.Model):
    """One delivery that was asked for, and what became of it.

    ``files``: name, rows and bytes of each, and when it was made (nanoseconds of Unix time).
    """

    pk = models.CompositePrimaryKey("district_id", "delivery_id", "number")
    district_id = models.UUIDField()
    delivery_id = models.UUIDField()
    number = models.IntegerField()
    cause = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    revision = models.IntegerField(default=0)  # of the view
    since = models.IntegerField(default=0)  # of a delta; 0: in full
    files = models.JSONField(default=list)
    rows = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)  # bytes
    seconds = models.FloatField(default=0)  # of making and sending
    sentence = models.TextField(blank=True)
    notes = models.JSONField(default=list)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="shipment_state"),
            models.CheckConstraint(
                condition=models.Q(state="waiting", finished_at__isnull=True)
                | models.Q(~models.Q(state="waiting"), finished_at__isnull=False),
                name="shipments_end_once",
            ),
            models.UniqueConstraint(
                fields=("district_id", "delivery_id"), condition=models.Q(state="waiting"), name="one_shipment_waits"
            ),
        )
        indexes = (
            models.Index(
                fields=("district_id", "delivery_id", "finished_at"),
                condition=models.Q(state="sent"),
                name="shipment_by_end",
            ),
        )


class Account(models.Model):
    """Who may log in to the managed SFTP service. ``proof``: argon2id of what is typed; ``keys``: public keys.

    One of a district's own system uploads for a source; one of an application fetches what is delivered to it.
    """

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    login = models.CharField(max_length=100)
    integration_id = models.UUIDField(null=True)  # none: of the district itself
    proof = models.TextField(blank=True)
    keys = models.JSONField(default=list)
    networks = models.JSONField(default=list)  # empty: from anywhere
    quota = models.BigIntegerField()  # bytes
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("district_id", "login"), name="logins_differ"),)
