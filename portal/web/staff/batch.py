"""A batch of vouchers: printed, listed for a spreadsheet, turned off, all together."""

from zoneinfo import ZoneInfo

from aiohttp import web

from portal.domain.staff_account import Role
from portal.domain.voucher import VoucherState
from portal.domain.voucher_table import TableWords, voucher_table
from portal.services.voucher_orders import VoucherRefusal
from portal.web.staff import answers, paper
from portal.web.staff.asked import asked
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from portal.web.staff.voucher import failed, lost


async def batch_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show how many of a series are unused, in use, over and turned off."""
    letters = asked(visit, "series")
    found = await site.desk.vouchers.series(visit.here.id, letters)
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    states = [voucher.state(visit.now) for voucher in found]
    return site.render(
        "batch",
        visit,
        letters=found[0].serial.letters,
        first=found[0],
        last=found[-1],
        count=len(found),
        states={state.value: states.count(state) for state in VoucherState},
        is_one_batch=len({voucher.making for voucher in found}) == 1,
        may_revoke=visit.me.account.has_one_of({Role.SITE_MANAGER}),
        **paper.offered(site, visit),
        failed=failed(visit),
    )


async def revoke(site: StaffSite, visit: Visit) -> web.Response:
    """Turn off the whole batch, or what nobody has used of it."""
    letters, by = visit.fields.get("series", ""), visit.me.account.name
    only_unused = visit.fields.get("only") == "unused"
    count = await site.desk.vouchers.revoke_series(
        visit.here.id, letters, by, visit.now, only_unused=only_unused
    )
    if isinstance(count, VoucherRefusal):
        return lost(site, visit, count)
    return site.go(f"/desk/batch?series={letters}")


async def table(site: StaffSite, visit: Visit) -> web.Response:
    """Hand over the list of a series for a spreadsheet, without codes."""
    letters, by = visit.fields.get("series", ""), visit.me.account.name
    found = await site.desk.vouchers.export(visit.here.id, letters, by, visit.now)
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    zone = ZoneInfo(site.settings.time_zone)
    rows = [(voucher, "") for voucher, _ in found]
    text = voucher_table(rows, visit.now, zone, _words(visit))
    name = f"kvar-{found[0][0].serial.letters}.csv"
    return answers.download(text.encode(), "text/csv", name)


def _words(visit: Visit) -> TableWords:
    text = visit.language.text
    return TableWords(
        serial=text("table.serial"),
        code=text("table.code"),
        state=text("table.state"),
        devices=text("table.devices"),
        places=text("table.places"),
        made=text("table.made"),
        use_before=text("table.use_before"),
        lasts=text("table.lasts"),
        ends=text("table.ends"),
        hours=text("table.hours", hours="{hours}"),
        until=text("table.until", moment="{moment}"),
        to_closing=text("table.to_closing"),
        states={state: text(f"voucher.state.{state.value}") for state in VoucherState},
    )
