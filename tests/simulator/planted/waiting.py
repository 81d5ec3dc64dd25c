"""Removals that do not wait as they should."""

from tests.simulator.planted.shape import DIFFERENCE, bug

_GATHER = "schoolpassport.sync.waiting:_gather"

BUGS = (
    bug(
        "one witness is enough",
        scene="a_pupil_leaves_and_is_back",
        seen=DIFFERENCE,
        function=_GATHER,
        old="len(witnesses) >= {court.limits.witnesses}",
        new="len(witnesses) >= 1",
    ),
    bug(
        "the same package again is a second witness",
        scene="the_same_package_again_after_another",
        seen=DIFFERENCE,
        function=_GATHER,
        old="NOT (explicit OR {again} OR {full})",
        new="NOT (explicit OR {full})",
    ),
    bug(
        "a record that is back keeps its witness",
        scene="a_pupil_is_missing_for_a_night_and_later_again",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:turned",
        old="WHERE kind IN ({compared})",
        new="WHERE false AND kind IN ({compared})",
    ),
    bug(
        "a hold ends by itself when less is missing",
        scene="some_rows_are_cut_off_and_come_back_by_and_by",
        seen=DIFFERENCE,
        function=_GATHER,
        old="CASE WHEN state IN ('held', 'kept')",
        new="CASE WHEN state = 'kept'",
    ),
    bug(
        "what a person keeps is forgotten",
        scene="what_is_held_is_kept",
        seen=DIFFERENCE,
        function=_GATHER,
        old="CASE WHEN state IN ('held', 'kept')",
        new="CASE WHEN state = 'held'",
    ),
    bug(
        "a little more each night is never too much",
        scene="a_bus_full_leaves",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:_suspect",
        old="judged = f\"state IN ('{_GOES}', 'held') AND",
        new="judged = f\"state = '{_GOES}' AND",
    ),
    bug(
        "what is bound to a held record goes",
        scene="ten_pupils_are_missing_and_one_seat",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:_bind",
        old="if not held:",
        new="if True:",
    ),
    bug(
        "a file cut off in a row is a witness",
        scene="a_file_is_torn_after_a_pupil_left",
        seen=DIFFERENCE,
        function="schoolpassport.sync.walk:_doubt",
        old="if _is_cut(before, plan):",
        new="if False:",
    ),
    bug(
        "a row without an id does not keep the others",
        scene="a_row_without_an_id",
        seen=DIFFERENCE,
        function="schoolpassport.sync.difference:removals_withheld",
        old="return bool(row and row[0])",
        new="return False",
    ),
    bug(
        "a line that cannot be read is a removal",
        scene="a_file_is_torn_after_a_pupil_left",
        seen=DIFFERENCE,
        function="schoolpassport.sync.difference:_compare_bulk",
        old="SELECT key FROM unread_{table} WHERE key IS NOT NULL",
        new="SELECT key FROM unread_{table} WHERE false",
    ),
    bug(
        "something is removed while removals rest",
        scene="summer",
        seen=DIFFERENCE,
        function="schoolpassport.sync.waiting:_judge",
        old="if court.keeps:",
        new="if False:",
    ),
)
