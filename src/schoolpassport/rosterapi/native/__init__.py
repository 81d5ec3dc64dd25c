"""The native Data API: districts, schools, people, sections and groups, keyed by GG4L IDs, and their events."""
