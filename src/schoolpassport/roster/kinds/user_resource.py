"""A row of OneRoster 1.2's userResources.csv: that a user uses a resource. Shown as `resources` of the user."""

from schoolpassport.roster.kinds.shape import ONLY_1P2, Field, Kind, Privacy, Type

KIND = Kind(
    name="userResource",
    plural="userResources",
    shared=False,
    versions=ONLY_1P2,
    fields=(
        Field(
            name="user",
            type=Type.REFERENCE,
            target="user",
            required=True,
            binding=True,
            privacy=Privacy.STUDENT,
            indexed=True,
        ),
        Field(
            name="resource",
            type=Type.REFERENCE,
            target="resource",
            required=True,
            binding=True,
            privacy=Privacy.STUDENT,
        ),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
