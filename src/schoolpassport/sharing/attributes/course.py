from schoolpassport.sharing.attributes.shape import Declared

KIND = "course"
DECLARED = (
    Declared("title", "Title", data_api="name"),
    Declared("schoolYear", "School year", data_api=""),
    Declared("courseCode", "Course code", data_api="number"),
    Declared("grades", "Grades", data_api=""),
    Declared("subjects", "Subjects", data_api=""),
    Declared("org", "School", data_api="school"),
    Declared("subjectCodes", "Subject codes", data_api=""),
    Declared("resources", "Resources", data_api="resources", csv="courseResources.csv"),
)
