"""Reporting a fault: what happened, in a press and some words; the facts come by themselves."""

from aiohttp import web

from portal.domain.fault_report import DESK_KINDS, LONGEST_WORDS, FaultKind
from portal.web.staff.asked import asked, whole_number
from portal.web.staff.errors import FieldError
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def report_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form, or the number of the report that was just made."""
    return _show(site, visit, number=whole_number(asked(visit, "number")))


async def report(site: StaffSite, visit: Visit) -> web.Response:
    """Take the report."""
    try:
        kind = FaultKind(visit.fields.get("kind", ""))
        DESK_KINDS.index(kind)
    except ValueError:
        error = FieldError("kind-nobody_in", visit.language.text("report.kind.missing"))
        return _show(site, visit, error=error)
    words, by = visit.fields.get("words", ""), visit.me.account.name
    number = await site.desk.faults.report(visit.here.id, kind, words, by, visit.now)
    if number is None:
        return site.render("message", visit, 503, key="away")
    return site.go(f"/desk/report?number={number}")


def _show(
    site: StaffSite, visit: Visit, *, number: int | None = None, error: FieldError | None = None
) -> web.Response:
    values = {
        "number": number,
        "kinds": [kind.value for kind in DESK_KINDS],
        "words": visit.fields.get("words", "")[:LONGEST_WORDS],
        "longest": LONGEST_WORDS,
        "error": error,
    }
    return site.render("report", visit, 200 if error is None else 400, **values)
