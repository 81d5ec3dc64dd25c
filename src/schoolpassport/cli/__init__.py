"""The command line: one entry point, one file per command in ``commands``, found by looking there.

Keeps: how things are asked for and shown in a terminal.
Never: holds a rule; every command calls one action or a few queries.
"""
