"""Slips on paper: the page that a browser prints, a PDF, a thermal printer; and on the screen.

Not the layout (portal/slips). The rule to keep: whatever a printer does, the code stands, and the
page says what to do instead.
"""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from portal.domain.slip import Slip
from portal.domain.voucher import VoucherState
from portal.services.slips import slip_of
from portal.services.voucher_orders import IssuedVoucher, VoucherRefusal
from portal.slips import escpos
from portal.slips.display import Showing, slip_on_screen
from portal.slips.pdf import NoPdf
from portal.slips.printer import PrinterError
from portal.slips.sheet import sheet_of
from portal.web.staff import answers, paper
from portal.web.staff.asked import asked
from portal.web.staff.pdf_jobs import PdfWish
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from portal.web.staff.voucher import lost, mine

PRINTER_PATIENCE_S = 8.0
"""Within what a page may take: a printer without paper is told as that, not as an outage."""


async def print_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the slip, or all that is left of a series, as paper; the script opens the printing."""
    slips = await _wanted(site, visit)
    if isinstance(slips, web.Response):
        return slips
    choice = paper.choose(site, visit, asked(visit, "target"), asked(visit, "language"))
    # A thousand QR codes are seconds of work: not on the loop that answers everybody else.
    page = await asyncio.to_thread(
        sheet_of,
        site.slips.templates,
        slips,
        paper.printing(site, choice),
        script=site.pages.assets.paths["print.js"],
        back=_back(visit),
    )
    response = answers.html(page.html, language=choice.language, policy=page.policy)
    paper.remember(response, choice)
    return response


async def on_screen(site: StaffSite, visit: Visit) -> web.Response:
    """Show the slip to the visitor's camera."""
    slips = await _wanted(site, visit)
    if isinstance(slips, web.Response):
        return slips
    language = paper.printing(site, paper.chosen(site, visit)).language
    page = slip_on_screen(site.slips.templates, slips[0], Showing(language, back=_back(visit)))
    return answers.html(page.html, language=language.tag, policy=page.policy)


async def make_pdf(site: StaffSite, visit: Visit) -> web.Response:
    """Begin a PDF of a slip or a series, and show how far it is."""
    slips = await _wanted(site, visit)
    if isinstance(slips, web.Response):
        return slips
    fields = visit.fields
    choice = paper.choose(site, visit, fields.get("target", ""), fields.get("language", ""))
    name = f"kvar-{slips[0].serial}.pdf"
    printing = paper.printing(site, choice)
    wish = PdfWish(visit.me.account.id, name, _back(visit), slips, printing)
    job = site.slips.jobs.begin(wish, visit.now)
    if job is None:
        return site.render("message", visit, 503, key="printing")
    response = site.go(f"/desk/pdf?job={job.id}")
    paper.remember(response, choice)
    return response


async def pdf_page(site: StaffSite, visit: Visit) -> web.Response:
    """Say how far a PDF is, or hand it over."""
    job = site.slips.jobs.find(asked(visit, "job"), visit.me.account.id, visit.now)
    if job is None:
        return site.go("/desk")
    if isinstance(job.result, bytes) and asked(visit, "fetch"):
        return answers.download(job.result, "application/pdf", job.name)
    why = job.result.value if isinstance(job.result, NoPdf) else None
    is_done = isinstance(job.result, bytes)
    response = site.render("pdf", visit, job=job, why=why, is_done=is_done)
    if is_done:
        response.headers["Refresh"] = f"0; url=/desk/pdf?job={job.id}&fetch=1"
    elif why is None:
        response.headers["Refresh"] = "1"
    return response


async def send(site: StaffSite, visit: Visit) -> web.Response:
    """Send the slip to one of the site's thermal printers."""
    slips = await _wanted(site, visit)
    if isinstance(slips, web.Response):
        return slips
    wanted = visit.fields.get("printer", "")
    printers = site.settings.printers.get(visit.here.id, ())
    printer = next((one for one in printers if one.name == wanted), None)
    if printer is None:
        return site.go(_back(visit))
    choice = paper.choose(site, visit, printer.target.name, visit.fields.get("language", ""))
    try:
        async with asyncio.timeout(PRINTER_PATIENCE_S):
            dots = await site.slips.maker.dots(slips[0], paper.printing(site, choice))
            if isinstance(dots, NoPdf):
                site.slips.printed(visit.here.id, "not_made")
                return site.go(f"{_back(visit)}&failed=print")
            await printer.door.send(escpos.encode(dots))
    except (PrinterError, TimeoutError):
        site.slips.printed(visit.here.id, "not_taken")
        return site.go(f"{_back(visit)}&failed=printer")
    site.slips.printed(visit.here.id, "sent")
    return site.go(f"{_back(visit)}&done=printed")


async def _wanted(site: StaffSite, visit: Visit) -> Sequence[Slip] | web.Response:
    """Return the slips of a serial or a series that can be printed, or where to go instead."""
    place = site.settings.place
    if place is None:
        return site.go(f"{_back(visit)}&failed=no_network")
    series, by = _said(visit, "series"), visit.me.account.name
    if series:
        found = await _unused(site, visit, series)
    else:
        known = await mine(site, visit, _said(visit, "serial"))
        if isinstance(known, VoucherRefusal):
            return lost(site, visit, known)
        serial = str(known.serial)
        shown = await site.desk.vouchers.show(visit.here.id, serial, by, visit.now)
        if not isinstance(shown, IssuedVoucher | VoucherRefusal):
            return site.go(f"/desk/voucher?serial={shown.serial}")
        found = [shown] if isinstance(shown, IssuedVoucher) else shown
    if isinstance(found, VoucherRefusal):
        return lost(site, visit, found)
    return [slip_of(issued, visit.here, place) for issued in found]


async def _unused(
    site: StaffSite, visit: Visit, series: str
) -> Sequence[IssuedVoucher] | VoucherRefusal:
    by = visit.me.account.name
    found = await site.desk.vouchers.export(visit.here.id, series, by, visit.now, with_codes=True)
    if isinstance(found, VoucherRefusal):
        return found
    if len({voucher.making for voucher, _ in found}) != 1:
        return VoucherRefusal.NOT_A_BATCH  # single slips: visitors have them already
    issued = [
        IssuedVoucher(voucher, slip)
        for voucher, slip in found
        if slip is not None and voucher.state(visit.now) is VoucherState.UNUSED
    ]
    return issued or VoucherRefusal.OVER


def _said(visit: Visit, name: str) -> str:
    """Return what the form says, or on a page the address."""
    return visit.fields.get(name, "").strip() or asked(visit, name)


def _back(visit: Visit) -> str:
    series = _said(visit, "series")
    return (
        f"/desk/batch?series={series}"
        if series
        else f"/desk/voucher?serial={_said(visit, 'serial')}"
    )
