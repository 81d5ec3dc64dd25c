import re
import unicodedata
from pathlib import Path

import duckdb

from schoolpassport.demo.generator.cast import cast
from schoolpassport.demo.generator.columns import COLUMNS, METADATA
from schoolpassport.demo.generator.engine import count, session, write
from schoolpassport.demo.generator.facts import DayFacts, RejectedRow, Trouble
from schoolpassport.demo.generator.lessons import make_lessons
from schoolpassport.demo.generator.oddities import make_oddities
from schoolpassport.demo.generator.package import write_manifest
from schoolpassport.demo.generator.people import make_people
from schoolpassport.demo.generator.places import make_places
from schoolpassport.demo.generator.plan import plan
from schoolpassport.demo.generator.seats import make_seats
from schoolpassport.demo.generator.size import Size
from schoolpassport.demo.generator.trouble import make_bad_rows

DISTRICT_NAME = "Cedar Hollow Unified School District"
CHANGED_SHARE = 0.01
MOST_CHANGED = 0.5


def write_day(
    *,
    folder: Path,
    seed: int,
    size: Size,
    day: int = 1,
    trouble: bool = True,
    district_name: str = DISTRICT_NAME,
    changed_share: float = CHANGED_SHARE,
) -> DayFacts:
    """Write the package of one day into ``folder`` (made when missing) and say what is in it.

    From one day to the next ``changed_share`` of users, demographics and enrollments change: 0.6 of that share read
    differently, 0.2 leave (families as a whole; every other one returns the day after) and 0.2 arrive. Of classes as
    many are changed and opened, none is closed; orgs, sessions and courses stay. Small districts change a little more,
    so that on each day something does. Days of one district need the same seed, size, trouble and share.
    """
    if day < 1 or not 0 <= changed_share <= MOST_CHANGED:
        raise ValueError("Days count from 1, and no more than half of a district changes in a night.")
    layout = plan(size=size)
    players = cast(size=size, plan=layout) if trouble else None
    folder.mkdir(parents=True, exist_ok=True)
    with session(_variables(seed, size, day, changed_share, district_name)) as db:
        make_places(db=db, plan=layout)
        make_lessons(db=db)
        make_people(db=db, cast=players)
        make_seats(db=db)
        _complete(db)
        oddities, rejected = Trouble(), tuple[RejectedRow, ...]()
        if players is not None:
            oddities = make_oddities(db=db, cast=players, day=day)
            rejected = make_bad_rows(db=db, cast=players, day=day)
        for file, columns in COLUMNS.items():
            more = METADATA.get(file, ()) if trouble else ()
            write(db=db, table=file, columns=(*columns, *more), target=folder / f"{file}.csv")
        write_manifest(folder=folder, system=f"{district_name} SIS")
        return _facts(db, day, oddities, rejected)


def write_changed(
    *,
    folder: Path,
    seed: int,
    size: Size,
    changed_share: float = CHANGED_SHARE,
    trouble: bool = True,
    district_name: str = DISTRICT_NAME,
) -> DayFacts:
    """Day two of a bench's district. A big one exceeds a guard that counts removals; its limits are to be raised."""
    return write_day(
        folder=folder,
        seed=seed,
        size=size,
        day=2,
        trouble=trouble,
        district_name=district_name,
        changed_share=changed_share,
    )


def _variables(seed: int, size: Size, day: int, share: float, district_name: str) -> dict[str, object]:
    """``arriving`` and ``opening`` are numbers per day; nobody arrives where nothing changes."""
    some = 1 if share else 0
    arriving = max(2 * some, round(0.2 * share * size.students))
    return {
        "seed": str(seed),
        "day": day,
        "share": share,
        "students": size.students,
        "guardians": size.guardians,
        "teachers": size.teachers,
        "staff": size.staff,
        "classes": size.classes,
        "seats": size.seats,
        "periods": size.periods,
        "arriving": arriving,
        "arriving_guardians": min(arriving, max(some, round(0.2 * share * size.guardians))),
        "opening": max(some, round(0.2 * share * size.classes)),
        "district": district_name,
        "domain": _domain(district_name),
    }


def _domain(district_name: str) -> str:
    """Of the first two words; the top-level domain is reserved for examples and reaches nobody."""
    plain = unicodedata.normalize("NFKD", district_name).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", plain)
    return "".join(words[:2] or ["district"]) + ".example"


def _complete(db: duckdb.DuckDBPyConnection) -> None:
    """Add the columns that nobody fills: blank ones of the standard, and the calendar of what never changes."""
    for table in COLUMNS:
        if table == "enrollments":
            continue
        for column in ('"status" VARCHAR', '"dateLastModified" VARCHAR', "bad BOOLEAN DEFAULT false"):
            db.execute("ALTER TABLE " + f'"{table}"' + " ADD COLUMN " + column)
        for column in (
            "born BIGINT DEFAULT 1",
            *(f"{name} BIGINT DEFAULT never()" for name in ("gone", "back", "edited")),
        ):
            db.execute("ALTER TABLE " + f'"{table}"' + " ADD COLUMN IF NOT EXISTS " + column)


def _facts(db: duckdb.DuckDBPyConnection, day: int, trouble: Trouble, rejected: tuple[RejectedRow, ...]) -> DayFacts:
    counted = {file: count(db=db, table=file) for file in COLUMNS}
    email = db.execute('SELECT "email" FROM users WHERE "sourcedId" = teacher_id(0)').fetchone()
    return DayFacts(
        day=day,
        rows={file: rows for file, (rows, _, _) in counted.items()},
        accepted={file: accepted for file, (_, accepted, _) in counted.items()},
        rejected=rejected,
        changes={file: changes for file, (_, _, changes) in counted.items()},
        trouble=trouble,
        teacher_email=str(email[0]) if email else "",
    )
