"""The desk: what is done for visitors at one site."""

from aiohttp import web

from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def desk_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the desk of the site."""
    return site.render("desk", visit)
