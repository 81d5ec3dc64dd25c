"""Webhooks: partners are told that a view of theirs has a new revision, and never what is in it.

Keeps: the addresses that are told (endpoints), their sealed signing secrets, the messages and what became of them.
Enter by ``actions`` (endpoints, replay, sending) and ``queries``.
Never: sends a name, an address or any other value of a record; ids, kinds and counts are all a message holds.
"""
