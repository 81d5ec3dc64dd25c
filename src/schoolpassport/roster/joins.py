"""How set work should be joined: decided by us, because we know how much changes against how much stands.

The planner's statistics may be from before a load, and one wrong guess turns a second into minutes. A large share of a
table is joined by hashing it; a small one is looked up by index.
"""

LARGE_SHARE = 0.05


def chosen(*, changing: int, standing: int) -> tuple[bool, str]:
    """Whether the share is large, and the SQL that settles the joins for the rest of the transaction."""
    large = changing > LARGE_SHARE * standing
    look_up, hash_ = ("off", "on") if large else ("on", "off")
    return large, (
        f"SET LOCAL enable_nestloop = {look_up}; SET LOCAL enable_hashjoin = {hash_}; "
        f"SET LOCAL enable_mergejoin = {hash_}; SET LOCAL random_page_cost = 1.1"
    )
