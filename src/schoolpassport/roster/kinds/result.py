from schoolpassport.roster.kinds.shape import EXTENDS, ONLY_1P2, Field, Kind, Privacy, Type

SCORE_STATUS = ("exempt", "fully graded", "not submitted", "partially graded", "submitted")

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
            values=SCORE_STATUS,
            privacy=Privacy.STUDENT,
        ),
        Field(name="score", type=Type.FLOAT, required=True, privacy=Privacy.STUDENT),
        Field(name="scoreDate", type=Type.DATE, required=True, privacy=Privacy.STUDENT),
        Field(name="comment", privacy=Privacy.STUDENT),
        Field(
            name="scoreScale",
            type=Type.REFERENCE,
            target="scoreScale",
            privacy=Privacy.STUDENT,
            versions=ONLY_1P2,
            v1p1=f"{EXTENDS}gg4l.scoreScale",
        ),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
