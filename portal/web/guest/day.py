"""The page that the code of the day opens: /day/<code>, in either case.

Not the rules (services/day_codes.py). The rules to keep: a GET logs nobody in; the button stays
good for ten minutes, for this device at this site, and its address holds no code.
"""

from datetime import timedelta

from aiohttp import web

from portal.domain.admission import Admit
from portal.domain.day_code import DIGITS
from portal.domain.session import EndReason
from portal.services.outcomes import Admitted, Online, RefusalReason, Refused
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import status_page
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.mount import admitted
from portal.web.guest.posted import read_posted
from portal.web.guest.scan import refuse
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

_PREFIX = "/day/"
_TOO_LATE = Refused(RefusalReason.DAY_CODE_OLD)


def is_day(path: str) -> bool:
    """Say whether a path is that of a code of the day; it says nothing of the code."""
    return path[: len(_PREFIX)].lower() == _PREFIX


def clean_path(path: str) -> str:
    """Return the path with a code that can be one, or none; other paths as they are."""
    if not is_day(path):
        return path
    code = path[len(_PREFIX) :]
    looks_right = len(code) == DIGITS and code.isascii() and code.isdecimal()
    return _PREFIX + (code if looks_right else "")


async def day_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show until when the code lets in, and one button."""
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online):
        return await status_page(site, visit, here, standing)
    allowed = await site.guest.day_code(here.device, visit.path[len(_PREFIX) :], visit.now)
    if isinstance(allowed, Refused):
        return refuse(site, visit, standing, allowed)
    values = {
        **_until(site, visit, here, allowed),
        "token": site.token(visit, here, Purpose.DAY.at(here.device.site_id)),
        "number": standing.number,
    }
    return site.pages.render("day", visit, values)


async def let_in(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the button."""
    posted = await read_posted(site, visit, here, Purpose.DAY.at(here.device.site_id))
    if isinstance(posted, web.Response):
        return posted
    outcome = _TOO_LATE
    if posted.fresh:
        answer = await site.guest.sign_in_with_day_code(here.device, visit.now)
        if isinstance(answer, Admitted):
            return await admitted(site, visit, answer)
        outcome = answer
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online):  # the first of two presses got through
        return site.go(visit, "/status")
    return refuse(site, visit, standing, outcome)


def _until(site: GuestSite, visit: Visit, here: Here, allowed: Admit) -> dict[str, object]:
    """Say until when; the grace after closing is a courtesy, not a promise."""
    closing = allowed.ends_because is EndReason.CLOSING_TIME
    until = allowed.ends_at - (here.library.closing_grace if closing else timedelta(0))
    return {"closing": closing, "until": site.pages.clock(visit, until)}
