"""What counts against a gateway, and what does not."""

from dataclasses import replace

import pytest

from bench.day.count import Broken, Figures, LoggedOut, Lost, Seen, count

NOTHING = Figures(0, 0, 0, 0, 0.0, 0.0, 0)


def out(at: float = 50, seen: str = "page 302", *, returning: bool = False) -> LoggedOut:
    return LoggedOut(3, at, returning, seen)


def lost(*moments: float, interval_s: float = 0.5) -> list[Lost]:
    return [Lost(3, at, interval_s) for at in moments]


def test_a_day_without_anything_is_all_zeros() -> None:
    assert count(Seen()) == NOTHING


def test_a_log_out_and_a_log_in_on_return_are_counted_apart() -> None:
    seen = Seen(logged_out=[out(), out(returning=True), out(60)])
    assert count(seen) == replace(NOTHING, log_outs=2, return_log_ins=1)


def test_silence_counts_unless_the_uplink_was_cut() -> None:
    silent = out(50, "no answer: timeout")
    assert count(Seen(logged_out=[silent])).log_outs == 1
    assert count(Seen(logged_out=[silent], uplink_cuts=[(40, 48)])).log_outs == 0


def test_a_login_page_counts_even_when_the_uplink_was_cut() -> None:
    assert count(Seen(logged_out=[out(45)], uplink_cuts=[(40, 48)])).log_outs == 1


@pytest.mark.parametrize(
    ("cut", "broken"),
    [
        ((0, 10), 1),  # long before the last echo
        ((18, 19), 0),  # its last second reaches into the grace
        ((25, 27), 0),  # between the last echo and the end
        ((10, 90), 0),
        ((31, 40), 1),  # after its end
    ],
)
def test_a_connection_that_the_uplink_broke_is_not_the_gateways(
    cut: tuple[float, float], broken: int
) -> None:
    seen = Seen(broken=[Broken(3, 20, 30, "reset")], uplink_cuts=[cut])
    assert count(seen).broken == broken


def test_outage_is_what_did_not_come_back_times_the_interval() -> None:
    seen = Seen(lost=[*lost(1.0, 1.5), Lost(4, 9.0, 0.2)])
    figures = count(seen)
    assert figures.outage_s == pytest.approx(1.2)
    assert figures.worst_outage_s == pytest.approx(1.0)


def test_what_was_lost_with_the_uplink_is_no_outage() -> None:
    seen = Seen(lost=lost(10, 12, 14.9, 15.1), uplink_cuts=[(9, 12)])
    assert count(seen).outage_s == pytest.approx(0.5)


def test_packets_of_strangers_are_taken_as_they_are() -> None:
    assert count(Seen(stranger_packets=5)).stranger_packets == 5


def test_each_interruption_of_a_tutoring_counts_once() -> None:
    seen = Seen(
        logged_out=[out(50), out(55, returning=True)],
        broken=[Broken(3, 58, 60, "reset")],
        lost=lost(70, 70.5, 71, 71.5, 72, 72.5),
        tutored={3: (40, 80)},
    )
    assert count(seen).interrupted_tutorings == 4


def test_what_happens_to_others_or_at_other_times_interrupts_no_tutoring() -> None:
    logged_out = [out(30), out(90), LoggedOut(4, 50, returning=False, seen="page 302")]
    seen = Seen(logged_out=logged_out, tutored={3: (40, 80)})
    assert count(seen).interrupted_tutorings == 0


def test_an_outage_that_nobody_notices_interrupts_no_tutoring() -> None:
    scattered = lost(50, 50.5, 51, 51.5, 60, 60.5, 61, 61.5)
    assert count(Seen(lost=scattered, tutored={3: (40, 80)})).interrupted_tutorings == 0


def test_outages_of_two_devices_are_not_one() -> None:
    both = [*lost(50, 50.5, 51), *(Lost(4, at, 0.5) for at in (51.5, 52, 52.5))]
    assert count(Seen(lost=both, tutored={3: (0, 90), 4: (0, 90)})).interrupted_tutorings == 0
