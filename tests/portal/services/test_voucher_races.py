"""Two hundred at once: places, guesses and turning off, whoever is faster."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.site import LoginMethod
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Lasts, Voucher
from portal.domain.voucher_code import with_check_digit
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, RefusalReason, Refused, SignInOutcome
from portal.services.ports.typed_codes import HeldBack
from portal.services.ports.vouchers import VoucherAnswer, VoucherTried
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.services.vouchers import Vouchers
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from portal.storage.vouchers import PostgresVouchers
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH = SiteId("main"), SiteId("branch")
PATIENT = Deadlines(connect_s=60, statement_s=60)
HOUR = timedelta(hours=1)


def phone(number: int, site_id: SiteId = MAIN) -> Device:
    """A device with its maker's address, so that none can be the new address of another."""
    return Device(MacAddress(f"00:16:3e:00:{number >> 8:02x}:{number & 0xFF:02x}"), site_id)


@pytest.fixture
async def wide(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn, size=32, deadlines=PATIENT) as opened:
        yield opened


@pytest.fixture
def crowd(doors: Doors, wide: Database) -> Doors:
    """The services of a portal with many connections."""
    main = replace(doors.sites[MAIN], login_methods=(LoginMethod.CARD, LoginMethod.CODE))
    branch = replace(doors.sites[BRANCH], login_methods=(LoginMethod.CODE,))
    return replace(
        doors,
        sessions=PostgresSessions(wide),
        arrivals=PostgresArrivals(wide),
        vouchers=PostgresVouchers(wide),
        sites={MAIN: main, BRANCH: branch},
    )


async def number(database: Database, sql: str) -> int:
    row = await database.fetch_row(sql)
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("places", [1, 3])
async def test_two_hundred_at_once_and_as_many_get_in_as_there_are_places(
    crowd: Doors, wide: Database, gate: FakeGate, places: int, now: datetime
) -> None:
    desk, guest = Vouchers(crowd), GuestService(crowd)
    order = VoucherOrder(MAIN, Lasts(4 * HOUR), most_devices=places)
    made = await desk.make(order, "ada", now)
    assert isinstance(made, MadeVouchers)
    slip = made.issued[0].slip

    async def try_it(visitor: int) -> SignInOutcome:
        if visitor % 2:
            return await guest.join(phone(visitor), slip.code.reveal(), now)
        return await guest.redeem(phone(visitor), slip.token.reveal(), now)

    outcomes = await asyncio.gather(*(try_it(visitor) for visitor in range(200)))
    admitted = [outcome for outcome in outcomes if isinstance(outcome, Admitted)]
    full = Refused(RefusalReason.CODE_FULL, devices=places)
    assert len(admitted) == places
    assert outcomes.count(full) == 200 - places
    assert set(gate.devices) == {outcome.session.mac for outcome in admitted}
    assert await number(wide, "SELECT count(*) FROM live_session") == places
    assert await number(wide, "SELECT count(*) FROM voucher_device") == places
    assert await number(wide, "SELECT count(*) FROM event WHERE kind = 'voucher_used'") == 1


async def test_one_device_that_asks_two_hundred_times_takes_one_place(
    crowd: Doors, wide: Database, now: datetime
) -> None:
    desk, guest = Vouchers(crowd), GuestService(crowd)
    made = await desk.make(VoucherOrder(MAIN, most_devices=2), "ada", now)
    assert isinstance(made, MadeVouchers)
    code = made.issued[0].slip.code.reveal()
    outcomes = await asyncio.gather(*(guest.join(phone(1), code, now) for _ in range(200)))
    sessions = {o.session.id for o in outcomes if isinstance(o, Admitted)}
    assert len(sessions) == 1
    assert await number(wide, "SELECT count(*) FROM voucher_device") == 1


async def test_turned_off_while_a_crowd_gets_in_nobody_is_left(
    crowd: Doors, wide: Database, now: datetime
) -> None:
    desk, guest = Vouchers(crowd), GuestService(crowd)
    made = await desk.make(VoucherOrder(MAIN, count=20, most_devices=10), "ada", now)
    assert isinstance(made, MadeVouchers)
    uses = [
        guest.join(phone(visitor), issued.slip.code.reveal(), now)
        for visitor, issued in enumerate(list(made.issued) * 10)
    ]
    letters = made.issued[0].voucher.serial.letters
    later = now + timedelta(seconds=1)
    off = [desk.revoke_series(MAIN, letters, "ada", later) for _ in range(3)]
    await asyncio.gather(*uses[:100], *off, *uses[100:])
    assert await number(wide, "SELECT count(*) FROM live_session") == 0
    left = "SELECT count(*) FROM voucher WHERE revoked_at IS NULL OR sealed IS NOT NULL"
    assert await number(wide, left) == 0
    await number(wide, "SELECT pg_stat_force_next_flush() IS NULL")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await number(wide, deadlocks) == 0


async def test_devices_change_vouchers_without_a_deadlock(
    crowd: Doors, wide: Database, now: datetime
) -> None:
    desk, guest = Vouchers(crowd), GuestService(crowd)
    made = await desk.make(VoucherOrder(MAIN, Lasts(4 * HOUR), 40, 4), "ada", now)
    assert isinstance(made, MadeVouchers)
    serials = [str(issued.voucher.serial) for issued in made.issued]
    work: list[object] = []
    for round_ in range(4):
        work += [
            guest.join(phone(n), made.issued[(n + round_) % 4].slip.code.reveal(), now)
            for n in range(30)
        ]
        work += [desk.extend(MAIN, serial, HOUR, "ada", now) for serial in serials]
    await asyncio.gather(*work)  # type: ignore[call-overload]
    assert await number(wide, "SELECT count(*) FROM live_session") == 30
    await number(wide, "SELECT pg_stat_force_next_flush() IS NULL")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await number(wide, deadlocks) == 0


async def test_numbers_are_given_once_and_series_to_one_making(
    crowd: Doors, wide: Database, now: datetime
) -> None:
    desk = Vouchers(crowd)
    orders = [VoucherOrder(MAIN if n % 3 else BRANCH, count=1 if n % 5 else 7) for n in range(60)]
    made = await asyncio.gather(*(desk.make(order, "ada", now) for order in orders))
    serials = [
        str(issued.voucher.serial)
        for each in made
        if isinstance(each, MadeVouchers)
        for issued in each.issued
    ]
    assert len(serials) == len(set(serials)) == sum(order.count for order in orders)
    gaps = """
        SELECT count(*) FROM voucher_series AS s
        WHERE last_number <> (SELECT count(*) FROM voucher AS v WHERE v.letters = s.letters)
    """
    assert await number(wide, gaps) == 0


class Counted(PostgresVouchers):
    """Counts what the database says to a typed code."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.said: Counter[str] = Counter()

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        answer: Voucher | HeldBack = await super().try_code(tried, limits, now)
        self.said[type(answer).__name__] += 1
        return answer


async def test_random_codes_in_parallel_reach_no_more_vouchers_than_the_caps_allow(
    crowd: Doors, wide: Database, now: datetime
) -> None:
    """Thousands of well-formed codes at two sites with 2,000 live ones, by ever new addresses."""
    desk = Vouchers(crowd)
    for _ in range(2):
        assert isinstance(await desk.make(VoucherOrder(MAIN, count=1000), "ada", now), MadeVouchers)
    counted = Counted(wide)
    guest = GuestService(replace(crowd, vouchers=counted))

    async def guess(attempt: int) -> SignInOutcome:
        code = with_check_digit(f"{secrets.randbelow(10**9):09}")
        site = MAIN if attempt % 4 else BRANCH
        return await guest.join(phone(attempt, site), code, now + timedelta(seconds=attempt // 100))

    outcomes = await asyncio.gather(*(guess(attempt) for attempt in range(3000)))
    assert not any(isinstance(outcome, Admitted) for outcome in outcomes), "a hit in 8,000 runs"
    assert counted.said["UnknownCode"] == 120
    assert counted.said["CodesBusy"] == 2880
    assert await number(wide, "SELECT count(*) FROM code_attempt") == 120
    alarms = "SELECT count(*) FROM event WHERE kind = 'many_wrong_codes'"
    assert await number(wide, alarms) == 2, "one a site"
    made = await desk.make(VoucherOrder(MAIN), "ada", now)
    assert isinstance(made, MadeVouchers), "the desk goes on"
    slip, later = made.issued[0].slip, now + timedelta(minutes=5)
    typed = await guest.join(phone(1), slip.code.reveal(), later)
    assert typed == Refused(RefusalReason.CODES_BUSY)
    assert isinstance(await guest.redeem(phone(1), slip.token.reveal(), later), Admitted)
