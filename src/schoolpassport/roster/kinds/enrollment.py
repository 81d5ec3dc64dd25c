from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="enrollment",
    plural="enrollments",
    school="school",
    stored_document=False,
    fields=(
        Field(
            name="user",
            type=Type.REFERENCE,
            target="user",
            required=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(
            name="class",
            type=Type.REFERENCE,
            target="class",
            required=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(name="school", type=Type.REFERENCE, target="org", required=True, privacy=Privacy.STUDENT, in_view=True),
        Field(
            name="role",
            required=True,
            values=("administrator", "proctor", "student", "teacher"),
            privacy=Privacy.STUDENT,
            in_view=True,
        ),
        Field(name="primary", type=Type.BOOLEAN, privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="beginDate", type=Type.DATE, privacy=Privacy.STUDENT, in_view=True),
        Field(name="endDate", type=Type.DATE, privacy=Privacy.STUDENT, in_view=True),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT, in_view=True),
    ),
)
