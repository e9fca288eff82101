"""PURE: lengths, amounts and stamps of time as the console writes them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from portal.web.texts import Language

_STEP = 1000  # networks count in thousands (IEC 80000-13)
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def stamp(moment: datetime, zone: ZoneInfo) -> str:
    """Return "2026-11-26 09:00:07": the same in every language, and sorts as it reads."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def amount(count: int, language: Language) -> str:
    """Return "12,3 MB"."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    pattern = "#,##0.0" if unit > 1 and value < 100 else "#,##0"
    number = format_decimal(value, pattern, locale=language.tag)
    return f"{number}\N{NO-BREAK SPACE}{_UNITS[unit]}"


def length(span: timedelta, language: Language) -> str:
    """Return "2 tim 5 min", or seconds where it is less than a minute."""
    seconds = max(0, int(span.total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return language.text("measure.hours", hours=hours, minutes=minutes)
    key, count = ("measure.minutes", minutes) if minutes else ("measure.seconds", seconds)
    return language.text(key, count=count)
