"""One pull sees one revision, also when the client only counts offsets up.

The rule. A ``revision`` in the request, as every ``Link`` carries it, is what is read. Without one, a request at offset
0 begins a pull: it reads the newest revision, and that is noted for this token (or, of signed requests, this
credential) and this collection with its filter and sort. A request at a later offset reads what was noted within the
last two hours; else, and also when a consent has since been narrowed, the newest. No page ever mixes two revisions.
"""

from datetime import datetime, timedelta

from schoolpassport.sharing.records import Fault, PageRequest, Unanswerable
from schoolpassport.sharing.standing import Answer, Standing

_LASTS = timedelta(hours=2)
_NOTED_ANEW = timedelta(minutes=10)  # so a pull has at least 1:50 left after its first page

# It travels with the page that begins a pull, on the guess that the page will be served. Where that turns out wrong, it
# says of a token that was let in before at which revision it might have begun: no page is read by it.
# Nobody waits for the disk. What is published later comes to it later, so no pull is forgotten for a newer revision.
_SOON = "set_config('synchronous_commit', 'off', true)"
NOTE = f"""
    INSERT INTO sharing_pull (district_id, token, collection, revision, begun_at)
    VALUES (%(district)s, %(puller)s, %(collection)s, %(revision)s, %(now)s)
    ON CONFLICT (district_id, token, collection)
    DO UPDATE SET revision = excluded.revision, begun_at = excluded.begun_at
    RETURNING {_SOON}"""

TIDIED_AFTER = timedelta(minutes=10)
TIDY = f"""
    WITH gone AS (
        DELETE FROM sharing_pull WHERE district_id = %(district)s AND (token, collection) IN (
            SELECT token, collection FROM sharing_pull WHERE district_id = %(district)s AND begun_at < %(stale)s
            LIMIT 10000 FOR UPDATE SKIP LOCKED))
    SELECT {_SOON}"""


def revision(answer: Answer, wanted: PageRequest, now: datetime) -> int:
    """The revision that this request reads. Raises ``Unanswerable`` when it asks for one that cannot be read."""
    standing, pull = answer.standing, answer.pull
    if wanted.revision is not None:
        if not is_readable(wanted.revision, standing):
            raise Unanswerable(
                Fault.REVISION,
                f"Revision {wanted.revision} cannot be read (any more); begin again at offset 0 without a revision.",
            )
        return wanted.revision
    under_way = wanted.offset > 0 and pull is not None and pull.begun_at > now - _LASTS
    return pull.revision if pull and under_way and is_readable(pull.revision, standing) else standing.revision


def is_to_be_noted(answer: Answer, wanted: PageRequest, *, total: int, now: datetime) -> bool:
    """Only where another page may follow, and only what is not noted yet."""
    begins = wanted.revision is None and wanted.offset == 0 and total > wanted.limit and bool(wanted.puller)
    pull = answer.pull
    noted = pull is not None and pull.revision == answer.standing.revision and pull.begun_at > now - _NOTED_ANEW
    return begins and not noted


def stale(now: datetime) -> datetime:
    """Pulls that began before this are over."""
    return now - _LASTS


def is_readable(number: int, standing: Standing) -> bool:
    """Revision 0 is the view before its first publication: it can be read until then, by its own links."""
    first = min(1, standing.revision)
    return max(first, standing.oldest_readable) <= number <= standing.revision
