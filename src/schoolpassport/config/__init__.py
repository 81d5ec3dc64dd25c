"""Settings, urls, start-up, and the wiring of announcements.

Keeps: ``environment`` (the one table of settings), ``settings`` (Django's), ``startup`` (database and keys ready before
Django is), ``wiring`` (who listens to whom).
Never: holds a rule of the business.
"""
