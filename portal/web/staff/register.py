"""The record of processing (GDPR article 30), to read and print.

The rule to keep: it is made from the configuration that runs, and nothing in it can be typed here.
"""

from aiohttp import web

from portal.domain.processing_record import note
from portal.web.staff.log import zone_of
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


async def register_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show it. It is in Swedish, whatever language the page around it has."""
    made = f"{visit.now.astimezone(zone_of(site)):%Y-%m-%d}"
    return site.render("register", visit, record=site.settings.record, note=note(made))
