"""The form in which a code is typed: a voucher's, a room code, or either.

Not its handling (codes.py). The rule to keep: it asks for the digits that can be typed here, and
for no others.
"""

from dataclasses import dataclass

from aiohttp import web

from portal.domain.room_code import CODE_DIGITS as ROOM_CODE_DIGITS
from portal.domain.session import EndReason
from portal.domain.site import LoginMethod, Site
from portal.domain.voucher_code import CODE_DIGITS as VOUCHER_CODE_DIGITS
from portal.services.outcomes import Captive, Online, Standing
from portal.web.guest.form_token import Purpose
from portal.web.guest.guest_site import GuestSite
from portal.web.guest.notices import notice
from portal.web.guest.refusals import FieldError
from portal.web.guest.visit import Here, Visit


@dataclass(frozen=True, slots=True)
class CodeDraft:
    """What the form held when it has to be shown again: what is wrong, and the code."""

    error: FieldError | None = None
    code: str = ""


_EMPTY = CodeDraft()


def takes_vouchers(library: Site) -> bool:
    """Say whether vouchers' codes can be used here."""
    return LoginMethod.CODE in library.login_methods


def takes_codes(library: Site) -> bool:
    """Say whether any code can be typed here."""
    return library.tutoring or takes_vouchers(library)


def code_form(
    site: GuestSite, visit: Visit, here: Here, standing: Standing, draft: CodeDraft = _EMPTY
) -> web.Response:
    """Show the form, to a captive device or to one that is online."""
    values: dict[str, object] = {
        "token": site.token(visit, here, Purpose.CODE),
        "error": draft.error,
        "kept_code": draft.code,
        "is_online": isinstance(standing, Online),
        "hint": _hint(visit, here.library, is_online=isinstance(standing, Online)),
        "takes_cards": LoginMethod.CARD in here.library.login_methods,
        "continue_token": None,
        "notice": (),
    }
    if isinstance(standing, Captive):
        values |= _captive(site, visit, here, standing, draft)
    return site.pages.render("code", visit, values)


def _captive(
    site: GuestSite, visit: Visit, here: Here, standing: Captive, draft: CodeDraft
) -> dict[str, object]:
    offered = standing.may_continue and draft.error is None
    end = standing.last_end or (EndReason.TIME_LIMIT if offered else None)
    return {
        "number": standing.number,
        "notice": notice(standing, end, press=offered),
        "continue_token": site.token(visit, here, Purpose.CONTINUE) if offered else None,
    }


def _hint(visit: Visit, library: Site, *, is_online: bool) -> str:
    """Say how many digits the code has, and where it stands."""
    text = visit.language.text
    if is_online or not takes_vouchers(library):
        return text("code.hint.room", digits=ROOM_CODE_DIGITS)
    if not library.tutoring:
        return text("code.hint", digits=VOUCHER_CODE_DIGITS)
    return text("code.hint.both", digits=VOUCHER_CODE_DIGITS, room_digits=ROOM_CODE_DIGITS)
