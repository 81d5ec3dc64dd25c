from schoolpassport.sharing.attributes.shape import Declared

# The CSV of OneRoster has no file for assessments.
KIND = "assessmentResult"
DECLARED = (
    Declared("assessmentLineItem", "Assessment", data_api="", csv=""),
    Declared("student", "Student", data_api="", csv=""),
    Declared("scoreStatus", "State", data_api="", csv=""),
    Declared("score", "Score", data_api="", csv=""),
    Declared("textScore", "Score in words", data_api="", csv=""),
    Declared("scoreDate", "Scored on", data_api="", csv=""),
    Declared("scoreScale", "Score scale", data_api="", csv=""),
    Declared("scorePercentile", "Percentile", data_api="", csv=""),
    Declared("comment", "Comment", data_api="", csv=""),
    Declared("learningObjectiveSet", "Scores of learning objectives", data_api="", csv=""),
    Declared("inProgress", "In progress", data_api="", csv=""),
    Declared("incomplete", "Incomplete", data_api="", csv=""),
    Declared("late", "Late", data_api="", csv=""),
    Declared("missing", "Missing", data_api="", csv=""),
)
