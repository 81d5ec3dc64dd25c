from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type
from schoolpassport.roster.kinds.user import ROLES_1P1

KIND = Kind(
    name="resource",
    plural="resources",
    fields=(
        Field(name="title", privacy=Privacy.PUBLIC, in_view=True),
        Field(name="roles", many=True, values=ROLES_1P1, privacy=Privacy.PUBLIC),
        Field(name="importance", values=("primary", "secondary"), privacy=Privacy.PUBLIC),
        Field(name="vendorResourceId", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(name="vendorId", privacy=Privacy.PUBLIC),
        Field(name="applicationId", privacy=Privacy.PUBLIC),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
)
