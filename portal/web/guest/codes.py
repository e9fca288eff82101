"""The page /code: a code instead of a card. Today the room code of a tutoring group.

Not the rules (services/group_tutoring.py). The rule to keep: a device that is online can type a
code too, which protects its session. A code may be typed on plain HTTP: it hangs on the wall, and
phones too old for the certificate have no other way in.
"""

from dataclasses import dataclass

from aiohttp import web

from portal.domain.site import LoginMethod
from portal.services.outcomes import Admitted, Online, RefusalReason, Standing
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import front, notice, status_page
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.posted import read_posted
from portal.web.guest.refusals import FieldError, explain
from portal.web.guest.visit import Here, Visit

_LONGEST_KEPT = 20
"""Characters given back in the field: a code with its spaces, not a page of text."""


@dataclass(frozen=True, slots=True)
class _Draft:
    error: FieldError | None = None
    code: str = ""


_EMPTY = _Draft()


async def code_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the form; where codes are not offered, or the device is protected, the front page."""
    standing = await site.guest.standing(here.device, visit.now)
    if not here.library.tutoring:
        return await front(site, visit, here)
    if isinstance(standing, Online) and standing.session.is_protected(visit.now):
        return await status_page(site, visit, here, standing)
    return _form(site, visit, here, standing, _EMPTY)


async def with_code(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the form."""
    posted = await read_posted(site, visit, here, Purpose.CODE)
    if isinstance(posted, web.Response):
        return posted
    typed = posted.fields.get("code", "")
    if not posted.fresh:
        stale = FieldError("code", visit.language.text("code.stale"))
        standing = await site.guest.standing(here.device, visit.now)
        return _form(site, visit, here, standing, _Draft(stale, typed[:_LONGEST_KEPT]))
    outcome = await site.guest.join(here.device, typed, visit.now)
    if isinstance(outcome, Admitted):
        return site.go(visit, "/status")
    standing = await site.guest.standing(here.device, visit.now)
    number = None if isinstance(standing, Online) else standing.number
    explained = explain(outcome, site.pages, visit, number)
    if isinstance(explained, FieldError):
        return _form(site, visit, here, standing, _Draft(explained, typed[:_LONGEST_KEPT]))
    # A closed library has nobody to show the number to.
    shown = None if outcome.reason is RefusalReason.CLOSED else number
    values = {"key": explained.key, "text": explained.text, "number": shown, "again": "/code"}
    return site.pages.render("refusal", visit, values, status=explained.status)


def _form(
    site: GuestSite, visit: Visit, here: Here, standing: Standing, draft: _Draft
) -> web.Response:
    online = isinstance(standing, Online)
    values = {
        "token": site.token(visit, here, Purpose.CODE),
        "error": draft.error,
        "kept_code": draft.code,
        "is_online": online,
        "takes_cards": LoginMethod.CARD in here.library.login_methods,
        "number": None if isinstance(standing, Online) else standing.number,
        "notice": () if isinstance(standing, Online) else notice(standing.last_end),
    }
    return site.pages.render("code", visit, values)
