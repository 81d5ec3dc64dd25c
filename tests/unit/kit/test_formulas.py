"""What looks like a formula is led by an apostrophe, in Python and in DuckDB alike, and can be read back."""

import duckdb
import hypothesis
from hypothesis import strategies as st

from schoolpassport.kit import formulas

TEXTS = st.text(alphabet="=+-@\t\r\n '\u00a0ab", max_size=8)


@hypothesis.given(text=TEXTS)
def test_no_text_is_a_formula_and_each_comes_back(text):
    written = formulas.safe(text)
    assert formulas.read_back(written) == text
    assert written.lstrip(" \u00a0\n")[:1] not in {*"=+-@\t\r"}


@hypothesis.given(texts=st.lists(TEXTS, min_size=1, max_size=50))
@hypothesis.settings(max_examples=25, deadline=None)
def test_duckdb_writes_the_same(texts):
    with duckdb.connect() as db:
        db.execute("CREATE TABLE t AS SELECT unnest(?::VARCHAR[]) AS c", [texts])
        assert db.execute(f"SELECT {formulas.safe_sql('c')} FROM t ORDER BY rowid").fetchall() == [
            (formulas.safe(text),) for text in texts
        ]
