import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.library.circuit_breaker import FAILURES_TO_OPEN, RETRY_S, CircuitBreaker, Passage


def opened(now: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.request(now) is Passage.ASK
        breaker.record_failure(now)
    assert breaker.is_open
    return breaker


def test_three_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker()
    breaker.record_failure(0)
    breaker.record_failure(1)
    breaker.record_answer()
    breaker.record_failure(2)
    breaker.record_failure(3)
    assert not breaker.is_open
    breaker.record_failure(4)
    assert breaker.is_open


def test_while_open_everybody_is_refused_at_once_and_one_tries_when_it_is_time() -> None:
    breaker = opened(100.0)
    assert breaker.request(100.0 + RETRY_S - 0.001) is Passage.REFUSE
    assert breaker.request(100.0 + RETRY_S) is Passage.TRY
    assert breaker.request(100.0 + RETRY_S) is Passage.REFUSE


def test_a_trial_without_an_answer_waits_for_the_next_time() -> None:
    breaker = opened()
    assert breaker.request(RETRY_S) is Passage.TRY
    breaker.end_trial(RETRY_S + 5, answered=False)
    assert breaker.is_open
    assert breaker.request(RETRY_S + 5 + RETRY_S - 0.001) is Passage.REFUSE
    assert breaker.request(RETRY_S + 5 + RETRY_S) is Passage.TRY


def test_a_trial_with_an_answer_closes_it() -> None:
    breaker = opened()
    breaker.request(RETRY_S)
    breaker.end_trial(RETRY_S, answered=True)
    assert not breaker.is_open
    assert breaker.request(RETRY_S) is Passage.ASK
    breaker.record_failure(RETRY_S)
    assert not breaker.is_open


def test_a_trial_that_was_broken_off_leaves_the_turn_to_the_next() -> None:
    breaker = opened()
    breaker.request(RETRY_S)
    breaker.end_trial(RETRY_S, answered=None)
    assert breaker.is_open
    assert breaker.request(RETRY_S) is Passage.TRY


def test_late_news_of_questions_asked_before_it_opened() -> None:
    breaker = opened()
    breaker.record_failure(RETRY_S - 1)
    assert breaker.request(RETRY_S) is Passage.TRY
    breaker.record_answer()
    assert breaker.request(RETRY_S) is Passage.ASK
    breaker.end_trial(RETRY_S, answered=False)
    assert not breaker.is_open


def test_a_trial_ends_once() -> None:
    with pytest.raises(ValueError, match="no trial"):
        CircuitBreaker().end_trial(0, answered=True)


events = st.lists(st.tuples(st.sampled_from(["ask", "answer", "failure"]), st.floats(0, 30)))


@given(events)
def test_it_never_stays_shut_off_and_never_makes_two_trials(steps: list[tuple[str, float]]) -> None:
    breaker, now, trying = CircuitBreaker(), 0.0, False
    for event, later in steps:
        now += later
        if event == "ask":
            passage = breaker.request(now)
            assert not (passage is Passage.TRY and trying)
            trying = trying or passage is Passage.TRY
        elif trying:
            breaker.end_trial(now, answered=event == "answer")
            trying = False
        elif event == "answer":
            breaker.record_answer()
        else:
            breaker.record_failure(now)
    if trying:
        breaker.end_trial(now, answered=None)
    assert breaker.request(now + RETRY_S) is not Passage.REFUSE
