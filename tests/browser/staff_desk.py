"""A busy morning at a library's desk: who waits, who is tutored, and what became of the codes."""

from datetime import timedelta

from portal.domain.identity import Device, MacAddress
from portal.domain.voucher import Lasts
from portal.services.group_tutoring import GroupTutoring
from portal.services.ports.tutoring import Tutor
from portal.services.redeem import Redeem
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.services.vouchers import Vouchers
from tests.portal.web.staff.staff_under_test import CITY, StaffWorld

_WAITING = (
    (47, "iPhone", ["cred.wrong", "cred.wrong"], 2),
    (12, "Android", [], 1),
    (83, "", ["card.expired"], 6),
)
_TUTORED = ((31, 90), (58, 4))


async def busy(world: StaffWorld) -> None:
    """Fill the city library's board and its list of codes."""
    now, doors = world.time(), world.doors
    tutoring = world.site.desk.tutoring
    for number, minutes in _TUTORED:
        await arrive(world, number, "iPad", [], 1)
        await tutoring.let_in(CITY, Tutor("kim", number), timedelta(minutes=minutes), now)
    for number, kind, steps, minutes_ago in _WAITING:
        await arrive(world, number, kind, steps, minutes_ago)
    await GroupTutoring(doors).start(CITY, "kim", timedelta(hours=2), 15, now)
    await _codes(world)


async def _codes(world: StaffWorld) -> None:
    now, vouchers = world.time(), Vouchers(world.doors)
    unused = VoucherOrder(CITY, Lasts(timedelta(hours=4)))
    made = [await vouchers.make(unused, "kim", now) for _ in range(3)]
    used, gone = made[1], made[2]
    assert isinstance(used, MadeVouchers)
    assert isinstance(gone, MadeVouchers)
    phone = Device(MacAddress("02:00:00:00:00:bb"), CITY)
    await Redeem(world.doors).with_code(phone, used.issued[0].slip.code.reveal(), now)
    drawn = await world.doors.arrivals.see(phone, now, "Windows", is_online=True)
    # Another number than the ones that arrive() gives, whatever was drawn.
    await world.database.fetch("UPDATE arrival SET number = 98 WHERE number = $1", drawn)
    await vouchers.revoke(CITY, str(gone.issued[0].voucher.serial), "kim", now)
    many = VoucherOrder(CITY, Lasts(timedelta(days=7)), 2, 30, preset="more")
    assert isinstance(await vouchers.make(many, "kim", now), MadeVouchers)


async def arrive(
    world: StaffWorld, number: int, kind: str, steps: list[str], minutes_ago: int
) -> None:
    now = world.time()
    await world.database.fetch(
        "INSERT INTO arrival (site_id, mac, number, kind, steps, first_seen_at, last_seen_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(CITY, f"02:00:00:00:00:{number}", number, kind, steps),
        *(now - timedelta(minutes=minutes_ago), now),
    )
