"""The ledger: who did what, when, to which thing.

Keeps: append-only events without foreign keys, written by the action that made the change, in its transaction.
Enter by ``actions.note`` and ``queries``.
Never: blocks or deletes, holds a name, an e-mail or a secret.
"""
