"""The view as a whole: what changed since a number, all of it in one stream, and whether a copy is still right."""
