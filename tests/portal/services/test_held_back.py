"""A flood of guesses is answered from memory, for as long as the database said."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.site import LoginMethod
from portal.domain.typed_code import CodeLimits
from portal.services.doors import Doors
from portal.services.group_tutoring import GroupTutoring
from portal.services.held_back import BUSY_FOR, MOST_DEVICES, HeldBackMemory
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode
from portal.services.ports.vouchers import VoucherAnswer, VoucherTried
from portal.services.redeem import Redeem
from portal.storage.database import Database
from portal.storage.vouchers import PostgresVouchers

MAIN, BRANCH = SiteId("main"), SiteId("branch")
PHONE = Device(MacAddress("02:00:00:00:00:01"), MAIN)
MINUTE = timedelta(minutes=1)
CODE = "4085127730"
"""Well formed, and nobody's."""


class Counting(PostgresVouchers):
    """The real store, which notes how often it is asked for a code."""

    asked = 0

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        self.asked += 1
        return await super().try_code(tried, limits, now)


@pytest.fixture
def store(database: Database) -> Counting:
    return Counting(database)


@pytest.fixture
def guessing(doors: Doors, store: Counting) -> Redeem:
    methods = (LoginMethod.CARD, LoginMethod.CODE)
    sites = {id_: replace(site, login_methods=methods) for id_, site in doors.sites.items()}
    return Redeem(replace(doors, vouchers=store, sites=sites))


def phone(number: int) -> Device:
    return Device(MacAddress(f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"), MAIN)


async def reason_of(redeem: Redeem, device: Device, now: datetime) -> RefusalReason:
    outcome = await redeem.with_code(device, CODE, now)
    assert isinstance(outcome, Refused)
    return outcome.reason


async def test_a_device_that_waits_asks_nobody_until_its_time(
    guessing: Redeem, store: Counting, now: datetime
) -> None:
    for _ in range(10):
        assert await reason_of(guessing, PHONE, now) is RefusalReason.CODE_UNKNOWN
    for _ in range(1000):
        assert await reason_of(guessing, PHONE, now + MINUTE) is RefusalReason.TOO_MANY_ATTEMPTS
    assert store.asked == 11
    later = now + 16 * MINUTE
    assert await reason_of(guessing, PHONE, later) is RefusalReason.CODE_UNKNOWN


async def test_a_busy_site_asks_once_a_second_whatever_the_addresses(
    guessing: Redeem, store: Counting, now: datetime
) -> None:
    told = [await reason_of(guessing, phone(number), now) for number in range(1000)]
    assert told.count(RefusalReason.CODE_UNKNOWN) == 60
    assert told.count(RefusalReason.CODES_BUSY) == 940
    assert store.asked == 61
    await reason_of(guessing, PHONE, now + BUSY_FOR)
    assert store.asked == 62


async def test_room_codes_are_answered_from_the_same_memory(
    guessing: Redeem, now: datetime
) -> None:
    memory = guessing.memory
    memory.note(PHONE, DeviceWaits(now + MINUTE), now)
    groups = GroupTutoring(guessing.doors, memory=memory)
    outcome = await groups.join(PHONE, "408512", now)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retry_at) == (RefusalReason.TOO_MANY_ATTEMPTS, now + MINUTE)


def test_a_site_that_is_busy_holds_up_no_other(now: datetime) -> None:
    memory = HeldBackMemory()
    memory.note(PHONE, CodesBusy(), now)
    assert memory.look(PHONE, now) == CodesBusy()
    assert memory.look(Device(PHONE.mac, BRANCH), now) is None
    assert memory.look(PHONE, now + BUSY_FOR) is None


def test_an_unknown_code_alone_holds_up_nobody(now: datetime) -> None:
    memory = HeldBackMemory()
    memory.note(PHONE, UnknownCode(), now)
    assert memory.look(PHONE, now) is None


def test_made_up_addresses_fill_no_memory(now: datetime) -> None:
    memory = HeldBackMemory()
    for number in range(MOST_DEVICES + 5):
        memory.note(phone(number), DeviceWaits(now + MINUTE), now)
    assert memory.look(phone(0), now) is None
    assert memory.look(phone(MOST_DEVICES + 4), now) == DeviceWaits(now + MINUTE)
