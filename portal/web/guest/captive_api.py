"""The captive portal API of RFC 8908: one small JSON answer that agrees with the gate.

Served over TLS only (RFC 8908 section 4). An error answers 503 and no JSON: clients then fall
back to their HTTP probes, which tell the truth (RFC 8908 section 5 lets them keep the last state).
"""

import json

from aiohttp import web

from portal.services.outcomes import Captive
from portal.services.ports import DatabaseUnavailableError
from portal.web.guest import answers
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.visit import Visit

PATH = "/captive-portal/api"

_MEDIA_TYPE = "application/captive+json"
# The editors' draft of RFC 8910 wrote the second; a client may still send it.
_ASKED_BY_CLIENTS = (_MEDIA_TYPE, "application/capport+json", "application/json")

_CUSTOM_TABS_SINCE = 361335020
"""Android 12+ opens the portal in the real browser from this CaptivePortalLogin version on."""


async def captive_api(site: GuestSite, visit: Visit) -> web.Response:
    """Answer the API; a browser that opens it is sent to the page for people."""
    if not visit.encrypted:
        return site.go_encrypted(visit, PATH)
    if not _is_api_client(visit.request.headers.get("Accept", "")):
        response = site.go(visit, "/")
        response.headers["Vary"] = "Accept"
        return response
    text = json.dumps(await _state(site, visit), separators=(",", ":"))
    response = answers.json_text(text, content_type=_MEDIA_TYPE)
    response.headers["Vary"] = "Accept"
    return response


async def _state(site: GuestSite, visit: Visit) -> dict[str, object]:
    page = f"{site.settings.portal_origin}/"
    state: dict[str, object] = {
        "captive": True,
        "user-portal-url": page,
        "x-android-use-custom-tabs": _CUSTOM_TABS_SINCE,
    }
    if visit.here is None:
        return state  # an address the gate does not know is not let through
    standing = await site.guest.standing(visit.here.device, visit.now)
    if isinstance(standing, Captive):
        _require_certain(standing)
        return state
    remaining_s = int((standing.session.due_at - visit.now).total_seconds())
    return {
        **state,
        "captive": False,
        "venue-info-url": f"{page}status",
        "can-extend-session": standing.extension is not None,
        "seconds-remaining": max(0, remaining_s),
    }


def _require_certain(standing: Captive) -> None:
    """Refuse to call a device captive that nobody could look up: it may well be online.

    A portal just restarted remembers nobody, and the database is away. Told "captive", a guest's
    phone would leave the network by itself.

    Raises:
        DatabaseUnavailableError: where the device stands is not known now.
    """
    if not standing.is_certain:
        raise DatabaseUnavailableError


def _is_api_client(accept: str) -> bool:
    """Say whether the client asks for the API: browsers name text/html, old tools nothing."""
    kinds = {item.partition(";")[0].strip().lower() for item in accept.split(",")[:50]}
    return not kinds.isdisjoint(_ASKED_BY_CLIENTS) or "text/html" not in kinds
