from schoolpassport.roster.kinds.shape import Derived, Field, Kind, Privacy, Type

KIND = Kind(
    name="org",
    plural="orgs",
    school="id",
    fields=(
        Field(name="name", required=True, privacy=Privacy.PUBLIC, in_view=True),
        Field(
            name="type",
            required=True,
            values=("department", "school", "district", "local", "state", "national"),
            privacy=Privacy.PUBLIC,
            in_view=True,
        ),
        Field(name="identifier", privacy=Privacy.PUBLIC, in_view=True),
        Field(name="parent", type=Type.REFERENCE, target="org", privacy=Privacy.PUBLIC, in_view=True),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.PUBLIC),
    ),
    derived=(Derived(name="children", kind="org", field="parent"),),
)
