from hypothesis import given
from hypothesis import strategies as st

from firewall import marks


@given(st.integers(1, marks.NUMBER_MAX), st.integers(0, 15))
def test_a_mark_gives_number_and_profile_back(number, profile):
    mark = marks.device_mark(number, profile)
    assert (marks.number_of(mark), marks.profile_of(mark)) == (number, profile)
    assert mark & marks.PASS
    assert not mark & (marks.GARDEN | marks.FORWARDED)
    assert mark < marks.CAPTURED_BASE


@given(st.binary(min_size=6, max_size=6))
def test_captured_marks_are_apart_from_device_marks(mac):
    assert marks.CAPTURED_BASE <= marks.captured_mark(mac) < 2**32
