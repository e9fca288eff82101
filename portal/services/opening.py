"""A session about to start: may the device come in, until when, and what history calls it.

Not the start itself (Sessions.start, Groups.join). The rule to keep: policy is asked before
anything else is, and says no with a reason the guest can read.
"""

import os
from datetime import datetime
from uuid import UUID

from portal.domain.admission import Admit, RefuseClosed, admit
from portal.domain.identity import Device
from portal.domain.session import Claim, Ground, start
from portal.services.doors import Doors
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import Opening

COUNTED_ELSEWHERE = 2**31 - 1
"""Devices. A voucher's places are counted by the voucher: no device gives way to another."""


def permission(doors: Doors, device: Device, ground: Ground, now: datetime) -> Admit | Refused:
    """Say until when the site lets a device in on this ground."""
    answer = admit(doors.sites[device.site_id], ground, now)
    if isinstance(answer, Admit):
        return answer
    if isinstance(answer, RefuseClosed):
        return Refused(RefusalReason.CLOSED, opens_at=answer.opens_at)
    return Refused(RefusalReason.METHOD_NOT_OFFERED)


def opening_of(
    doors: Doors, device: Device, claim: Claim, allowed: Admit, now: datetime
) -> Opening:
    """Return the session that would start now.

    Raises:
        KeyRingError: there is no key for this week's history.
    """
    ends = (allowed.ends_at, allowed.ends_because)
    is_voucher = claim.ground is Ground.VOUCHER
    per_card = doors.sites[device.site_id].devices_per_card
    return Opening(
        session=start(new_id(now), claim, device, ends, now),
        trace=doors.keys.trace(device.mac, claim.subject, now),
        most_devices=COUNTED_ELSEWHERE if is_voucher else per_card,
    )


def new_id(now: datetime) -> UUID:
    """Return a UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then random."""
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
