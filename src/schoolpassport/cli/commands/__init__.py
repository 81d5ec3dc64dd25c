"""One file per command; each declares ``command``."""
