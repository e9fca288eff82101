"""The page /code: a code instead of a card; a voucher's, or the room code of a tutoring group.

Not the rules (services/redeem.py, services/group_tutoring.py). The rule to keep: a device that is
online can type a room code too, which protects its session. A code may be typed on plain HTTP: it
hangs on the wall, and phones too old for the certificate have no other way in.
"""

from functools import partial

from aiohttp import web

from portal.services.outcomes import Admitted, Online, RefusalReason
from portal.web.guest.code_form import CodeDraft, code_form, takes_codes
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import front, status_page
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.mount import admitted
from portal.web.guest.posted import read_posted
from portal.web.guest.refusals import FieldError, explain
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

_LONGEST_KEPT = 20
"""Characters given back in the field: a code with its spaces, not a page of text."""


async def code_page(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the form; where no code can be used, or none is needed, the front page."""
    if not takes_codes(here.library):
        return await front(site, visit, here)
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online):
        protected = standing.session.is_protected(visit.now)
        if protected or not here.library.tutoring:
            return await status_page(site, visit, here, standing)
    return code_form(site, visit, here, standing)


async def with_code(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the form."""
    posted = await read_posted(site, visit, here, Purpose.CODE)
    if isinstance(posted, web.Response):
        return posted
    typed = posted.fields.get("code", "")
    if not posted.fresh:
        stale = FieldError("code", visit.language.text("code.stale"))
        standing = await standing_of(site, visit, here)
        return code_form(site, visit, here, standing, CodeDraft(stale, typed[:_LONGEST_KEPT]))
    join = partial(site.guest.join, here.device, typed, visit.now)
    outcome = await site.guesses.counted(visit, join)
    if isinstance(outcome, Admitted):
        return await admitted(site, visit, outcome)
    standing = await standing_of(site, visit, here)
    number = None if isinstance(standing, Online) else standing.number
    explained = explain(outcome, site.pages, visit, number)
    if isinstance(explained, FieldError):
        return code_form(site, visit, here, standing, CodeDraft(explained, typed[:_LONGEST_KEPT]))
    # A closed library has nobody to show the number to.
    shown = None if outcome.reason is RefusalReason.CLOSED else number
    values = {"key": explained.key, "text": explained.text, "number": shown, "again": "/code"}
    return site.pages.render("refusal", visit, values, status=explained.status)
