from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.retransmission import RetransmissionTimes, waits

DRAWS = st.lists(st.floats(-1, 1), min_size=20, max_size=20)


def test_without_chance_the_waits_double_up_to_the_longest_and_end_at_the_longest_duration() -> (
    None
):
    assert list(waits(RetransmissionTimes(), lambda: 0.0)) == [2.0, 4.0, 8.0, 16.0]
    patient = RetransmissionTimes(duration_max_s=1000)
    assert list(waits(patient, lambda: 0.0)) == [2.0, 4.0, 8.0, 16.0, 16.0]


def test_the_last_wait_is_cut_where_the_duration_ends() -> None:
    times = RetransmissionTimes(duration_max_s=10)
    assert list(waits(times, lambda: 0.0)) == [2.0, 4.0, 4.0]


@given(DRAWS)
def test_chance_moves_each_wait_by_a_tenth_of_the_one_before_at_most(draws: list[float]) -> None:
    drawn = iter(draws)
    times = RetransmissionTimes(duration_max_s=1000)
    found = list(waits(times, lambda: next(drawn)))
    assert 1.8 <= found[0] <= 2.2
    for before, after in pairwise(found):
        doubled = 1.9 * before <= after <= 2.1 * before
        assert doubled or 14.4 <= after <= 17.6
    assert len(found) == times.transmissions_max


@given(DRAWS)
def test_it_never_takes_longer_nor_sends_more_often_than_the_rfc_allows(draws: list[float]) -> None:
    drawn = iter(draws)
    found = list(waits(RetransmissionTimes(), lambda: next(drawn)))
    assert 4 <= len(found) <= 5
    assert sum(found) <= 30 + 1e-9
    starts = [0.0, *accumulate(found)][:-1]
    assert all(start < 30 for start in starts)
