from schoolpassport.sharing.attributes.shape import Declared

KIND = "category"
DECLARED = (Declared("title", "Title", data_api=""),)
