from django.db import models


class Event(models.Model):
    """One act. No foreign keys: the ledger never blocks and never dies with the data. Nothing may change a line."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    act = models.CharField(max_length=100)  # room:thing:verb
    about = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(act__regex=r"^[a-z]+:[a-z_]+:[a-z_]+$"), name="act_is_room_thing_verb"
            ),
        )
