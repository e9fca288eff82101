"""The page /wait: a visitor stands here with the device's number until staff let the device in.

Not the letting in (services/tutoring.py). The rule to keep: the page looks again by itself, without
a script, and whoever reads slowly can stop that; a look changes nothing but that the device is
seen, so that it stays in the desk's list.
"""

from typing import Final

from aiohttp import web

from portal.services.outcomes import Online
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

PATH: Final = "/wait"
STILL: Final = "/wait/still"
"""The same page, which does not look again by itself."""

LOOK_EVERY_S = 5
"""Soon enough for two people who look at one screen; a request costs the database one row."""


async def wait_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the number; lead to the status page as soon as the device is online."""
    standing = await standing_of(site, visit, here, visit.kind)
    if not isinstance(standing, Online):
        return site.pages.render("wait", visit, {"number": standing.number})
    if standing.session.is_protected(visit.now):
        return site.go_done(visit, "letin")
    return site.go(visit, "/status")


def looking_again(path: str, response: web.Response) -> web.Response:
    """Let every page under this path load itself again, an outage's too, or nobody waits any more.

    The header is the HTML element's twin (HTML Standard, "shared declarative refresh steps"). The
    element would be refused by accessibility checkers at any interval, for they cannot see that
    the page has a way to stop it (WCAG 2.2.2, F41).
    """
    if path == PATH and "Location" not in response.headers:
        response.headers["Refresh"] = str(LOOK_EVERY_S)
    return response
