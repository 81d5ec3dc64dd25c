"""What was written, who may write, and who is shown what others wrote."""

from typing import Any

from django.db import models

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import Status, column, index_name


class Writer(models.Model):
    """The district lets an integration write. A row is the permission."""

    pk = models.CompositePrimaryKey("district_id", "integration_id")
    district_id = models.UUIDField()
    integration_id = models.UUIDField()
    since = models.DateTimeField()


class Audience(models.Model):
    """The district shows what one integration wrote to another one, as far as that one's consent goes."""

    pk = models.CompositePrimaryKey("district_id", "writer_id", "reader_id")
    district_id = models.UUIDField()
    writer_id = models.UUIDField()
    reader_id = models.UUIDField()
    since = models.DateTimeField()


def _written_model(kind: Kind) -> type[models.Model]:
    name = f"Written{kind.name[0].upper()}{kind.name[1:]}"
    constraints = [
        models.CheckConstraint(condition=models.Q(status__in=Status.values), name=f"written_{kind.table}_status"),
        models.UniqueConstraint(
            fields=("district_id", "integration_id", "name"), name=f"written_{kind.table}_by_its_name"
        ),
    ]
    indexes = [
        models.Index(fields=("district_id", f.column), name=index_name(f"written_{kind.table}_by_{f.column}"))
        for f in kind.fields
        if f.binding  # what is bound to a record comes and goes with it
    ]
    meta = type("Meta", (), {"db_table": f"gradebook_{kind.table}", "constraints": constraints, "indexes": indexes})
    attributes: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": name,
        "Meta": meta,
        "pk": models.CompositePrimaryKey("district_id", "id"),
        "district_id": models.UUIDField(),
        "id": models.UUIDField(),
        "integration_id": models.UUIDField(),
        "name": models.TextField(db_collation="C"),  # what the application calls it
        "status": models.CharField(max_length=11),
        "written_at": models.DateTimeField(),
        **{f.column: column(f) for f in kind.fields},
    }
    return type(name, (models.Model,), attributes)


WRITTEN: dict[str, type[models.Model]] = {name: _written_model(KINDS[name]) for name in GRADES}
