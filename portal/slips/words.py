"""PURE: a slip in words: the sentences of one language, ready for a page.

Not the texts (texts/*.toml) and not their loading. The rule to keep: whatever is typed, scanned or
read aloud stands in ``<bdi dir="ltr">``, so that it reads the same in every language.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from babel.dates import format_date, format_datetime
from markupsafe import Markup, escape

from portal.domain.slip import FixedEnd, Length, Network, Slip, ToClosing, Today

_UNITS = (
    ("weeks", timedelta(weeks=1)),
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
)


class Language(Protocol):
    """What is needed of a language: its tag (BCP 47), its direction, its table of texts."""

    @property
    def tag(self) -> str:
        """The tag, which Babel knows too."""
        ...

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        ...

    @property
    def texts(self) -> Mapping[str, str]:
        """The texts by key."""
        ...


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one slip in one language; escaped, with their marks.

    ``password`` is empty for an open network, ``privacy`` where nothing is promised.
    """

    title: Markup
    network: Markup
    step_1: Markup
    choose: Markup
    password: Markup
    step_2: Markup
    scan: Markup
    fallback: Markup
    address: Markup
    scope: Markup
    privacy: Markup
    serial: Markup


def word(slip: Slip, language: Language) -> Wording:
    """Put a slip into words."""
    network = _exact(slip.network.name)
    address = _exact(slip.short_address)
    password = slip.network.password
    return Wording(
        title=_say(language, "title", library=slip.library),
        network=_say(language, "network", network=network),
        step_1=_say(language, "step1", network=network),
        choose=choose(slip.network, language),
        password=_say(language, "password", password=_exact(password.reveal()))
        if password
        else Markup(),
        step_2=_say(language, "step2"),
        scan=_say(language, "step2.qr"),
        fallback=_say(language, "fallback", address=address),
        address=_say(language, "address", address=address),
        scope=_scope(slip, language),
        privacy=_say(language, "privacy") if slip.privacy_line else Markup(),
        serial=_say(language, "serial", serial=_number(slip.serial)),
    )


def choose(network: Network, language: Language) -> Markup:
    """Say which network to choose."""
    return _say(language, "choose", network=_exact(network.name))


def digits(code: str) -> Markup:
    """Return a code that no line break divides."""
    return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(_unbroken(code))


def _say(language: Language, key: str, **values: object) -> Markup:
    """Return a text with its values; whatever is in either is escaped."""
    return Markup(escape(language.texts[key])).format(**values)  # noqa: S704 - escaped just now


def _exact(text: str) -> Markup:
    """Return what has to be typed or read aloud letter by letter; it is broken only if it must."""
    return Markup('<bdi dir="ltr" class="exact">{}</bdi>').format(text)


def _number(text: str) -> Markup:
    return Markup('<bdi dir="ltr">{}</bdi>').format(text)


def _scope(slip: Slip, language: Language) -> Markup:
    devices = _counted(language, "devices", slip.devices)
    match slip.validity:
        case Today(until):
            values = {"clock": _clock(until, language), "day": _day(until, language)}
            return _say(language, "scope.today", devices=devices, **values)
        case FixedEnd(until):
            values = {"clock": _clock(until, language), "day": _day(until, language)}
            return _say(language, "scope.until", devices=devices, **values)
        case ToClosing(use_before):
            day = _day(use_before, language)
            return _with_devices(_say(language, "scope.closing", day=day), slip, language)
        case Length(lasts, use_before):  # pragma: no branch - the last there is
            values = {"length": _length(lasts, language), "day": _day(use_before, language)}
            return _with_devices(_say(language, "scope.length", **values), slip, language)


def _with_devices(sentence: Markup, slip: Slip, language: Language) -> Markup:
    """Say how many devices only where there are several: one is what everybody expects."""
    if slip.devices == 1:
        return sentence
    devices = _counted(language, "devices", slip.devices)
    return sentence + " " + _say(language, "scope.devices", devices=devices)


def _counted(language: Language, key: str, count: int) -> Markup:
    return _unbroken(_say(language, f"{key}.one" if count == 1 else f"{key}.many", count=count))


def _length(lasts: timedelta, language: Language) -> Markup:
    """Return the length in the largest unit that counts it whole; minutes are rounded up."""
    for unit, length in _UNITS:
        if lasts >= length and not lasts % length:
            return _counted(language, unit, lasts // length)
    return _counted(language, "minutes", max(1, -(-lasts // timedelta(minutes=1))))


def _clock(moment: datetime, language: Language) -> Markup:
    clock = format_datetime(moment, language.texts["pattern.clock"], locale=language.tag)
    return _say(language, "clock", clock=_number(clock))


def _day(day: date, language: Language) -> Markup:
    return _unbroken(format_date(day, language.texts["pattern.day"], locale=language.tag))


def _unbroken(text: str) -> Markup:
    """Keep "31 december" on one line."""
    return escape(text).replace(" ", "\N{NO-BREAK SPACE}")
