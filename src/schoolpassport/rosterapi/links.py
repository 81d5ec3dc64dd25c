"""The Link header (RFC 8288): the other pages of a collection, all of the revision that this one shows."""

from functools import lru_cache
from urllib.parse import quote, urlencode

from schoolpassport.rosterapi.parameters import Parameters
from schoolpassport.sharing.records import Page


def header(address: str, asked: Parameters, page: Page) -> str:
    """Every parameter is kept. Nothing in an address is left raw that a client might split at, as a comma."""
    start = f"<{address}?{_kept(tuple(asked.others.items()))}limit={asked.limit}&revision={page.revision}&offset="
    return ", ".join(f'{start}{offset}>; rel="{name}"' for name, offset in _offsets(asked, page.total))


@lru_cache(maxsize=256)
def _kept(others: tuple[tuple[str, str], ...]) -> str:
    return urlencode(others, quote_via=quote, safe="") + "&" if others else ""


def _offsets(asked: Parameters, total: int) -> list[tuple[str, int]]:
    found = [("first", 0)]
    if asked.offset > 0:
        found.append(("prev", max(0, asked.offset - asked.limit)))
    if asked.offset + asked.limit < total:
        found.append(("next", asked.offset + asked.limit))
    return [*found, ("last", max(0, total - 1) // asked.limit * asked.limit)]
