from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import SiteId, Subject
from portal.domain.voucher import (
    DEFAULT_PRESETS,
    LONGEST_LIFE,
    LONGEST_UNUSED,
    TO_CLOSING,
    Lasts,
    Serial,
    Unusable,
    Voucher,
    VoucherState,
    judge,
    prolong,
    read_serial,
)

MAIN, BRANCH = SiteId("main"), SiteId("branch")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def voucher(now: datetime) -> Voucher:
    return Voucher(
        id=UUID(int=1),
        making=UUID(int=2),
        serial=Serial("A", 412),
        site_id=MAIN,
        subject=Subject(b"s" * 32),
        key_id="voucher-2026",
        lasts=Lasts(4 * HOUR),
        most_devices=1,
        made_at=now,
        starts_at=now,
        use_before=now + 180 * DAY,
    )


def used(voucher: Voucher, at: datetime) -> Voucher:
    return replace(voucher, first_used_at=at, ends_at=at + 4 * HOUR, devices=1)


@pytest.mark.parametrize("text", ["A-0412", "a-412", " A 412 ", "a0412", "A-412"])
def test_a_serial_is_read_as_people_say_it(text: str) -> None:
    assert read_serial(text) == Serial("A", 412)


@pytest.mark.parametrize("text", ["", "412", "A", "A-0", "A-00412000", "ABCDE-1", "Å-1", "A-٣"])
def test_what_is_no_serial_is_none(text: str) -> None:
    assert read_serial(text) is None


def test_a_serial_is_written_with_four_digits_at_least() -> None:
    assert str(Serial("AB", 7)) == "AB-0007"


@pytest.mark.parametrize(
    ("lasts", "ends_after"),
    [
        (TO_CLOSING, 8 * HOUR),
        (Lasts(4 * HOUR), 4 * HOUR),
        (Lasts(9 * HOUR), 9 * HOUR),
        (Lasts(until=datetime.fromisoformat("2026-11-25T13:00:00+00:00")), 3 * HOUR),
        (Lasts(2 * HOUR, datetime.fromisoformat("2026-11-25T13:00:00+00:00")), 2 * HOUR),
        (Lasts(4 * HOUR, datetime.fromisoformat("2026-11-25T13:00:00+00:00")), 3 * HOUR),
    ],
)
def test_a_voucher_ends_at_the_earlier_of_its_clocks(
    lasts: Lasts, ends_after: timedelta, now: datetime
) -> None:
    assert lasts.ends_at(now, now + 8 * HOUR) == now + ends_after


def test_the_states_that_staff_see(voucher: Voucher, now: datetime) -> None:
    assert voucher.state(now) is VoucherState.UNUSED
    assert voucher.state(now + 180 * DAY) is VoucherState.OVER
    event = replace(voucher, lasts=Lasts(until=now + DAY))
    assert event.state(now + DAY) is VoucherState.OVER, "nobody used it, and the event is over"
    late = used(voucher, now + 179 * DAY)
    assert late.state(now + 180 * DAY - HOUR) is VoucherState.OVER
    running = used(voucher, now + 180 * DAY - HOUR)
    assert running.state(now + 180 * DAY) is VoucherState.IN_USE, "the deadline ends no visit"
    assert running.state(now + 180 * DAY + 3 * HOUR) is VoucherState.OVER
    off = replace(running, revoked_at=now + HOUR)
    assert off.state(now) is VoucherState.REVOKED
    assert off.over_at == now + HOUR


def test_what_is_left(voucher: Voucher, now: datetime) -> None:
    running = used(voucher, now)
    assert running.remaining(now + HOUR) == 3 * HOUR
    assert running.remaining(now + DAY) == timedelta(0)


def test_who_may_use_it_where_and_when(voucher: Voucher, now: datetime) -> None:
    assert judge(voucher, MAIN, now) is None
    assert judge(voucher, BRANCH, now) is Unusable.OTHER_SITE
    assert judge(replace(voucher, is_everywhere=True), BRANCH, now) is None
    assert judge(replace(voucher, starts_at=now + HOUR), MAIN, now) is Unusable.EARLY
    assert judge(voucher, MAIN, now + 180 * DAY) is Unusable.EXPIRED
    assert judge(used(voucher, now), MAIN, now + 4 * HOUR) is Unusable.EXPIRED
    off = replace(voucher, revoked_at=now)
    assert judge(off, BRANCH, now) is Unusable.REVOKED, "the first that staff must know"


def test_one_in_use_lasts_longer(voucher: Voucher, now: datetime) -> None:
    running = used(voucher, now)
    assert prolong(running, HOUR, now).ends_at == now + 5 * HOUR
    over = prolong(running, HOUR, now + DAY)
    assert over.ends_at == now + DAY + HOUR, "from now: its time is up already"
    assert prolong(running, 900 * DAY, now).ends_at == now + LONGEST_LIFE
    old = replace(running, made_at=now - LONGEST_LIFE)
    assert prolong(old, HOUR, now) == old, "never shorter"


def test_one_that_nobody_used_may_be_used_later(voucher: Voucher, now: datetime) -> None:
    longer = prolong(voucher, 10 * DAY, now)
    assert (longer.use_before, longer.ends_at) == (now + 190 * DAY, None)
    assert prolong(voucher, 10 * DAY, now + 200 * DAY).use_before == now + 210 * DAY
    assert prolong(voucher, 900 * DAY, now).use_before == now + LONGEST_UNUSED
    event = replace(voucher, lasts=Lasts(until=now + DAY), use_before=now + DAY)
    later = prolong(event, 2 * HOUR, now)
    assert later.lasts == Lasts(until=now + DAY + 2 * HOUR)
    assert later.over_at == now + DAY + 2 * HOUR


def test_the_desks_own_presets() -> None:
    assert [preset.id for preset in DEFAULT_PRESETS] == ["closing", "4-hours", "1-week", "group"]
    assert DEFAULT_PRESETS[0].use_within is None, "a slip until closing is for today"
