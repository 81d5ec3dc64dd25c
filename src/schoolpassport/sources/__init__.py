"""Where rosters come from: data sources, the schemas they speak, and packages staged as columns.

Keeps: source settings; ``schemas`` (one file per CSV dialect); ``packages`` (immutable copies of what a source said);
``staging`` (a package as DuckDB tables).
Enter by ``actions``, ``queries``, ``staging`` and ``schemas``.
Never: changes the roster, knows what a district shares.
"""
