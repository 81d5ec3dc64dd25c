"""Packages that are misread."""

from tests.simulator.planted.shape import DIFFERENCE, bug

BUGS = (
    bug(
        "a delta is taken for the whole",
        scene="only_what_changed_is_told",
        seen=DIFFERENCE,
        function="schoolpassport.sync.difference:absences",
        old="if plan.mode is Mode.DELTA:",
        new="if False:",
    ),
    bug(
        "a file that is missing is not missed",
        scene="files_that_are_not_there",
        seen=DIFFERENCE,
        function="schoolpassport.sources.manifest:_mode",
        old="if not there:\n",
        new="if not there:\n        return None\n    if not there:\n",
    ),
    bug(
        "a file without rows is the whole truth",
        scene="files_that_are_not_there",
        seen=DIFFERENCE,
        function="schoolpassport.sources.manifest:_file",
        old="if len(rows) < 2 and headers:",
        new="if False:",
    ),
    bug(
        "rows that name what goes are not looked at again",
        scene="a_guardian_goes_whom_a_pupil_still_names",
        seen=DIFFERENCE,
        function="schoolpassport.sync.difference:_touched",
        old='return " OR ".join(parts)',
        new='return ""',
    ),
    bug(
        "rows that say the same make versions",
        scene="a_guardian_goes_whom_a_pupil_still_names",
        seen=f"{DIFFERENCE}|nothing changed",
        function="schoolpassport.roster.writing:Writer._mark_equal",
        old="SET op = '='",
        new="SET op = 'u'",
    ),
)
