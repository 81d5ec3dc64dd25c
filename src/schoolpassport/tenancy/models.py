from django.db import models


class District(models.Model):
    """The register of tenants. Names of districts are public; everything a district owns lies in tenant tables."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=300, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=~models.Q(name=""), name="district_has_a_name"),)

    def __str__(self) -> str:
        return self.name
