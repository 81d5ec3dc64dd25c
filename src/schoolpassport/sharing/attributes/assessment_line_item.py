from schoolpassport.sharing.attributes.shape import Declared

KIND = "assessmentLineItem"
DECLARED = (
    Declared("title", "Title", data_api=""),
    Declared("description", "Description", data_api=""),
    Declared("class", "Class", data_api=""),
    Declared("parentAssessmentLineItem", "Assessment that it is a part of", data_api=""),
    Declared("scoreScale", "Score scale", data_api=""),
    Declared("resultValueMin", "Lowest score", data_api=""),
    Declared("resultValueMax", "Highest score", data_api=""),
    Declared("learningObjectiveSet", "Learning objectives", data_api=""),
)
