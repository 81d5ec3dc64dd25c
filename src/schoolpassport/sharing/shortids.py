"""Ids of 24 hexadecimal digits, for dialects whose clients cannot hold a GG4L ID: one for one, given once, for ever.

96 bits cannot hold every GG4L ID, so no calculation alone can keep two apart. What an id is called is therefore kept,
and the table refuses a second holder. The first choice are the id's own leading bits, its time and most of its chance,
so that short ids rise as GG4L IDs do; the next ones are drawn from its hash.
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from uuid import UUID

from schoolpassport.kit.recent import Recent
from schoolpassport.sharing import roundtrip
from schoolpassport.sharing.roundtrip import Question

_BYTES = 12
_ATTEMPTS = 20
_known: Recent[tuple[UUID, UUID], bytes] = Recent(100_000)  # what an id is called never changes

_NAME = """
    WITH given AS (
        SELECT encode(substr(%(ids)s::bytea, place * 16 + 1, 16), 'hex')::uuid AS id,
            substr(%(shorts)s::bytea, place * 12 + 1, 12) AS short
        FROM generate_series(0, %(count)s::int - 1) place),
    made AS (
        INSERT INTO sharing_shortid (district_id, id, short)
        SELECT %(district)s, g.id, g.short FROM given g
        WHERE NOT EXISTS (SELECT FROM sharing_shortid k WHERE k.district_id = %(district)s AND k.id = g.id)
        ORDER BY g.id
        ON CONFLICT DO NOTHING RETURNING id, short),
    named AS (
        SELECT id, short FROM made UNION ALL
        SELECT k.id, k.short FROM given g JOIN sharing_shortid k ON k.district_id = %(district)s AND k.id = g.id)
    SELECT coalesce(string_agg(uuid_send(id) || short, ''::bytea), ''::bytea) FROM named"""
_MEANT = "SELECT id FROM sharing_shortid WHERE district_id = %(district)s AND short = %(short)s::bytea"


def short_of(ids: Collection[UUID], *, district_id: UUID) -> Mapping[UUID, str]:
    """What each id is called in this district. New ones are named now, all in one trip; known ones need none."""
    known = {each: held for each in ids if (held := _known.get((district_id, each))) is not None}
    missing = sorted(each for each in set(ids) if each not in known)
    for attempt in range(_ATTEMPTS):
        if not missing:
            return {each: held.hex() for each, held in known.items()}
        named = _named(missing, attempt, district_id)
        for each, held in named.items():
            _known.put((district_id, each), held)
        known |= named
        missing = [each for each in missing if each not in named]
    raise RuntimeError("no free short id was found")  # twenty draws of 96 bits


def meant_by(short: str, *, district_id: UUID) -> UUID | None:
    """The GG4L ID of a short one, or None when it was never given in this district."""
    try:
        given = bytes.fromhex(short)
    except ValueError:
        return None
    if len(given) != _BYTES or given.hex() != short:
        return None
    question = Question(_MEANT, {"district": district_id, "short": given}, keyed=True)
    row = roundtrip.ask(district_id=district_id, door=None, question=question)
    return None if row is None else row[0]


def _named(ids: Iterable[UUID], attempt: int, district_id: UUID) -> dict[UUID, bytes]:
    """What of these has a name by now. One that another process names at this moment is found next time."""
    ids = list(ids)
    parameters = {
        "district": district_id,
        "ids": b"".join(each.bytes for each in ids),
        "shorts": b"".join(draw(each, attempt) for each in ids),
        "count": len(ids),
    }
    row = roundtrip.ask(district_id=district_id, door=None, question=Question(_NAME, parameters, keyed=False))
    pairs = row[0] if row else b""
    step = 16 + _BYTES
    return {
        UUID(bytes=bytes(pairs[at : at + 16])): bytes(pairs[at + 16 : at + step]) for at in range(0, len(pairs), step)
    }


def draw(value: UUID, attempt: int) -> bytes:
    """The choice of an id at its first attempt, and at the later ones."""
    if attempt == 0:
        digits = value.hex  # without the version, and the digit that says the variant
        return bytes.fromhex(digits[:12] + digits[13:16] + digits[17:26])
    return blake2b(value.bytes + bytes([attempt]), digest_size=_BYTES).digest()
