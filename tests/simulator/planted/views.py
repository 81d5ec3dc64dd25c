"""Views and change logs that tell another story than the roster."""

from tests.simulator.planted.shape import Patch, bug

_PUBLICATION = "schoolpassport.sharing.publishing:_Publication"

BUGS = (
    bug(
        "the change log has no line for what goes",
        scene="a_pupil_leaves_and_is_back",
        seen="the view has",
        function=f"{_PUBLICATION}._write_difference",
        old="WHERE (v.status = 'active'",
        new="WHERE (false AND v.status = 'active'",
    ),
    bug(
        "what comes back is told as new",
        scene="a_pupil_leaves_and_is_back",
        seen="the log says",
        function=f"{_PUBLICATION}._write_turns",
        old="SELECT t.id, t.change, {_list(columns, 'w')}",
        new="SELECT t.id, CASE t.change WHEN 'r' THEN 'c' ELSE t.change END AS change, {_list(columns, 'w')}",
    ),
    bug(
        "the view shows the revision before",
        scene="everybody_is_told_in_another_order",
        seen="is told otherwise in the view",
        function=f"{_PUBLICATION}._find_candidates",
        old="r.rev_from > %(seen)s",
        new="r.rev_from > %(seen)s + 1",
    ),
    bug(
        "what hangs on what goes stays in the view",
        scene="a_class_goes_whose_enrollments_stay",
        seen="the view has",
        function=f"{_PUBLICATION}._dependents",
        old="if field.target == kind.name or field.target not in self._flipped:",
        new="if True:",
    ),
    bug(
        "killed after the roster was written, the view never follows",
        scene="killed_when_the_roster_was_written",
        seen="the view has|is told otherwise",
        function="schoolpassport.sync.course:bury_the_dead",
        old="for follower in followers:",
        new="for follower in ():",
        more=(
            Patch(
                "schoolpassport.sync.course:publish",
                "for follower in followers:",
                'for follower in (followers if "inspect" in steps else ()):',
            ),
        ),
    ),
)
