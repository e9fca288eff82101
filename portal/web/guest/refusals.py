"""From a refusal to the words that explain it: beside a field, or a page of its own.

A field error is one the guest can mend in the form; everything else is a page with a next step.
The rule to keep: every RefusalReason has its place here, and nothing says which of card and PIN
was wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused
from portal.web import moments
from portal.web.guest.pages import Pages
from portal.web.guest.visit import Visit

_CARD_FIELD = frozenset(
    {
        RefusalReason.CARD_EMPTY,
        RefusalReason.CARD_FORMAT,
        RefusalReason.CARD_PERSONAL_NUMBER,
        RefusalReason.CREDENTIALS_WRONG,
    }
)

_CODE_FIELD = frozenset(
    {
        RefusalReason.CODE_EMPTY,
        RefusalReason.CODE_LENGTH,
        RefusalReason.CODE_TYPO,
        RefusalReason.CODE_UNKNOWN,
        RefusalReason.CODE_EXPIRED,
        RefusalReason.CODE_EARLY,
        RefusalReason.CODE_FULL,
        RefusalReason.CODE_OTHER_SITE,
        RefusalReason.CODE_REVOKED,
    }
)

_Facts = dict[str, object]
"""Values for the places in a text."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error that the guest mends in the form: the field's name and the words."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An error with its own page: the key of its heading, its words, its HTTP status."""

    key: str
    text: str
    status: int = 200
    """200 for all that a guest may meet: some login windows show their own page for others."""


def explain(
    refused: Refused, pages: Pages, visit: Visit, number: int | None
) -> FieldError | ErrorPage:
    """Return how to tell the guest."""
    reason = refused.reason
    if reason in _CARD_FIELD:
        return FieldError("card", _field_text(refused, visit))
    if reason in _CODE_FIELD:
        return FieldError("code", _code_text(refused, pages, visit))
    if reason is RefusalReason.PIN_EMPTY:
        return FieldError("pin", visit.language.text(reason.value))
    if reason is RefusalReason.SERVICE_DOWN:
        return ErrorPage("service", visit.language.text("service"), status=503)
    text = _PAGE_TEXTS.get(reason, _plain_text)(refused, pages, visit, number)
    return ErrorPage(reason.value, text)


def _field_text(refused: Refused, visit: Visit) -> str:
    text = visit.language.text
    if refused.reason is RefusalReason.CREDENTIALS_WRONG:
        return " ".join(filter(None, (text("cred.wrong"), _tries_left(refused, visit))))
    if refused.reason is RefusalReason.CARD_FORMAT:
        if refused.expected_length is None or refused.actual_length is None:
            return text("card.format.any")
        digits, typed = refused.expected_length, refused.actual_length
        return text("card.format", digits=digits, typed=typed)
    return text(refused.reason.value)


def _code_text(refused: Refused, pages: Pages, visit: Visit) -> str:
    facts = _CODE_FACTS.get(refused.reason, _no_facts)(refused, pages, visit)
    key = refused.reason.value
    if facts is None:
        return visit.language.text(_WITHOUT_FACTS[refused.reason])
    return visit.language.text(key, **facts)


def _no_facts(_refused: Refused, _pages: Pages, _visit: Visit) -> _Facts | None:
    return {}


def _length(refused: Refused, _pages: Pages, _visit: Visit) -> _Facts | None:
    return {"digits": refused.expected_length, "typed": refused.actual_length}


def _valid_until(refused: Refused, pages: Pages, visit: Visit) -> _Facts | None:
    if refused.valid_until is None:
        return None
    return {"time": pages.clock(visit, refused.valid_until)}


def _valid_from(refused: Refused, pages: Pages, visit: Visit) -> _Facts | None:
    if refused.valid_from is None:
        return None
    return {"time": pages.clock(visit, refused.valid_from)}


def _places(refused: Refused, _pages: Pages, visit: Visit) -> _Facts | None:
    return {"devices": moments.counted(visit.language, "devices", refused.devices or 0)}


def _library(refused: Refused, _pages: Pages, _visit: Visit) -> _Facts | None:
    return {"library": refused.site_name} if refused.site_name else None


_CODE_FACTS: dict[RefusalReason, Callable[[Refused, Pages, Visit], _Facts | None]] = {
    RefusalReason.CODE_LENGTH: _length,
    RefusalReason.CODE_EXPIRED: _valid_until,
    RefusalReason.CODE_EARLY: _valid_from,
    RefusalReason.CODE_FULL: _places,
    RefusalReason.CODE_OTHER_SITE: _library,
}
"""What a text about a code is filled with; None: nobody knows, and the text without it is said."""

_WITHOUT_FACTS = {
    RefusalReason.CODE_EXPIRED: "code.expired.any",
    RefusalReason.CODE_EARLY: "code.early.any",
    RefusalReason.CODE_OTHER_SITE: "code.site.any",
}


def _tries_left(refused: Refused, visit: Visit) -> str:
    if not refused.attempts_left:
        return ""
    language = visit.language
    tries = moments.counted(language, "tries", refused.attempts_left)
    if not refused.wait_s:
        return language.text("cred.left.only", tries=tries)
    minutes = moments.counted(language, "minutes", -(-refused.wait_s // 60))
    return language.text("cred.left", tries=tries, minutes=minutes)


def _plain_text(refused: Refused, _pages: Pages, visit: Visit, _number: int | None) -> str:
    return visit.language.text(refused.reason.value)


def _wait_text(refused: Refused, pages: Pages, visit: Visit, number: int | None) -> str:
    text = visit.language.text
    if refused.retry_at is None:
        return text("cred.wait.later")
    # The next whole minute: "15.42" must not be said while 15.42 has 40 s to go.
    time = moments.clock_rounded_up(refused.retry_at, visit.now, pages.zone(visit), visit.language)
    if number is None:
        return text("cred.wait.unnumbered", time=time)
    return text("cred.wait", time=time, number=number)


def _closed_text(refused: Refused, pages: Pages, visit: Visit, _number: int | None) -> str:
    if refused.opens_at is None:
        return visit.language.text("closed.unknown")
    return visit.language.text("closed", when=pages.clock(visit, refused.opens_at))


def _busy_text(_refused: Refused, _pages: Pages, visit: Visit, number: int | None) -> str:
    """Send the guest to the QR code where slips have one."""
    text = visit.language.text
    if _takes_vouchers(visit):
        return text("code.busy", number=number) if number else text("code.busy.unnumbered")
    return text("code.busy.room", number=number) if number else text("code.busy.room.unnumbered")


def _takes_vouchers(visit: Visit) -> bool:
    return visit.here is not None and LoginMethod.CODE in visit.here.library.login_methods


def _code_or_staff(refused: Refused, _pages: Pages, visit: Visit, _number: int | None) -> str:
    """Send the guest for a code only where there are codes."""
    key = refused.reason.value
    return visit.language.text(key if _takes_vouchers(visit) else f"{key}.staff")


_PAGE_TEXTS: dict[RefusalReason, Callable[[Refused, Pages, Visit, int | None], str]] = {
    RefusalReason.TOO_MANY_ATTEMPTS: _wait_text,
    RefusalReason.CODES_BUSY: _busy_text,
    RefusalReason.CLOSED: _closed_text,
    RefusalReason.CARD_EXPIRED: _code_or_staff,
    RefusalReason.LIBRARY_SYSTEM_DOWN: _code_or_staff,
}
