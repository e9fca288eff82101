"""PURE: what the log's address says, and how a filter is written as one that can be shared.

Not the log. The rules to keep: what is odd is left out, never an exception; and no address holds a
card, a device or anything else of a person, only the log's own names and a word for what was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from portal.domain.identity import SiteId
from portal.domain.session import Ground
from portal.domain.session_log import (
    OUTCOMES,
    Cursor,
    Point,
    read_cursor,
    read_point,
    write_cursor,
    write_point,
)

_LOCAL = "%Y-%m-%dT%H:%M"
_SOON = timedelta(minutes=1)
"""Other nodes' clocks may be ahead."""


class Period(StrEnum):
    """Which time is looked at."""

    HOUR = "hour"
    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "week"
    ALL = "all"
    OWN = "own"
    """From and until are given."""


PRESETS = tuple(period for period in Period if period is not Period.OWN)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a list. ``name`` is one of the log's own; ``finding`` a word for one."""

    period: Period
    since: datetime
    until: datetime
    site: SiteId | None = None
    ground: Ground | None = None
    outcome: str | None = None
    point: Point | None = None
    reason: str | None = None
    name: str = ""
    finding: str = field(default="", repr=False)
    after: str = ""

    @property
    def is_open(self) -> bool:
        """Whether what begins now would be in it, on its first page."""
        return self.period in {Period.HOUR, Period.TODAY, Period.WEEK, Period.ALL} and not (
            self.after
        )

    @property
    def cursor(self) -> Cursor | None:
        """Where a page of sessions begins."""
        return read_cursor(self.after)


def read_asked(query: Mapping[str, str], now: datetime, zone: ZoneInfo, kept: timedelta) -> Asked:
    """Read the query of an address."""
    period, since, until = _times(query, now, zone, kept)
    return Asked(
        period,
        since,
        until,
        site=SiteId(query["site"]) if query.get("site") else None,
        ground=Ground(query["ground"]) if query.get("ground") in set(Ground) else None,
        outcome=query["outcome"] if query.get("outcome") in OUTCOMES else None,
        point=read_point(query.get("point", "")),
        reason=query.get("reason") or None,
        name=query.get("name", ""),
        finding=query.get("finding", ""),
        after=query.get("after", ""),
    )


def write_asked(path: str, asked: Asked, zone: ZoneInfo, *, lasting: bool = False) -> str:
    """Write an address that reads the same; ``lasting``: also tomorrow, and for others."""
    words: dict[str, str] = {"period": asked.period}
    if lasting or asked.period is Period.OWN:
        words = {"from": exact_text(asked.since, zone), "to": exact_text(asked.until, zone)}
    rest = narrowing(asked) | {
        "name": asked.name,
        "finding": "" if lasting else asked.finding,
        "after": "" if lasting else asked.after,
    }
    return f"{path}?{urlencode(words | {name: text for name, text in rest.items() if text})}"


def narrowing(asked: Asked) -> dict[str, str]:
    """Return what the question leaves out, by the names that addresses have for it."""
    return {
        "site": asked.site or "",
        "ground": asked.ground or "",
        "outcome": asked.outcome or "",
        "point": write_point(asked.point) if asked.point else "",
        "reason": asked.reason or "",
    }


def next_page(asked: Asked, cursor: Cursor) -> Asked:
    """Return what to ask for the next page."""
    return replace(asked, after=write_cursor(cursor))


def exact_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as addresses have it: local, to the minute, and with its offset.

    Without one, an hour that came twice in the autumn would lead to the first of the two.
    """
    return moment.astimezone(zone).isoformat(timespec="minutes")


def local_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as the fields of a form have it: local, to the minute."""
    return f"{moment.astimezone(zone):{_LOCAL}}"


def _times(
    query: Mapping[str, str], now: datetime, zone: ZoneInfo, kept: timedelta
) -> tuple[Period, datetime, datetime]:
    wish = query.get("period", "")
    since, until = _given(query, "from", zone), _given(query, "to", zone)
    if (wish not in set(PRESETS) or "own" in query) and (since or until):
        until = until or now + _SOON
        since = since or now - kept
        return Period.OWN, since, max(since, until)
    period = Period(wish) if wish in set(PRESETS) else Period.TODAY
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = {
        Period.HOUR: now - timedelta(hours=1),
        Period.TODAY: midnight,
        Period.YESTERDAY: midnight - timedelta(days=1),
        Period.WEEK: midnight - timedelta(days=7),
        Period.ALL: now - kept - timedelta(days=2),  # what is due goes once a night
    }
    ends = midnight if period is Period.YESTERDAY else now + _SOON
    return period, begins[period], ends


def _given(query: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    """Read a time.

    A form's field has no offset: beside it stands the moment that it was made of, which holds for
    as long as nobody changes the field.
    """
    text = query.get(name, "")
    exact = _local(query.get(f"{name}_at", ""), zone)
    if exact is not None and local_text(exact, zone) == text.strip():
        return exact
    return _local(text, zone)


def _local(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1970 < moment.year < 9000:
            return None
        local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        # In UTC: two moments of one zone are compared by clocks that may say the same twice.
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
