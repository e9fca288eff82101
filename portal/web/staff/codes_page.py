"""The page that shows recovery codes: once, and never again."""

from collections.abc import Sequence

from aiohttp import web

from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit


def show_recovery_codes(site: StaffSite, visit: Visit, codes: Sequence[str]) -> web.Response:
    """Show them; the answer is stored nowhere (Cache-Control: no-store)."""
    return site.render("recovery-codes", visit, codes=codes)
