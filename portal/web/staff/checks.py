"""The checks page: what the doctor finds, as far as this process can look.

The rule to keep: looking changes nothing, and what only root can see is said to be missing here.
"""

from aiohttp import web

from portal.doctor.finding import Level
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_WORST_FIRST = (Level.FAILURE, Level.WARNING, Level.RIGHT)


async def checks_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show every finding, the worst first, with its way out as a command."""
    found = sorted(await site.examine(), key=lambda one: _WORST_FIRST.index(one.level))
    steps = sum(one.level is not Level.RIGHT for one in found)
    return site.render("checks", visit, found=found, steps=steps)
