from schoolpassport.roster.kinds.shape import EXTENDS, ONLY_1P2, Field, Kind, Privacy, Type

# 1.1 knows one role per record; 1.2 knows several, each at an org. `role` is the primary one in the 1.1 vocabulary,
# `roles` holds what a 1.2 source says. A password column is read past and never stored.
ROLES_1P1 = ("administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher")


def _more(name: str, privacy: Privacy, type_: Type = Type.TEXT, each_names: str = "") -> Field:
    """What 1.2 has a property for, and 1.1 has as an extension."""
    extension = f"{EXTENDS}gg4l.{name}"
    return Field(name=name, type=type_, privacy=privacy, versions=ONLY_1P2, v1p1=extension, each_names=each_names)


KIND = Kind(
    name="user",
    plural="users",
    school="orgs",
    fields=(
        Field(name="username", required=True, privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="userIds", type=Type.USER_IDS, privacy=Privacy.STUDENT),
        Field(name="enabledUser", type=Type.BOOLEAN, required=True, privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="givenName", required=True, unless="familyName", privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="familyName", required=True, unless="givenName", privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="middleName", privacy=Privacy.DIRECTORY),
        Field(name="role", required=True, values=ROLES_1P1, privacy=Privacy.DIRECTORY, in_view=True),
        Field(name="identifier", privacy=Privacy.STUDENT, in_view=True),
        Field(name="email", privacy=Privacy.DIRECTORY, in_view=True, sought=True),
        Field(name="sms", privacy=Privacy.SENSITIVE),
        Field(name="phone", privacy=Privacy.SENSITIVE),
        Field(
            name="agents",
            type=Type.REFERENCE,
            target="user",
            many=True,
            privacy=Privacy.STUDENT,
            in_view=True,
            places=4,
        ),
        Field(
            name="orgs",
            type=Type.REFERENCE,
            target="org",
            many=True,
            required=True,
            privacy=Privacy.DIRECTORY,
            in_view=True,
            places=2,
        ),
        Field(name="grades", many=True, privacy=Privacy.STUDENT),
        _more("userMasterIdentifier", Privacy.STUDENT),
        _more("preferredFirstName", Privacy.DIRECTORY),
        _more("preferredMiddleName", Privacy.DIRECTORY),
        _more("preferredLastName", Privacy.DIRECTORY),
        _more("pronouns", Privacy.SENSITIVE),
        Field(
            name="primaryOrg",
            type=Type.REFERENCE,
            target="org",
            privacy=Privacy.DIRECTORY,
            versions=ONLY_1P2,
            v1p1="primarySchool",
        ),
        _more("roles", Privacy.DIRECTORY, Type.JSON, each_names="org"),
        _more("userProfiles", Privacy.SENSITIVE, Type.JSON),
        Field(
            name="resources",
            type=Type.REFERENCE,
            target="resource",
            many=True,
            gathered="userResource",
            privacy=Privacy.STUDENT,
            in_view=True,
            places=4,
            versions=ONLY_1P2,
            v1p1="resources",
        ),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.STUDENT),
    ),
)
