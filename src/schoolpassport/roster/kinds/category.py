from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="category",
    plural="categories",
    fields=(
        Field(name="title", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
