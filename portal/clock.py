"""The clocks: the one place that reads the wall clock, alone and beside the monotonic one."""

from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic

from portal.domain.clock_jump import ClockReading

_ONE_MOMENT_S = 0.05
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place


def local_date() -> date:
    """Return today's date in the machine's own time zone."""
    return utc_now().astimezone().date()


def read_clocks() -> ClockReading:
    """Read both clocks at one moment: a pause between the two would look like a jump."""
    while True:
        before = monotonic()
        wall = utc_now()
        after = monotonic()
        if after - before < _ONE_MOMENT_S:
            return ClockReading(wall, before)


def machine_start() -> str:
    """Return what names this start of the machine: the monotonic clock counts since then."""
    return _BOOT_ID.read_text(encoding="ascii").strip()
