"""Tables of the library of record.

A record model per kind is made from the catalogue: one row per version, ``rev_from`` ≤ revision < ``rev_to``. The
database itself allows one open version per record, by a trigger: ``rev_to`` stands in no index, so that a version is
closed where it stands (docs/adr/0011). Version rows carry no foreign keys: they are written a million at a time,
references are resolved inside the district before they get here, and ``roster.queries.dangling`` proves it
(docs/adr/0003).
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from schoolpassport.roster.kinds import KINDS, Field, Kind, Type

OPEN = 2_147_483_647  # rev_to of the version that holds now


class Status(models.TextChoices):
    ACTIVE = "active"
    TO_BE_DELETED = "tobedeleted"


class Revision(models.Model):
    """One numbered, atomic change of a district's roster."""

    pk = models.CompositePrimaryKey("district_id", "number")
    district_id = models.UUIDField()
    number = models.IntegerField()
    at = models.DateTimeField()  # strictly later than the revision before; dateLastModified of what it changed
    cause = models.CharField(max_length=200)
    changed = models.JSONField(default=dict)  # kind → number of new versions

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(number__gte=1), name="revisions_count_from_one"),
            models.UniqueConstraint(fields=("district_id", "at"), name="one_revision_per_instant"),
        )


class Link(models.Model):
    """Ties what one source calls ``key`` to a GG4L ID, and says why. Never deleted: ids are not recycled.

    ``row_hash`` is the hash of the source row as last taken without a finding (zero: look at it again next time);
    ``gone`` says that the source no longer has it.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    row_hash = models.UUIDField()
    gone = models.BooleanField(default=False)
    rule = models.CharField(max_length=40, default="first seen")
    revision = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=("district_id", "record_id"), name="link_by_record"),)


class Tally(models.Model):
    """How many records of a kind stand in a school (nil UUID: altogether), kept with each revision."""

    pk = models.CompositePrimaryKey("district_id", "kind", "school_id")
    district_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    school_id = models.UUIDField()
    standing = models.BigIntegerField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(standing__gte=0), name="tallies_count"),)


def column(field: Field) -> "models.Field[Any, Any]":
    """The database column that holds one attribute of the catalogue."""
    plain: dict[Type, models.Field[Any, Any]] = {
        Type.TEXT: models.TextField(null=True),
        Type.BOOLEAN: models.BooleanField(null=True),
        Type.DATE: models.DateField(null=True),
        Type.DATE_TIME: models.DateTimeField(null=True),
        Type.YEAR: models.TextField(null=True),
        Type.FLOAT: models.FloatField(null=True),
        Type.REFERENCE: models.UUIDField(null=True),
        Type.USER_IDS: models.JSONField(null=True),
        Type.JSON: models.JSONField(null=True),
    }
    made = plain[field.type]
    if field.many and field.type in {Type.TEXT, Type.REFERENCE}:
        return ArrayField(models.TextField() if field.type is Type.TEXT else models.UUIDField(), null=True)
    return made


def _record_model(kind: Kind) -> type[models.Model]:
    name = f"{kind.name[0].upper()}{kind.name[1:]}Record"
    constraints = [
        models.CheckConstraint(condition=models.Q(rev_from__lt=models.F("rev_to")), name=f"{kind.table}_lives"),
        models.CheckConstraint(condition=models.Q(status__in=Status.values), name=f"{kind.table}_status"),
        *(
            models.CheckConstraint(
                condition=models.Q(**{f"{f.column}__isnull": False}), name=f"{kind.table}_has_{f.column}"
            )
            for f in kind.fields
            if f.required
        ),
    ]
    indexes = [
        *(
            models.Index(fields=("district_id", f.column), name=f"{kind.table}_by_{f.column}")
            for f in kind.fields
            if f.indexed
        ),
        # What is new since a revision lies together: a table's last pages, and an index of hardly any size finds them.
        BrinIndex(fields=("district_id", "rev_from"), name=f"{kind.table}_by_revision"),
    ]
    meta = type("Meta", (), {"db_table": f"roster_{kind.table}", "constraints": constraints, "indexes": indexes})
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": name,
        "Meta": meta,
        "pk": models.CompositePrimaryKey("district_id", "id", "rev_from"),
        "district_id": models.UUIDField(),
        "id": models.UUIDField(),
        "rev_from": models.IntegerField(),
        "rev_to": models.IntegerField(default=OPEN),
        "status": models.CharField(max_length=11),
        **{f.column: column(f) for f in kind.fields},
    }
    return type(name, (models.Model,), attributes)


RECORDS: dict[str, type[models.Model]] = {name: _record_model(kind) for name, kind in KINDS.items()}
