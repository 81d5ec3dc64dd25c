"""A test that is given to many, of one class or of none. OneRoster 1.1 has none, and neither has the CSV of 1.2."""

from schoolpassport.roster.kinds.shape import ONLY_1P2, Field, Kind, Privacy, Type

KIND = Kind(
    name="assessmentLineItem",
    plural="assessmentLineItems",
    versions=ONLY_1P2,
    fields=(
        Field(name="title", required=True, privacy=Privacy.STUDENT, in_view=True),
        Field(name="description", privacy=Privacy.STUDENT),
        Field(
            name="class",
            type=Type.REFERENCE,
            target="class",
            binding=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            indexed=True,
        ),
        Field(
            name="parentAssessmentLineItem",
            type=Type.REFERENCE,
            target="assessmentLineItem",
            privacy=Privacy.STUDENT,
        ),
        Field(name="scoreScale", type=Type.REFERENCE, target="scoreScale", privacy=Privacy.STUDENT),
        Field(name="resultValueMin", type=Type.FLOAT, privacy=Privacy.STUDENT),
        Field(name="resultValueMax", type=Type.FLOAT, privacy=Privacy.STUDENT),
        Field(name="learningObjectiveSet", type=Type.JSON, privacy=Privacy.STUDENT),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
