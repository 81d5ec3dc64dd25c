"""What became of one student in a test. OneRoster 1.1 has none, and neither has the CSV of 1.2."""

from schoolpassport.roster.kinds.result import SCORE_STATUS
from schoolpassport.roster.kinds.shape import FLAGS_1P2, ONLY_1P2, Field, Kind, Privacy, Type

KIND = Kind(
    name="assessmentResult",
    plural="assessmentResults",
    versions=ONLY_1P2,
    fields=(
        Field(
            name="assessmentLineItem",
            type=Type.REFERENCE,
            target="assessmentLineItem",
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
        Field(name="scoreStatus", required=True, values=SCORE_STATUS, privacy=Privacy.STUDENT),
        Field(name="score", type=Type.FLOAT, privacy=Privacy.STUDENT),
        Field(name="textScore", privacy=Privacy.STUDENT),
        Field(name="scoreDate", type=Type.DATE, required=True, privacy=Privacy.STUDENT),
        Field(name="scoreScale", type=Type.REFERENCE, target="scoreScale", privacy=Privacy.STUDENT),
        Field(name="scorePercentile", type=Type.FLOAT, privacy=Privacy.STUDENT),
        Field(name="comment", privacy=Privacy.STUDENT),
        Field(name="learningObjectiveSet", type=Type.JSON, privacy=Privacy.STUDENT),
        *(Field(name=flag, type=Type.BOOLEAN, privacy=Privacy.STUDENT) for flag in FLAGS_1P2),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
