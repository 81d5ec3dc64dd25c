from hypothesis import given
from hypothesis import strategies as st

from schoolpassport.kit.recent import Recent


@given(st.lists(st.tuples(st.integers(0, 9), st.integers())))
def test_the_last_stored_are_kept_and_no_more_than_there_may_be(puts):
    recent: Recent[int, int] = Recent(3)
    stored: dict[int, int] = {}
    for key, value in puts:
        recent.put(key, value)
        stored.pop(key, None)
        stored[key] = value
        newest = dict(list(stored.items())[-3:])
        assert {k: recent.get(k) for k in range(10)} == {k: newest.get(k) for k in range(10)}
