"""Values that are there and do not look like what they should be."""

from schoolpassport.kit.conditions import All, Any_, Condition, Not, Test
from schoolpassport.quality.records import Rule, Severity


def _phone(attribute: str) -> Rule:
    return Rule(
        name=f"bad {attribute} number",
        kind="user",
        severity=Severity.WARNING,
        attribute=attribute,
        where=Condition(attribute, Test.LOOKS_UNLIKE, "phone"),
        sentence="“{value}” of {who} is no phone number.",
        fix="Write one number, with its area code, like +1 203 555 0100; put remarks elsewhere.",
        bad=((("user", "b", {attribute: "ask mum"}),), (("user", "b2", {attribute: "123"}),)),
        good=((("user", "g", {attribute: "+1 (203) 555-0100"}),), (("user", "g2", {}),)),
    )


RULES = (
    Rule(
        name="bad e-mail",
        kind="user",
        severity=Severity.ERROR,
        attribute="email",
        where=Condition("email", Test.LOOKS_UNLIKE, "e-mail"),
        sentence="“{value}” of {who} is no e-mail address.",
        fix="Correct the address in the SIS: one address, with an @ and a domain, without spaces.",
        bad=((("user", "b", {"email": "pat at amber.example"}),), (("user", "b2", {"email": "a@b.c, d@e.f"}),)),
        good=((("user", "g", {"email": "pat.o'neil@amber.example"}),), (("user", "g2", {}),)),
    ),
    _phone("phone"),
    _phone("sms"),
    Rule(
        name="date before 1900",
        kind="demographics",
        severity=Severity.ERROR,
        attribute="birthDate",
        where=Condition("birthDate", Test.BEFORE, "1900-01-01"),
        sentence="The birth date of {who} is {value}.",
        fix="Correct the birth date in the SIS; if it is not known, leave it blank.",
        bad=((("demographics", "b", {"birthDate": "0012-05-17"}), ("user", "b", {"role": "teacher"})),),
        good=((("demographics", "g", {"birthDate": "2012-05-17"}), ("user", "g", {})),),
    ),
    Rule(
        name="birth date in the future",
        kind="demographics",
        severity=Severity.ERROR,
        attribute="birthDate",
        where=Condition("birthDate", Test.FUTURE),
        by_clock=True,
        sentence="{who} is not born yet: the birth date is {value}.",
        fix="Correct the birth date in the SIS; often the century or the year is wrong.",
        bad=((("demographics", "b", {"birthDate": "2112-05-17"}), ("user", "b", {})),),
        good=((("demographics", "g", {"birthDate": "2012-05-17"}), ("user", "g", {})),),
    ),
    Rule(
        name="ends before it begins",
        kind="academicSession",
        severity=Severity.ERROR,
        attribute="endDate",
        sql="r.end_date < r.start_date",
        sentence="{who} ends on {value}, before it begins.",
        fix="Correct the dates of the term in the SIS.",
        bad=((("academicSession", "b", {"startDate": "2026-09-01", "endDate": "2026-08-01"}),),),
        good=((("academicSession", "g", {"startDate": "2026-09-01", "endDate": "2026-09-01"}),),),
    ),
    Rule(
        name="blank name",
        kind="user",
        severity=Severity.ERROR,
        attribute="familyName",
        where=Any_(
            tuple(
                Condition(name, Test.ONE_OF, ("-", "--", "?", ".", "n/a", "none", "unknown", "test"))
                for name in ("givenName", "familyName")
            )
        ),
        sentence="The name of {who} stands for no name.",
        fix="Enter the name in the SIS; where somebody has one name only, leave the other blank.",
        bad=((("user", "b", {"familyName": "N/A"}),), (("user", "b2", {"givenName": "-"}),)),
        good=((("user", "g", {"familyName": "Nunez", "givenName": "Testa"}),),),
    ),
    Rule(
        name="one name only",
        kind="user",
        severity=Severity.WARNING,
        where=Not(All((Condition("givenName", Test.FILLED), Condition("familyName", Test.FILLED)))),
        sentence="{who} has one name only. It was taken so, and applications get the other name blank.",
        fix="Nothing is to be done if that is the whole name. If the other was forgotten, enter it in the SIS.",
        bad=((("user", "b", {"familyName": ""}),), (("user", "b2", {"givenName": ""}),)),
        good=((("user", "g", {"givenName": "Testa", "familyName": "Nunez"}),),),
    ),
    Rule(
        name="disabled pupil",
        kind="user",
        severity=Severity.WARNING,
        attribute="enabledUser",
        where=All((Condition("role", Test.EQUALS, "student"), Condition("enabledUser", Test.EQUALS, "false"))),
        sentence="{who} is exported, but not enabled.",
        fix="Enable the account in the SIS, or leave the pupil out of the export.",
        bad=((("user", "b", {"enabledUser": "false"}),),),
        good=((("user", "g", {}),), (("user", "t", {"enabledUser": "false", "role": "teacher"}),)),
    ),
)
