"""Files for partners: formats, deliveries and their history, and the ways by which files go.

Keeps: a partner's own formats, where and when which file is delivered, what became of each delivery, and the accounts
of the managed SFTP service.
Enter by ``actions`` (formats, deliveries, accounts, sending), ``queries``, and ``formats`` (the standard ones).
Never: chooses rows. What is in a file comes from one view at one revision, by ``sharing.exports``.
"""
