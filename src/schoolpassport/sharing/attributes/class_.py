from schoolpassport.sharing.attributes.shape import Declared

KIND = "class"
DECLARED = (
    Declared("title", "Title", data_api="name"),
    Declared("classCode", "Class code", data_api="section_number"),
    Declared("classType", "Homeroom or scheduled", data_api=""),
    Declared("location", "Room", data_api=""),
    Declared("grades", "Grades", data_api="grade"),
    Declared("subjects", "Subjects", data_api="subject"),
    Declared("course", "Course", data_api="course"),
    Declared("school", "School", data_api="school"),
    Declared("terms", "Terms", data_api="term_id"),
    Declared("subjectCodes", "Subject codes", data_api=""),
    Declared("periods", "Periods", data_api="period"),
    Declared("resources", "Resources", data_api="resources", csv="classResources.csv"),
)
