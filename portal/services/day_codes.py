"""The code of the day: what a site's screen shows, and whether a device may come in by it.

Not the arithmetic (portal/domain/day_code.py). The rule to keep: a site's code lets in on that
site's network only, while the site is open and has it switched on.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.day_code import DayCode, code_at, is_good
from portal.domain.identity import Device, SiteId
from portal.domain.session import Ground
from portal.services.doors import Doors
from portal.services.key_files import KeyRingError
from portal.services.opening import permission
from portal.services.outcomes import RefusalReason, Refused

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DayCodes:
    """The codes of all sites. ``now`` is aware and in UTC everywhere."""

    doors: Doors

    def shown(self, site_id: SiteId, now: datetime) -> DayCode | None:
        """Return what the site's screen shows; None: it is closed, or has no code of the day.

        Raises:
            KeyRingError: there is no key.
        """
        allowed = admit(self.doors.sites[site_id], Ground.DAY_CODE, now)
        if not isinstance(allowed, Admit):
            return None
        return code_at(self.doors.keys.day_secret(site_id), now)

    def look(self, device: Device, code: str, now: datetime) -> Admit | Refused:
        """Say until when the code would let the device in; nothing changes by that.

        A code that is none costs no question to anybody: four of two thousand million are good.
        """
        allowed = permission(self.doors, device, Ground.DAY_CODE, now)
        if isinstance(allowed, Refused):
            return allowed
        try:
            good = is_good(self.doors.keys.day_secret(device.site_id), code, now)
        except KeyRingError as error:
            _log.warning("store_failed", during="day_code", reason=str(error))
            return Refused(RefusalReason.SERVICE_DOWN)
        return allowed if good else Refused(RefusalReason.DAY_CODE_OLD)
