"""Ways out that tell another story than the consent."""

from tests.simulator.planted.shape import bug

_PUBLICATION = "schoolpassport.sharing.publishing:_Publication"

BUGS = (
    bug(
        "a school that is not shared any more stays in the view",
        scene="a_school_is_unshared",
        seen="copy is not what it should be",
        function=f"{_PUBLICATION}.__init__",
        old="self._whole = view.projected_consent_id != consent.id",
        new="self._whole = False",
    ),
    bug(
        "masks are forgotten",
        scene="values_are_masked_from_now_on",
        seen="copy is not what it should be",
        function="schoolpassport.sharing.projection:_masked",
        old="if (mask := terms.mask(kind, name)) and name in kind}",
        new="if (mask := terms.mask(kind, name)) and name in kind and not name}",
    ),
    bug(
        "whoever is suspended is served",
        scene="an_application_is_suspended_and_resumed",
        seen="is suspended, and it is served",
        function="schoolpassport.sharing.standing:read",
        old="if standing.force is Force.SUSPENDED:",
        new="if False:",
    ),
    bug(
        "what is newer leaves out what is gone",
        scene="applications_follow_a_week",
        seen="Delta's copy",
        function="schoolpassport.sharing.conditions:_came_in",
        old='AND {condition})"',
        new="AND {condition}) AND r.status = 'active'\"",
    ),
    bug(
        "the feed passes over what did not fit",
        scene="applications_follow_a_week",
        seen="Feed's copy",
        function="schoolpassport.rosterapi.whole.answering:_changes",
        old="reached = found.lines[-1].seq if found.more else max(after, found.last_seq)",
        new="reached = found.last_seq",
    ),
    bug(
        "the stream ends a collection early",
        scene="applications_follow_a_week",
        seen="Stream's copy",
        function="schoolpassport.rosterapi.whole.exporting:_Export.lines",
        old="enumerate(self.kinds)",
        new="enumerate(self.kinds[:2])",
    ),
    bug(
        "who joins a class is no event of the class",
        scene="applications_follow_a_week",
        seen="Events's copy",
        function="schoolpassport.rosterapi.events:_Telling._at",
        old="for kind, outer in _INSIDE.items():",
        new="for kind, outer in ():",
    ),
    bug(
        "events are silent about whom a consent withdrew",
        scene="a_school_is_unshared",
        seen="Events's copy",
        function="schoolpassport.rosterapi.events:_Telling._called",
        old="case User(role=None):",
        new='case User(role="nobody"):',
    ),
    bug(
        "a delta of files says nothing of who left",
        scene="applications_follow_a_week",
        seen="ZipFiles's copy",
        function="schoolpassport.sharing.exports:_changed",
        old="OR EXISTS ({there})",
        new="OR false",
    ),
    bug(
        "a page begins where no page begins",
        scene="applications_follow_a_week",
        seen="FullPull's copy",
        function="schoolpassport.sharing.listings:Listing.boundary",
        old="step + 1), rest",
        new="step + 1), 0",
    ),
)
