"""Coming back: what a device may take up again, without a page or by one press.

Not a live session (that simply goes on) and not the site's hours and methods (admission.py). The
rule to keep: nobody comes back unasked whose session was ended on purpose: by its owner, by staff
or by closing time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import MacAddress, Subject
from portal.domain.session import EndReason, Ground, Session

KEPT_AFTER_VISIT = timedelta(days=90)
"""A quarter: a term's pause, and no longer than the visitor was told."""

MOST_REMEMBERED = 5
"""Devices a card: a person's own. One more makes the one unvisited for longest forgotten."""

QUIET_BEFORE_SUCCESSION = timedelta(minutes=2)
"""A phone that changes its address is silent under the old one at once; a laptop that lies beside
it is hardly so for two minutes while in use."""

_LOCAL_BIT = 0x02
"""Of the first byte: the address was made up by the device (IEEE 802, clause 8.4)."""

_COMES_BACK_AS = {
    Ground.CARD: Ground.REMEMBERED,
    Ground.REMEMBERED: Ground.REMEMBERED,
    Ground.TUTOR: Ground.TUTOR,
    Ground.ACCEPT: Ground.ACCEPT,
    Ground.OPEN: Ground.OPEN,
    Ground.VOUCHER: Ground.VOUCHER,
    Ground.DAY_CODE: Ground.DAY_CODE,
}
"""Nobody showed a card this time, only an address that can be imitated: so it is not CARD.
Courtesy has an end of its own, RADIUS asks by itself."""


class Proof(StrEnum):
    """What lets a device come back."""

    TICKET = "ticket"
    REMEMBERED = "remembered"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A device whose session ended without its owner's wish may take the visit up until then."""

    ground: Ground
    subject: Subject | None
    until: datetime
    silently: bool
    """False: by a press on "continue"."""


@dataclass(frozen=True, slots=True)
class RememberedDevice:
    """A device that its owner asked us to remember.

    ``name`` is its keyed hash under the live key of one year, and ``named_at`` when the owner's
    card was last shown: ``subject`` stands under that year's key. ``paused_until``: its owner
    logged out, so until then it does not come back without the card.
    """

    id: UUID
    name: Subject
    subject: Subject
    label: str
    added_at: datetime
    named_at: datetime
    last_visit_at: datetime
    expires_at: datetime
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """How a device may come back, and as whose."""

    proof: Proof
    ground: Ground
    subject: Subject | None


def ticket_for(ended: Session, until: datetime) -> Ticket | None:
    """Return what a session that has ended leaves its device until then, the end of the day."""
    ground = _COMES_BACK_AS.get(ended.ground)
    may = ended.end_reason in {EndReason.ABSENT, EndReason.TIME_LIMIT}
    if ground is None or not may or ended.succeeded:
        return None
    silently = ended.end_reason is EndReason.ABSENT
    return Ticket(ground, ended.subject, until, silently)


def comes_back(
    ticket: Ticket | None,
    remembered: RememberedDevice | None,
    now: datetime,
    *,
    pressed: bool = False,
) -> Return | None:
    """Say how a device without a session comes back: by itself, or by a press on "continue".

    A ticket that asks for a press holds against the memory too: the visit had a limit.
    """
    if ticket is not None and now < ticket.until:
        if not (ticket.silently or pressed):
            return None
        return Return(Proof.TICKET, ticket.ground, ticket.subject)
    if remembered is None or now >= remembered.expires_at:
        return None
    if remembered.paused_until is not None and now < remembered.paused_until:
        return None
    return Return(Proof.REMEMBERED, Ground.REMEMBERED, remembered.subject)


def visited(device: RememberedDevice, name: Subject, now: datetime) -> RememberedDevice:
    """Return the device after a visit; ``name`` is what it is called this year."""
    return replace(
        device,
        name=name,
        last_visit_at=max(device.last_visit_at, now),
        expires_at=expires_at(now, device.named_at),
        paused_until=None,
    )


def expires_at(visit_at: datetime, named_at: datetime) -> datetime:
    """Return when a device is forgotten: 90 days after its last visit.

    And 90 days after the year in which the card was last shown: then its key is destroyed, and
    nobody could find the card's devices any more when the card is blocked.
    """
    year_ends_at = datetime(named_at.astimezone(UTC).year + 1, 1, 1, tzinfo=UTC)
    return min(visit_at, year_ends_at) + KEPT_AFTER_VISIT


def label_of(user_agent: str) -> str:
    """Name the kind of device by what its browser says; "" where that says nothing.

    Never the text itself: it may be anything, and could tell devices apart.
    """
    return next((label for word, label in _KINDS if word in user_agent), "")


_KINDS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),  # iPads say so too, since iPadOS 13
    ("Linux", "Linux"),
)
"""In this order: Android says "Linux" as well."""


def predecessor(sessions: Sequence[Session], mac: MacAddress, now: datetime) -> Session | None:
    """Return the session that a card goes on with when it is shown on a device new to us.

    Of the card's sessions the one last heard of that has been quiet for two minutes, where both
    addresses are of the kind that devices make up and change.
    """
    if not _is_made_up(mac):
        return None
    quiet = [
        session
        for session in sessions
        if session.mac != mac
        and _is_made_up(session.mac)
        and not session.succeeded
        and session.last_seen_at <= now - QUIET_BEFORE_SUCCESSION
        and now < session.due_at
    ]
    return max(quiet, key=lambda session: (session.last_seen_at, session.id), default=None)


def _is_made_up(mac: MacAddress) -> bool:
    return bool(int(mac[:2], 16) & _LOCAL_BIT)
