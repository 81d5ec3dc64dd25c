"""Links that are made by themselves, on people whose identity is known: not one of them may be wrong."""

import shutil

import pytest

from schoolpassport.demo.generator.doubles import write_doubles
from schoolpassport.kit.columns import columns, literal, quoted
from schoolpassport.matching import exact
from schoolpassport.matching.policies import DEFAULT_DOMAINS, Domain
from schoolpassport.roster.kinds import KINDS

USER = KINDS["user"]
ATTRIBUTES = {"identifier": "identifier", "email": "email", "givenName": "given_name", "familyName": "family_name"}
NOBODY = "SELECT NULL::UUID AS id WHERE false"
NO_PAIR = "SELECT NULL::BIGINT AS line, NULL::UUID AS id WHERE false"


def linked(tmp_path, *, seed: int, people: int, domains) -> tuple[int, int, int]:
    """How many records of the other sources were linked to one of the SIS, how many of those rightly, of how many."""
    write_doubles(path=tmp_path / "doubles.parquet", seed=seed, people=people)
    (tmp_path / "work").mkdir(exist_ok=True)
    shutil.move(tmp_path / "doubles.parquet", tmp_path / "work" / "doubles.parquet")
    with columns(folder=tmp_path / "work", memory_mb=400, threads=2) as db:
        here = literal(str(tmp_path / "work" / "doubles.parquet"))
        told = ", ".join(f"{exact.folded(column)} AS {quoted(name)}" for name, column in ATTRIBUTES.items())
        told += f', {exact.kin("role")} AS kin, NULL::VARCHAR AS "userMasterIdentifier"'
        db.execute(
            f"CREATE TABLE known AS SELECT md5(record::VARCHAR)::UUID AS id, {told} FROM {here} WHERE source = 'SIS'"
        )
        db.execute(
            f"CREATE TABLE want AS SELECT record AS line, record::VARCHAR AS key, {told} FROM {here} "
            "WHERE source <> 'SIS'"
        )
        exact.find(db, USER, domains, taken=NOBODY, parted=NO_PAIR, several_roles=False)
        [(found, right, there)] = db.execute(
            f"WITH who AS (SELECT record, md5(record::VARCHAR)::UUID AS id, person, source FROM {here}) "
            "SELECT count(*), count(*) FILTER (a.person = b.person), "
            "(SELECT count(*) FROM who WHERE source <> 'SIS') "
            "FROM match_user m JOIN who a ON m.line = a.record JOIN who b ON m.id = b.id"
        ).fetchall()
        return found, right, there


@pytest.mark.parametrize("seed", [11, 23, 47])
def test_no_link_that_is_made_by_itself_is_wrong(tmp_path, seed):
    found, right, there = linked(tmp_path, seed=seed, people=12_000, domains=DEFAULT_DOMAINS["user"])
    assert right == found
    assert found > 0.3 * there  # among typing errors, weddings and lost numbers


def test_names_alone_would_be_wrong_and_it_would_show(tmp_path):
    names = (Domain(attributes=("givenName", "familyName")),)
    found, right, _ = linked(tmp_path, seed=11, people=12_000, domains=names)
    assert right < found
