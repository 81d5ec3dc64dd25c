"""The Link header (RFC 8288): the other pages of a collection, all of the revision that this one shows."""

from schoolpassport.rosterapi.parameters import Parameters
from schoolpassport.sharing.records import Page


def header(address: str, asked: Parameters, page: Page) -> str:
    """Every parameter of the request is kept."""
    limit, offset, total = asked.limit, asked.offset, page.total
    start = f"<{address}?{asked.kept}limit={limit}&revision={page.revision}&offset="
    before = f'{start}{max(0, offset - limit)}>; rel="prev", ' if offset > 0 else ""
    after = f'{start}{offset + limit}>; rel="next", ' if offset + limit < total else ""
    last = max(0, total - 1) // limit * limit
    return f'{start}0>; rel="first", {before}{after}{start}{last}>; rel="last"'
