"""The front page: the login page for a captive device, the status page for one that is online.

Not the forms' handlers (sign_in.py, stay.py). The rule to keep: a GET changes nothing, and every
stale link, old bookmark and back button ends here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from portal.domain.session import WARN_BEFORE, EndReason, Ground, Session
from portal.domain.site import LoginMethod, Site
from portal.services.outcomes import Captive, Online
from portal.web import moments
from portal.web.guest.code_form import code_form, takes_codes
from portal.web.guest.form_token import Purpose
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.notices import notice
from portal.web.guest.refusals import FieldError
from portal.web.guest.standing import standing_of
from portal.web.guest.visit import Here, Visit
from portal.web.guest.way_in import go_in, is_outside

_PRESS_ONLY = frozenset({LoginMethod.ACCEPT, LoginMethod.NONE})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form held when it has to be shown again: what is wrong, and the card number."""

    error: FieldError | None = None
    card: str | None = field(default=None, repr=False)
    remember: bool = False
    """Whether the box to be remembered was ticked."""


_EMPTY = Draft()

_NOT_TOLD: Mapping[str, object] = {
    **dict.fromkeys(("protected", "courtesy", "by_code", "closing"), False),
    **dict.fromkeys(("end", "ends_soon")),
}
"""Of a session whose device the visitor only names: that it is online, and no more."""


async def front(site: GuestSite, visit: Visit, here: Here) -> web.Response:
    """Show the page that fits the device's standing."""
    standing = await standing_of(site, visit, here, visit.kind)
    if isinstance(standing, Online):
        return await status_page(site, visit, here, standing)
    return login_page(site, visit, here, standing)


def login_page(
    site: GuestSite, visit: Visit, here: Here, standing: Captive, draft: Draft = _EMPTY
) -> web.Response:
    """Show how to get in here: card and PIN, one press, or whom to ask."""
    methods = here.library.login_methods
    press_only = bool(_PRESS_ONLY.intersection(methods))
    offered = standing.may_continue and not press_only and draft.error is None
    end = standing.last_end or (EndReason.TIME_LIMIT if offered else None)
    told = notice(standing, end, press=press_only or offered)
    common: dict[str, object] = {
        "number": standing.number,
        "notice": told,
        "returning": standing.last_end is not None,
    }
    if press_only:
        token = site.token(visit, here, Purpose.ACCEPT)
        return site.pages.render("accept", visit, {**common, "token": token})
    if _begins_with_code(visit, here.library):
        return code_form(site, visit, here, standing)
    if not may_type_card(visit, here.library):
        return site.go_encrypted(visit, "/")
    form = {
        "token": site.token(visit, here, Purpose.CARD),
        "error": draft.error,
        "kept_card": draft.card,
        "codes": LoginMethod.CODE in methods,
        "has_tabs": takes_codes(here.library),
        "remember": draft.remember,
        "continue_token": site.token(visit, here, Purpose.CONTINUE) if offered else None,
    }
    return site.pages.render("card", visit, {**common, **form})


def _begins_with_code(visit: Visit, library: Site) -> bool:
    """Say whether the form for a code is the front page: the only way in, or the site's first."""
    methods = library.login_methods
    if LoginMethod.CARD not in methods:
        return LoginMethod.CODE in methods
    return methods[0] is LoginMethod.CODE and visit.path != "/card"


def may_type_card(visit: Visit, library: Site) -> bool:
    """Say whether card and PIN may be typed on this connection (a written rule of the site)."""
    return visit.encrypted or library.card_login_without_tls


async def status_page(
    site: GuestSite, visit: Visit, here: Here, online: Online, refused: str | None = None
) -> web.Response:
    """Show that the device is online, until when and why, and what can be done about it.

    ``refused`` is the key of a text: why the wish to extend was not met.
    """
    if is_outside(visit):
        return await go_in(site, visit, online.session)
    home = site.guest.site_of(online.session, here.device)
    longer = online.extension
    exactly = longer == home.time_limit  # before closing time a press gives less
    is_own = may_decide(visit, online.session)
    remembered = await site.guest.remembered_here(here.device, visit.now)
    ending = _ending(site, visit, home, online.session) if is_own else _NOT_TOLD
    done = visit.request.query.get("done")
    values = {
        **ending,
        "number": await site.guest.number_of(online, here.device, visit.now, visit.kind)
        if is_own
        else None,
        "can_extend": is_own and longer is not None,
        "extend_minutes": moments.whole_minutes(longer) if longer and exactly else None,
        # The address stays when the page is loaded again: then the end may be near.
        "extended": is_own and done == "extend" and not ending["ends_soon"],
        "let_in": done == "letin" and ending["protected"],
        "rated": done == "rated",
        "refused": refused,
        # On an open network the next page would let the device in again.
        "may_sign_out": is_own and online.session.ground is not Ground.OPEN,
        "may_join": is_own and here.library.tutoring and not online.session.is_protected(visit.now),
        "remembered": is_own and remembered is not None,
        "lists_devices": is_own and online.session.ground is Ground.CARD,
        "forget_token": site.token(visit, here, Purpose.FORGET),
        "extend_token": site.token(visit, here, Purpose.EXTEND),
        "sign_out_token": site.token(visit, here, Purpose.SIGN_OUT),
        "may_rate": is_own and not site.ratings_left.is_spent(here.device.mac, visit.now),
        "rate_token": site.token(visit, here, Purpose.RATE),
    }
    return site.pages.render("status", visit, values)


def may_decide(visit: Visit, session: Session) -> bool:
    """Say whether who asks may show and end the session: on a gateway's network the gate knows."""
    return visit.mount is None or visit.mount.passage.may_decide_over(session.id)


def _ending(site: GuestSite, visit: Visit, library: Site, session: Session) -> Mapping[str, object]:
    """Say when the session ends. The grace after closing is a courtesy, not a promise."""
    closing = session.ends_because is EndReason.CLOSING_TIME
    end = session.ends_at - library.closing_grace if closing else session.ends_at
    protected = session.protected_until is not None and session.protected_until > visit.now
    # Closing time ends a protected session too.
    near = end - visit.now <= WARN_BEFORE and (closing or not protected)
    return {
        "protected": protected and not near,
        "courtesy": session.ground is Ground.COURTESY,
        "by_code": session.ground is Ground.VOUCHER,
        "closing": closing,
        "end": site.pages.clock(visit, end),
        "ends_soon": moments.whole_minutes(end - visit.now) if near else None,
    }
