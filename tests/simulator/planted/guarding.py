"""A guard that sleeps."""

from tests.simulator.planted.shape import DIFFERENCE, bug

_GUARD = "schoolpassport.sync.guard"

BUGS = (
    bug(
        "the limit of a kind is ignored",
        scene="some_rows_are_cut_off_and_come_back_by_and_by",
        seen=DIFFERENCE,
        function=f"{_GUARD}:of_kind",
        old="if standing < limits.minimum_base or not removed:",
        new="if True:",
    ),
    bug(
        "the limit of a school is ignored",
        scene="a_bus_full_leaves",
        seen=DIFFERENCE,
        function=f"{_GUARD}:_of_school",
        old="if standing < limits.minimum_base or (removed <= share * standing and removed <= count):",
        new="if True:",
    ),
    bug(
        "other ids pass",
        scene="most_rows_are_cut_off",
        seen=DIFFERENCE,
        function=f"{_GUARD}:_other_ids",
        old="if overlap >= limits.overlap_share:",
        new="if True:",
    ),
    bug(
        "ten times the rows pass",
        scene="too_much_of_everything",
        seen=DIFFERENCE,
        function=f"{_GUARD}:of_run",
        old="found.extend(_too_many_changes(limits.of_kind(kind), kind, facts, schools))",
        new="pass",
    ),
    bug(
        "however many rows are bad, the rest is taken",
        scene="too_much_of_everything",
        seen=DIFFERENCE,
        function="schoolpassport.sync.walk:_trust",
        old="if total >= base and count > share * total:",
        new="if False:",
    ),
    bug(
        "an approval still waits for witnesses",
        scene="another_system_takes_over",
        seen=DIFFERENCE,
        function="schoolpassport.sync.course:go",
        old="lenient=bool(run.approved_by)",
        new="lenient=False",
    ),
    bug(
        "what was announced is asked about",
        scene="the_year_turns_as_announced",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:_expect",
        old="of_kind = [a for a in court.announced if a.kind == kind]",
        new="of_kind = []",
    ),
    bug(
        "packages are read while imports rest",
        scene="summer",
        seen=DIFFERENCE,
        function="schoolpassport.sync.course:go",
        old="if not run.approved_by and (rest := Rollover.of(held).rests(now)):",
        new="if (rest := Rollover.of(held).rests(now)) and not rest:",
    ),
)
