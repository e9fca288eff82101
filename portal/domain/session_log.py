"""PURE: what the log is asked for, and what it calls guests and devices.

Not the rows (portal/storage/session_log.py) and not an address of the console. The rule to keep: a
name is the beginning of a week's keyed hash: it tells nobody apart beyond that week.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground

NAME_BYTES = 4
"""Of the 32: among 100,000 devices of a week, two share a name once in 23,000 names or so."""

TRACE_BYTES = 32
_NAME = re.compile(r"([PD])-?([0-9A-F]{8})")
_WRITTEN_MOMENT = re.compile(r"[0-9]{8}T[0-9]{12}")
_ID = re.compile(r"[0-9a-f]{32}")
_CLIENT = re.compile(r"[a-z0-9-]{1,40}")
LONGEST_RADIO = 64
"""Characters. A longer NAS-Identifier is not asked for by itself, only its client."""
_MOMENT = "%Y%m%dT%H%M%S%f"
_WEEK = timedelta(days=7)


class Named(StrEnum):
    """What a name is of; the value is the letter that it begins with."""

    GUEST = "P"
    DEVICE = "D"


@dataclass(frozen=True, slots=True)
class Span:
    """Names from ``low`` to ``high``, both included, of sessions that began in this time."""

    low: bytes
    high: bytes
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Sought:
    """Guests or devices that are sought, whatever they are called in which week."""

    what: Named
    spans: tuple[Span, ...] = field(repr=False)


class Point(NamedTuple):
    """An access point: the RADIUS client as configured, and which of the client's it is.

    ``nas`` is its NAS-Identifier, or its address; None: any of the client's.
    """

    access_point: str
    nas: bytes | None = None

    @property
    def radio(self) -> str:
        """Return which of its client's it is, as text; "" for any, and for what is no text."""
        try:
            text = (self.nas or b"").decode()
        except UnicodeDecodeError:
            return ""
        return text if text.isprintable() and len(text) <= LONGEST_RADIO else ""


@dataclass(frozen=True, slots=True)
class Held:
    """Sessions that are noted to have had an address: each by its place in the log."""

    sessions: tuple["Cursor", ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Sessions that began in [since, until).

    ``sites`` are those that may be seen; ``every_site``: and all others that there ever were.
    ``outcome`` is ``ONLINE`` or why it ended; ``point`` where it was let in. What is None narrows
    nothing.
    """

    since: datetime
    until: datetime
    sites: tuple[SiteId, ...]
    every_site: bool = False
    ground: Ground | None = None
    outcome: str | None = None
    point: Point | None = None
    sought: Sought | Held | None = None

    @property
    def takes_live(self) -> bool:
        """Whether sessions that have not ended may be among them."""
        return self.outcome in {None, ONLINE}

    @property
    def takes_past(self) -> bool:
        """Whether sessions that have ended may be among them."""
        return self.outcome != ONLINE

    @property
    def narrows(self) -> bool:
        """Whether site, ground, outcome or access point leave anything out."""
        chosen = (self.ground, self.outcome, self.point)
        return not self.every_site or any(one is not None for one in chosen)

    def kinds(self) -> list[tuple[SiteId, Ground, EndReason]]:
        """Return every kind of ended session that is asked for: few, of however many rows."""
        grounds = list(Ground) if self.ground is None else [self.ground]
        reasons = [reason for reason in EndReason if self.outcome in {None, reason.value}]
        return [
            (site, ground, reason)
            for site in self.sites
            for ground in grounds
            for reason in reasons
        ]


ONLINE = "online"
OUTCOMES = (ONLINE, *EndReason)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of the log begins: after this row, which is the last one of the page before."""

    at: datetime
    id: UUID


def name_of(what: Named, trace: bytes) -> str:
    """Return what people call a trace: "D-19C28E07"."""
    return f"{what}-{trace[:NAME_BYTES].hex().upper()}"


def read_name(text: str, since: datetime, until: datetime) -> Sought | None:
    """Read such a name; None where the text is none."""
    found = _NAME.fullmatch(text.strip().upper())
    if found is None:
        return None
    head = bytes.fromhex(found[2])
    tail = TRACE_BYTES - NAME_BYTES
    return Sought(Named(found[1]), (Span(head + bytes(tail), head + b"\xff" * tail, since, until),))


def sought_in_weeks(what: Named, traces: Iterable[tuple[datetime, bytes]]) -> Sought:
    """Return who has these traces, each in the week that begins with its Monday."""
    return Sought(what, tuple(Span(one, one, monday, monday + _WEEK) for monday, one in traces))


def write_point(point: Point) -> str:
    """Write an access point for an address of ours: "annex", or "annex/AP-2"."""
    return f"{point.access_point}/{point.radio}" if point.radio else point.access_point


def read_point(text: str) -> Point | None:
    """Read it back; None for anything else."""
    client, slash, radio = text.partition("/")
    if not _CLIENT.fullmatch(client):
        return None
    if not slash:
        return Point(client)
    point = Point(client, radio.encode("utf-8", "replace"))
    return point if radio and point.radio == radio else None


def mondays(since: datetime, until: datetime) -> Sequence[datetime]:
    """Return the beginnings (UTC) of the weeks that the time touches."""
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = day - timedelta(days=day.weekday())
    count = max(0, -(-(until - first) // _WEEK))
    return [first + number * _WEEK for number in range(count)]


def written_span(since: datetime, until: datetime) -> str:
    """Return a time as the record of look-ups has it: UTC, to the minute."""
    return "/".join(f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for moment in (since, until))


def write_cursor(cursor: Cursor) -> str:
    """Write it for an address of ours."""
    return f"{write_moment(cursor.at)}.{cursor.id.hex}"


def read_cursor(text: str) -> Cursor | None:
    """Read it back; None for anything else."""
    moment, _, session_id = text.partition(".")
    at = read_moment(moment)
    if at is None or not _ID.fullmatch(session_id):
        return None
    return Cursor(at, UUID(session_id))


def write_moment(moment: datetime) -> str:
    """Write when something was, to the microsecond, for an address of ours."""
    return f"{moment.astimezone(UTC):{_MOMENT}}"


def read_moment(text: str) -> datetime | None:
    """Read it back; None for anything else."""
    if not _WRITTEN_MOMENT.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def instant_of(session_id: UUID) -> datetime | None:
    """Return when an id was made (UUIDv7, RFC 9562 section 5.7); None for any other kind."""
    if session_id.version != 7:
        return None
    try:
        return datetime.fromtimestamp((session_id.int >> 80) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
