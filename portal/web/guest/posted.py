"""The common beginning of every form handler: read it, and know that it is the device's own.

The rule to keep: a fault ends in a page with a way on; a stale or foreign token is no fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from portal.web.forms import FormFault, read_form
from portal.web.guest.form_token import token_holds
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.visit import Here, Visit

_FAULTS: Mapping[FormFault, tuple[str, int]] = {
    FormFault.TOO_LARGE: ("toolarge", 413),
    FormFault.WRONG_KIND: ("refused", 415),
    FormFault.FOREIGN: ("refused", 403),
    FormFault.CUT_SHORT: ("toolarge", 408),
}


@dataclass(frozen=True, slots=True)
class Posted:
    """The fields of a form; ``fresh`` says whether its token holds for this device."""

    fields: Mapping[str, str] = field(repr=False)
    fresh: bool


async def read_posted(
    site: GuestSite, visit: Visit, here: Here, purpose: str
) -> Posted | web.Response:
    """Read the form, or return the page to answer with instead."""
    fields = await read_form(visit.request, site.own_hosts)
    if isinstance(fields, FormFault):
        key, status = _FAULTS[fields]
        response = site.pages.render("message", visit, {"key": key}, status=status)
        response.force_close()
        return response
    token = fields.get("token", "")
    fresh = token_holds(site.settings.form_key, here.device.mac, purpose, token, visit.now)
    return Posted(fields, fresh)
