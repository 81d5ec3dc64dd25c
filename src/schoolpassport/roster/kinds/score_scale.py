"""How scores of a class are told in other words: 90-100 is A. OneRoster 1.1 has none."""

from schoolpassport.roster.kinds.shape import ONLY_1P2, Field, Kind, Privacy, Type

KIND = Kind(
    name="scoreScale",
    plural="scoreScales",
    versions=ONLY_1P2,
    fields=(
        Field(name="title", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="type", required=True, privacy=Privacy.PUBLIC),
        Field(name="course", type=Type.REFERENCE, target="course", privacy=Privacy.PUBLIC),
        Field(
            name="class",
            type=Type.REFERENCE,
            target="class",
            required=True,
            binding=True,
            privacy=Privacy.PUBLIC,
            in_view=True,
            indexed=True,
        ),
        Field(name="scoreScaleValue", type=Type.SCALE, required=True, privacy=Privacy.PUBLIC),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
