"""The database knows the same life of a consent as the code."""

from itertools import product
from uuid import uuid4

import psycopg
import pytest

from schoolpassport.sharing.lifecycle import TRANSITIONS, Act, ConsentState, Side, Whose

INSERT = """INSERT INTO sharing_consentstep (district_id, consent_id, number, act, side, was, became, at, by, message,
    accepted) VALUES (%(d)s, %(c)s, %(number)s, %(act)s, %(side)s, %(was)s, %(became)s, now(), 'test', '', '{}')"""


@pytest.fixture
def runtime(database):
    with psycopg.connect(database.runtime_url) as connection:
        yield connection
        connection.rollback()


def test_the_database_allows_exactly_the_steps_of_the_table(runtime):
    (condition,) = runtime.execute(
        "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'steps_stand_in_the_table'"
    ).fetchone()
    every = list(product(["", *ConsentState], Act, Side, ConsentState))
    columns = [[str(step[place]) for step in every] for place in range(4)]
    allowed = runtime.execute(
        "SELECT was, act, side, became FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) "
        f"AS s (was, act, side, became) WHERE {condition}",
        columns,
    ).fetchall()
    told = {
        (t.was, t.act, side, t.became)
        for t in TRANSITIONS
        for side in Side
        if (side is Side.HOUSE) == (t.whose is Whose.HOUSE)
    }
    assert set(allowed) == told


def test_a_step_begins_where_the_one_before_it_ended(runtime):
    place = {"d": uuid4(), "c": uuid4()}
    runtime.execute("SELECT set_config('sp.district', %s, true)", [str(place["d"])])
    runtime.execute(INSERT, {**place, "number": 1, "act": "draft", "side": "partner", "was": "", "became": "draft"})
    runtime.execute(INSERT, {**place, "number": 2, "act": "send", "side": "partner", "was": "draft", "became": "sent"})
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="a_step_follows_another"):
        runtime.execute(
            INSERT, {**place, "number": 3, "act": "begin", "side": "house", "was": "approved", "became": "active"}
        )


def test_a_life_begins_with_a_draft(runtime):
    place = {"d": uuid4(), "c": uuid4()}
    runtime.execute("SELECT set_config('sp.district', %s, true)", [str(place["d"])])
    with pytest.raises(psycopg.errors.CheckViolation, match="the_first_step_drafts"):
        runtime.execute(
            INSERT, {**place, "number": 1, "act": "send", "side": "partner", "was": "draft", "became": "sent"}
        )


def test_a_consent_is_in_no_state_that_its_last_step_did_not_lead_to(runtime):
    place = {"d": uuid4(), "c": uuid4()}
    runtime.execute("SELECT set_config('sp.district', %s, true)", [str(place["d"])])
    runtime.execute(INSERT, {**place, "number": 1, "act": "draft", "side": "partner", "was": "", "became": "draft"})
    insert = """INSERT INTO sharing_consent (district_id, id, integration_id, state, step, author, suspended_by,
        attributes, masks, filters, shield, edition, purpose, hold, drafted_at, agreed_at, begun_at)
        VALUES (%(d)s, %(c)s, %(c)s, %(state)s, 1, 'partner', '{}', '{}', '{}', '{}', 0, 1, '', '{}', now(), now(), now())"""
    with runtime.transaction():
        runtime.execute(insert, {**place, "state": "draft"})
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="a_consent_stands_where_its_step_led"):
        runtime.execute("UPDATE sharing_consent SET state = 'active' WHERE id = %(c)s", place)
