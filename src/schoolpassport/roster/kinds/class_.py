from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="class",
    plural="classes",
    school="school",
    fields=(
        Field(name="title", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="classCode", privacy=Privacy.PUBLIC, in_view=True),
        Field(
            name="classType", required=True, values=("homeroom", "scheduled"), privacy=Privacy.PUBLIC, in_view=True
        ),
        Field(name="location", privacy=Privacy.PUBLIC),
        Field(name="grades", many=True, privacy=Privacy.PUBLIC),
        Field(name="subjects", many=True, privacy=Privacy.PUBLIC),
        Field(name="course", type=Type.REFERENCE, target="course", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="school", type=Type.REFERENCE, target="org", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(
            name="terms",
            type=Type.REFERENCE,
            target="academicSession",
            many=True,
            required=True,
            privacy=Privacy.PUBLIC,
            in_view=True,
        ),
        Field(name="subjectCodes", many=True, privacy=Privacy.PUBLIC),
        Field(name="periods", many=True, privacy=Privacy.PUBLIC),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
