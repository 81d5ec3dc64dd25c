"""Reading a OneRoster provider's API: what it answers is compared with itself, never with what it promises.

``session`` asks one page, ``paging`` reads a collection until nothing can be missing, ``cells`` says which property
becomes which column, ``writing`` makes the files, ``probing`` and ``card`` find out and tell what the provider can
do. No database, no Django, no clock.
"""
