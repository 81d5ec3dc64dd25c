from schoolpassport.sharing.attributes.shape import Declared
from schoolpassport.sharing.masks import Like

KIND = "demographics"
DECLARED = (
    Declared("birthDate", "Birth date", data_api="dob", like=Like.DAY),
    Declared("sex", "Sex", data_api="gender", like=Like.CHOICE),
    Declared("americanIndianOrAlaskaNative", "American Indian or Alaska Native", data_api="race"),
    Declared("asian", "Asian", data_api="race"),
    Declared("blackOrAfricanAmerican", "Black or African American", data_api="race"),
    Declared("nativeHawaiianOrOtherPacificIslander", "Native Hawaiian or other Pacific Islander", data_api="race"),
    Declared("white", "White", data_api="race"),
    Declared("demographicRaceTwoOrMoreRaces", "Two or more races", data_api="race"),
    Declared("hispanicOrLatinoEthnicity", "Hispanic or Latino", data_api="hispanic_ethnicity"),
    Declared("countryOfBirthCode", "Country of birth", data_api=""),
    Declared("stateOfBirthAbbreviation", "State of birth", data_api=""),
    Declared("cityOfBirth", "City of birth", data_api=""),
    Declared("publicSchoolResidenceStatus", "Residence status", data_api=""),
)
