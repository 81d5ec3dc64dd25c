"""Masks put into a projection: what they draw from, and that nothing stays nothing.

What a mask draws is HMAC-SHA-256 (RFC 2104) under the integration's secret, over the attribute and the record's GG4L
ID; never over a value. So equal values do not look alike, nothing can be guessed by trying values, and a changed name
does not show. PostgreSQL has SHA-256 and no HMAC: the two keys of its rounds stand in the temporary table
``mask_keys``.
"""

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import Field, Kind
from schoolpassport.sharing.masks import Given, Mask

BLOCK = 64  # bytes that SHA-256 takes at a time
MAKE_KEYS = "CREATE TEMP TABLE mask_keys (inner_key bytea, outer_key bytea) ON COMMIT DROP"
FILL_KEYS = "INSERT INTO mask_keys VALUES (%(inner)s, %(outer)s)"
DROP_KEYS = "DROP TABLE IF EXISTS mask_keys"


def keys(secret: bytes) -> dict[str, bytes]:
    """What ``FILL_KEYS`` takes. ``secret``: at most 64 bytes."""
    padded = secret.ljust(BLOCK, b"\0")
    return {"inner": bytes(b ^ 0x36 for b in padded), "outer": bytes(b ^ 0x5C for b in padded)}


def message(kind: Kind, field: Field) -> bytes:
    """What stands before the 16 bytes of the record's id in what is drawn from."""
    return f"{kind.name}.{field.name}\0".encode()


def draw(kind: Kind, field: Field) -> str:
    """SQL: 32 bytes of the record ``r``."""
    said = f"{literal(chr(92) + 'x' + message(kind, field).hex())}::bytea || uuid_send(r.id)"
    inner = f"sha256((SELECT inner_key FROM mask_keys) || {said})"
    return f"sha256((SELECT outer_key FROM mask_keys) || {inner})"


def sql(mask: Mask, kind: Kind, field: Field, value: str) -> str:
    """SQL: what stands in the place of a value of ``r``; NULL where there is none. An empty name stays empty."""
    given = Given(value=value, draw=draw(kind, field), choices=field.values)
    if field.unless:
        return f"CASE WHEN {value} <> '' THEN {mask.sql(given)} ELSE {value} END"
    return f"CASE WHEN {value} IS NOT NULL THEN {mask.sql(given)} END"
