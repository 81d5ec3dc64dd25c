from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="result",
    plural="results",
    fields=(
        Field(
            name="lineItem",
            type=Type.REFERENCE,
            target="lineItem",
            required=True,
            binding=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(
            name="student",
            type=Type.REFERENCE,
            target="user",
            required=True,
            binding=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(
            name="scoreStatus",
            required=True,
            values=("exempt", "fully graded", "not submitted", "partially graded", "submitted"),
            privacy=Privacy.STUDENT,
        ),
        Field(name="score", type=Type.FLOAT, required=True, privacy=Privacy.STUDENT),
        Field(name="scoreDate", type=Type.DATE, required=True, privacy=Privacy.STUDENT),
        Field(name="comment", privacy=Privacy.STUDENT),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
