"""What somebody types, read: opening hours, lists, a short name. Pure.

The rule to keep: lenient in what is plain to a reader, and a ValueError for all else.
"""

import re
import unicodedata
from collections.abc import Sequence

from portal.config_sites import WEEKDAYS
from portal.domain.site import LoginMethod

ALWAYS = frozenset({"alltid", "always", "24/7"})
_DAYS = ("mån", "tis", "ons", "tor", "fre", "lör", "sön")
_DAYS_WITHOUT_MARKS = ("man", "tis", "ons", "tor", "fre", "lor", "son")
_ENGLISH_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(
    r"(?P<first>[^\W\d]+)(\s*[-–]\s*(?P<last>[^\W\d]+))?\s+"
    r"(?P<opens>\d{1,2}([.:]\d\d)?)\s*[-–]\s*(?P<closes>\d{1,2}([.:]\d\d)?)"
)
_LONGEST_NAME = 40


def opening_hours(text: str) -> dict[str, list[str]] | None:
    """Read ``mån-fre 10-19, lör 11-15``, in Swedish or English; None: always open.

    Raises:
        ValueError: it is nothing of the kind.
    """
    if text.strip().lower() in ALWAYS:
        return None
    hours: dict[str, list[str]] = {}
    for part in re.split(r"[,;]", text):
        match = _PART.fullmatch(part.strip().lower())
        if match is None:
            raise ValueError(text)
        first = _day(match["first"])
        last = _day(match["last"] or match["first"])
        if last < first:
            raise ValueError(text)
        span = f"{_clock_time(match['opens'])}-{_clock_time(match['closes'])}"
        for day in WEEKDAYS[first : last + 1]:
            hours.setdefault(day, []).append(span)
    return hours


def _day(word: str) -> int:
    for names in (_DAYS, _DAYS_WITHOUT_MARKS, _ENGLISH_DAYS):
        if word[:3] in names:
            return names.index(word[:3])
    raise ValueError(word)


def _clock_time(text: str) -> str:
    hour, _, minute = text.replace(".", ":").partition(":")
    if int(hour) > 24 or int(minute or 0) > 59:
        raise ValueError(text)
    return f"{int(hour):02}:{minute or '00'}"


def words(text: str) -> list[str]:
    """Split at commas and spaces."""
    return [word for word in re.split(r"[,\s]+", text.strip()) if word]


def login_methods(text: str) -> list[str]:
    """Read the ways in, in their order.

    Raises:
        ValueError: one is unknown, or there is none.
    """
    chosen = list(dict.fromkeys(LoginMethod(word.lower()).value for word in words(text)))
    if not chosen or (LoginMethod.NONE.value in chosen and len(chosen) > 1):
        raise ValueError(text)
    return chosen


def short_name(name: str) -> str:
    """Return a site's id from its name, such as ``umea-stadsbibliotek``."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:_LONGEST_NAME].strip("-") or "library"


def likely_interfaces(names: Sequence[str], *, towards_internet: str) -> tuple[str, str]:
    """Return a guess at the guests' interface and the uplink, by what the machine has."""
    others = [name for name in names if name not in {"lo", towards_internet}]
    return (others[0] if others else "guest0", towards_internet or "wan0")
