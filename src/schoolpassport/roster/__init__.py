"""The library of record: what a district holds to be true, revision by revision.

Keeps: the catalogue of kinds (``kinds``), GG4L IDs and the links that led to them, one row per version of each
record, and the numbered revisions that changed them.
Enter by ``queries`` and ``actions`` (only sync, matching, sharing and identity may) and by ``kinds`` (everyone).
Never: read by an outlet, reused or recycled a GG4L ID, changed a version once written (only its end is set).
"""
