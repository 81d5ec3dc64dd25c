from schoolpassport.sharing.attributes.shape import Declared

KIND = "lineItem"
DECLARED = (
    Declared("title", "Title", data_api=""),
    Declared("description", "Description", data_api=""),
    Declared("assignDate", "Given on", data_api=""),
    Declared("dueDate", "Due on", data_api=""),
    Declared("class", "Class", data_api=""),
    Declared("category", "Category", data_api=""),
    Declared("gradingPeriod", "Grading period", data_api=""),
    Declared("resultValueMin", "Lowest score", data_api=""),
    Declared("resultValueMax", "Highest score", data_api=""),
    Declared("scoreScale", "Score scale", data_api="", csv="lineItemScoreScales.csv"),
)
