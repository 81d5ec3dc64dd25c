import time
from uuid import UUID

import pytest

from schoolpassport.kit.ids import from_short, new_id, short


def test_ids_are_version_7_of_now_and_rise_strictly():
    before = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(20_000)]
    after = time.time_ns() // 1_000_000
    assert ids == sorted(set(ids))
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    # Faster than the clock ticks, the ids may run ahead of it, by far less than a second.
    assert before <= ids[0].int >> 80 <= ids[-1].int >> 80 <= after + 1000


def test_ids_rise_when_the_clock_steps_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    second, third = new_id(), new_id()
    assert first < second < third


def test_the_layout_is_that_of_rfc_9562(monkeypatch):
    monkeypatch.setattr("schoolpassport.kit.ids._last", 0)
    # The RFC's example instant, and half a millisecond.
    monkeypatch.setattr(time, "time_ns", lambda: 0x017F22E279B0 * 1_000_000 + 500_000)
    assert str(new_id()).startswith("017f22e2-79b0-7800-")


def test_the_short_spelling_reads_back():
    for value in (UUID(int=0), UUID(int=2**128 - 1), UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), new_id()):
        assert len(short(value)) == 22
        assert from_short(short(value)) == value
    assert short(UUID(int=2**128 - 1)) == "_____________________w"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 21,
        "A" * 23,
        "A" * 21 + "=",
        "A" * 21 + "\n",
        "A" * 22 + "\n",
        "A" * 21 + "+",
        "A" * 21 + "/",
        "A" * 21 + "ä",
        "A" * 21 + "٣",
        " " + "A" * 21,
        "A" * 21 + "B",  # decodes to the same bytes as 22 A: a second spelling
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(ValueError, match="not a short identifier"):
        from_short(text)
