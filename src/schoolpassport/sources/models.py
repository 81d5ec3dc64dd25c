from django.db import models


class Source(models.Model):
    """One system that tells a district's roster. ``prints`` remembers what it said last, kind by kind.

    ``settled`` counts the runs that changed this source's links; the diff cache on disk carries the same number and
    is rebuilt from the links when they differ.
    """

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    name = models.CharField(max_length=200)
    schema = models.CharField(max_length=40)
    settled = models.IntegerField(default=0)
    input_digest = models.CharField(max_length=64, blank=True)  # of the package whose result stands
    prints = models.JSONField(default=dict)  # kind → what sync.memory keeps of its file
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("district_id", "name"), name="source_names_differ"),)
