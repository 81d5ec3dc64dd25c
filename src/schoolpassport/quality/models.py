from django.contrib.postgres.fields import ArrayField
from django.db import models

from schoolpassport.quality.records import Severity

ROOM = {"file": 300, "column": 200}  # characters; of a file as long as its system allows, and a sheet of it
_SEVERITIES = [(s.value, s.value) for s in Severity]


class Finding(models.Model):
    """Something a person should mend at the source, with the place to mend it."""

    pk = models.CompositePrimaryKey("district_id", "run_id", "number")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    number = models.IntegerField()
    severity = models.CharField(max_length=10, choices=_SEVERITIES)
    rule = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, blank=True)
    file = models.CharField(max_length=ROOM["file"])
    line = models.BigIntegerField(null=True)
    column = models.CharField(max_length=ROOM["column"], blank=True)
    key = models.TextField(blank=True)
    value = models.TextField(blank=True)
    sentence = models.TextField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(severity__in=[s.value for s in Severity]), name="finding_severity"
            ),
        )


class FindingCount(models.Model):
    """How often a rule found something in a run. Findings are kept up to a number; counts are always complete."""

    pk = models.CompositePrimaryKey("district_id", "run_id", "file", "rule", "column", "severity")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    severity = models.CharField(max_length=10, choices=_SEVERITIES)
    file = models.CharField(max_length=ROOM["file"])
    rule = models.CharField(max_length=40)
    column = models.CharField(max_length=ROOM["column"], blank=True)
    count = models.BigIntegerField()


class Standing(models.Model):
    """A fault of a record of the roster, from the day it was found until the day it was mended.

    One row per rule and record; found again after it was mended, it is opened again. ``value`` and ``sentence`` are
    those of the last time it was looked at, and so are ``line`` and ``origin`` (the file, if not the kind's own).
    """

    pk = models.CompositePrimaryKey("district_id", "rule", "kind", "record_id")
    district_id = models.UUIDField()
    rule = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    record_id = models.UUIDField()
    severity = models.CharField(max_length=10, choices=_SEVERITIES)
    source_id = models.UUIDField(null=True)
    key = models.TextField(blank=True)
    origin = models.TextField(blank=True)
    line = models.BigIntegerField(null=True)
    attribute = models.CharField(max_length=80, blank=True)
    value = models.TextField(blank=True)
    sentence = models.TextField()
    schools = ArrayField(models.UUIDField())
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(severity__in=[s.value for s in Severity]), name="standing_severity"
            ),
        )
        indexes = (
            models.Index(
                fields=("district_id", "kind"), condition=models.Q(closed_at__isnull=True), name="standing_open"
            ),
        )


class Assessment(models.Model):
    """Up to where the roster of a district was looked at: revision, rules and day."""

    district_id = models.UUIDField(primary_key=True)
    revision = models.IntegerField()
    rules = models.CharField(max_length=64)
    day = models.DateField()


class LeftOut(models.Model):
    """How many rows of a source's last package were left out or withheld."""

    pk = models.CompositePrimaryKey("district_id", "source_id")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    rows = models.BigIntegerField()


class Trend(models.Model):
    """How many findings stood after an assessment, by rule, kind and school (nil UUID: altogether)."""

    pk = models.CompositePrimaryKey("district_id", "at", "rule", "kind", "school_id")
    district_id = models.UUIDField()
    at = models.DateTimeField()
    rule = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    school_id = models.UUIDField()
    severity = models.CharField(max_length=10, choices=_SEVERITIES)
    count = models.BigIntegerField()


class Score(models.Model):
    """The quality score after an assessment, by source and school (nil UUID: all sources, altogether)."""

    pk = models.CompositePrimaryKey("district_id", "at", "source_id", "school_id")
    district_id = models.UUIDField()
    at = models.DateTimeField()
    source_id = models.UUIDField()
    school_id = models.UUIDField()
    score = models.FloatField()
    records = models.BigIntegerField()
    faults = models.FloatField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(score__gte=0, score__lte=100), name="scores_are_percent"),
        )
