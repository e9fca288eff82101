"""Clock times and dates as people read them: 24 hours, in the site's time zone.

Explicit patterns, because the short formats of CLDR write "5:30 PM" for English.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from portal.web.texts import Language

_CLOCK = {"sv": "HH.mm", "en": "HH:mm"}
_AT = {"sv": "kl.\N{NO-BREAK SPACE}{}", "en": "{}"}
_DAY = {"sv": "d MMMM", "en": "d MMMM"}
_WEEKDAY = {"sv": "EEEE", "en": "EEEE"}


def clock_time(moment: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return "kl. 15.42" or "15:42"."""
    local = moment.astimezone(zone)
    clock = format_datetime(local, _CLOCK[language.tag], locale=language.tag)
    return _AT[language.tag].format(clock)


def day_and_time(moment: datetime, now: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return the clock time, led by the weekday or the date where it is not today."""
    clock = clock_time(moment, zone, language)
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return clock
    near = timedelta(0) < day - today < timedelta(days=7)
    pattern = (_WEEKDAY if near else _DAY)[language.tag]
    return f"{format_date(day, pattern, locale=language.tag)} {clock}"


def whole_minutes(span: timedelta) -> int:
    """Return minutes, rounded up, never less than 1."""
    return max(1, -(-int(span.total_seconds()) // 60))


def calendar_day(day: date, language: Language) -> str:
    """Return "25 november 2026"."""
    return format_date(day, "d MMMM y", locale=language.tag)


def counted(language: Language, key: str, count: int) -> str:
    """Return "1 minut" or "5 minuter": the texts ``key.one`` and ``key.many``."""
    return language.text(f"{key}.one" if count == 1 else f"{key}.many", count=count)


def clock_rounded_up(moment: datetime, now: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return the clock time of the first whole minute at or after the moment."""
    late = timedelta(seconds=moment.second, microseconds=moment.microsecond)
    whole = moment - late + (timedelta(minutes=1) if late else timedelta(0))
    return day_and_time(whole, now, zone, language)
