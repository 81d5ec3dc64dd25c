"""The nightly walk: collect → inspect → settle → apply → publish.

Keeps: runs, their steps and statistics, the guard and its limits.
Enter by ``actions`` (``ask``, ``walk``, ``approve``, ``reject``), ``queries``, ``schedules`` and ``timetable``
(when sources are fetched), ``rehearsal`` and ``told`` (what would be, and as data) and ``contract`` (what must follow
a new revision before a run is done).
Never: knows a SIS, shows a half-done roster, counts a row left out for an error as a removal.
"""
