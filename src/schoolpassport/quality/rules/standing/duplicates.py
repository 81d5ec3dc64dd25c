"""Values that should belong to one person and belong to several."""

from schoolpassport.kit.columns import quoted
from schoolpassport.quality.records import Rule, Severity
from schoolpassport.quality.rules.standing._roster import stands
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources.schemas import SCHEMAS

_NAMING = ", ".join(f"'{s.name}'" for s in SCHEMAS.values() if s.names_by_id)


def _by_id(alias: str) -> str:
    naming = f"SELECT s.id FROM sources_source s WHERE s.district_id = {alias}.district_id AND s.schema IN ({_NAMING})"
    return roster.named_by_id(alias, f"IN ({naming})")


def _twice(name: str, attribute: str, severity: Severity, sentence: str, fix: str, *, also: str = "") -> Rule:
    column = quoted(KINDS["user"][attribute].column)
    return Rule(
        name=name,
        kind="user",
        severity=severity,
        attribute=attribute,
        peers=attribute,
        sql=f"r.{column} <> '' AND "
        + stands("user", "o", f"lower(o.{column}) = lower(r.{column}) AND o.id <> r.id{also}", among="{equals}"),
        sentence=sentence,
        fix=fix,
        bad=(
            (
                ("user", "b", {attribute: f"x-{attribute}@amber.example"}),
                ("user", "c", {attribute: f"X-{attribute}@amber.example"}),
            ),
        ),
        good=((("user", "g", {attribute: f"y-{attribute}@amber.example"}),),),
    )


RULES = (
    _twice(
        "duplicate username",
        "username",
        Severity.ERROR,
        "The username “{value}” of {who} belongs to somebody else, too.",
        "Give each person a username of their own in the SIS. If both are the same person, merge them.",
        also=f" AND NOT {_by_id('r')} AND NOT {_by_id('o')}",
    ),
    _twice(
        "duplicate identifier",
        "identifier",
        Severity.ERROR,
        "The identifier “{value}” of {who} belongs to somebody else, too.",
        "Correct the student or staff number in the SIS. If both are the same person, merge them.",
    ),
    _twice(
        "shared e-mail",
        "email",
        Severity.WARNING,
        "The e-mail address “{value}” of {who} is used by somebody else, too.",
        "Give each person an address of their own: often a parent's address stands with several children.",
    ),
)
