"""Consents, views, and the view tables: one per kind, made from the catalogue of kinds.

A row of a view table is one version of one record as one application sees it, and at the same time one line of its
change log: ``seq`` is gap-free within the view, ``change`` says what happened. ``dateLastModified`` is the instant of
the view revision ``rev_from``. ``doc`` is the finished OneRoster 1.1 object; references in it stand on ``HREF``.
"""

from dataclasses import replace
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from schoolpassport.kit import conditions
from schoolpassport.roster.kinds import SHARED, Field, Kind
from schoolpassport.roster.models import OPEN, Status, column, index_name
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.lifecycle import IN_FORCE, OVER, PENDING, SIDES, ConsentState, Side
from schoolpassport.sharing.records import Contents

HREF = "\x01"  # stands for the public base URL in stored documents; JSON text never holds this character itself


class Consent(models.Model):
    """What one district shares with one application. ``schools`` null: the whole district.

    Its contents are its author's while it is drafted, and nobody's from then on: other terms are another consent.
    """

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    integration_id = models.UUIDField()
    state = models.CharField(max_length=17, choices=[(s.value, s.value) for s in ConsentState])
    step = models.IntegerField(default=1)  # the last one that it took
    author = models.CharField(max_length=8, choices=[(s.value, s.value) for s in SIDES], default=Side.DISTRICT.value)
    suspended_by = ArrayField(models.TextField(), default=list)  # sides, in order
    schools = ArrayField(models.UUIDField(), null=True)
    attributes = models.JSONField()  # kind → names of shared attributes
    masks = models.JSONField(default=dict)  # kind.attribute → name of a mask
    filters = models.JSONField(default=dict)  # kind → conditions (kit.conditions)
    shield = models.SmallIntegerField(default=0)  # by which level of Privacy Shield the masks were chosen
    edition = models.SmallIntegerField(default=catalogue.EDITION)  # of the catalogue that its author chose from
    purpose = models.TextField(blank=True)
    hold = models.JSONField(default=dict)  # per cent of a kind that one publication may remove, change, add
    starts_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # from this instant on, nothing is served
    drafted_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)  # when both sides had said yes
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("district_id", "integration_id"),
                condition=models.Q(state__in=[s.value for s in IN_FORCE]),
                name="one_consent_in_force_per_integration",
            ),
            models.UniqueConstraint(
                fields=("district_id", "integration_id", "author"),
                condition=models.Q(state__in=[s.value for s in PENDING]),
                name="one_open_consent_per_side",
            ),
            models.CheckConstraint(
                condition=models.Q(models.Q(state__in=[s.value for s in OVER]), ended_at__isnull=False)
                | models.Q(~models.Q(state__in=[s.value for s in OVER]), ended_at__isnull=True),
                name="consents_that_are_over_say_when",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=[s.value for s in (*IN_FORCE, ConsentState.REPLACED)])
                | models.Q(begun_at__isnull=False, agreed_at__isnull=False),
                name="consents_in_force_were_agreed",
            ),
            models.CheckConstraint(
                condition=models.Q(state=ConsentState.SUSPENDED.value, suspended_by__len__gt=0)
                | models.Q(~models.Q(state=ConsentState.SUSPENDED.value), suspended_by=[]),
                name="suspended_consents_say_by_whom",
            ),
            models.CheckConstraint(
                condition=models.Q(starts_at__isnull=True)
                | models.Q(expires_at__isnull=True)
                | models.Q(starts_at__lt=models.F("expires_at")),
                name="consents_start_before_they_end",
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

    @property
    def served(self) -> Contents:
        """Of its contents, what an application gets: nothing that could not be had when they were written."""
        return replace(self.contents, attributes=catalogue.served(self.attributes, edition=self.edition))


class ConsentStep(models.Model):
    """One change of a consent's state. Nothing may change a line; ``0007`` holds what may follow what."""

    pk = models.CompositePrimaryKey("district_id", "consent_id", "number")
    district_id = models.UUIDField()
    consent_id = models.UUIDField()
    number = models.IntegerField()  # from 1, without a gap
    act = models.CharField(max_length=15)
    side = models.CharField(max_length=8)
    was = models.CharField(max_length=17, blank=True)
    became = models.CharField(max_length=17)
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    message = models.TextField(blank=True)  # to the other side
    accepted = ArrayField(models.TextField(), default=list)  # SHA-256 of the terms that this side accepted


class Document(models.Model):
    """A file that belongs to a consent: an attachment, or terms that must be accepted. Its content is sealed."""

    pk = models.CompositePrimaryKey("district_id", "id")
    district_id = models.UUIDField()
    id = models.UUIDField()
    consent_id = models.UUIDField()
    name = models.CharField(max_length=200)
    is_terms = models.BooleanField()
    sha256 = models.CharField(max_length=64)
    size = models.IntegerField()
    sealed = models.BinaryField()
    added_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("district_id", "consent_id", "name"), name="names_of_documents_differ"),
        )


class SigningKey(models.Model):
    """A key of this installation that receipts are signed with. What is published of it stays published."""

    id = models.UUIDField(primary_key=True)
    kid = models.CharField(max_length=64, unique=True)
    public = models.JSONField()
    sealed = models.BinaryField()
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)  # since when another one signs


class Receipt(models.Model):
    """What both sides can show: one for each step that changed what holds."""

    pk = models.CompositePrimaryKey("district_id", "consent_id", "step")
    district_id = models.UUIDField()
    consent_id = models.UUIDField()
    step = models.IntegerField()
    jws = models.TextField()
    issued_at = models.DateTimeField()


class Reading(models.Model):
    """What one caller read of one collection at one revision, within an hour. Never which rows: it is written rarely.

    ``subset``: "" or the value that tells the collection from its kind, like student. ``school``: the one that the path
    named, or the nil UUID. ``part``: it was filtered, or about one record, or below another one than a school.
    ``fields`` null: all that were shared.
    """

    pk = models.CompositePrimaryKey(
        "district_id", "integration_id", "kind", "hour", "revision", "caller", "outlet", "subset", "school", "part"
    )
    district_id = models.UUIDField()
    integration_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    hour = models.DateTimeField()
    revision = models.IntegerField()
    caller = models.BinaryField(max_length=32)  # the hash of the token, or of the credential that signs
    outlet = models.CharField(max_length=20)
    subset = models.CharField(max_length=20, blank=True)
    school = models.UUIDField()
    part = models.BooleanField()
    fields = ArrayField(models.TextField(), null=True)
    pages = models.IntegerField()
    records = models.BigIntegerField()
    total = models.BigIntegerField()  # how many the collection had
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()


class DataRequirements(models.Model):
    """What an application needs of the data of any district: numbered documents, never changed; the highest holds."""

    pk = models.CompositePrimaryKey("application_id", "number")
    application_id = models.UUIDField()
    number = models.IntegerField()
    content = models.JSONField()
    set_at = models.DateTimeField()


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
    projected_requirements = models.IntegerField(default=0)  # which of the application's requirements they kept
    oldest_readable = models.IntegerField(default=0)  # raised when a consent narrows: older pages may show too much
    last_seq = models.BigIntegerField(default=0)
    held = models.JSONField(null=True)  # kind → what would change, in per cent: a person must look at it
    held_at = models.DateTimeField(null=True)

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
    graded = models.BooleanField(default=False, db_default=False)  # only what applications wrote is new in it

    class Meta:
        indexes = (
            models.Index(
                fields=("district_id", "view", "number"),
                condition=models.Q(graded=False),
                name="view_revision_of_rosters",
            ),
        )
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


class Manifest(models.Model):
    """What one kind of a view adds up to at the newest revision that was asked about (``sharing.manifests``).

    It follows from the rows of the view: whoever changes or removes one of those where it stands takes this away, and
    it is made anew. ``buckets``: of each bucket the hashes of its records, put together by exclusive or; empty when
    there is no record.
    """

    pk = models.CompositePrimaryKey("district_id", "view", "kind")
    district_id = models.UUIDField()
    view = models.IntegerField()
    kind = models.CharField(max_length=20)
    revision = models.IntegerField()
    records = models.BigIntegerField()
    buckets = models.BinaryField()


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


def _folded(field: Field) -> "models.Field[Any, Any]":
    return models.GeneratedField(
        expression=Lower(field.column), output_field=models.TextField(null=True, db_collation="C"), db_persist=True
    )


def _by_place(kind: Kind, field: Field) -> list[models.Index]:
    """What ``relations.ways`` follow: an index for each of the first places of a list, and one for what is longer.

    An index over the list itself would not be used: under row-level security the database looks up by operators that
    cannot leak, as those of single values, and those of lists are not among them (docs/adr/0040).
    """
    head, name = [models.F("district_id"), models.F("view")], f"view_{kind.table}_by_{field.column}"
    filled = {place: models.Q(**{f"{field.column}__{place}__isnull": False}) for place in range(field.places + 1)}
    return [
        models.Index(
            *head,
            *([models.F(f"{field.column}__{place}")] if place < field.places else []),
            models.F("id"),
            condition=condition,
            name=index_name(f"{name}_{place + 1 if place < field.places else 'more'}"),
        )
        for place, condition in filled.items()
        if field.places
    ]


def _view_model(kind: Kind) -> type[models.Model]:
    name = f"{kind.name[0].upper()}{kind.name[1:]}View"
    constraints = [
        models.CheckConstraint(condition=models.Q(rev_from__lt=models.F("rev_to")), name=f"view_{kind.table}_lives"),
        models.CheckConstraint(condition=models.Q(status__in=Status.values), name=f"view_{kind.table}_status"),
        models.CheckConstraint(condition=models.Q(change__in=Change.values), name=f"view_{kind.table}_change"),
        models.UniqueConstraint(fields=("district_id", "view", "seq"), name=f"view_{kind.table}_log"),
    ]
    indexes = [
        models.Index(fields=("district_id", "view", f.column), name=index_name(f"view_{kind.table}_by_{f.column}"))
        for f in kind.fields
        if f.indexed
    ]
    indexes += [
        models.Index(fields=("district_id", "view", f.folded), name=index_name(f"view_{kind.table}_by_{f.column}"))
        for f in kind.fields
        if f.sought
    ]
    indexes += [index for f in kind.fields for index in _by_place(kind, f)]
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
        **{f.folded: _folded(f) for f in kind.fields if f.sought},
        **body,
    }
    return type(name, (models.Model,), attributes)


VIEW_ROWS: dict[str, type[models.Model]] = {name: _view_model(kind) for name, kind in SHARED.items()}
