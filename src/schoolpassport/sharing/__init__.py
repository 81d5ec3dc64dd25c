"""The only exit for student data: consents, the views they make, and their change logs.

Keeps: the agreement of a district and an application, its materialised view in numbered revisions, and the change log,
which is the view's own version rows in the order of their sequence numbers.
Enter by ``queries.view_for`` (readers), ``actions`` (consent and publishing) and ``catalogue`` (what can be shared).
Never: skipped. An outlet that reads a roster directly does not import.
"""
