from schoolpassport.roster.kinds.shape import EXTENDS, ONLY_1P2, Field, Kind, Privacy, Type

KIND = Kind(
    name="lineItem",
    plural="lineItems",
    fields=(
        Field(name="title", required=True, privacy=Privacy.STUDENT, in_view=True),
        Field(name="description", privacy=Privacy.STUDENT),
        Field(name="assignDate", type=Type.DATE_TIME, required=True, privacy=Privacy.STUDENT),
        Field(name="dueDate", type=Type.DATE_TIME, required=True, privacy=Privacy.STUDENT),
        Field(
            name="class",
            type=Type.REFERENCE,
            target="class",
            required=True,
            binding=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(name="category", type=Type.REFERENCE, target="category", required=True, privacy=Privacy.STUDENT),
        Field(
            name="gradingPeriod", type=Type.REFERENCE, target="academicSession", required=True, privacy=Privacy.STUDENT
        ),
        Field(name="resultValueMin", type=Type.FLOAT, required=True, privacy=Privacy.STUDENT),
        Field(name="resultValueMax", type=Type.FLOAT, required=True, privacy=Privacy.STUDENT),
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
