"""The answer to who may not: 403, and one event that tells IT.

The rule to keep: what is written down is the page from our table, never what was sent.
"""

import structlog
from aiohttp import web

from portal.services.ports import EVERYWHERE, Event, EventKind
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_log = structlog.get_logger()


async def refuse(site: StaffSite, visit: Visit) -> web.Response:
    """Refuse what the account's roles or sites do not give."""
    me = visit.me
    at = me.site_id or EVERYWHERE
    detail = {"by": me.account.name, "page": visit.path}
    _log.info("staff_page_refused", site=at, by=me.account.name, page=visit.path)
    event = Event(EventKind.STAFF_PAGE_REFUSED, at, visit.now, detail=detail)
    await site.sign_in.doors.events.record(event)
    return site.render("message", visit, 403, key="forbidden")
