"""Charts that the server draws."""

import re

from hypothesis import given
from hypothesis import strategies as st

from portal.web.staff.charts import HEIGHT, PATTERNS, WIDTH, columns, round_up, sparkline

counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1000), max_size=8)


def test_a_line_with_a_gap() -> None:
    assert sparkline([]) == ""
    assert sparkline([None, None]) == ""
    assert sparkline([1.0, None, 2.0]) == "M0.0 14.0M120.0 1.0"
    assert sparkline([0.0, 0.0]) == "M0.0 27.0L120.0 27.0"


def test_columns_stand_on_the_axis_and_on_each_other() -> None:
    drawn = columns([("09.00", {"Kort": 3, "Kod": 1}), ("09.30", {})], 2, "Annat")
    assert drawn.names == ["Kort", "Kod"]
    assert drawn.top == 5
    first, second = drawn.bars
    assert first.y + first.height == HEIGHT
    assert second.y + second.height == first.y
    assert drawn.labels == [(0.0, "09.00")]


def test_what_is_too_much_is_one() -> None:
    many = {name: 10 - place for place, name in enumerate("abcdefg")}
    drawn = columns([("", many)], 1, "Annat")
    assert drawn.names == ["a", "b", "c", "d", "Annat"]
    assert len(drawn.bars) == PATTERNS
    assert sum(bar.height for bar in drawn.bars) <= HEIGHT


@given(st.lists(st.tuples(st.just("x"), counts), max_size=50))
def test_nothing_is_drawn_outside(slots: list[tuple[str, dict[str, int]]]) -> None:
    drawn = columns(slots, 1, "Annat")
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.01
        assert -0.01 <= bar.y <= bar.y + bar.height <= HEIGHT + 0.01
    assert len(drawn.names) <= PATTERNS


@given(st.integers(0, 10**9))
def test_an_axis_ends_at_a_round_number(count: int) -> None:
    top = round_up(count)
    assert count <= top <= max(1, count * 2.5)
    assert re.fullmatch("[125]0*", str(top))
