from schoolpassport.sharing.attributes.shape import Declared

KIND = "scoreScale"
DECLARED = (
    Declared("title", "Title", data_api=""),
    Declared("type", "Kind of scale", data_api=""),
    Declared("course", "Course", data_api=""),
    Declared("class", "Class", data_api=""),
    Declared("scoreScaleValue", "What scores mean", data_api=""),
)
