"""The view as a whole: what changed since a number, and all of it in one stream."""
