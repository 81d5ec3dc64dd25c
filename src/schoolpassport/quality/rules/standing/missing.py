"""Attributes that the standard leaves free and a school misses when they are blank."""

from schoolpassport.kit.conditions import All, Condition, Test, Tree
from schoolpassport.quality.records import Rule, Severity

_STUDENT = Condition("role", Test.EQUALS, "student")
_TEACHER = Condition("role", Test.EQUALS, "teacher")


def _blank(attribute: str, *also: Tree) -> Tree:
    return All((*also, Condition(attribute, Test.EMPTY)))


RULES = (
    Rule(
        name="student without grade",
        kind="user",
        severity=Severity.WARNING,
        attribute="grades",
        where=_blank("grades", _STUDENT),
        sentence="{who} has no grade.",
        fix="Enter the grade level in the SIS and export it in the column that feeds “grades”, as CEDS code (07).",
        bad=((("user", "b", {"role": "student", "grades": ""}),),),
        good=(
            (("user", "g", {"role": "student", "grades": "07"}),),
            (("user", "t", {"role": "teacher", "grades": ""}),),
        ),
    ),
    Rule(
        name="teacher without e-mail",
        kind="user",
        severity=Severity.WARNING,
        attribute="email",
        where=_blank("email", _TEACHER),
        sentence="{who} teaches and has no e-mail address.",
        fix="Enter the work e-mail of the teacher in the SIS, or add a directory as a second source that has it.",
        bad=((("user", "b", {"role": "teacher"}),),),
        good=(
            (("user", "g", {"role": "teacher", "email": "g@amber.example"}),),
            (("user", "s", {"role": "student"}),),
        ),
    ),
    Rule(
        name="student without identifier",
        kind="user",
        severity=Severity.WARNING,
        attribute="identifier",
        where=_blank("identifier", _STUDENT),
        sentence="{who} has no identifier (student number).",
        fix="Export the student number in the column that feeds “identifier”.",
        bad=((("user", "b", {"role": "student"}),),),
        good=((("user", "g", {"role": "student", "identifier": "4711"}),),),
    ),
)
