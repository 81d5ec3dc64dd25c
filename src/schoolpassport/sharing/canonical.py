"""The canonical form of a document, which whoever has pulled it can write down again, and its SHA-256.

Members in the order of their names by code point, no blanks between signs, text in UTF-8 with only those escapes that
JSON asks for, and references without their ``href``: under which address somebody asked is no difference. For what
documents hold it is the form of RFC 8785.
"""

import hashlib
import json
from typing import Any, Final

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import Kind, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sharing import documents
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.models import HREF

FREE: Final = frozenset({Type.JSON, *PAIRS})
"""Types whose text is PostgreSQL's own spelling. All others are written by us, without blanks and in order."""


def hashed(kind: Kind) -> str:
    """SQL: 32 bytes, of a row ``d`` that has ``documents.columns``. Asks for the same parameters as they do."""
    return f"sha256(convert_to({_stored(kind) if kind.stored_document else _written(kind)}, 'UTF8'))"


def written(document: Any) -> bytes:  # noqa: ANN401 (whatever JSON holds)
    """The same of a document that was read back."""
    return json.dumps(_bare(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def number(document: Any) -> int:  # noqa: ANN401 (whatever JSON holds)
    """The hash of a document as a number, of which sums are made by exclusive or."""
    return int.from_bytes(hashlib.sha256(written(document)).digest())


def _bare(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name != "href" or "sourcedId" not in value}
    return value


def _stored(kind: Kind) -> str:
    """SQL: in order what the document has in an order of ours. Hrefs are found by the sign that they stand on."""
    free = ", ".join(literal(f.name) for f in kind.fields if f.type in FREE)
    value = f"CASE WHEN m.key IN ({free}) THEN public.canonical_json(m.value::jsonb) ELSE m.value::text END"
    member = f"to_json(m.key)::text || ':' || {value}"
    return f"""(SELECT '{{' || string_agg({member}, ',' ORDER BY m.key COLLATE "C") || '}}'
        FROM json_each(({_WITHOUT_HREFS})::json) m)"""


_WITHOUT_HREFS = f"""SELECT string_agg(
        CASE p.place WHEN 1 THEN p.piece ELSE substr(p.piece, strpos(p.piece, '"sourcedId"')) END, '' ORDER BY p.place)
    FROM unnest(string_to_array(d.doc, '"href":"' || chr({ord(HREF)}))) WITH ORDINALITY AS p(piece, place)"""


def _written(kind: Kind) -> str:
    """SQL: a document that is written when it is read is written in order at once."""
    members = {**documents.HEADS, **documents.members(kind, documents.bare_reference), "metadata": _METADATA}
    pieces = (documents.piece(name, members[name]) for name in sorted(members))
    return f"'{{' || substr({' || '.join(pieces)}, 2) || '}}'"


_METADATA = f"""CASE
    WHEN d.metadata IS NULL AND d.sis_id IS NOT NULL THEN '{{"{SIS_ID}":' || to_json(d.sis_id) || '}}'
    ELSE public.canonical_json(({documents.METADATA})::jsonb) END"""
