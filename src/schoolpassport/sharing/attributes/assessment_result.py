from schoolpassport.sharing.attributes.shape import Declared

KIND = "assessmentResult"
DECLARED = (
    Declared("assessmentLineItem", "Assessment", data_api=""),
    Declared("student", "Student", data_api=""),
    Declared("scoreStatus", "State", data_api=""),
    Declared("score", "Score", data_api=""),
    Declared("textScore", "Score in words", data_api=""),
    Declared("scoreDate", "Scored on", data_api=""),
    Declared("scoreScale", "Score scale", data_api=""),
    Declared("scorePercentile", "Percentile", data_api=""),
    Declared("comment", "Comment", data_api=""),
    Declared("learningObjectiveSet", "Scores of learning objectives", data_api=""),
    Declared("inProgress", "In progress", data_api=""),
    Declared("incomplete", "Incomplete", data_api=""),
    Declared("late", "Late", data_api=""),
    Declared("missing", "Missing", data_api=""),
)
