"""How set work should be joined: decided by us, because we know how much changes against how much stands.

The planner's statistics may be from before a load, and one wrong guess turns a second into minutes. A large share of a
table is joined by hashing it; for a small one, look-ups by index are made as cheap as they are.
"""

from collections.abc import Callable

from schoolpassport.kit.columns import literal

FEW = 100  # rows that are looked up one by one, whatever the planner thinks, so that it need not be told about them
LARGE_SHARE = 0.05
WORTH_STATISTICS = 10_000  # rows; fewer change nothing about a table that many districts share
_WORTH_ASKING = 100


def reshapes(rows: int, known: Callable[[], float]) -> bool:
    """Whether so many new rows change what a table looks like. ``known``: how many the planner believes there are.

    In a new installation it believes in empty tables, finds any index as good as the right one, and reads a district
    for every row that it looks up.
    """
    return rows >= WORTH_STATISTICS or (rows >= _WORTH_ASKING and rows > known())


def believed(table: str) -> str:
    """SQL: how many rows the planner believes a table of ours to have; below 0 where it was never told."""
    return f"SELECT reltuples::float8 FROM pg_class WHERE oid = {literal(f'public.{table}')}::regclass"


def chosen(*, changing: int, standing: int) -> tuple[bool, str]:
    """Whether the share is large, and the SQL that settles the joins for the rest of the transaction."""
    large = changing > LARGE_SHARE * standing
    return large, f"SET LOCAL enable_nestloop = {'off' if large else 'on'}; SET LOCAL random_page_cost = 1.1"


def one_by_one() -> str:
    """SQL: every row of something small is looked up, for the rest of the transaction or until ``as_usual``."""
    off = (f"SET LOCAL enable_{way} = off" for way in ("hashjoin", "mergejoin", "seqscan"))
    return f"SET LOCAL enable_nestloop = on; SET LOCAL random_page_cost = 1.1; {'; '.join(off)}"


def as_usual() -> str:
    """SQL: the end of ``one_by_one``."""
    return "; ".join(f"SET LOCAL enable_{way} = on" for way in ("hashjoin", "mergejoin", "seqscan"))
