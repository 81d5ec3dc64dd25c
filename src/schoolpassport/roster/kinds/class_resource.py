"""A row of OneRoster's classResources.csv: that a class uses a resource. Shown as `resources` of the class."""

from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="classResource",
    plural="classResources",
    shared=False,
    fields=(
        Field(name="title", privacy=Privacy.PUBLIC),
        Field(
            name="class",
            type=Type.REFERENCE,
            target="class",
            required=True,
            binding=True,
            privacy=Privacy.PUBLIC,
            indexed=True,
        ),
        Field(
            name="resource",
            type=Type.REFERENCE,
            target="resource",
            required=True,
            binding=True,
            privacy=Privacy.PUBLIC,
        ),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
