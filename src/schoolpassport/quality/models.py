from django.db import models


class Severity(models.TextChoices):
    ERROR = "error"  # the row is left out
    WARNING = "warning"  # the row is taken; one value of it is not


class Finding(models.Model):
    """Something a person should mend at the source, with the place to mend it."""

    pk = models.CompositePrimaryKey("district_id", "run_id", "number")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    number = models.IntegerField()
    severity = models.CharField(max_length=10, choices=Severity.choices)
    rule = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, blank=True)
    file = models.CharField(max_length=100)
    line = models.BigIntegerField(null=True)
    column = models.CharField(max_length=200, blank=True)
    key = models.TextField(blank=True)
    value = models.TextField(blank=True)
    sentence = models.TextField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(severity__in=Severity.values), name="finding_severity"),
        )


class FindingCount(models.Model):
    """How often a rule found something in a run. Findings are kept up to a number; counts are always complete."""

    pk = models.CompositePrimaryKey("district_id", "run_id", "file", "rule", "column", "severity")
    district_id = models.UUIDField()
    run_id = models.UUIDField()
    severity = models.CharField(max_length=10, choices=Severity.choices)
    file = models.CharField(max_length=100)
    rule = models.CharField(max_length=40)
    column = models.CharField(max_length=200, blank=True)
    count = models.BigIntegerField()
