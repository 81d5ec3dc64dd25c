"""A file that has lost a column in which something stood waits for a person: it may have been renamed."""

import csv
import io

import pytest

from schoolpassport.sources import actions
from tests.support.nights import BY, Nights, nights
from tests.support.packages import STAMP, Package, small, user

PHONE = "users.csv has no column “phone” any more, and had it the last time: 2 users would lose what stood there."


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(minimum_base=1)
    return made


def reachable() -> Package:
    return small().changed("users", "p1", phone="555-0101").changed("users", "t1", phone="555-0102")


def renamed(package: Package, file: str, **columns: str) -> dict[str, str]:
    """The texts of a package; a column that becomes nothing is left out."""
    texts = package.texts()
    rows = list(csv.DictReader(io.StringIO(texts[f"{file}.csv"])))
    names = {header: columns.get(header, header) for header in rows[0]}
    out = io.StringIO()
    writer = csv.DictWriter(out, [name for name in names.values() if name], lineterminator="\n")
    writer.writeheader()
    writer.writerows({names[h]: value for h, value in row.items() if names[h]} for row in rows)
    return {**texts, f"{file}.csv": out.getvalue()}


def sentences(run) -> list[str]:
    return [r["sentence"] for r in run.hold["reasons"] if r["rule"] == "column gone"]


def phones(sis) -> set[str]:
    return {u["phone"] for u in sis.records("user").values() if u["phone"]}


@pytest.mark.parametrize("name", ["telephone", ""], ids=["renamed", "left out"])
def test_a_column_in_which_something_stood_is_not_blanked_unasked(sis, name):
    sis.done(reachable())
    run = sis.run(renamed(reachable().with_rows("users", user("new")), "users", phone=name))
    assert (run.state, sentences(run)) == ("held", [PHONE])
    assert run.hold["likely_cause"] == "A column has another name than before, or is not exported any more."
    assert (phones(sis), "new" in sis.active("user")) == ({"555-0101", "555-0102"}, False)


def test_when_a_person_says_so_its_values_go_and_nobody_is_asked_again(sis):
    sis.done(reachable())
    without = renamed(reachable(), "users", phone="")
    approved = sis.approve(sis.run(without))
    assert (approved.state, phones(sis)) == ("done", set())
    later = renamed(reachable().changed("users", "p1", givenName="Other"), "users", phone="")
    assert sis.run(later).state == "done"


def test_when_the_column_is_back_nothing_was_lost(sis):
    sis.done(reachable())
    assert sis.run(renamed(reachable(), "users", phone="telephone")).state == "held"
    sis.done(reachable().changed("users", "p1", givenName="Other"))
    assert phones(sis) == {"555-0101", "555-0102"}


def test_a_column_that_was_blank_in_every_row_may_go(sis):
    sis.done(small())
    assert sis.run(renamed(small().with_rows("users", user("new")), "users", phone="", sms="")).state == "done"


def test_columns_of_the_districts_own_are_asked_about_too(sis):
    sis.done(small().changed("users", "p1", **{"metadata.100%": "Red"}))
    run = sis.run(small().with_rows("users", user("new")))
    (sentence,) = sentences(run)
    assert sentence.startswith("users.csv has no column “metadata.100%” any more")
    assert "1 users would lose" in sentence


def test_a_column_that_feeds_another_attribute_is_asked_about_by_what_it_feeds(sis):
    actions.set_shaping(
        district_id=sis.district_id,
        source_id=sis.source.id,
        subject="attributes",
        content={"user": [{"to": "phone", "from": "sms"}]},
        by=BY,
        now=sis.now,
    )
    sis.done(small().changed("users", "p1", sms="555-0103"))
    run = sis.run(renamed(small(), "users", sms="mobile"))
    (sentence,) = sentences(run)
    assert "users.csv has no column “sms” any more" in sentence


def test_a_delta_without_a_column_asks_nobody(sis):
    sis.done(reachable())
    delta = Package({"users": (user("new", status="active", dateLastModified=STAMP),)}).declared(users="delta")
    assert sis.run(renamed(delta, "users", phone="")).state == "done"
    assert phones(sis) == {"555-0101", "555-0102"}


def test_kinds_of_few_records_are_not_judged(sis):
    sis.set_limits(minimum_base=8)
    sis.done(reachable())
    assert sis.run(renamed(reachable(), "users", phone="")).state == "done"
    assert phones(sis) == set()
