from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

KIND = Kind(
    name="course",
    plural="courses",
    school="org",
    fields=(
        Field(name="title", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="schoolYear", type=Type.REFERENCE, target="academicSession", privacy=Privacy.PUBLIC),
        Field(name="courseCode", privacy=Privacy.PUBLIC, blank_if_missing=True, in_view=True),
        Field(name="grades", many=True, privacy=Privacy.PUBLIC),
        Field(name="subjects", many=True, privacy=Privacy.PUBLIC),
        Field(name="org", type=Type.REFERENCE, target="org", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="subjectCodes", many=True, privacy=Privacy.PUBLIC),
        Field(
            name="resources",
            type=Type.REFERENCE,
            target="resource",
            many=True,
            gathered="courseResource",
            privacy=Privacy.PUBLIC,
            in_view=True,
        ),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
