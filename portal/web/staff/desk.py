"""The voucher desk: a code in one press, and what became of the last ones.

Not the rules (services/vouchers.py) and not one voucher's page (voucher.py). The rule to keep: a
code stands on a page that somebody opened to show it, never in an address or a list.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from aiohttp import web

from portal.domain.site import LoginMethod
from portal.domain.voucher import (
    LONGEST_LIFE,
    MOST_AT_ONCE,
    MOST_DEVICES,
    TO_CLOSING,
    Lasts,
    Preset,
    Voucher,
)
from portal.services.voucher_orders import MadeVouchers, VoucherOrder, VoucherRefusal
from portal.web.staff import paper
from portal.web.staff.asked import asked, moment_in, number_in
from portal.web.staff.errors import FieldError
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from portal.web.staff.voucher import failed

_UNITS = {"hours": timedelta(hours=1), "days": timedelta(days=1), "weeks": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the form for several codes asks for, as it was typed."""

    count: str = "10"
    devices: str = "1"
    lasts: str = "closing"
    length: str = "4"
    until: str = ""
    use_before: str = ""
    everywhere: str = ""


async def desk_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the presets, the last vouchers and who waits."""
    recent = await site.desk.vouchers.makings(visit.here.id)
    waiting = await site.desk.board.waiting(visit.here.id, visit.now)
    if waiting is None or isinstance(recent, VoucherRefusal):
        return site.render("message", visit, 503, key="away")
    return site.render(
        "desk",
        visit,
        presets=visit.here.voucher_presets,
        takes_codes=LoginMethod.CODE in visit.here.login_methods,
        has_day_code=visit.here.code_of_the_day,
        recent=recent,
        waiting=waiting,
        health=await site.desk.faults.health(visit.here.id, visit.now),
        paper=paper.chosen(site, visit),
        done=visit.language.text("desk.undone") if asked(visit, "done") == "undone" else None,
        failed=failed(visit, ()),
    )


async def make(site: StaffSite, visit: Visit) -> web.Response:
    """Make one voucher by a press; show it, or print it at once."""
    wanted = visit.fields.get("preset", "")
    preset = next((one for one in visit.here.voucher_presets if one.id == wanted), None)
    if preset is None:
        return site.go("/desk")
    if preset.asks:
        return site.go(f"/desk/more?preset={quote(preset.id)}")
    order = site.desk.vouchers.order(visit.here.id, preset, visit.now)
    made = await site.desk.vouchers.make(order, visit.me.account.name, visit.now)
    if isinstance(made, VoucherRefusal):
        return site.go(f"/desk?failed={made.value}")
    serial = made.issued[0].voucher.serial
    is_printed = visit.fields.get("print") == "1"
    response = site.go(f"/desk/{'print' if is_printed else 'voucher'}?serial={serial}")
    paper.remember_direct(site, visit, response, is_direct=is_printed)
    return response


async def find(site: StaffSite, visit: Visit) -> web.Response:
    """Lead to the voucher with this serial or code; the code stays out of the address."""
    found = await site.desk.vouchers.find(visit.here.id, visit.fields.get("find", ""), visit.now)
    if isinstance(found, Voucher):
        return site.go(f"/desk/voucher?serial={found.serial}")
    return site.go(f"/desk?failed={found.value}")


async def more_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form for several codes, or for an event."""
    wanted = asked(visit, "preset")
    preset = next((one for one in visit.here.voucher_presets if one.id == wanted), None)
    return _more(site, visit, _wish_of(preset))


async def make_more(site: StaffSite, visit: Visit) -> web.Response:
    """Make as many as were asked for."""
    known = {name: visit.fields.get(name, "").strip()[:20] for name in _Wish.__slots__}
    wish = _Wish(**known)
    order = _order(site, visit, wish)
    if isinstance(order, FieldError):
        return _more(site, visit, wish, order)
    made = await site.desk.vouchers.make(order, visit.me.account.name, visit.now)
    if isinstance(made, MadeVouchers):
        first = made.issued[0].voucher.serial
        alone = len(made.issued) == 1
        where = f"voucher?serial={first}" if alone else f"batch?series={first.letters}"
        return site.go(f"/desk/{where}")
    if made is VoucherRefusal.IMPOSSIBLE:
        return _more(site, visit, wish, _wrong(visit, "until" if wish.until else "use_before"))
    return site.go(f"/desk?failed={made.value}")


def _more(
    site: StaffSite, visit: Visit, wish: _Wish, error: FieldError | None = None
) -> web.Response:
    status = 200 if error is None else 400
    return site.render("more", visit, status, wish=wish, error=error, most=MOST_AT_ONCE)


def _wish_of(preset: Preset | None) -> _Wish:
    if preset is None:
        return _Wish()
    length = preset.lasts.length
    if length is None:
        return _Wish(devices=str(preset.most_devices))
    hours = str(int(length.total_seconds() // 3600))
    return _Wish(devices=str(preset.most_devices), lasts="hours", length=hours)


def _order(site: StaffSite, visit: Visit, wish: _Wish) -> VoucherOrder | FieldError:
    count, devices = number_in(visit.fields, "count"), number_in(visit.fields, "devices")
    if count is None or not 1 <= count <= MOST_AT_ONCE:
        return _wrong(visit, "count")
    if devices is None or not 1 <= devices <= MOST_DEVICES:
        return _wrong(visit, "devices")
    lasts = _lasts(site, visit, wish)
    if isinstance(lasts, FieldError):
        return lasts
    zone = site.settings.time_zone
    before = moment_in(visit.fields, "use_before", zone)
    if before is None and wish.use_before:
        return _wrong(visit, "use_before")
    return VoucherOrder(
        visit.here.id,
        lasts,
        devices,
        count,
        use_before=before or lasts.until,
        is_everywhere=wish.everywhere == "1" and visit.me.account.sites is None,
        preset="more",
    )


def _lasts(site: StaffSite, visit: Visit, wish: _Wish) -> Lasts | FieldError:
    if wish.lasts in _UNITS:
        count, unit = number_in(visit.fields, "length"), _UNITS[wish.lasts]
        if not count or count > LONGEST_LIFE // unit:
            return _wrong(visit, "length")
        return Lasts(count * unit)
    if wish.lasts != "until":
        return TO_CLOSING
    until: datetime | None = moment_in(visit.fields, "until", site.settings.time_zone)
    return Lasts(until=until) if until is not None else _wrong(visit, "until")


def _wrong(visit: Visit, field: str) -> FieldError:
    most = {"count": MOST_AT_ONCE, "devices": MOST_DEVICES}.get(field, 0)
    return FieldError(field, visit.language.text(f"more.wrong.{field}", most=most))
