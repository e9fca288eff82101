"""Composes staff's commands about vouchers: one wish, said plainly."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from portal.clock import utc_now
from portal.composition.database import looked_at
from portal.composition.staff import acting, staff_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.domain.site import LoginMethod
from portal.domain.voucher import MOST_AT_ONCE, Lasts, Voucher, VoucherState
from portal.domain.voucher_code import written_code
from portal.domain.voucher_table import TableWords, voucher_table
from portal.services.doors import Doors
from portal.services.voucher_orders import IssuedVoucher, VoucherOrder, VoucherRefusal
from portal.services.vouchers import Vouchers
from portal.storage.vouchers import PostgresVouchers

Answer = TypeVar("Answer")

_REFUSALS = {
    VoucherRefusal.NO_SUCH_VOUCHER: "no voucher of this site is called so; "
    "kvar voucher list shows the latest",
    VoucherRefusal.NOT_OFFERED: 'this site takes no codes; add "code" to its login_methods',
    VoucherRefusal.IMPOSSIBLE: "no voucher can be like that: at most 1000 at once, 500 devices, "
    "used within a year, and no moment that is past",
    VoucherRefusal.TOO_LATE: "it cannot be taken back any more; turn it off",
    VoucherRefusal.OVER: "its time is up, or it was turned off",
    VoucherRefusal.NOT_A_BATCH: "these are the site's single vouchers, which are turned off one "
    "by one",
    VoucherRefusal.DATABASE_AWAY: "the database is away, or a key is missing; try again soon",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be made: a preset, and what differs from it (None: nothing)."""

    preset: str
    count: int
    devices: int | None
    hours: float | None
    until: datetime | None
    use_before: datetime | None
    starts: datetime | None
    everywhere: bool


async def create(config: Config, site: str, wish: Wish) -> str:
    """Make vouchers, and say their serials and codes: nobody is told them again.

    Raises:
        StartError: none was made; the text says why.
    """
    async with _open(config, site) as (desk, doors):
        order = _order(config, desk, doors, SiteId(site), wish)
        made = _done(await desk.make(order, acting(), utc_now(), _progress(wish.count)))
    return "\n".join(_issued_line(config, issued) for issued in made.issued)


async def show_latest(config: Config, site: str, count: int) -> str:
    """Return the vouchers made last, a line each.

    Raises:
        StartError: no such site, or the database is away.
    """
    async with _open(config, site) as (desk, _):
        latest = _done(await desk.recent(SiteId(site), count))
    return "\n".join(_line(config, voucher) for voucher in latest) or "no vouchers"


async def show(config: Config, site: str, serial: str) -> str:
    """Say what became of a voucher.

    Raises:
        StartError: there is none, or the database is away.
    """
    async with _open(config, site) as (desk, _):
        return _line(config, _done(await desk.find(SiteId(site), serial, utc_now())))


async def revoke(config: Config, site: str, serial: str) -> str:
    """Turn a voucher off, and say so.

    Raises:
        StartError: there is none, or the database is away.
    """
    async with _open(config, site) as (desk, _):
        return _line(config, _done(await desk.revoke(SiteId(site), serial, acting(), utc_now())))


async def revoke_batch(config: Config, site: str, letters: str, *, only_unused: bool) -> str:
    """Turn a batch off, and say how many vouchers that were.

    Raises:
        StartError: there is none, or the database is away.
    """
    async with _open(config, site) as (desk, _):
        count = _done(
            await desk.revoke_series(
                SiteId(site), letters, acting(), utc_now(), only_unused=only_unused
            )
        )
    return f"{letters.upper()}: {count} turned off"


async def extend(config: Config, site: str, serial: str, hours: float) -> str:
    """Give a voucher more time, and say until when it lasts.

    Raises:
        StartError: it got none; the text says why.
    """
    length = timedelta(hours=hours)
    async with _open(config, site) as (desk, _):
        answer = await desk.extend(SiteId(site), serial, length, acting(), utc_now())
    return _line(config, _done(answer))


async def reprint(config: Config, site: str, serial: str) -> str:
    """Say a voucher's code again, or that of the one which goes on with what is left.

    Raises:
        StartError: there is none, or nothing is left; the text says so.
    """
    async with _open(config, site) as (desk, _):
        printed = _done(await desk.reprint(SiteId(site), serial, acting(), utc_now()))
    line = _issued_line(config, printed.issued)
    return f"{line}\n{serial.upper()} is turned off" if printed.is_new else line


async def export(config: Config, site: str, letters: str, *, with_codes: bool) -> str:
    """Return a series as CSV.

    Raises:
        StartError: there is none, or the database is away.
    """
    async with _open(config, site) as (desk, _):
        answer = await desk.export(
            SiteId(site), letters, acting(), utc_now(), with_codes=with_codes
        )
    rows = [
        (voucher, "" if slip is None else written_code(slip.code.reveal()))
        for voucher, slip in _done(answer)
    ]
    return voucher_table(rows, utc_now(), _zone(config), TableWords()).removesuffix("\r\n")


async def live_codes(config: Config) -> dict[str, int]:
    """Return how many codes would let somebody in, by the name of each site that takes codes.

    Raises:
        DatabaseUnavailableError: the database did not answer.
    """
    taking = [site for site in config.sites if LoginMethod.CODE in site.login_methods]
    async with looked_at(config) as database:
        store, now = PostgresVouchers(database), utc_now()
        return {site.name: await store.live(SiteId(site.id), now) for site in taking}


@asynccontextmanager
async def _open(config: Config, site: str) -> AsyncIterator[tuple[Vouchers, Doors]]:
    async with staff_doors(config, site) as (doors, _):
        yield Vouchers(doors), doors


def _order(
    config: Config, desk: Vouchers, doors: Doors, site_id: SiteId, wish: Wish
) -> VoucherOrder:
    presets = {preset.id: preset for preset in doors.sites[site_id].voucher_presets}
    if wish.preset not in presets:
        raise StartError(f"no preset {wish.preset!r}; this site's are {', '.join(presets)}")
    order = desk.order(site_id, presets[wish.preset], utc_now(), count=wish.count)
    if wish.hours is not None or wish.until is not None:
        length = None if wish.hours is None else timedelta(hours=wish.hours)
        order = replace(order, lasts=Lasts(length, _local(config, wish.until)))
    return replace(
        order,
        most_devices=wish.devices or order.most_devices,
        use_before=_local(config, wish.use_before) or order.use_before,
        starts_at=_local(config, wish.starts),
        is_everywhere=wish.everywhere,
    )


def _progress(count: int) -> "_Progress":
    return _Progress(count, shown=count > MOST_AT_ONCE // 10 and sys.stderr.isatty())


@dataclass(frozen=True, slots=True)
class _Progress:
    """Tells on standard error how many are made, where somebody watches."""

    count: int
    shown: bool

    def __call__(self, done: int) -> None:
        if self.shown:
            sys.stderr.write(f"\r{done} of {self.count}" + "\n" * (done == self.count))


def _done(outcome: Answer | VoucherRefusal) -> Answer:
    if isinstance(outcome, VoucherRefusal):
        raise StartError(_REFUSALS[outcome])
    return outcome


def _issued_line(config: Config, issued: IssuedVoucher) -> str:
    code = written_code(issued.slip.code.reveal())
    return f"{issued.voucher.serial}  {code}  {_facts(config, issued.voucher)}"


def _line(config: Config, voucher: Voucher) -> str:
    state = voucher.state(utc_now())
    used = f"in use on {voucher.devices} of {voucher.most_devices}"
    told = used if state is VoucherState.IN_USE else _STATES[state]
    return f"{voucher.serial}: {told}, {_facts(config, voucher)}"


_STATES = {
    VoucherState.UNUSED: "unused",
    VoucherState.OVER: "over",
    VoucherState.REVOKED: "turned off",
}


def _facts(config: Config, voucher: Voucher) -> str:
    places = f"{voucher.most_devices} device{'s' * (voucher.most_devices > 1)}"
    if voucher.ends_at is not None:
        return f"{places}, until {_moment(config, voucher.ends_at)}"
    lasts = [] if voucher.lasts.length is None else [_hours(voucher.lasts.length)]
    if voucher.lasts.until is not None:
        lasts.append(f"until {_moment(config, voucher.lasts.until)}")
    words = ", ".join(lasts) or "to closing"
    return f"{places}, {words}, use before {_moment(config, voucher.use_before)}"


def _hours(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):g} h"


def _moment(config: Config, moment: datetime) -> str:
    return f"{moment.astimezone(_zone(config)):%Y-%m-%d %H:%M}"


def _local(config: Config, moment: datetime | None) -> datetime | None:
    """Return a moment that was typed in local time."""
    return None if moment is None else moment.replace(tzinfo=_zone(config))


def _zone(config: Config) -> ZoneInfo:
    return ZoneInfo(config.organisation.time_zone)
