"""The record of look-ups, to read: who looked at what, and why; and whether the chain holds.

The rules to keep: nothing here changes anything; nobody's role lets them change the record. No row
says whose libraries it is about, so an account that is not for every library reads its own rows.
"""

from aiohttp import web

from portal.domain.audit_chain import Broken, Whole
from portal.services.console.verification import verify
from portal.web.staff.asked import asked, whole_number
from portal.web.staff.log import telling, worded
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

PAGE = 50


async def audit_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show a page of the record; with ``?verify=1`` say whether it is whole."""
    before = whole_number(asked(visit, "before"))
    account = visit.me.account
    by = None if account.sites is None else account.name
    rows = await site.console.record.page(before, PAGE + 1, by)
    verdict = await verify(site.console.record) if asked(visit, "verify") else None
    (letter,) = await site.console.letters.latest(1) or (None,)
    values = {
        "letter": letter,
        "rows": rows[:PAGE],
        "more": f"/audit?before={rows[PAGE - 1].number}" if len(rows) > PAGE else None,
        "whole": verdict if isinstance(verdict, Whole) else None,
        "broken": verdict if isinstance(verdict, Broken) else None,
        "act": lambda one: worded(visit, "audit.act", one),
        "reason": lambda one: worded(visit, "lookup.reason", one),
        **telling(site, visit),
    }
    return site.render("audit", visit, **values)
