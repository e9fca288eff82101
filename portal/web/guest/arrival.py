"""The addresses to which access points send visitors: /at/<client>, and those that makers fixed.

Not the reading of what they bring (radius_bridge/vendors). The rules to keep: who is not believed
is told how to come again, counted, and not written down; and the redirect that follows leads to a
page of ours alone.
"""

import re
from dataclasses import replace

import structlog
from aiohttp import web

from portal.services.ports.access_points import PREFIX, AccessPoints, Arrival, Unbelieved
from portal.web.guest import answers
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.mount import lost_page
from portal.web.guest.visit import BACK_PREFIX, Mount, Visit
from portal.web.guest.way_in import FAILED

_BACK = re.compile(rf"{BACK_PREFIX}[A-Za-z0-9._-]{{1,8000}}(\?lang=[A-Za-z-]{{2,12}})?")

_log = structlog.get_logger()


def client_of(path: str, points: AccessPoints, *, is_ours: bool) -> str | None:
    """Return the access point that sends visitors to this address; None: it is no such address.

    One that is configured is known under any name: UniFi and openNDS may take an IP address only.
    """
    known = points.client_at(path)
    return "" if known is None and is_ours and path.startswith(PREFIX) else known


async def arrive(site: GuestSite, visit: Visit, points: AccessPoints, client: str) -> web.Response:
    """Lead a visitor to the pages under a token, or say that the address cannot be believed."""
    if (back := _led_back(visit.request, site.settings.portal_origin)) is not None:
        return answers.redirect(back, status=302)
    arrival = await points.arrive(client, _as_it_stood(visit.request), visit.browser)
    if isinstance(arrival, Unbelieved):
        _log.warning("visitor_not_believed", reason=arrival.value)
        return site.pages.render("anew", visit, {"key": "unbelieved"}, status=403)
    passage = arrival.passage
    mount = Mount(points, passage, points.token(passage, visit.now))
    location = replace(visit, mount=mount).location(
        FAILED if _has_failed(site, arrival, visit) else "/"
    )
    origin = "" if visit.encrypted else site.settings.portal_origin
    return answers.redirect(origin + location, status=302)


def come_back(site: GuestSite, visit: Visit, reference: str) -> web.Response:
    """Lead a browser that its access point let in to the status page.

    A browser that only asks what stands here (HEAD) spends nothing.
    """
    points, passage = site.access_points, None
    if points is not None and visit.request.method == "GET":
        passage = points.come_back(reference, visit.browser, visit.now)
    if points is None or passage is None:
        return lost_page(site, visit)
    mount = Mount(points, passage, points.token(passage, visit.now))
    return site.go(replace(visit, mount=mount), "/status")


def _has_failed(site: GuestSite, arrival: Arrival, visit: Visit) -> bool:
    """Say whether the access point refused the login, by saying so or by coming back at once."""
    mac = arrival.passage.device.mac
    came_back = site.sent_back.has(mac, visit.now) and not arrival.passage.is_inside
    site.sent_back.forget(mac)
    return arrival.has_failed or came_back


def _led_back(request: web.BaseRequest, origin: str) -> str | None:
    """Return our own address to which a gateway was to lead a visitor; None: it is a new one.

    openNDS sends a browser that brings our answer twice here instead: its device is in. What the
    address is worth is seen where it is read (`come_back`).
    """
    led_to = request.query.get("redir", "")
    is_ours = led_to.startswith(origin) and _BACK.fullmatch(led_to[len(origin) :])
    return led_to if is_ours and request.query.get("status") == "authenticated" else None


def _as_it_stood(request: web.BaseRequest) -> str:
    """Return the address whole: what an access point has signed is all of it."""
    if not request.raw_path.startswith("/"):
        return request.raw_path
    return f"{request.scheme}://{request.headers.get('Host', '')}{request.raw_path}"
