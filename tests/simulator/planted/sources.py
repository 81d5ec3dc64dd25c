"""Two sources that are taken for one, or for each other."""

from tests.simulator.planted.shape import DIFFERENCE, bug

_ACCOUNTS = "accounts mean somebody else"
_SUPERSEDE = "schoolpassport.sync.states:supersede"

BUGS = (
    bug(
        "whatever a district says, the first source is master",
        scene="a_directory_adds_what_it_knows",
        seen=DIFFERENCE,
        function="schoolpassport.roster.records:Authority.ranked",
        old="masters = [s for s, rule in named.items() if rule is Rule.MASTER]",
        new="masters = []",
    ),
    bug(
        "what fills in replaces what stands",
        scene="a_directory_adds_what_it_knows",
        seen=DIFFERENCE,
        function="schoolpassport.roster.records:Authority.ranked",
        old="return Ranked(first=(*masters, *fills), kept=kept)",
        new="return Ranked(first=(*fills, *masters), kept=kept)",
    ),
    bug(
        "accounts are never matched",
        scene="somebody_is_in_the_directory_only",
        seen=f"{DIFFERENCE}|{_ACCOUNTS}",
        function="schoolpassport.sync.identifying:_is_any_new",
        old="return bench.any(_new(kind))",
        new="return False",
    ),
    bug(
        "an address alone tells who somebody is",
        scene="an_address_is_given_to_another_person",
        seen=f"{DIFFERENCE}|{_ACCOUNTS}",
        function="schoolpassport.matching.exact:_agree",
        old="if not domain.is_email_alone:",
        new="if True:",
    ),
    bug(
        "what an account added stays when it is gone",
        scene="an_account_is_closed_and_opened_again",
        seen=DIFFERENCE,
        function="schoolpassport.roster.claims:Claims.take",
        old="c.key = lost.key",
        new="false",
    ),
    bug(
        "an account keeps a person in the roster",
        scene="a_pupil_leaves_whose_account_stays",
        seen=f"{DIFFERENCE}|nobody speaks",
        function="schoolpassport.roster.writing:Writer._lose",
        old="AND l.source_id <> ALL(%(enrichment)s::uuid[]) AND o.key IS NULL",
        new="AND o.key IS NULL",
    ),
    bug(
        "an account finds somebody who is gone",
        scene="a_pupil_leaves_whose_account_stays",
        seen=_ACCOUNTS,
        function="schoolpassport.sync.identifying:_match",
        old="""there = "true" if ways.creates else "status = 'active'\"""",
        new='there = "true"',
    ),
    bug(
        "a package of one source decides about another's that waits",
        scene="one_source_is_held_and_the_other_goes_on",
        seen="wait as a whole",
        function=_SUPERSEDE,
        old="source_id=run.source_id, ",
        new="",
    ),
    bug(
        "accounts that are missing are not asked about",
        scene="many_accounts_are_missing",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:_suspect",
        old='if not bench.any(f"asked_{table} WHERE {fresh}"):',
        new="if True:",
    ),
)
