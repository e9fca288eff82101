"""From the portal into the access point's network, for a device that has a session.

Not the session (services) and not the dialects (radius_bridge/vendors). The rules to keep: no card
and no PIN ever leaves here, only a name and a password that are good for this device, there, for
two minutes; every way ends in a full navigation to the status page; and no token goes along, for
an access point may lead over a network that everybody reads.
"""

from dataclasses import replace
from typing import Final

import structlog
from aiohttp import web

from portal.domain.gateway_admission import Waiting
from portal.domain.session import Session
from portal.services.outcomes import Online
from portal.services.ports.access_points import AccessPointUnavailableError, Follow, Press, Unseen
from portal.web.guest import answers
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Mount, Visit

FAILED: Final = "/failed"

SOON_S = 3
"""The bridge tells the access point within a second, which then asks about the device again."""

_log = structlog.get_logger()


def is_outside(visit: Visit) -> bool:
    """Say whether the device's access point has still to hear that it may come in."""
    return visit.mount is not None and not visit.mount.passage.is_inside


async def go_in(site: GuestSite, visit: Visit, session: Session) -> web.Response:
    """Lead a device on to where its access point lets it in; on a gateway it is in already."""
    mount = visit.mount
    if mount is None:
        return site.go(visit, "/status")
    inside = mount.changed(replace(mount.passage, is_inside=True), visit.now)
    location = replace(visit, mount=inside).location("/status")
    back = _origin(site, visit) + visit.location_back(inside)
    match mount.points.way_in(mount.passage, back, visit.now):
        case Follow(url):
            site.sent_back.note(mount.passage.device.mac, visit.now)
            return answers.redirect(url)
        case Press(url, fields):
            return site.pages.render("connect", visit, {"url": url, "fields": fields})
        case Unseen.TOLD:
            return await _tell(site, visit, mount, session, location)
        case Unseen.ASKED:
            return await _have_let_in(site, visit, mount, session, location)
        case Unseen.SOON:
            return _connecting(site, visit, location)


async def failed_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Say that the access point did not let the device in, and how to try again."""
    standing = await standing_of(site, visit, here, visit.kind)
    number = None if isinstance(standing, Online) else standing.number
    return site.pages.render("failed", visit, {"number": number})


async def stay_in(visit: Visit, session: Session) -> None:
    """Tell a controller of a device's new end: it has one of its own."""
    mount = visit.mount
    if mount is None or mount.points.way_in(mount.passage, "", visit.now) is not Unseen.TOLD:
        return
    try:
        await mount.points.admit(mount.passage, session, visit.now)
    except AccessPointUnavailableError as problem:
        _log.warning("controller_did_not_confirm", verb="admit", reason=str(problem))


async def go_out(site: GuestSite, visit: Visit) -> web.Response:
    """Lead a device that was logged off to where its access point lets it go."""
    mount = visit.mount
    if mount is None:
        return site.go(visit, "/")
    site.sent_back.forget(mount.passage.device.mac)
    try:
        await mount.points.expel(mount.passage)
    except AccessPointUnavailableError as problem:
        _log.warning("controller_did_not_confirm", verb="expel", reason=str(problem))
    way_out = mount.points.way_out(mount.passage)
    if way_out is not None:
        return answers.redirect(way_out.url)
    passage = replace(mount.passage, owns=None, is_inside=False)
    return site.go(replace(visit, mount=mount.changed(passage, visit.now)), "/")


async def _tell(
    site: GuestSite, visit: Visit, mount: Mount, session: Session, then: str
) -> web.Response:
    if not _may_be_let_in(site, visit, mount):
        return answers.too_many()
    try:
        await mount.points.admit(mount.passage, session, visit.now)
    except AccessPointUnavailableError as problem:
        _log.warning("controller_did_not_confirm", verb="admit", reason=str(problem))
        return site.pages.render("failed", visit, {}, status=503)
    return site.go_to(then)


async def _have_let_in(
    site: GuestSite, visit: Visit, mount: Mount, session: Session, inside: str
) -> web.Response:
    """Wait, page after page, until the gateway has asked and said that it let the device in."""
    if not _may_be_let_in(site, visit, mount):
        return answers.too_many()
    pressed = visit.request.method == "POST"
    match await mount.points.have_let_in(mount.passage, session, visit.now, pressed=pressed):
        case Waiting.LET_IN:
            return site.go_to(inside)
        case Waiting.ASKED if pressed:
            return site.go(visit, "/status")
        case Waiting.ASKED:
            return _connecting(site, visit, visit.location("/status"))
        case Waiting.UNHEARD:
            _log.warning("gateway_did_not_confirm", client=mount.passage.visit.client)
            return site.pages.render("failed", visit, {}, status=503)


def _may_be_let_in(site: GuestSite, visit: Visit, mount: Mount) -> bool:
    """Say whether the device is not let in more often than any visitor is."""
    return site.led_in.allows(mount.passage.device.mac, visit.now)


def _connecting(site: GuestSite, visit: Visit, then: str) -> web.Response:
    response = site.pages.render("connecting", visit, {"then": then})
    response.headers["Refresh"] = f"{SOON_S}; url={then}"
    return response


def _origin(site: GuestSite, visit: Visit) -> str:
    """Return the side of the portal that the browser is on, or had better be on."""
    if visit.encrypted and visit.request.scheme == "http":  # a relay on this machine ends TLS
        return f"http://{visit.request.headers.get('Host', '')}"
    return site.settings.portal_origin
