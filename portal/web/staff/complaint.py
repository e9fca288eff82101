"""The page that answers a complaint about an address of the guests' network; to be printed.

The rule to keep: what is not known is said to be not known.
"""

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.complaint import MOST_CANDIDATES, ComplaintFault, read_complaint
from portal.services.console.complaints import Answer
from portal.services.console.look_ups import LookUpRefusal, read_why
from portal.web.staff.asked import asked
from portal.web.staff.errors import FieldError
from portal.web.staff.log import leave_screen, telling, zone_of
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def complaint_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form; or, for ten minutes, an answer."""
    word = asked(visit, "finding")
    found = site.console.findings.find(word, visit.me.account.id, visit.now) if word else None
    if found is None or not isinstance(found.value, Answer):
        return _form(site, visit)
    logs = site.console.complaints.keeps_addresses
    values = {
        "answer": found.value,
        "keeps_addresses": logs,
        "most": MOST_CANDIDATES,
        **telling(site, visit),
    }
    response = site.render("complaint-answer", visit, zone=str(zone_of(site)), **values)
    leave_screen(response, found, visit.now, "/log/complaint")
    return response


async def answer(site: StaffSite, visit: Visit) -> web.Response:
    """Answer."""
    fields, account = visit.fields, visit.me.account
    complaint = read_complaint(fields, zone_of(site))
    if isinstance(complaint, ComplaintFault):
        field = complaint.value.rpartition(".")[2]
        error = FieldError(
            "at" if field in {"time", "offset"} else field, visit.language.text(complaint.value)
        )
        return _form(site, visit, error)
    why = read_why(account.name, Reason.ABUSE, fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return _form(site, visit, FieldError("case", visit.language.text(why.value)))
    sites = None if account.sites is None else [one.id for one in site.sites_of(account)]
    given = await site.console.complaints.answer(complaint, sites, why, visit.now)
    word = site.console.findings.keep(account.id, given, visit.now)
    return site.go(f"/log/complaint?finding={word}")


def _form(site: StaffSite, visit: Visit, error: FieldError | None = None) -> web.Response:
    values = {
        "keeps_addresses": site.console.complaints.keeps_addresses,
        "given": visit.fields,
        "zone": str(zone_of(site)),
        "longest_case": LONGEST_CASE,
        "error": error,
    }
    return site.render("complaint", visit, 200 if error is None else 400, **values)
