"""Is it good data? Rules over staged rows, and the findings they make.

Keeps: ``rules`` (what can be wrong with a row, one sentence each), ``inspection`` (the rules compiled to set-based
SQL from the catalogue of kinds), findings with file, line and column.
Enter by ``inspection``, ``actions`` and ``queries``.
Never: repairs data silently, changes the roster.
"""
