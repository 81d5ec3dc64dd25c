"""Settings that shape the reading may change from night to night, and skimming still comes out as reading in full.

The stories are those of ``test_skimming``; before some nights both districts are told to read in another way.
``SHAPES=100`` tries more of them.
"""

import random

import duckdb
import pytest

from schoolpassport.sources import actions
from schoolpassport.sync.skimming import Way
from tests.property.test_skimming import EASY, Twins, _told, crowd, edited, read, state_of  # noqa: F401 (a fixture)
from tests.support.amount import amount
from tests.support.nights import BY, Nights
from tests.support.restless import Teller

SEEDS = range(amount("SHAPES", 1))
DRAFTS = (
    ("transforms", {"user": {"familyName": [{"do": "case", "to": "upper"}]}}),
    ("transforms", {"user": {"familyName": [{"do": "table", "values": {"Ash": "Oak"}}]}, "class": {"title": []}}),
    ("transforms", {"enrollment": {"beginDate": [{"do": "date", "formats": ["YYYY-MM-DD"], "unreadable": "clear"}]}}),
    ("transforms", {"class": {"title": [{"do": "template", "text": "{title} {metadata.house}"}]}}),
    ("transforms", {}),
    ("attributes", {"user": [{"to": "middleName", "from": "familyName"}, {"to": "metadata.x", "constant": "y"}]}),
    ("attributes", {"org": [{"to": "metadata.shoe", "from": "shoeSize"}, {"to": "identifier", "from": "sourcedId"}]}),
    ("attributes", {}),
    ("prefix", {"prefix": "n-"}),
    ("prefix", {}),
)


def told_both(twins: Twins, subject: str, content: object) -> None:
    for sis in (twins.skims, twins.forgets):
        tell(sis, subject, content)


def tell(sis: Nights, subject: str, content: object) -> None:
    actions.set_shaping(
        district_id=sis.district_id, source_id=sis.source.id, subject=subject, content=content, by=BY, now=sis.now
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_settings_a_district_that_skims_and_one_that_forgets_come_out_the_same(tmp_path, read, seed):  # noqa: F811 (the fixture)
    twins, teller, draw = Twins(tmp_path, read, **EASY), Teller(seed + 500), random.Random(seed)
    ways = set()
    for night in range(8):
        if night in {2, 4, 5}:
            draft = draw.choice(DRAFTS)
            print(f"seed {seed}, night {night + 1}: {draft}")  # noqa: T201 (shown when it fails)
            told_both(twins, *draft)
        files, notes = teller.tell()
        print(f"seed {seed}, {notes}")  # noqa: T201 (the same)
        twins.night(files)
        ways |= {way for _, way, _ in twins.ways[-7:]}
    assert {Way.LINE, Way.FULL} <= ways


def test_under_unchanged_settings_rows_are_skimmed_and_under_others_every_row_is_looked_at(tmp_path, read):  # noqa: F811 (the fixture)
    twins, files = Twins(tmp_path, read, **EASY), crowd()
    told_both(twins, *DRAFTS[0])
    twins.night(files)
    files = edited(files, "users.csv", "Given-p2", "Another")
    twins.night(files)
    assert [way for kind, way, _ in twins.ways if kind == "user"] == [Way.FULL, Way.LINE]
    assert twins.skims.records("user")["p2"]["familyName"] == "FAMILY-P2"
    told_both(twins, "transforms", {"user": {"familyName": [{"do": "case", "to": "lower"}]}})
    twins.night(files)
    assert [way for kind, way, _ in twins.ways if kind == "user"][-1] is Way.FULL
    assert {r["familyName"] for k, r in twins.skims.records("user").items()} == {
        f"family-{k}" for k in twins.skims.records("user")
    }


def test_the_comparison_finds_a_cache_that_does_not_know_of_the_settings(tmp_path, read):  # noqa: F811 (the fixture)
    """The control: a cache that says of every row that it was read under the new settings, when it was not."""
    twins, liar, files = Twins(tmp_path, read, **EASY), _told(tmp_path / "liar", EASY), crowd()
    twins.night(files)
    told_both(twins, *DRAFTS[0])
    tell(liar, *DRAFTS[0])
    liar.done(files)
    _believe(twins.skims, liar)
    with pytest.raises(AssertionError, match="FAMILY-C001"):
        twins.night(edited(files, "users.csv", "Given-p2", "Another"))


def _believe(sis: Nights, liar: Nights) -> None:
    """Put what another district's cache knows of users' cells into this one's."""
    (mine,), (theirs,) = (list(state_of(each).rglob("user.kept.1.parquet")) for each in (sis, liar))
    made = mine.with_suffix(".new")
    duckdb.execute(
        f"COPY (SELECT m.* REPLACE (t.cells AS cells) FROM read_parquet('{mine}') m "
        f"JOIN read_parquet('{theirs}') t USING (key)) TO '{made}' (FORMAT parquet)"
    )
    made.replace(mine)
