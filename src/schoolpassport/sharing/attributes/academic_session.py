from schoolpassport.sharing.attributes.shape import Declared

KIND = "academicSession"
DECLARED = (
    Declared("title", "Title", data_api="name"),
    Declared("type", "Type", data_api=""),
    Declared("startDate", "First day", data_api="start_date"),
    Declared("endDate", "Last day", data_api="end_date"),
    Declared("parent", "Part of", data_api=""),
    Declared("schoolYear", "School year", data_api=""),
)
