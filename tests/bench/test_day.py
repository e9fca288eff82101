"""A very short library day on the whole of Kvar, with real packets."""

import pytest

from bench.day.clock import Clock, DayOverError
from bench.day.count import count
from bench.day.kvar import Kvar
from bench.day.opennds import DEFAULT, PROBE_URL, OpenNds, Timeouts
from bench.day.play import play
from bench.day.report import rows, text
from bench.day.scenario import Fault, Size, draw
from bench.day.stranger import V4, V6, _minute_of
from tests.lab.guest import until

SEED = 20
PATIENCE_S = 240
"""Only against waiting for ever: openNDS starts many small programs for each page."""


def test_a_day_given_up_wakes_whoever_waits() -> None:
    clock = Clock(60.0)
    clock.start()
    clock.give_up()
    with pytest.raises(DayOverError):
        clock.wait_until(10)


@pytest.mark.parametrize(
    ("address", "minute"),
    [(f"{V4}.1.4", 260), (f"{V6}:105", 260), ("45.98.1.4", None), ("2001:db8:98::1", None)],
)
def test_a_strangers_target_says_when_it_was_sent(address: str, minute: int | None) -> None:
    assert _minute_of(address) == minute


def test_time_outs_are_scaled_and_rounded_up() -> None:
    assert DEFAULT.scaled(1.0) == Timeouts(15, 1, 2, 24)
    assert DEFAULT.scaled(2.0) == Timeouts(15, 1, 4, 48)


@pytest.mark.root
@pytest.mark.alone
def test_opennds_lets_in_who_accepts_its_terms_and_forgets_them_when_killed() -> None:
    with OpenNds("openNDS", DEFAULT, 1.0) as product:
        phone = product.lab.add_phone()
        phone.join()
        until(lambda: phone.http(PROBE_URL).header("Location"), "its page", PATIENCE_S)
        until(lambda: product.log_in(phone, 0) == "", "a page that lets in", PATIENCE_S)
        assert phone.http(PROBE_URL).status == 200
        with product.breakages[Fault.GATE_KILLED]():
            until(lambda: phone.http(PROBE_URL).header("Location"), "the terms again", PATIENCE_S)


@pytest.mark.root
@pytest.mark.alone
def test_the_same_day_is_played_on_opennds() -> None:
    day = draw(SEED, Size(minutes=8, devices=2, tutorings=0, faults=2))
    played = play(day, OpenNds("openNDS", DEFAULT, 1.0), minute_s=1.0)
    assert len(played.seen.waits_s) + played.seen.never_in >= 2
    assert played.seen.stranger_sent > 0
    assert played.faults + len(played.skipped) == 2


@pytest.mark.root
@pytest.mark.alone
def test_nobody_is_thrown_out_of_a_short_day() -> None:
    day = draw(SEED, Size(minutes=24, devices=4, tutorings=1, faults=3))
    played = play(day, Kvar(), minute_s=1.0)
    seen, figures = played.seen, count(played.seen)
    assert (figures.log_outs, figures.return_log_ins, figures.broken) == (0, 0, 0), seen
    assert (figures.stranger_packets, figures.interrupted_tutorings) == (0, 0), seen
    assert (played.faults, len(seen.waits_s)) == (3, 4)
    assert seen.stranger_sent > 100
    assert seen.looks > 8
    assert all(row.holds for row in rows([played]) if row.goal)
    assert "seed 20" in text(day, 1.0, [played])
