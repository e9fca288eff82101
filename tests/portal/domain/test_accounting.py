"""Each visit is counted once, whatever the network does to its records."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accounting import (
    LOST_CARRIER,
    NAS_REBOOT,
    REUSED_AFTER_SILENCE,
    Account,
    ClosedBy,
    Octets,
    Use,
    UseStatus,
    close_by_reboot,
    close_by_silence,
    follow,
)

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
START, INTERIM, STOP = UseStatus.START, UseStatus.INTERIM, UseStatus.STOP


def use(
    status: UseStatus, after_s: float, up: int | None = None, down: int = 0, late_s: float = 0.0
) -> Use:
    """A record of a visit that began at noon."""
    happened_at = NOON + timedelta(seconds=after_s)
    octets = None if up is None else Octets(up, down)
    duration = None if status is START else timedelta(seconds=after_s)
    return Use(status, happened_at, happened_at + timedelta(seconds=late_s), octets, duration)


def told(*records: Use, account: Account | None = None) -> Account:
    added = Octets() if account is None else account.total
    for record in records:
        after = follow(account, record)
        account, added = after.account, added.plus(after.added)
        assert after.earlier is None
    assert account is not None
    assert account.total == added, "what was added makes up the total"
    return account


VISIT = (
    use(START, 0),
    use(INTERIM, 300, 1000, 9000),
    use(INTERIM, 600, 1500, 20_000),
    use(STOP, 700, 1600, 21_000),
)


def test_a_visit_as_it_should_be() -> None:
    account = told(*VISIT)
    assert account.total == Octets(1600, 21_000)
    assert (account.started_at, account.ended_at) == (NOON, NOON + timedelta(seconds=700))
    assert account.closed_by is ClosedBy.STOP
    assert account.duration == timedelta(seconds=700)


@given(st.permutations(VISIT), st.data())
def test_any_order_and_any_doubling_make_the_same_account(
    records: list[Use], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(records), max_size=6))
    account = told(*records, *again)
    assert account == told(*VISIT)


@given(st.permutations(VISIT))
def test_access_points_without_a_clock_are_counted_right_too(records: list[Use]) -> None:
    """Nothing says when it happened: each record seems to be of the moment it came."""
    arrivals = (NOON + timedelta(seconds=700 + n) for n in range(len(records)))
    moved = [
        Use(r.status, at, at, r.octets, r.duration) for r, at in zip(records, arrivals, strict=True)
    ]
    account = told(*moved)
    assert account.total == Octets(1600, 21_000)
    assert account.closed_by is ClosedBy.STOP


@given(st.sets(st.sampled_from(range(3)), max_size=3))
def test_whatever_is_lost_before_the_stop_the_octets_are_exact(lost: set[int]) -> None:
    account = told(*(record for n, record in enumerate(VISIT) if n not in lost))
    assert account.total == Octets(1600, 21_000)
    assert account.started_at == NOON


def test_an_interim_or_a_stop_without_start_begins_the_account() -> None:
    assert told(VISIT[1]).started_at == NOON
    assert told(VISIT[1]).ended_at is None
    assert told(VISIT[3]).ended_at == NOON + timedelta(seconds=700)


def test_an_interim_after_the_stop_does_not_open_it_again() -> None:
    account = told(*VISIT, use(INTERIM, 900, 1700, 22_000))
    assert account.closed_by is ClosedBy.STOP
    assert account.total == Octets(1700, 22_000)


def test_silence_closes_and_a_later_interim_opens_again() -> None:
    silent = close_by_silence(told(VISIT[0], VISIT[1]))
    assert (silent.ended_at, silent.cause) == (NOON + timedelta(seconds=300), LOST_CARRIER)
    assert told(VISIT[1], account=silent).ended_at is not None, "the same one tells nothing new"
    again = told(VISIT[2], account=silent)
    assert (again.ended_at, again.closed_by, again.cause) == (None, None, None)
    assert told(VISIT[3], account=silent).closed_by is ClosedBy.STOP


def test_a_restart_of_the_access_point_closes() -> None:
    closed = close_by_reboot(told(VISIT[0], VISIT[1]), NOON + timedelta(seconds=400))
    assert (closed.ended_at, closed.cause) == (NOON + timedelta(seconds=400), NAS_REBOOT)
    late = told(VISIT[1], account=closed)
    assert late.closed_by is ClosedBy.REBOOT
    stopped = told(use(STOP, 390, 1200, 9100), account=closed)
    assert (stopped.closed_by, stopped.total) == (ClosedBy.STOP, Octets(1200, 9100))


def test_the_restart_was_told_of_late_and_the_device_is_there_still() -> None:
    closed = close_by_reboot(told(VISIT[0]), NOON + timedelta(seconds=200))
    assert told(VISIT[1], account=closed).ended_at is None


def test_a_number_that_is_used_again_after_a_restart_is_another_visit() -> None:
    closed = close_by_reboot(told(*VISIT[:3]), NOON + timedelta(seconds=620))
    first = use(INTERIM, 0, 50, 60)
    begun = NOON + timedelta(seconds=625)
    after = follow(
        closed,
        Use(INTERIM, begun + timedelta(seconds=300), begun, first.octets, timedelta(seconds=300)),
    )
    assert after.earlier == closed
    assert after.added == Octets(50, 60) == after.account.total
    assert after.account.started_at == begun


def test_a_number_that_is_used_again_after_a_stop_is_another_visit() -> None:
    account = told(*VISIT)
    assert follow(account, use(START, 720)).earlier is None, "a Start that was overtaken"
    after = follow(account, use(START, 731))
    assert after.earlier == account
    assert after.account.ended_at is None


def test_a_number_that_is_used_again_with_the_stop_lost_is_another_visit() -> None:
    account = told(*VISIT[:3])
    later = NOON + timedelta(seconds=600) + REUSED_AFTER_SILENCE
    assert follow(account, Use(START, later, later)).earlier is None
    after = follow(account, Use(START, later + timedelta(seconds=1), later))
    assert after.earlier is not None
    assert after.earlier.closed_by is ClosedBy.SILENCE
    assert after.earlier.ended_at == NOON + timedelta(seconds=600)


def test_counters_that_began_anew_are_added() -> None:
    account = told(*VISIT[:3])
    at = NOON + timedelta(seconds=900)
    anew = [
        Use(INTERIM, at, at, Octets(10, 20), timedelta(seconds=290)),
        Use(INTERIM, at + timedelta(seconds=60), at, Octets(30, 70), timedelta(seconds=350)),
    ]
    grown = told(*anew, account=account)
    assert grown.total == Octets(1530, 20_070)
    assert told(*anew, *VISIT[:3], *anew, account=grown) == grown, "late ones add nothing"


def test_a_counter_of_32_bits_overflows_in_one_direction() -> None:
    full, gigabyte = 2**32 - 1000, 2**30
    account = told(
        use(START, 0),
        use(INTERIM, 300, 100, full),
        use(INTERIM, 600, 200, 500),
        use(INTERIM, 900, 300, gigabyte),
        use(INTERIM, 300, 100, full),
        use(INTERIM, 600, 200, 500),
    )
    assert account.total == Octets(300, 2**32 + gigabyte)


def test_gigawords_need_no_guess() -> None:
    account = told(use(INTERIM, 300, 0, 2**32 - 1), use(INTERIM, 600, 0, 2**32 + 5))
    assert account.total == Octets(0, 2**32 + 5)


def test_a_smaller_counter_is_no_overflow() -> None:
    account = told(use(INTERIM, 300, 0, 50_000), use(INTERIM, 600, 0, 40_000))
    assert account.total == Octets(0, 50_000)


def test_the_session_and_the_cause_are_kept() -> None:
    account = told(*VISIT[:2])
    stop = Use(STOP, NOON + timedelta(seconds=400), NOON, cause=1)
    assert told(stop, account=account).cause == 1
    assert told(stop, account=account).total == Octets(1000, 9000)


@pytest.mark.parametrize("seed", range(200))
def test_a_long_visit_through_a_bad_network_is_counted_exactly(seed: int) -> None:
    """Loss of 30 %, every second record doubled, all mixed; the Stop comes through at last."""
    chance = random.Random(seed)
    octets = [Octets()]
    for _ in range(40):
        octets.append(octets[-1].plus(Octets(chance.randrange(10**7), chance.randrange(10**9))))
    records = [use(START, 0)]
    records += [use(INTERIM, 60 * n, *o) for n, o in enumerate(octets) if n]
    sent = [record for record in records for _ in range(chance.choice((0, 1, 1, 2)))]
    sent.append(use(STOP, 60 * 41, *octets[-1]))
    chance.shuffle(sent)
    account = told(*sent)
    assert account.total == octets[-1]
    assert account.closed_by is ClosedBy.STOP


def test_totals_never_shrink() -> None:
    chance = random.Random(7)
    account, totals = None, [Octets()]
    for _ in range(2000):
        status = chance.choice((START, INTERIM, INTERIM, STOP))
        record = use(status, chance.randrange(10_000), chance.randrange(2**33), late_s=1)
        after = follow(account, record)
        account = after.account
        totals.append(account.total if after.earlier is None else Octets())
        assert min(after.added) >= 0
    assert all(a.upload <= b.upload or b == Octets() for a, b in pairwise(totals))
