"""Consents, views, and the view tables: one per kind, made from the catalogue of kinds.

A row of a view table is one version of one record as one application sees it, and at the same time one line of its
change log: ``seq`` is gap-free within the view, ``change`` says what happened. ``dateLastModified`` is the instant of
the view revision ``rev_from``. ``doc`` is the finished OneRoster 1.1 object; references in it stand on ``HREF``.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from schoolpassport.kit import conditions
from schoolpassport.roster.kinds import SHARED, Kind
from schoolpassport.roster.models import OPEN, Status, column
from schoolpassport.sharing.records import Contents

HREF = "\x01"  # stands for the public base URL in stored documents; JSON text never holds this character itself


class ConsentState(models.TextChoices):
    ACTIVE = "active"
    REVOKED = "revoked"


class Consent(models.Model):
    """What one district shares with one application. ``schools`` null: the whole district."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    integration_id = models.UUIDField()
    state = models.CharField(max_length=10, choices=ConsentState.choices)
    schools = ArrayField(models.UUIDField(), null=True)
    attributes = models.JSONField()  # kind → names of shared attributes
    masks = models.JSONField(default=dict)  # kind.attribute → name of a mask
    filters = models.JSONField(default=dict)  # kind → conditions (kit.conditions)
    shield = models.SmallIntegerField(default=0)  # by which level of Privacy Shield the masks were chosen
    purpose = models.TextField(blank=True)
    agreed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("district_id", "integration_id"),
                condition=models.Q(state="active"),
                name="one_active_consent_per_integration",
            ),
            models.CheckConstraint(
                condition=models.Q(state="active", ended_at__isnull=True)
                | models.Q(state="revoked", ended_at__isnull=False),
                name="ended_consents_say_when",
            ),
        )

    @property
    def contents(self) -> Contents:
        """What it shares, whether it is in force or not."""
        return Contents(
            attributes={kind: tuple(names) for kind, names in self.attributes.items()},
            schools=None if self.schools is None else tuple(self.schools),
            masks=self.masks,
            filters={kind: conditions.parse(where) for kind, where in self.filters.items()},
            shield=self.shield,
            purpose=self.purpose,
        )


class View(models.Model):
    """What one integration sees. It outlives its consents: the application sees a change, not a new world."""

    pk = models.CompositePrimaryKey("district_id", "number")
    district_id = models.UUIDField()
    number = models.IntegerField()
    integration_id = models.UUIDField()
    consent_id = models.UUIDField()
    revision = models.IntegerField(default=0)  # the view's own; 0: never published
    roster_revision = models.IntegerField(default=0)  # how much of the roster it has seen
    projected_consent_id = models.UUIDField(null=True)  # under which consent its rows were made
    oldest_readable = models.IntegerField(default=0)  # raised when a consent narrows: older pages may show too much
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "integration_id"), name="one_view_per_integration"),
        )


class ViewRevision(models.Model):
    pk = models.CompositePrimaryKey("district_id", "view", "number")
    district_id = models.UUIDField()
    view = models.IntegerField()
    number = models.IntegerField()
    at = models.DateTimeField()
    roster_revision = models.IntegerField()
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(seq_from__lte=models.F("seq_to")), name="view_revisions_change"),
            models.UniqueConstraint(fields=("district_id", "view", "at"), name="one_view_revision_per_instant"),
            models.UniqueConstraint(fields=("district_id", "view", "seq_from"), name="seqs_start_once"),
        )


class Pull(models.Model):
    """On which revision a client that pages by offset alone walks one collection (docs/partners: “One pull”)."""

    pk = models.CompositePrimaryKey("district_id", "token", "collection")
    district_id = models.UUIDField()
    token = models.BinaryField(max_length=32)
    collection = models.BinaryField(max_length=16)
    revision = models.IntegerField()
    begun_at = models.DateTimeField()


class ShortId(models.Model):
    """What dialects with ids of 24 hexadecimal digits call a GG4L ID (``sharing.shortids``)."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    short = models.BinaryField(max_length=12)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("district_id", "short"), name="one_holder_per_short_id"),)


class Change(models.TextChoices):
    CREATED = "c"
    UPDATED = "u"
    DELETED = "d"
    RESTORED = "r"
    REMAPPED = "m"  # the source calls it by another key; the record itself is what it was


def _view_model(kind: Kind) -> type[models.Model]:
    name = f"{kind.name[0].upper()}{kind.name[1:]}View"
    constraints = [
        models.CheckConstraint(condition=models.Q(rev_from__lt=models.F("rev_to")), name=f"view_{kind.table}_lives"),
        models.CheckConstraint(condition=models.Q(status__in=Status.values), name=f"view_{kind.table}_status"),
        models.CheckConstraint(condition=models.Q(change__in=Change.values), name=f"view_{kind.table}_change"),
        models.UniqueConstraint(fields=("district_id", "view", "seq"), name=f"view_{kind.table}_log"),
    ]
    indexes = [
        models.Index(fields=("district_id", "view", f.column), name=f"view_{kind.table}_by_{f.column}")
        for f in kind.fields
        if f.indexed
    ]
    meta = type("Meta", (), {"db_table": f"sharing_{kind.table}", "constraints": constraints, "indexes": indexes})
    body = {"doc": models.TextField()} if kind.stored_document else {"sis_id": models.TextField(null=True)}
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": name,
        "Meta": meta,
        "pk": models.CompositePrimaryKey("district_id", "view", "id", "rev_from"),
        "district_id": models.UUIDField(),
        "view": models.IntegerField(),
        "id": models.UUIDField(),
        "rev_from": models.IntegerField(),
        "rev_to": models.IntegerField(default=OPEN),
        "seq": models.BigIntegerField(),
        "change": models.CharField(max_length=1, choices=Change.choices),
        "status": models.CharField(max_length=11),
        **{f.column: column(f) for f in kind.fields if f.in_view},
        **body,
    }
    return type(name, (models.Model,), attributes)


VIEW_ROWS: dict[str, type[models.Model]] = {name: _view_model(kind) for name, kind in SHARED.items()}
