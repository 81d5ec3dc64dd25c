"""Rosters over HTTP: OneRoster 1.1 and its other dialects, the token endpoint, and Discovery.

Keeps: nothing of its own. ``operations`` declares what there is of OneRoster, once; routes, scopes, reading and the
OpenAPI document follow from it. Other dialects (``clever``) show the same documents in words of their own.
Enter by ``urls`` and ``wsgi`` (config does).
Never: reads the roster, or a view by itself: ``sharing.queries.view_for`` gives the one object that can.
"""
