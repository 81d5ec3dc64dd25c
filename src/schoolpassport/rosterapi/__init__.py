"""Rosters over HTTP: OneRoster 1.1, the token endpoint, and Discovery.

Keeps: nothing of its own. ``operations`` declares what there is, once; routes, scopes, reading and the OpenAPI document
follow from it.
Enter by ``urls`` and ``wsgi`` (config does).
Never: reads the roster, or a view by itself: ``sharing.queries.view_for`` gives the one object that can.
"""
