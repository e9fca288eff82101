"""Remembered devices: stop remembering this one, or one of all that belong to the card.

The rule to keep: what belongs to the card is shown to who has shown the card in this session, and
to nobody who merely has its device's address.
"""

from uuid import UUID

from aiohttp import web

from portal.domain.returning import RememberedDevice
from portal.services.outcomes import Online
from portal.web.guest.form_token import Purpose
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.posted import read_posted
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit


async def devices(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the card's remembered devices."""
    standing = await standing_of(site, visit, here)
    if not isinstance(standing, Online):
        return site.go(visit, "/")
    listed = await site.guest.remembered_devices(here.device, visit.now)
    this = await site.guest.remembered_here(here.device, visit.now)
    values = {
        "listed": None if listed is None else [_shown(device, this) for device in listed],
        "token": site.token(visit, here, Purpose.FORGET_LISTED),
    }
    return site.pages.render("devices", visit, values)


async def forget_here(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle "stop remembering this device"."""
    posted = await read_posted(site, visit, here, Purpose.FORGET)
    if isinstance(posted, web.Response):
        return posted
    if posted.fresh:
        await site.guest.forget_here(here.device, visit.now)
    return site.go(visit, "/status")


async def forget_listed(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle "stop remembering" beside one of the card's devices."""
    posted = await read_posted(site, visit, here, Purpose.FORGET_LISTED)
    if isinstance(posted, web.Response):
        return posted
    device_id = _id(posted.fields.get("device", ""))
    if posted.fresh and device_id is not None:
        await site.guest.forget_listed(here.device, device_id)
    return site.go(visit, "/devices")


def _shown(device: RememberedDevice, this: RememberedDevice | None) -> dict[str, object]:
    return {
        "id": device.id,
        "label": device.label,
        "added": device.added_at,
        "visited": device.last_visit_at,
        "is_this": this is not None and this.id == device.id,
    }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
