"""Vouchers on a real PostgreSQL, with a fake gate: made at the desk, used by guests."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod
from portal.domain.voucher import TO_CLOSING, Lasts, Voucher, VoucherState
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted
from portal.services.vouchers import (
    IssuedVoucher,
    MadeVouchers,
    VoucherOrder,
    Vouchers,
)
from tests.portal.services.fakes import FakeGate

MAIN, BRANCH, LOBBY = SiteId("main"), SiteId("branch"), SiteId("lobby")
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
CLOSING = timedelta(hours=8, minutes=15)
"""From the tests' now to the end of the grace after closing."""


def phone(number: int, site_id: SiteId = MAIN) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), site_id)


@pytest.fixture
def doors(doors: Doors) -> Doors:
    """Vouchers at the main site and the branch; not in the lobby."""
    both = (LoginMethod.CARD, LoginMethod.CODE)
    sites = {
        **doors.sites,
        MAIN: replace(doors.sites[MAIN], login_methods=both),
        BRANCH: replace(doors.sites[BRANCH], login_methods=both, name="Grenbiblioteket"),
    }
    return replace(doors, sites=sites)


@pytest.fixture
def guest(doors: Doors) -> GuestService:
    return GuestService(doors)


@pytest.fixture
def desk(doors: Doors) -> Vouchers:
    return Vouchers(doors)


async def make(
    desk: Vouchers, now: datetime, lasts: Lasts = TO_CLOSING, **order: object
) -> IssuedVoucher:
    made = await desk.make(VoucherOrder(MAIN, lasts, **order), "ada", now)  # type: ignore[arg-type]
    assert isinstance(made, MadeVouchers), made
    return made.issued[0]


async def use(guest: GuestService, device: Device, issued: IssuedVoucher, now: datetime) -> Session:
    outcome = await guest.join(device, issued.slip.code.reveal(), now)
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


async def look(desk: Vouchers, issued: IssuedVoucher, now: datetime) -> Voucher:
    found = await desk.find(issued.voucher.site_id, str(issued.voucher.serial), now)
    assert isinstance(found, Voucher)
    return found


async def test_a_code_lets_a_device_in(
    desk: Vouchers, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    issued = await make(desk, now, Lasts(4 * HOUR))
    assert str(issued.voucher.serial) == "A-0001"
    assert issued.voucher.state(now) is VoucherState.UNUSED
    session = await use(guest, phone(1), issued, now + HOUR)
    assert (session.ground, session.ends_at) == (Ground.VOUCHER, now + 5 * HOUR)
    assert session.ends_because is EndReason.TIME_LIMIT
    assert gate.devices == {phone(1).mac: 4 * 3600}
    used = await look(desk, issued, now + HOUR)
    assert (used.devices, used.state(now + HOUR), used.is_sealed) == (1, VoucherState.IN_USE, False)
