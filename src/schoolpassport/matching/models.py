from django.db import models


class State(models.TextChoices):
    OPEN = "open"
    SAME = "same"  # one person: the records were merged
    DIFFERENT = "different"  # two people: not asked again unless what speaks for it changes
    LATER = "later"  # asked again on a day
    CLOSED = "closed"  # a record went, or the two are not alike any more


DECIDED = (State.SAME, State.DIFFERENT, State.LATER)

# Every transition there is; from `closed` a pair is opened again when it is found again.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.SAME, State.DIFFERENT, State.LATER, State.CLOSED}),
    State.LATER: frozenset({State.OPEN, State.SAME, State.DIFFERENT, State.CLOSED}),
    State.DIFFERENT: frozenset({State.OPEN}),
    State.CLOSED: frozenset({State.OPEN}),
    State.SAME: frozenset(),  # but an undone merge makes two of them again: `different`
}


class Proposal(models.Model):
    """Two records that are probably one person. No personal value is kept here, only which fields speak for it."""

    pk = models.CompositePrimaryKey("district_id", "number")
    district_id = models.UUIDField()
    number = models.IntegerField()
    kind = models.CharField(max_length=20, default="user")
    left_id = models.UUIDField()
    right_id = models.UUIDField()
    probability = models.FloatField()
    evidence = models.JSONField()  # field by field: {field, level, weight}
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    revision = models.IntegerField()  # of the roster, by which it was last scored
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    ask_again_on = models.DateField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("district_id", "kind", "left_id", "right_id"), name="one_proposal_per_pair"
            ),
            models.CheckConstraint(condition=models.Q(left_id__lt=models.F("right_id")), name="proposal_pair_in_order"),
            models.CheckConstraint(condition=models.Q(probability__range=(0, 1)), name="proposal_probability"),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="proposal_state"),
            models.CheckConstraint(
                condition=~models.Q(state__in=DECIDED)
                | (~models.Q(decided_by="") & models.Q(decided_at__isnull=False)),
                name="decided_proposals_say_by_whom",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="later") | models.Q(ask_again_on__isnull=False), name="later_says_when"
            ),
        )
        indexes = (models.Index(fields=("district_id", "state", "probability"), name="proposal_by_state"),)


class Looked(models.Model):
    """How far a district's people were compared: the revision, by which weights, under which roles."""

    district_id = models.UUIDField(primary_key=True)
    revision = models.IntegerField()
    model = models.CharField(max_length=64)
