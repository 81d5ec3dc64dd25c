"""What a file says it reads is what it reads: neither less, which could not be made, nor more, which would be noted."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from schoolpassport.delivery import custom, making, relations
from schoolpassport.delivery.formats import FORMATS, Format
from schoolpassport.delivery.formats.shape import extended
from schoolpassport.kit.columns import Columns
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import exports
from schoolpassport.sharing.catalogue import METADATA
from schoolpassport.sharing.exports import Exported, Extent

OWN = custom.read(
    """
    files:
      - file: pupils.csv
        rows: user
        each: orgs
        where: {all: [{attribute: role, is: equals, value: student}, {attribute: each.type, is: equals, value: school}]}
        order: [username]
        columns:
          - {header: Name, do: [{do: template, text: "{familyName} {givenName}"}]}
          - {header: Born, from: demographics.birthDate}
          - {header: Grade, from: grades, do: [{do: default, value: "0", when: {attribute: phone, is: empty}}]}
          - {header: Guardians, from: agents.email}
          - {header: Id, from: metadata.gg4l.sisId}
      - file: seats.csv
        rows: enrollment
        columns:
          - {header: Teacher, from: class.teacher.metadata.locker}
          - {header: School, from: school.sourcedId}
      - file: classes.csv
        rows: class
        columns: [{header: Pupils, from: students.username}, {header: Terms, from: terms.title}]
    """,
    name="own",
    today=date(2026, 9, 1),
)
EVERY = [(format_, file) for format_ in (*FORMATS.values(), OWN) for file in format_.files]


def exported(since: int) -> Exported:
    extent = Extent(view=1, revision=2, at=datetime(2026, 9, 1, tzinfo=UTC), in_force=True)
    return Exported(extent=extent, since=since, instants={}, rows={})


@contextmanager
def loaded(format_: Format, folder: Path, since: int = 0):
    """A view without records, that has what the format says it reads and nothing else."""
    for kind in format_.reads:
        for part in ("", exports.BEFORE, "all"):
            exports.path(folder, kind, part).touch()
    with duckdb.connect() as db:
        made = Columns(db)
        relations.load(made, folder, format_=format_, exported=exported(since))
        yield made


def makes(db: Columns, format_: Format, since: int = 0) -> bool:
    (file,) = format_.files
    try:
        db.execute(making.query(format_, file, db, exported(since)))
    except duckdb.BinderException:
        return False
    return True


@pytest.mark.parametrize(("format_", "file"), EVERY, ids=[f"{f.name} {each.name}" for f, each in EVERY])
def test_a_file_reads_what_it_says_and_nothing_more(format_, file, tmp_path):
    alone = replace(format_, files=(file,))
    if "delta" in format_.modes:
        with loaded(alone, tmp_path, since=1) as db:
            assert makes(db, alone, since=1)
    with loaded(alone, tmp_path) as db:
        assert makes(db, alone)
        for kind, names in file.reads.items():
            db.execute(f"ALTER TABLE now_{kind} RENAME TO whole_{kind}")
            columns = {f.name for f in KINDS[kind].fields if f.extension in file.elsewhere or not file.metadata}
            for one in {"metadata" if name in extended(kind) - columns | {METADATA} else name for name in names}:
                without = f'SELECT * EXCLUDE ("{one}") FROM whole_{kind}'
                db.execute(f"CREATE OR REPLACE VIEW now_{kind} AS {without}")
                assert not makes(db, alone), f"{kind}.{one} is not read"
            db.execute(f"CREATE OR REPLACE VIEW now_{kind} AS FROM whole_{kind}")


def test_an_own_format_reads_what_its_columns_conditions_and_order_name():
    assert {kind: set(names) for kind, names in OWN.reads.items()} == {
        "user": {
            *("orgs", "role", "username", "familyName", "givenName", "grades", "phone", "agents", "email"),
            *("gg4l.sisId", "metadata"),
        },
        "org": {"type"},
        "demographics": {"birthDate"},
        "enrollment": {"class", "user", "role", "primary", "school"},
        "class": {"terms"},
        "academicSession": {"title"},
    }
