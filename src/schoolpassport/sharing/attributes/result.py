from schoolpassport.sharing.attributes.shape import Declared

KIND = "result"
DECLARED = (
    Declared("lineItem", "Assignment", data_api=""),
    Declared("student", "Student", data_api=""),
    Declared("scoreStatus", "State", data_api=""),
    Declared("score", "Score", data_api=""),
    Declared("scoreDate", "Scored on", data_api=""),
    Declared("comment", "Comment", data_api=""),
    Declared("scoreScale", "Score scale", data_api="", csv="resultScoreScales.csv"),
)
