"""What a guest typed in the fields "card" and "PIN": is it fit to be asked about?

Not a check of the card: only the library system can do that. What is refused here never leaves
the portal, so it spends none of the patron's attempts and can smuggle nothing into a protocol.
The rule to keep: nothing passes that holds a control character, a field delimiter or more than
64 characters, whatever the site's patterns allow.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from portal.domain.identity import Secret
from portal.domain.personal_number import looks_like_personal_number

LONGEST_INPUT = 64
"""Characters. Card numbers have 4-20; more is an accident or an attack."""

_SEPARATOR_CATEGORIES = frozenset({"Zs", "Pd", "Cf"})
"""Blanks, hyphens and dashes, and invisible marks that come along when text is pasted."""


class CardRefusal(StrEnum):
    """Why a card number is not sent anywhere."""

    EMPTY = "empty"
    UNSAFE = "unsafe"
    """A control character, a delimiter, or too long: no honest typing error."""
    PERSONAL_NUMBER = "personal_number"
    FORMAT = "format"
    LENGTH = "length"
    """The right kind of characters, but not the number of them that the site expects."""


class PinRefusal(StrEnum):
    """Why a PIN is not sent anywhere."""

    EMPTY = "empty"
    UNSAFE = "unsafe"
    FORMAT = "format"
    """Cannot be a PIN of this library: tell the guest what a wrong PIN would."""


@dataclass(frozen=True, slots=True)
class CardRules:
    """What a site's card numbers and PINs look like.

    The patterns are regular expressions for the whole text, after digits of other scripts have
    become ASCII digits. ``delimiter`` is refused beside ``|``, which always is: in a SIP2 message
    it would begin a new field. ``strip_separators`` drops the blanks and hyphens that people put
    into long numbers; switch it off where a hyphen is part of the number.
    """

    card_pattern: str = "[0-9]+"
    pin_pattern: str = "[0-9]+"
    expected_length: int | None = None
    reject_personal_number: bool = True
    strip_separators: bool = True
    delimiter: str = "|"


@dataclass(frozen=True, slots=True)
class CardAccepted:
    """The card number as it is sent to the library system."""

    card: Secret


@dataclass(frozen=True, slots=True)
class CardRefused:
    """``expected`` and ``actual`` (characters) go with LENGTH: "14 digits; you wrote 12"."""

    reason: CardRefusal
    expected: int | None = None
    actual: int | None = None


@dataclass(frozen=True, slots=True)
class PinAccepted:
    """The PIN as it is sent to the library system."""

    pin: Secret


@dataclass(frozen=True, slots=True)
class PinRefused:
    """The PIN is not sent anywhere."""

    reason: PinRefusal


DEFAULT_RULES = CardRules()


def read_card(text: str, rules: CardRules = DEFAULT_RULES) -> CardAccepted | CardRefused:
    """Read the card field as the guest sent it; never raises.

    An empty field is EMPTY whatever blanks it holds. A number in the shape of a personnummer is
    PERSONAL_NUMBER even where the pattern would refuse it too: that text helps the guest more.
    """
    if not text.strip():
        return CardRefused(CardRefusal.EMPTY)
    if not is_safe(text, rules.delimiter):
        return CardRefused(CardRefusal.UNSAFE)
    digits = _ascii_digits(text)
    if rules.reject_personal_number and looks_like_personal_number(_without_separators(digits)):
        return CardRefused(CardRefusal.PERSONAL_NUMBER)
    return _match_card(_without_separators(digits) if rules.strip_separators else digits, rules)


def _match_card(card: str, rules: CardRules) -> CardAccepted | CardRefused:
    if not card:
        return CardRefused(CardRefusal.EMPTY)
    if not re.fullmatch(rules.card_pattern, card):
        return CardRefused(CardRefusal.FORMAT)
    if rules.expected_length is not None and len(card) != rules.expected_length:
        return CardRefused(CardRefusal.LENGTH, expected=rules.expected_length, actual=len(card))
    return CardAccepted(Secret(card))


def read_pin(text: str, rules: CardRules = DEFAULT_RULES) -> PinAccepted | PinRefused:
    """Read the PIN field as the guest sent it; never raises.

    An empty PIN is never sent: some library systems say yes to it for a patron who has none.
    """
    if not text.strip():
        return PinRefused(PinRefusal.EMPTY)
    if not is_safe(text, rules.delimiter):
        return PinRefused(PinRefusal.UNSAFE)
    pin = _ascii_digits(text.strip())
    if not re.fullmatch(rules.pin_pattern, pin):
        return PinRefused(PinRefusal.FORMAT)
    return PinAccepted(Secret(pin))


def is_safe(text: str, delimiter: str = "|") -> bool:
    """Say whether the text can stand in a protocol field: short, no control, no delimiter.

    Control characters are Unicode's Cc and the line and paragraph separators; lone surrogates
    are refused as well, because no encoding can carry them.
    """
    if len(text) > LONGEST_INPUT or "|" in text or delimiter in text:
        return False
    return not any(unicodedata.category(letter) in {"Cc", "Zl", "Zp", "Cs"} for letter in text)


def _ascii_digits(text: str) -> str:
    """Digits of any script as ASCII: an Arabic keyboard types the same number."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in unicodedata.normalize("NFC", text.strip())
    )


def _without_separators(text: str) -> str:
    return "".join(
        letter for letter in text if unicodedata.category(letter) not in _SEPARATOR_CATEGORIES
    )
