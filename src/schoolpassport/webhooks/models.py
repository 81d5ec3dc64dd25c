"""Whom to tell, and what was told. The words are those of Standard Webhooks: endpoint, message, attempt."""

from django.db import models


class EndpointState(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"  # by a person; one message says at the end what was missed
    GONE = "gone"  # the receiver answered 410: it does not want to be told any more


class Setter(models.TextChoices):
    """Who said that this address is told. A partner's word leads into fewer networks than the operator's."""

    OPERATOR = "operator"
    PARTNER = "partner"


class Endpoint(models.Model):
    """An address of one integration that is told of each revision of its view."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    integration_id = models.UUIDField()
    url = models.TextField()
    set_by = models.CharField(max_length=10, choices=Setter.choices, default=Setter.OPERATOR)
    state = models.CharField(max_length=10, choices=EndpointState.choices)
    sealed_secret = models.BinaryField()
    sealed_previous = models.BinaryField(null=True)  # signs beside the newer one until ``previous_until``
    previous_until = models.DateTimeField(null=True)
    told_seq = models.BigIntegerField()  # up to which line of the change log there are messages
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "integration_id", "url"), name="endpoints_differ"),
            models.CheckConstraint(
                condition=models.Q(sealed_previous__isnull=True, previous_until__isnull=True)
                | models.Q(sealed_previous__isnull=False, previous_until__isnull=False),
                name="previous_secrets_end",
            ),
        )


class MessageState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # after the last attempt; it can be replayed


class Message(models.Model):
    """A piece of the change log that an endpoint is told of: after ``seq_from``, up to ``seq_to``."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    endpoint_id = models.UUIDField()
    revision = models.IntegerField()
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()
    made_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=MessageState.choices)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    answered = models.IntegerField(null=True)  # the status of the last answer, if there was one
    said = models.TextField(blank=True)  # why the last attempt failed

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="pending", next_at__isnull=False, ended_at__isnull=True)
                | models.Q(state__in=("delivered", "dead"), next_at__isnull=True, ended_at__isnull=False),
                name="pending_messages_are_due",
            ),
            models.CheckConstraint(condition=models.Q(seq_from__lte=models.F("seq_to")), name="messages_go_on"),
        )
        indexes = (models.Index(fields=("district_id", "endpoint_id", "made_at"), name="message_by_endpoint"),)
