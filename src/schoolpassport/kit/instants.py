"""Instants as interfaces write them."""

from datetime import UTC, datetime


def iso(at: datetime) -> str:
    """As ISO 8601 and OneRoster have it: 2026-09-01T06:00:00.000Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
