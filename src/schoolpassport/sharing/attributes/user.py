from schoolpassport.sharing.attributes.shape import Declared
from schoolpassport.sharing.masks import Like

KIND = "user"
DECLARED = (
    Declared("username", "User name", data_api="credentials.district_username", like=Like.HANDLE),
    Declared("userIds", "Ids in other systems", data_api=""),
    Declared("enabledUser", "May sign in", data_api=""),
    Declared("givenName", "Given name", data_api="name.first", like=Like.NAME),
    Declared("familyName", "Family name", data_api="name.last", like=Like.NAME),
    Declared("middleName", "Middle name", data_api="name.middle", like=Like.NAME),
    Declared("role", "Role", data_api="roles", v1p2="roles.role"),
    Declared("identifier", "Student or staff number", data_api="student_number", like=Like.HANDLE),
    Declared("email", "E-mail address", data_api="email", like=Like.EMAIL),
    Declared("sms", "Mobile phone", data_api="", like=Like.PHONE),
    Declared("phone", "Phone", data_api="phone", like=Like.PHONE),
    Declared("agents", "Parents and guardians, or whose they are", data_api="contacts"),
    Declared("orgs", "Schools", data_api="schools", v1p2="roles.org"),
    Declared("grades", "Grade", data_api="grade"),
    Declared("userMasterIdentifier", "Number in all systems", data_api="", like=Like.HANDLE),
    Declared(
        "preferredFirstName",
        "Preferred first name",
        data_api="preferred_name.first",
        like=Like.NAME,
        csv="preferredGivenName",
    ),
    Declared("preferredMiddleName", "Preferred middle name", data_api="preferred_name.middle", like=Like.NAME),
    Declared(
        "preferredLastName",
        "Preferred last name",
        data_api="preferred_name.last",
        like=Like.NAME,
        csv="preferredFamilyName",
    ),
    Declared("pronouns", "Pronouns", data_api=""),
    Declared("primaryOrg", "Primary school", data_api="school"),
    Declared("roles", "All roles", data_api="", csv="roles.csv"),
    Declared("userProfiles", "Accounts in other systems", data_api="", csv="userProfiles.csv"),
)
