"""The forms that let a device in: card and PIN, and the one press of an open site.

Not the rules (the services have them). The rule to keep: the gate is open before the answer
leaves, and the answer is a full navigation to the status page, because only that makes a phone
look again.
"""

from functools import partial

from aiohttp import web

from portal.domain.identity import Secret
from portal.services.outcomes import Admitted, Online, RefusalReason, Refused
from portal.web.guest.form_token import Purpose
from portal.web.guest.front import Draft, front, login_page, may_type_card
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.mount import admitted
from portal.web.guest.posted import Posted, read_posted
from portal.web.guest.refusals import FieldError, explain
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit

_NOTHING = Draft()


async def with_card(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the card form."""
    posted = await read_posted(site, visit, here, Purpose.CARD)
    if isinstance(posted, web.Response):
        return posted
    if not may_type_card(visit, here.library):
        return site.go_encrypted(visit, "/")
    card = posted.fields.get("card", "")
    if (draft := _not_meant_to_sign_in(posted, visit, card)) is not None:
        return await _again(site, visit, here, draft)
    pin = Secret(posted.fields.get("pin", ""))
    wished = "remember" in posted.fields
    remember_as = visit.kind if wished else None
    sign_in = partial(
        site.guest.sign_in_with_card,
        here.device,
        Secret(card),
        pin,
        visit.now,
        remember_as=remember_as,
    )
    outcome = await site.guesses.counted(visit, sign_in)
    if isinstance(outcome, Admitted):
        return await admitted(site, visit, outcome)
    return await _refuse(site, visit, here, outcome, Draft(card=card, remember=wished))


async def accept(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle the one press."""
    posted = await read_posted(site, visit, here, Purpose.ACCEPT)
    if isinstance(posted, web.Response):
        return posted
    if not posted.fresh:
        return await front(site, visit, here)
    outcome = await site.guest.accept(here.device, visit.now)
    if isinstance(outcome, Admitted):
        return await admitted(site, visit, outcome)
    return await _refuse(site, visit, here, outcome)


async def continue_visit(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Handle "continue": the ordinary ways in are shown where it is offered no longer."""
    posted = await read_posted(site, visit, here, Purpose.CONTINUE)
    if isinstance(posted, web.Response):
        return posted
    if not posted.fresh:
        return await front(site, visit, here)
    outcome = await site.guest.continue_visit(here.device, visit.now)
    if isinstance(outcome, Admitted):
        return await admitted(site, visit, outcome)
    if outcome.reason is RefusalReason.SERVICE_DOWN:
        return await _refuse(site, visit, here, outcome)
    return site.go(visit, "/")


def _not_meant_to_sign_in(posted: Posted, visit: Visit, card: str) -> Draft | None:
    """Return what to show again where the form came to change language, or is an old one."""
    remember = "remember" in posted.fields
    if "switch" in posted.fields:
        return Draft(card=card or None, remember=remember)
    if not posted.fresh:
        stale = FieldError("pin", visit.language.text("form.stale"))
        return Draft(stale, card or None, remember=remember)
    return None


async def _again(site: GuestSite, visit: Visit, here: Here, draft: Draft) -> web.Response:
    """Show the form again; a device that got online meanwhile is told so instead."""
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online):
        return site.go(visit, "/status")
    return login_page(site, visit, here, standing, draft)


async def _refuse(
    site: GuestSite,
    visit: Visit,
    here: Here,
    refused: Refused,
    typed: Draft = _NOTHING,
) -> web.Response:
    standing = await standing_of(site, visit, here)
    if isinstance(standing, Online):  # the first of two presses got through
        return site.go(visit, "/status")
    explained = explain(refused, site.pages, visit, standing.number)
    if isinstance(explained, FieldError):
        draft = Draft(explained, _worth_keeping(refused, typed.card), remember=typed.remember)
        return login_page(site, visit, here, standing, draft)
    # A closed library has nobody to show the number to.
    number = None if refused.reason is RefusalReason.CLOSED else standing.number
    values = {"key": explained.key, "text": explained.text, "number": number, "again": "/"}
    return site.pages.render("refusal", visit, values, status=explained.status)


def _worth_keeping(refused: Refused, card: str | None) -> str | None:
    """Give back what was typed, but never a personal identity number."""
    if refused.reason is RefusalReason.CARD_PERSONAL_NUMBER:
        return None
    return card or None
