from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type

_FLAGS = (
    "americanIndianOrAlaskaNative",
    "asian",
    "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander",
    "white",
    "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)

KIND = Kind(
    name="demographics",
    plural="demographics",
    same_id_as="user",
    fields=(
        Field(name="birthDate", type=Type.DATE, privacy=Privacy.SENSITIVE, in_view=True),
        Field(name="sex", values=("male", "female"), privacy=Privacy.SENSITIVE, in_view=True),
        *(Field(name=name, type=Type.BOOLEAN, privacy=Privacy.SENSITIVE) for name in _FLAGS),
        Field(name="countryOfBirthCode", privacy=Privacy.SENSITIVE),
        Field(name="stateOfBirthAbbreviation", privacy=Privacy.SENSITIVE),
        Field(name="cityOfBirth", privacy=Privacy.SENSITIVE),
        Field(name="publicSchoolResidenceStatus", privacy=Privacy.SENSITIVE),
        Field(name="metadata", type=Type.JSON, privacy=Privacy.SENSITIVE),
    ),
)
