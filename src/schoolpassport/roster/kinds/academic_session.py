from schoolpassport.roster.kinds.shape import Derived, Field, Kind, Privacy, Type

KIND = Kind(
    name="academicSession",
    plural="academicSessions",
    fields=(
        Field(name="title", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(
            name="type",
            required=True,
            values=("gradingPeriod", "semester", "schoolYear", "term"),
            privacy=Privacy.PUBLIC,
            in_view=True,
        ),
        Field(name="startDate", type=Type.DATE, required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="endDate", type=Type.DATE, required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="parent", type=Type.REFERENCE, target="academicSession", privacy=Privacy.PUBLIC, in_view=True),
        Field(name="schoolYear", type=Type.YEAR, required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
    derived=(Derived(name="children", kind="academicSession", field="parent"),),
)
