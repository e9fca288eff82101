"""Who may type no code now, remembered for moments: a flood of guesses costs the database nothing.

Not the caps (portal/domain/typed_code.py), which the database counts under its locks. The rule to
keep: what is remembered here was the database's own answer, and is never older than it said.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.identity import Device, MacAddress, SiteId
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, HeldBack, UnknownCode

BUSY_FOR = timedelta(seconds=1)
"""The cap is counted over an hour: it does not open by the second."""

MOST_DEVICES = 10_000
"""Addresses are free to make up; who falls out is asked for again."""


@dataclass(slots=True)
class HeldBackMemory:
    """One for each process."""

    _devices: OrderedDict[MacAddress, datetime] = field(default_factory=OrderedDict)
    _busy: dict[SiteId, datetime] = field(default_factory=dict)

    def look(self, device: Device, now: datetime) -> HeldBack | None:
        """Return what the device would be told; None: the database must be asked."""
        until = self._devices.get(device.mac)
        if until is not None and now < until:
            return DeviceWaits(until)
        busy_until = self._busy.get(device.site_id)
        return CodesBusy() if busy_until is not None and now < busy_until else None

    def note(self, device: Device, answer: HeldBack, now: datetime) -> None:
        """Remember what the database said."""
        match answer:
            case DeviceWaits(until):
                self._devices[device.mac] = until
                self._devices.move_to_end(device.mac)
                if len(self._devices) > MOST_DEVICES:
                    self._devices.popitem(last=False)
            case CodesBusy():
                self._busy[device.site_id] = now + BUSY_FOR
            case _:
                pass


def refused_by(answer: HeldBack) -> Refused:
    """Return what a guest is told whose code let nobody in."""
    match answer:
        case DeviceWaits(until):
            return Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=until)
        case CodesBusy():
            return Refused(RefusalReason.CODES_BUSY)
        case UnknownCode():  # pragma: no branch - the last there is
            return Refused(RefusalReason.CODE_UNKNOWN)
