"""Opening hours: when a site is open, when it closes and when it opens next.

Not the rule of who may be online (admission.py): grace after closing is added there.
The rule to keep: hours are wall-clock times of the site's zone, answers are instants in UTC; a
time that a clock change skips means the same distance after it, a time that occurs twice means
its first occurrence for opening and its second for closing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOOK_AHEAD = timedelta(days=14)
"""How far ahead an opening is looked for: two weeks cover every usual holiday closure."""

_DAYS_IN_WEEK = 7
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of opening, from ``opens`` until ``closes``, on the clock of the site.

    ``closes`` at or before ``opens`` is on the next day, so 00:00-00:00 is the whole day.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            raise ValueError("opening hours are times of the site's own clock, without a zone")


Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A site's hours: seven days, Monday first, and dates that differ (no spans: closed).

    A span belongs to the day it opens on, so a date that differs does not cut short the night
    before it.

    Raises:
        ValueError: the zone is not in the IANA time zone database, or there are not seven days.
    """

    time_zone: str
    weekly: tuple[tuple[Span, ...], ...]
    exceptions: Mapping[date, tuple[Span, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if len(self.weekly) != _DAYS_IN_WEEK:
            raise ValueError("opening hours need seven days, Monday first")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {self.time_zone!r}") from error

    def is_open(self, now: datetime) -> bool:
        """Whether the site is open at this instant; it is closed at the closing time itself."""
        return self._current(now) is not None

    def closes_at(self, now: datetime) -> datetime | None:
        """Return when the present opening ends, in UTC.

        None while closed, and None where no closing comes within ``LOOK_AHEAD`` (always open).
        """
        current = self._current(now)
        if current is None or current[1] > now + LOOK_AHEAD:
            return None
        return current[1]

    def opens_at(self, now: datetime) -> datetime | None:
        """Return the next opening after this instant, in UTC; None within ``LOOK_AHEAD``."""
        for opens, _ in self._intervals(now):
            if now < opens <= now + LOOK_AHEAD:
                return opens
        return None

    def last_closed_at(self, now: datetime) -> datetime | None:
        """Return when the last opening ended, in UTC; None when it was more than a day ago."""
        ends = [closes for _, closes in self._intervals(now) if now - _ONE_DAY <= closes <= now]
        return max(ends, default=None)

    def _current(self, now: datetime) -> Interval | None:
        for opens, closes in self._intervals(now):
            if opens <= now < closes:
                return opens, closes
        return None

    def _intervals(self, now: datetime) -> Iterator[Interval]:
        """Openings from two days before to past the look-ahead, merged where they touch."""
        current: Interval | None = None
        for opens, closes in sorted(self._raw_intervals(now)):
            if current is not None and opens <= current[1]:
                current = (current[0], max(current[1], closes))
                continue
            if current is not None:
                yield current
            current = (opens, closes)
        if current is not None:
            yield current

    def _raw_intervals(self, now: datetime) -> Iterator[Interval]:
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        for offset in range(-2, LOOK_AHEAD.days + 3):
            day = today + timedelta(days=offset)
            for span in self.exceptions.get(day, self.weekly[day.weekday()]):
                opens, closes = _instants(span, day, zone)
                if opens < closes:  # a clock change can swallow a span whole
                    yield opens, closes


def _instants(span: Span, day: date, zone: ZoneInfo) -> Interval:
    closing_day = day if span.closes > span.opens else day + _ONE_DAY
    opens = datetime.combine(day, span.opens.replace(fold=0), zone)
    closes = datetime.combine(closing_day, span.closes.replace(fold=1), zone)
    return opens.astimezone(UTC), _skip_forward(closes).astimezone(UTC)


def _skip_forward(moment: datetime) -> datetime:
    """Read a skipped time with the offset before the change, as PEP 495 does for fold=0."""
    earlier, later = moment.replace(fold=0), moment.replace(fold=1)
    skipped = earlier.utcoffset() is not None and _offset(earlier) < _offset(later)
    return earlier if skipped else later


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()
