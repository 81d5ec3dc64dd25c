"""Where rosters come from: data sources, the schemas they speak, and packages staged as columns.

Keeps: source settings; ``schemas`` (one file per CSV dialect); ``policies`` and ``shaping`` (how columns become
attributes, by ``transforms``, ``tables`` and ``cleaning``); ``manifest`` (how a package is to be read); ``reading``
(a file as DuckDB reads it) and ``staging`` (its rows as tables); ``packages`` (kept sealed for a while).
Enter by ``actions``, ``queries``, ``records``, ``policies``, ``schemas``, ``tables``, ``cleaning``, ``manifest``,
``reading``, ``staging`` and ``packages``.
Never: changes the roster, knows what a district shares.
"""
