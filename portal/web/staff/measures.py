"""PURE: lengths, amounts and stamps of time as the console writes them."""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from babel.numbers import get_decimal_symbol, get_group_symbol

from portal.web.texts import Language

_STEP = 1000  # networks count in thousands (IEC 80000-13)
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def stamp(moment: datetime, zone: ZoneInfo) -> str:
    """Return "2026-11-26 09:00:07": the same in every language, and sorts as it reads."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def amount(count: int, language: Language) -> str:
    """Return "12,3 MB"."""
    unit, scale = 0, 1
    while count >= scale * _STEP and unit < len(_UNITS) - 1:
        unit, scale = unit + 1, scale * _STEP
    point, group = _signs(language.tag)
    if unit > 1 and count < 100 * scale:
        whole, tenth = divmod(_divided(count * 10, scale), 10)
        number = f"{whole}{point}{tenth}"
    else:
        number = f"{_divided(count, scale):,}".replace(",", group)
    return f"{number}\N{NO-BREAK SPACE}{_UNITS[unit]}"


def _divided(count: int, scale: int) -> int:
    """Return the quotient, rounded half to even."""
    whole, rest = divmod(count, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))


@cache
def _signs(tag: str) -> tuple[str, str]:
    """Return a language's decimal and grouping signs: asked once, for a log has many amounts."""
    return get_decimal_symbol(tag), get_group_symbol(tag)


def length(span: timedelta, language: Language) -> str:
    """Return "2 tim 5 min", or seconds where it is less than a minute."""
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return language.text("measure.hours", hours=hours, minutes=minutes)
    key, count = ("measure.minutes", minutes) if minutes else ("measure.seconds", seconds)
    return language.text(key, count=count)
