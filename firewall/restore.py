"""Reads who was admitted before a power cut.

Not the bytes (snapshot.py) and not the letting in (gate.py). Fails closed and loudly: a file that
cannot be trusted whole lets nobody in, and the keeper tells the gate who may be in as soon as the
database is there.
The rule to keep: the file is a less privileged process's; only plain files of a sane size are read.
"""

import logging
import os
import stat
from pathlib import Path

from firewall.snapshot import SNAPSHOT_MAX_BYTES, SnapshotError, decode

_log = logging.getLogger(__name__)


def read_admitted(path: Path | None, wall: float) -> list[tuple[str, float]]:
    """Return who is still to be in, by MAC address, and for how many seconds.

    Nobody where there is no file, or none that can be trusted.

    Args:
        path: the file; None: there is none.
        wall: the wall clock, seconds since 1970.
    """
    if path is None:
        return []
    try:
        snapshot = decode(_read(path))
    except FileNotFoundError:
        return []
    except (OSError, SnapshotError) as error:
        _log.error("the list of admitted devices is not used: %s: %s", path, error)
        return []
    if wall < snapshot.written_at:
        _log.warning("the clock stands before the list of admitted devices was written")
    return snapshot.remaining(wall)


def _read(path: Path) -> bytes:
    # neither a link to somewhere else nor a pipe that nobody writes to
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123 - a descriptor is no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SnapshotError("not a file")
        return opened.read(SNAPSHOT_MAX_BYTES + 1)
