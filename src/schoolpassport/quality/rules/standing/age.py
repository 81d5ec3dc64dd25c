"""Birth dates that no pupil can have."""

from schoolpassport.quality.records import Rule, Severity, Touch
from schoolpassport.quality.rules.standing._roster import stands

RULES = (
    Rule(
        name="age out of range",
        kind="demographics",
        severity=Severity.ERROR,
        attribute="birthDate",
        sql="(r.birth_date > DATE '{today}' - make_interval(years => {youngest}) "
        "OR r.birth_date <= DATE '{today}' - make_interval(years => {oldest} + 1)) AND "
        + stands("user", "u", "u.id = r.id AND u.role = 'student'"),
        parameters={"youngest": 2, "oldest": 25},
        touched_by=(Touch(".sourcedId"),),
        by_clock=True,
        sentence="{who} is a student, and was born on {value}.",
        fix="Correct the birth date in the SIS, or the role if it is not a student.",
        bad=(
            (("demographics", "b", {"birthDate": "1912-05-17"}), ("user", "b", {})),
            (("demographics", "b2", {"birthDate": "2025-12-31"}), ("user", "b2", {})),
        ),
        good=(
            (("demographics", "g", {"birthDate": "2012-05-17"}), ("user", "g", {})),
            (("demographics", "t", {"birthDate": "1972-05-17"}), ("user", "t", {"role": "teacher"})),
        ),
    ),
)
