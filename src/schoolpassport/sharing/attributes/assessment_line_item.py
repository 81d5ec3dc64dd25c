from schoolpassport.sharing.attributes.shape import Declared

# The CSV of OneRoster has no file for assessments.
KIND = "assessmentLineItem"
DECLARED = (
    Declared("title", "Title", data_api="", csv=""),
    Declared("description", "Description", data_api="", csv=""),
    Declared("class", "Class", data_api="", csv=""),
    Declared("parentAssessmentLineItem", "Assessment that it is a part of", data_api="", csv=""),
    Declared("scoreScale", "Score scale", data_api="", csv=""),
    Declared("resultValueMin", "Lowest score", data_api="", csv=""),
    Declared("resultValueMax", "Highest score", data_api="", csv=""),
    Declared("learningObjectiveSet", "Learning objectives", data_api="", csv=""),
)
