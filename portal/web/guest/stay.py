"""The forms of a device that is online: extend and log out.

The rule to keep: both are harmless twice, and an old page never ends in an error.
"""

from aiohttp import web

from portal.services.outcomes import Online, RefusalReason, Refused
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import status_page
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.posted import read_posted
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit
from portal.web.guest.way_in import go_out, stay_in


async def extend(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle "extend"."""
    posted = await read_posted(site, visit, here, Purpose.EXTEND)
    if isinstance(posted, web.Response):
        return posted
    if not posted.fresh:
        return site.go(visit, "/status")
    outcome = await site.guest.extend(here.device, visit.now)
    if isinstance(outcome, Refused):
        return await _not_extended(site, visit, here, outcome)
    await stay_in(visit, outcome)
    return site.go_done(visit, "extend")


async def _not_extended(
    site: GuestSite, visit: Visit, here: Here, refused: Refused
) -> web.Response:
    standing = await standing_of(site, visit, here)
    if not isinstance(standing, Online):
        return site.go(visit, "/")
    closing = refused.reason is RefusalReason.NOT_EXTENDABLE
    return await status_page(
        site, visit, here, standing, "extend.closing" if closing else "extend.refused"
    )


async def sign_out(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle "log out"."""
    posted = await read_posted(site, visit, here, Purpose.SIGN_OUT)
    if isinstance(posted, web.Response):
        return posted
    if not posted.fresh:
        return site.go(visit, "/status")
    if not await site.guest.sign_out(here.device, visit.now):
        return site.pages.render("message", visit, {"key": "service"}, status=503)
    return await go_out(site, visit)
