from schoolpassport.sharing.attributes.shape import Declared

KIND = "resource"
DECLARED = (
    Declared("title", "Title", data_api="title"),
    Declared("roles", "For which roles", data_api="roles"),
    Declared("importance", "Importance", data_api=""),
    Declared("vendorResourceId", "The vendor's number", data_api="resource_id"),
    Declared("vendorId", "Vendor", data_api=""),
    Declared("applicationId", "Application", data_api=""),
)
