"""The pages under /via/<token>/: the same as on a gateway, for the device that the token names.

Not the way to and from the access point (arrival.py, way_in.py). The rule to keep: here nobody asks
who is behind the connection's address, for behind NAT it says nothing; and the token stands in no
log and in no address that leads elsewhere.
"""

from dataclasses import replace
from typing import Final

from aiohttp import web

from portal.domain.passage import Passage
from portal.services.outcomes import Admitted, Online
from portal.services.ports.access_points import AccessPoints
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.standing import is_bound
from portal.web.guest.visit import MOUNT_PATH, Here, Mount, Visit
from portal.web.guest.way_in import go_in

_PREFIX = f"{MOUNT_PATH}/"

OF_ITS_OWNER: Final = frozenset({"/devices", "/extend", "/logout", "/forget"})
"""Only for who began the session, or for a device that somebody vouches for."""

_SHOW_NOTHING: Final = frozenset({"/continue"})
"""The right to go on is the device's, so that it must be known which device asks."""


def token_of(path: str) -> str | None:
    """Return the token that a path stands under, "" for a path without one; None: none is meant."""
    if path == MOUNT_PATH:
        return ""
    return path[len(_PREFIX) :].partition("/")[0] if path.startswith(_PREFIX) else None


def page_under(path: str, token: str) -> str:
    """Return the path of a page without what it stands under."""
    return path[len(_PREFIX) + len(token) :] or "/"


def mounted(visit: Visit, points: AccessPoints | None, token: str) -> Visit:
    """Return the visit under its token; one that names nobody leads to the page MOUNT_PATH."""
    passage = None if points is None else points.passage(token, visit.now)
    if points is None or passage is None:
        return replace(visit, path=MOUNT_PATH)
    return replace(visit, mount=Mount(points, passage, token))


def device_there(site: GuestSite, visit: Visit, mount: Mount) -> Visit:
    """Return the visit with the device and the library that its token names."""
    device = mount.passage.device
    return replace(visit, here=Here(device, site.guest.site(device.site_id)))


async def admitted(site: GuestSite, visit: Visit, outcome: Admitted) -> web.Response:
    """Lead a device that was let in to the status page, or in; its passage then owns the session.

    A session that ran already changes nothing at the access point.
    """
    if visit.mount is None:
        return site.go(visit, "/status")
    before, session = visit.mount.passage, outcome.session
    stays = before.is_inside and session.started_at < visit.now
    owns = session.id if _owns(visit, before, outcome) else None
    mount = visit.mount.changed(replace(before, owns=owns, is_inside=stays), visit.now)
    there = replace(visit, mount=mount)
    return (
        site.go(there, "/status") if stays or is_bound(visit) else await go_in(site, there, session)
    )


def _owns(visit: Visit, before: Passage, outcome: Admitted) -> bool:
    """Say whether a passage that nobody vouches for owns the session from now on.

    Where anybody may have named the device, one that ran already is its owner's: the card's.
    """
    session = outcome.session
    if before.is_proved or is_bound(visit):
        return not before.is_proved
    by_card = outcome.is_own and visit.path == "/card"
    return by_card or before.owns == session.id or session.started_at >= visit.now


async def kept_out(site: GuestSite, visit: Visit, here: Here) -> web.Response | None:
    """Lead away whom nobody vouches for and whose device is online already.

    Whoever knows a device's address could otherwise end its session, or put another in its place.
    The second is left to who shows a card or a code where that address says nothing of who asks:
    else nobody whose device is online could get in there.
    """
    changes = visit.request.method == "POST" or visit.path in OF_ITS_OWNER
    if visit.mount is None or visit.mount.passage.is_proved or not changes:
        return None
    if not is_bound(visit) and visit.path not in OF_ITS_OWNER:
        return site.go(visit, "/") if visit.path in _SHOW_NOTHING else None
    standing = await site.guest.standing(here.device, visit.now)
    if not isinstance(standing, Online):
        return None
    is_own = visit.mount.passage.may_decide_over(standing.session.id)
    return None if is_own else site.go(visit, "/status")


def lost_page(site: GuestSite, visit: Visit) -> web.Response:
    """Say how to open the access point's page anew."""
    return site.pages.render("anew", visit, {"key": "lost"}, status=403)
