"""What applications wrote into gradebooks: kept for the district and by who wrote them.

Keeps: one row for each record, as its application last said it; who may write; and to whom else a district shows it.
Enter by ``actions`` and ``queries``, ``records`` and ``contract`` (names and ids), ``saying`` (what a body means).
Never: reads the roster, or shows anybody anything: what is written is read out of views, like all else.
"""
