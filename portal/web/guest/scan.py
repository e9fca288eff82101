"""The page that a slip's QR code opens: /v/<token>, in either case.

Not the rules (services/redeem.py). The rule to keep: a GET logs nobody in, because link previews
and login windows open pages by themselves; and the token, the one secret that stands in an
address, is in no log, no error and no address that we lead to.
"""

from datetime import timedelta

from aiohttp import web

from portal.domain.session import EndReason
from portal.domain.voucher_code import encode_token, read_token
from portal.services.outcomes import (
    Admitted,
    Online,
    RefusalReason,
    Refused,
    Standing,
    VoucherOffer,
)
from portal.web import moments
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import status_page
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.mount import admitted
from portal.web.guest.posted import read_posted
from portal.web.guest.refusals import ErrorPage, FieldError, explain
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

_PREFIX = "/v/"
_WORTH_SAYING = timedelta(hours=1)
"""How much longer than this visit a code must last for the page to say so."""


def is_scan(path: str) -> bool:
    """Say whether a path is that of a slip; it says nothing of the token."""
    return path[: len(_PREFIX)].lower() == _PREFIX


def clean_path(path: str) -> str:
    """Return the path of a slip with a token that can be one, or none: for links to this page."""
    token = read_token(path[len(_PREFIX) :])
    return _PREFIX if token is None else _PREFIX + encode_token(token)


async def scan_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show what the code gives, and one button."""
    return await _page(site, visit, here, stale=False)


async def with_token(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the button."""
    posted = await read_posted(site, visit, here, Purpose.SCAN)
    if isinstance(posted, web.Response):
        return posted
    if not posted.fresh:
        return await _page(site, visit, here, stale=True)
    outcome = await site.guest.redeem(here.device, _token(visit), visit.now)
    if isinstance(outcome, Admitted):
        return await admitted(site, visit, outcome)
    standing = await standing_of(site, visit, here)
    return refuse(site, visit, standing, outcome)


async def _page(site: GuestSite, visit: Visit, here: Here, *, stale: bool) -> web.Response:
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online) and standing.session.is_protected(visit.now):
        return await status_page(site, visit, here, standing)
    offer = await site.guest.scanned(here.device, _token(visit), visit.now)
    if isinstance(offer, Refused):
        return refuse(site, visit, standing, offer)
    if isinstance(standing, Online) and standing.session.subject == offer.voucher.subject:
        return await status_page(site, visit, here, standing)
    values = {
        **_facts(site, visit, here, offer),
        "token": site.token(visit, here, Purpose.SCAN),
        "number": None if isinstance(standing, Online) else standing.number,
        "is_online": isinstance(standing, Online),
        "stale": stale,
    }
    return site.pages.render("scan", visit, values)


def _facts(site: GuestSite, visit: Visit, here: Here, offer: VoucherOffer) -> dict[str, object]:
    """Say until when; the grace after closing is a courtesy, not a promise."""
    closing = offer.ends_because is EndReason.CLOSING_TIME
    until = offer.online_until - (here.library.closing_grace if closing else timedelta(0))
    lasts = offer.lasts_until > offer.online_until + _WORTH_SAYING
    return {
        "closing": closing,
        "until": site.pages.clock(visit, until),
        "lasts": site.pages.clock(visit, offer.lasts_until) if lasts else None,
        "devices": moments.counted(visit.language, "devices", offer.voucher.most_devices),
    }


def refuse(site: GuestSite, visit: Visit, standing: Standing, refused: Refused) -> web.Response:
    """Say why, on a page: there is no field in which it could be mended."""
    number = None if isinstance(standing, Online) else standing.number
    explained = explain(refused, site.pages, visit, number)
    if isinstance(explained, FieldError):
        explained = ErrorPage("scan.refused", explained.text)
    # A closed library has nobody to show the number to.
    shown = None if refused.reason is RefusalReason.CLOSED else number
    values = {"key": explained.key, "text": explained.text, "number": shown, "again": "/"}
    return site.pages.render(
        "refusal", visit, {**values, "again_key": "back"}, status=explained.status
    )


def _token(visit: Visit) -> str:
    return visit.path[len(_PREFIX) :]
