"""One miss is no outage; an outage has lasted since its first miss; one good look ends it."""

from datetime import datetime, timedelta

from portal.domain.uplink import Uplink, see

SECOND = timedelta(seconds=1)


def test_down_after_two_misses_since_the_first(now: datetime) -> None:
    once = see(Uplink(), now, works=False)
    assert once.down_since is None
    twice = see(once, now + 2 * SECOND, works=False)
    assert twice.down_since == now
    assert see(twice, now + 4 * SECOND, works=False).down_since == now
    assert see(twice, now + 4 * SECOND, works=True) == Uplink()


def test_a_clock_set_back_makes_no_outage_longer(now: datetime) -> None:
    once = see(Uplink(), now, works=False)
    twice = see(once, now - 60 * SECOND, works=False)
    assert twice.down_since == now - 60 * SECOND
