"""Notices: what the people of a district or a partner should know, in plain words, and whether it reached them.

Keeps: notices, the shelf of their kinds, who hears of which and how, and the mails about them.
Enter by ``actions`` (tell, settle, read, add, prefer), ``queries`` and ``records``.
Never: knows why a notice is sent, holds a value of a record of the roster: counts, kinds, names of sources and schools
are all that a notice says.
"""
