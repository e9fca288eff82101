"""What a page's address and its form say: numbers, lengths and choices, read or refused.

The rule to keep: what is odd is None or the default, never an exception.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from portal.web.staff.visit import Visit

BY_ITSELF = "by_itself"
"""In the address that a page's own Refresh leads to: no sign that somebody is there."""

_DIGITS = 9
_STAMP = "%Y%m%dT%H%M"


def asked(visit: Visit, name: str) -> str:
    """Return a word of the address's query, "" where there is none."""
    return visit.request.query.get(name, "").strip()


def whole_number(text: str) -> int | None:
    """Return a whole number of up to nine digits, None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def number_in(fields: Mapping[str, str], name: str) -> int | None:
    """Return the whole number in a field of the form."""
    return whole_number(fields.get(name, ""))


def moment_in(fields: Mapping[str, str], name: str, zone: str) -> datetime | None:
    """Return the local date and time of a ``datetime-local`` or ``date`` field, in UTC."""
    try:
        local = datetime.fromisoformat(fields.get(name, "").strip())
        return None if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):  # the year 1, and the zone takes it before time
        return None


def written_instant(moment: datetime) -> str:
    """Return a moment as our addresses write it: UTC, to the minute."""
    return moment.astimezone(UTC).strftime(_STAMP)


def instant(text: str) -> datetime | None:
    """Read it back."""
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
