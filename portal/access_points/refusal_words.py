"""What a refused visitor may read on an access point's own form (Reply-Message).

Not the guest pages' texts: some access points show this, most do not. The rule to keep: nothing of
the request, and no more than a visitor can do something about.
"""

from collections.abc import Mapping

from portal.services.outcomes import RefusalReason

_WRONG = {"sv": "Uppgifterna stämmer inte.", "en": "These details are not right."}
_CODE = {"sv": "Koden gäller inte. Fråga personalen.", "en": "This code is not valid. Ask staff."}
_CARD = {"sv": "Kortet gäller inte. Fråga personalen.", "en": "This card is not valid. Ask staff."}
_WAIT = {"sv": "För många försök. Vänta en stund.", "en": "Too many attempts. Wait a while."}
_CLOSED = {"sv": "Biblioteket är stängt.", "en": "The library is closed."}
_LATER = {
    "sv": "Det går inte just nu. Försök snart igen.",
    "en": "Not possible now. Try again soon.",
}

_WORDS: Mapping[RefusalReason, Mapping[str, str]] = {
    RefusalReason.CODE_EXPIRED: _CODE,
    RefusalReason.CODE_EARLY: _CODE,
    RefusalReason.CODE_FULL: _CODE,
    RefusalReason.CODE_OTHER_SITE: _CODE,
    RefusalReason.CODE_REVOKED: _CODE,
    RefusalReason.CODE_UNKNOWN: _CODE,
    RefusalReason.CARD_BLOCKED: _CARD,
    RefusalReason.CARD_EXPIRED: _CARD,
    RefusalReason.TOO_MANY_ATTEMPTS: _WAIT,
    RefusalReason.CODES_BUSY: _WAIT,
    RefusalReason.CLOSED: _CLOSED,
    RefusalReason.LIBRARY_SYSTEM_DOWN: _LATER,
    RefusalReason.SERVICE_DOWN: _LATER,
}


def message_for(reason: RefusalReason, language: str) -> str:
    """Return the words for a refusal in the organisation's language."""
    return _WORDS.get(reason, _WRONG)[language]


def wrong(language: str) -> str:
    """Return the words for whatever fits nobody."""
    return _WRONG[language]
