from uuid import UUID

from django.db import models

OF_THE_DISTRICT = UUID(int=0)  # the "source" of settings that hold for all sources of a district


class SourceRole(models.TextChoices):
    ROSTER = "roster"  # what it says stands: it creates records, and keeps them alive
    ENRICHMENT = "enrichment"  # adds attributes to people found elsewhere; creates nobody and keeps nobody alive


class Source(models.Model):
    """One system that tells a district's roster. ``prints`` remembers what it said last, kind by kind.

    ``settled`` counts the runs that changed this source's links; the diff cache on disk carries the same number and
    is rebuilt from the links when they differ. ``connection`` holds the settings of its connector, but no secret;
    ``memory`` what the connector wants to find again next time.
    """

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    name = models.CharField(max_length=200)
    schema = models.CharField(max_length=40)
    role = models.CharField(max_length=10, choices=SourceRole.choices, default=SourceRole.ROSTER)
    connector = models.CharField(max_length=40, default="upload")
    connection = models.JSONField(default=dict)
    memory = models.JSONField(default=dict)
    settled = models.IntegerField(default=0)
    input_digest = models.CharField(max_length=64, blank=True)  # of the package whose result stands
    prints = models.JSONField(default=dict)  # kind → what sync.memory keeps of its file
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "name"), name="source_names_differ"),
            models.CheckConstraint(condition=models.Q(role__in=SourceRole.values), name="source_role"),
        )


class Secret(models.Model):
    """A secret of a source's connection, sealed for its district, column and source."""

    pk = models.CompositePrimaryKey("district_id", "source_id", "name")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    name = models.CharField(max_length=40)
    sealed = models.BinaryField()
    set_at = models.DateTimeField()


class Package(models.Model):
    """A package that was taken, kept sealed for a while. ``id`` is that of its run; ``key`` opens the file."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    source_id = models.UUIDField()
    input_digest = models.CharField(max_length=64)
    size = models.BigIntegerField()  # bytes of the sealed file
    key = models.BinaryField()
    taken_at = models.DateTimeField()
    kept_until = models.DateTimeField(null=True)  # none: as long as its run waits for a person

    class Meta:
        indexes = (models.Index(fields=("district_id", "kept_until"), name="package_by_end"),)


class Setting(models.Model):
    """What a district decided about a source, or about all of them: a numbered document that is never changed.

    The highest version of a subject holds; the others say what held before.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "subject", "version")
    district_id = models.UUIDField()
    source_id = models.UUIDField()  # OF_THE_DISTRICT: of all sources
    subject = models.CharField(max_length=20)
    version = models.IntegerField()
    content = models.JSONField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(version__gte=1), name="settings_count_from_one"),)
