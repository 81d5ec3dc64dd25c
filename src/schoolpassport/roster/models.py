"""Tables of the library of record.

A record model per kind is made from the catalogue: one row per version, ``rev_from`` ≤ revision < ``rev_to``. The
database itself allows one open version per record, by a trigger: ``rev_to`` stands in no index, so that a version is
closed where it stands (docs/adr/0011). Version rows carry no foreign keys: they are written a million at a time,
references are resolved inside the district before they get here, and ``roster.queries.dangling`` proves it
(docs/adr/0003).
"""

import hashlib
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from schoolpassport.roster.kinds import KINDS, Field, Kind, Type

_KEPT = 21  # letters of a long name of an index
OPEN = 2_147_483_647  # rev_to of the version that holds now
FIRST_SEEN = "first seen"  # the rule of the link that a record was made from
MATCHED, MERGED, SPLIT = "matched", "merged", "split"  # of links that came, or were moved, later
REMAPPED = "remapped"  # of links of keys that a source put in the place of others, all at once


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
    ``gone`` says that the source no longer has it. ``rule`` is *first seen* for the key that a record was made from;
    where it is another, ``evidence`` says what the link was made by.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    row_hash = models.UUIDField()
    gone = models.BooleanField(default=False)
    rule = models.CharField(max_length=40, default=FIRST_SEEN)
    evidence = models.JSONField(null=True)
    revision = models.IntegerField()

    class Meta:
        indexes = (
            models.Index(fields=("district_id", "record_id"), name="link_by_record"),
            # Whether any record has more than one link is asked often, and mostly answered with no.
            models.Index(fields=("district_id",), condition=~models.Q(rule=FIRST_SEEN), name="link_by_other_rule"),
        )


class Claim(models.Model):
    """What one key of one source says about a record that others speak of, too (docs/adr/0012).

    A record of which one key alone speaks has no claim: it stands as that key said it. ``said`` is the row as it
    would stand alone, by column, without what is blank.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    said = models.JSONField()
    line = models.IntegerField(null=True)
    origin = models.TextField(null=True)  # noqa: DJ001 (as on versions: mostly there is nothing to say)
    revision = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=("district_id", "kind", "record_id"), name="claim_by_record"),)


class Relink(models.Model):
    """What a key meant before a person, a merge or a migration said that it means another record.

    ``became``, of a migration: the key by which the source calls that record from then on. ``undone_by``: who took back
    that a person parted the two; then it binds nobody.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key", "revision")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    revision = models.IntegerField()
    was_id = models.UUIDField()
    rule = models.CharField(max_length=40)  # of the link that was
    evidence = models.JSONField(null=True)
    merge = models.IntegerField(null=True)
    migration = models.IntegerField(null=True)
    became = models.TextField(null=True, db_collation="C")  # noqa: DJ001 (a key is never blank; none is none)
    undone_by = models.CharField(max_length=200, blank=True, db_default="")
    undone_revision = models.IntegerField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(undone_by="", undone_revision__isnull=True)
                | (~models.Q(undone_by="") & models.Q(undone_revision__isnull=False)),
                name="splits_taken_back_say_by_whom",
            ),
        )
        indexes = (
            models.Index(fields=("district_id", "merge"), name="relink_by_merge"),
            models.Index(fields=("district_id", "kind", "revision"), name="relink_by_revision"),
        )


class Migration(models.Model):
    """A source gave other keys to its records, and a person said which is which. Can be undone until its next run."""

    pk = models.CompositePrimaryKey("district_id", "number")
    district_id = models.UUIDField()
    number = models.IntegerField()
    source_id = models.UUIDField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    revision = models.IntegerField()
    counts = models.JSONField(default=dict)  # kind → keys that came to mean another record
    undone_by = models.CharField(max_length=200, blank=True)
    undone_revision = models.IntegerField(null=True)


class Refusal(models.Model):
    """A person said that a key does not mean a record: they are different, whatever speaks for it.

    ``migration``: out of whose proposal it was struck; 0 for none. One that was taken back binds nobody.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key", "record_id")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    migration = models.IntegerField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    undone_by = models.CharField(max_length=200, blank=True, db_default="")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(undone_by="", undone_at__isnull=True)
                | (~models.Q(undone_by="") & models.Q(undone_at__isnull=False)),
                name="refusals_taken_back_say_by_whom",
            ),
        )


class Question(models.Model):
    """A key that seems to mean another person than it did. Its row is not taken until somebody says which.

    ``row_hash`` is the row about which it is asked: the answer *same* holds for that row.
    """

    pk = models.CompositePrimaryKey("district_id", "source_id", "kind", "key")
    district_id = models.UUIDField()
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    key = models.TextField(db_collation="C")
    record_id = models.UUIDField()
    row_hash = models.UUIDField()
    asked_at = models.DateTimeField()
    answer = models.CharField(max_length=5, blank=True)  # same, other; blank while it is open
    by = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(answer__in=("", "same", "other")), name="question_answer"),
        )


class Merge(models.Model):
    """Two records that were found to be one. Can be undone, and then says by whom."""

    pk = models.CompositePrimaryKey("district_id", "number")
    district_id = models.UUIDField()
    number = models.IntegerField()
    kind = models.CharField(max_length=20)
    keep_id = models.UUIDField()
    lose_id = models.UUIDField()
    evidence = models.JSONField(default=dict)
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    revision = models.IntegerField()
    undone_by = models.CharField(max_length=200, blank=True)
    undone_revision = models.IntegerField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~models.Q(keep_id=models.F("lose_id")), name="merges_are_of_two"),
        )


class Alias(models.Model):
    """A GG4L ID that was merged into another. It is never given to anybody else, and still resolves."""

    pk = models.CompositePrimaryKey("district_id", "kind", "alias_id")
    district_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    alias_id = models.UUIDField()
    record_id = models.UUIDField()
    merge = models.IntegerField()


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
        Type.SCALE: models.JSONField(null=True),
        Type.JSON: models.JSONField(null=True),
    }
    made = plain[field.type]
    if field.many and field.type in {Type.TEXT, Type.REFERENCE}:
        return ArrayField(models.TextField() if field.type is Type.TEXT else models.UUIDField(), null=True)
    return made


def index_name(wanted: str) -> str:
    """A name that is short enough for Django; a long one ends with a part of its hash."""
    if len(wanted) <= models.Index.max_name_length:
        return wanted
    return f"{wanted[:_KEPT]}_{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"


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
            models.Index(fields=("district_id", f.column), name=index_name(f"{kind.table}_by_{f.column}"))
            for f in kind.fields
            if f.indexed
        ),
        # What is new since a revision lies together: a table's last pages, and an index of hardly any size finds them.
        BrinIndex(fields=("district_id", "rev_from"), name=index_name(f"{kind.table}_by_revision")),
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
        "line": models.IntegerField(null=True),  # where the source said it; ``origin`` names the file if not the usual
        "origin": models.TextField(null=True),
        **{f.column: column(f) for f in kind.fields},
    }
    return type(name, (models.Model,), attributes)


RECORDS: dict[str, type[models.Model]] = {name: _record_model(kind) for name, kind in KINDS.items()}
