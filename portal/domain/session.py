"""A session: the fact that a device may be online, on what ground, and until when.

Not the permission itself (that stands in the kernel) and not the rules that grant one
(admission.py). The rule to keep: a session ends once, for a reason that held at that time.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import MacAddress, SiteId, Subject


class Ground(StrEnum):
    """Why a device was let in."""

    CARD = "card"
    VOUCHER = "voucher"
    TUTOR = "tutor"
    REMEMBERED = "remembered"
    ACCEPT = "accept"
    OPEN = "open"
    ALLOWED_DEVICE = "allowed_device"
    RADIUS = "radius"


class EndReason(StrEnum):
    """Why a session ended, or is going to end at its ``ends_at``."""

    LOGGED_OUT = "logged_out"
    CLOSING_TIME = "closing_time"
    TIME_LIMIT = "time_limit"
    ABSENT = "absent"
    REPLACED = "replaced"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Session:
    """A live or ended session. All times are aware and in UTC.

    ``ends_at`` is when it ends if nothing happens, and ``ends_because`` why it would.
    ``ended_at`` and ``end_reason`` are set together, once.
    """

    id: UUID
    ground: Ground
    subject: Subject | None
    mac: MacAddress
    site_id: SiteId
    started_at: datetime
    ends_at: datetime
    ends_because: EndReason
    last_seen_at: datetime
    protected_until: datetime | None = None
    extensions: int = 0
    ended_at: datetime | None = None
    end_reason: EndReason | None = None

    @property
    def is_live(self) -> bool:
        """Whether the session has not ended."""
        return self.ended_at is None
