"""Rows belong to an organisation: a district, or a partner. Its id opens them (``scope.as_organisation``)."""

from django.db import models
from django.db.models.functions import Lower


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


class Preference(models.Model):
    """How the people of an organisation hear of what they said nothing about, and when digests come."""

    organisation_id = models.UUIDField(primary_key=True)
    choices = models.JSONField(default=dict)  # kind → how
    digest_at = models.TimeField()
    zone = models.CharField(max_length=60)


class Recipient(models.Model):
    """Somebody who is told by mail. ``choices``: what this person chose, kind → how; else the preference holds."""

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation_id = models.UUIDField()
    id = models.UUIDField()
    address = models.CharField(max_length=320)
    choices = models.JSONField(default=dict)
    digest_at = models.DateTimeField(null=True)  # when the digest that is planned is due
    added_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint("organisation_id", Lower("address"), name="recipients_differ"),
            models.CheckConstraint(condition=~models.Q(address=""), name="recipients_have_an_address"),
        )


class LetterState(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"  # the mail server took it
    DEAD = "dead"  # refused for good, or after the last attempt


class Letter(models.Model):
    """A mail to one recipient: of one notice, or of a day's."""

    pk = models.CompositePrimaryKey("organisation_id", "id")
    organisation_id = models.UUIDField()
    id = models.UUIDField()
    recipient_id = models.UUIDField()
    daily = models.BooleanField()
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=LetterState.choices)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    said = models.TextField(blank=True)  # why the last attempt failed

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="pending", next_at__isnull=False, ended_at__isnull=True)
                | models.Q(state__in=("sent", "dead"), next_at__isnull=True, ended_at__isnull=False),
                name="pending_letters_are_due",
            ),
        )
        indexes = (models.Index(fields=("organisation_id", "recipient_id", "made_at"), name="letter_by_recipient"),)


class Telling(models.Model):
    """That somebody is told of a notice, and by which letter; none yet: by the next digest. A reminder has another."""

    pk = models.CompositePrimaryKey("organisation_id", "notice_id", "recipient_id")
    organisation_id = models.UUIDField()
    notice_id = models.UUIDField()
    recipient_id = models.UUIDField()
    letter_id = models.UUIDField(null=True)

    class Meta:
        indexes = (models.Index(fields=("organisation_id", "recipient_id", "letter_id"), name="telling_by_recipient"),)
