from schoolpassport.sharing.attributes.shape import Declared

KIND = "org"
DECLARED = (
    Declared("name", "Name", data_api="name"),
    Declared("type", "Type", data_api=""),
    Declared("identifier", "Number", data_api="school_number"),
    Declared("parent", "Belongs to", data_api="district"),
)
