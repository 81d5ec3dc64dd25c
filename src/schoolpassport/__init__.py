"""School Passport: rosters in once, each application gets exactly what each district agreed to share.

The house and its floors are described in docs/house.md; every room says in its own ``__init__`` what it keeps.
"""
