"""A row of OneRoster's courseResources.csv: that a course uses a resource. Shown as `resources` of the course."""

from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="courseResource",
    plural="courseResources",
    shared=False,
    fields=(
        Field(name="title", privacy=Privacy.PUBLIC),
        Field(
            name="course",
            type=Type.REFERENCE,
            target="course",
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
