"""Is it good data? Filters and rules over staged rows, and the findings they make.

Keeps: ``policies`` (what a district decided), ``filtering`` (which rows a source may bring), ``rules`` (what can be
wrong with a row, one sentence each), ``inspection`` (the rules compiled to set-based SQL from the catalogue of kinds),
findings with file, line and column.
Enter by ``policies``, ``filtering``, ``inspection``, ``actions`` and ``queries``.
Never: repairs data silently, changes the roster.
"""
