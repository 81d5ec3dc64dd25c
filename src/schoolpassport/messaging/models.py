"""Rows belong to an organisation: a district, or a partner. Its id opens them (``scope.as_organisation``)."""

from django.db import models


class Notice(models.Model):
    """What happened, in words that were put when it did.

    ``about`` is the thing that it is about, ``key`` which occurrence: of one, there is one notice.
    """

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation_id = models.UUIDField()
    id = models.UUIDField()
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=200)
    key = models.CharField(max_length=200, blank=True)
    subject = models.TextField()
    words = models.TextField()
    commands = models.TextField(blank=True)  # what to do, one a line
    told_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)  # since when it does not wait any more
    read_at = models.DateTimeField(null=True)
    read_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("organisation_id", "kind", "about", "key"), name="notices_are_told_once"),
            models.CheckConstraint(
                condition=models.Q(read_at__isnull=True, read_by="")
                | (models.Q(read_at__isnull=False) & ~models.Q(read_by="")),
                name="notices_are_read_by_somebody",
            ),
        )
        indexes = (models.Index(fields=("organisation_id", "told_at"), name="notice_by_time"),)
