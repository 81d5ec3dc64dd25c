from schoolpassport.sharing.attributes.shape import Declared

KIND = "enrollment"
DECLARED = (
    Declared("user", "Person", data_api="students"),
    Declared("class", "Class", data_api="section"),
    Declared("school", "School", data_api="school"),
    Declared("role", "Role in the class", data_api="teachers"),
    Declared("primary", "Primary teacher", data_api="teacher"),
    Declared("beginDate", "First day", data_api=""),
    Declared("endDate", "Last day", data_api=""),
)
