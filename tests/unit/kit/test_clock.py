import time

from schoolpassport.kit import clock


def test_the_clock_says_utc_in_whole_milliseconds():
    before = time.time_ns() // 1_000_000
    read = [clock.now() for _ in range(50)]
    after = time.time_ns() // 1_000_000
    assert before <= read[0].timestamp() * 1000 <= read[-1].timestamp() * 1000 <= after
    assert {(str(r.tzinfo), r.microsecond % 1000) for r in read} == {("UTC", 0)}
