"""GG4L IDs that do not stay with whom they belong to."""

from tests.simulator.planted.shape import DIFFERENCE, Patch, bug

_IDENTIFY = "schoolpassport.sync.settling:identify"

BUGS = (
    bug(
        "whoever returns gets a new id",
        scene="a_pupil_leaves_and_is_back",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function=_IDENTIFY,
        old="coalesce(c.known_id, m.id, {new})",
        new="CASE WHEN c.was_gone THEN {new} ELSE coalesce(c.known_id, m.id, {new}) END",
    ),
    bug(
        "ids go by the order of rows",
        scene="everybody_is_told_in_another_order",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function=_IDENTIFY,
        old="coalesce(c.known_id, m.id, {new})",
        new="coalesce(lag(c.known_id) OVER (ORDER BY c.line), lead(c.known_id) OVER (ORDER BY c.line), c.known_id, "
        "m.id, {new})",
    ),
    bug(
        "an id given to another pupil is taken for the same",
        scene="an_id_is_given_to_another_pupil",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function="schoolpassport.sync.identifying:_withhold",
        old='if kind.name == "user" and ways.creates and bench.any(_known_again(kind)):',
        new="if False:",
    ),
    bug(
        "a birth date that nobody tells is the same",
        scene="an_id_passes_on_while_birth_dates_are_not_told",
        seen=f"{DIFFERENCE}|GG4L ID",
        function="schoolpassport.sync.identifying:_withhold_others",
        old="if beside.name in ways.whole:",
        new="if True:",
    ),
    bug(
        "a grade tells that somebody is back",
        scene="an_id_of_who_left_passes_on_within_the_grade",
        seen=f"{DIFFERENCE}|GG4L ID",
        function="schoolpassport.sync.identifying:_withhold_others",
        old="(c.was_gone OR ((",
        new="(false OR ((",
    ),
    bug(
        "whoever had an id that waits is not found under a new one",
        scene="whoever_had_an_id_that_is_anothers_returns_before_anybody_answers",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function="schoolpassport.sync.identifying:_match",
        old="ANTI JOIN withheld_{table} USING (line) ",
        new="",
    ),
    bug(
        "names alone tell who somebody is",
        scene="a_namesake_comes",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function="schoolpassport.matching.exact:find",
        old='" AND ".join(f"w.{quoted(a)} = k.{quoted(a)}" for a in domain.attributes)',
        new='" AND ".join(f"w.{quoted(a)} = k.{quoted(a)}" for a in ("givenName", "familyName"))',
        more=(
            Patch("schoolpassport.sync.identifying:_match", " AND ({near})", ""),
            Patch("schoolpassport.sync.identifying:_said", 'bench.count("want") > _FEW', "True"),
        ),
    ),
    bug(
        "another system makes other people",
        scene="another_system_takes_over",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks|it waits for",
        function="schoolpassport.sync.identifying:prepare",
        old="elif ways.domains.get(kind.name) and _is_any_new(bench, kind):",
        new="elif False:",
    ),
    bug(
        "ids are read without regard to case",
        scene="ids_that_differ_in_case_only",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function="schoolpassport.sources.staging:_selected",
        old='f"{reading.cell(plan, KEY)} AS key"',
        new='f"lower({reading.cell(plan, KEY)}) AS key"',
    ),
    bug(
        "of two rows of one id the first wins silently",
        scene="one_id_stands_twice",
        seen=f"{DIFFERENCE}|GG4L ID|nobody speaks",
        function="schoolpassport.quality.inspection:_find_twice",
        old="min(hash::VARCHAR || gone) OVER same <> max(hash::VARCHAR || gone) OVER same AS differ",
        new="false AS differ",
    ),
)
