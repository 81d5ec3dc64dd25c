"""OneRoster 1.1 CSV: the files that our own reader declares, in the normative order of columns."""

from schoolpassport.delivery.formats.shape import File, Format, Mode, cell, extended, tied
from schoolpassport.roster.kinds import Type
from schoolpassport.sources.schemas import SCHEMAS, FileSchema

_SCHEMA = SCHEMAS["oneroster-1.1"]
BULK_SAYS_NOTHING = ("status", "dateLastModified")  # blank in every row of a bulk file


def _file(known: FileSchema) -> File:
    return File(
        name=known.file_name,
        reads={known.kind.name: frozenset(c.field.name for c in known.columns) | extended(known.kind.name)},
        columns={
            "sourcedId": 'r."sourcedId"',
            **{each: f'r."{each}"' for each in BULK_SAYS_NOTHING},
            **{c.header: cell(c.field) for c in known.columns},
            **dict.fromkeys(known.skipped, "NULL"),  # passwords have their column, and nothing in it
        },
        rows=f"now_{known.kind.name} r",
        required={
            c.header: c.field.type is Type.TEXT and not (c.field.many or c.field.values or c.field.unless)
            for c in known.columns
            if c.required
        },
        names=frozenset(c.header for c in known.columns if c.field.unless),
        metadata=True,
        cells={
            **dict.fromkeys(BULK_SAYS_NOTHING, ""),
            **{c.header: c.field.name for c in known.columns},
            **dict.fromkeys(known.skipped, ""),
        },
    )


FORMAT = Format(
    name="oneroster-1.1",
    title="OneRoster 1.1 CSV",
    about="A zip file with a manifest; in full (bulk) or only what changed (delta).",
    archive="OneRoster.zip",
    version="1.1",
    files=tuple(_file(f) if f.kind.shared else tied(f.kind.name) for f in _SCHEMA.files),
    listed=tuple(sorted((*(f.name for f in _SCHEMA.files), *_SCHEMA.not_read), key=str.lower)),
    modes=(Mode.FULL, Mode.DELTA),
)
