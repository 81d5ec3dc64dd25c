"""A kind of which the package says nothing tonight, or nothing that does not stand already.

Other kinds look at its tables, so they are there: what is known stands, and nothing else is. Most kinds are silent on
most nights, and in a small district their statements are what a night costs; so nothing more is asked about them.
"""

from schoolpassport.kit.columns import Columns
from schoolpassport.roster.kinds import Kind
from schoolpassport.sources import staging
from schoolpassport.sources.schemas import Column
from schoolpassport.sync import waiting

_EMPTY = {
    "absent": "key VARCHAR, id UUID, gone BOOLEAN",
    "missing": "key VARCHAR, id UUID",
    "waiting": waiting.COLUMNS,
    "bad": "line BIGINT, key VARCHAR",
    "fallen": "key VARCHAR, line BIGINT",
    "withheld": "line BIGINT, key VARCHAR",
    "ids": "key VARCHAR, line BIGINT, id UUID, op VARCHAR, evidence VARCHAR",
}


def keep(db: Columns, kind: Kind, columns: tuple[Column, ...]) -> None:
    """Make the tables of the kind up to ``ids_`` and ``idmap_``; ``state_`` must be there, and none of these.

    ``columns``: those of its file; none where the dialect knows nothing of the kind.
    """
    table = kind.table
    rows = f"{staging.columns_of(columns)}, line BIGINT, known_id UUID, was_gone BOOLEAN"
    made = [f"CREATE TABLE {name}_{table} ({its})" for name, its in {**_EMPTY, "cand": rows}.items()]
    made += [
        f"CREATE VIEW keys_{table} AS SELECT key FROM state_{table} WHERE NOT gone",
        f"CREATE VIEW idmap_{table} AS SELECT key, id FROM state_{table} WHERE NOT gone",
    ]
    db.execute("; ".join(made))
