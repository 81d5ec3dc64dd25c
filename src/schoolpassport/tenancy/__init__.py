"""Who is who: districts, and the scope inside which a district's rows exist at all.

Keeps: the register of districts; ``scope``, the only way to a tenant's rows; ``rows``, which puts the lock on tables.
Enter by ``scope``, ``actions``, ``queries`` and ``models``; everyone above may.
Never: decides about student fields, opens two districts at once.
"""
