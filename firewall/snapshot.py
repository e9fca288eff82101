"""Who was admitted, in a file that outlives a power cut: its bytes, and what is left of it later.

Not the file (restore.py reads it, the keeper writes it). Pure: times are seconds since 1970.
The rule to keep: a file is read whole or not at all; one that is cut short, damaged or of another
make is refused with `SnapshotError`.
"""

import json
import math
from dataclasses import dataclass
from hashlib import sha256

from firewall.verbs import REMAINING_MAX_S, RefusedError
from firewall.wire import check_mac

SNAPSHOT_MAX_BYTES = 4 * 1024 * 1024
"""32,767 devices, the most a gate takes, are 1.2 MB."""
_FORMAT = b"kvar-admitted 1"  # another number for another form: an older gate then refuses it
_WRITTEN_MAX = 1e11  # year 5138; keeps sums far from where floats lose seconds


class SnapshotError(Exception):
    """The bytes are no whole snapshot of this form."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Devices by MAC address (lower case with colons) and when each is due to end."""

    written_at: float
    devices: tuple[tuple[str, float], ...]

    def remaining(self, now: float) -> list[tuple[str, float]]:
        """Return who is still to be in, and for how many seconds.

        Ends are on the wall clock. One that stands before the file was written has lost its
        battery: nobody knows for how long the power was gone, and the time that was left when the
        file was written counts.
        """
        passed_s = max(0.0, now - self.written_at)
        left = ((mac, due_at - self.written_at - passed_s) for mac, due_at in self.devices)
        return [(mac, left_s) for mac, left_s in left if left_s > 0]


def encode(snapshot: Snapshot) -> bytes:
    """Write a snapshot: a line with form and checksum, a line of JSON."""
    body = {"written_at": snapshot.written_at, "devices": snapshot.devices}
    line = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    return _FORMAT + b" " + sha256(line).hexdigest().encode() + b"\n" + line


def decode(data: bytes) -> Snapshot:
    """Read what `encode` wrote.

    Raises:
        SnapshotError: too large, cut short, damaged, of another form, or with impossible values.
    """
    if len(data) > SNAPSHOT_MAX_BYTES:
        raise SnapshotError("too large")
    head, _, line = data.partition(b"\n")
    if head != _FORMAT + b" " + sha256(line).hexdigest().encode():
        raise SnapshotError("cut short, damaged or of another form")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        raise SnapshotError("not JSON") from None
    match body:
        case {"written_at": written_at, "devices": [*rows], **rest} if not rest:
            return _checked(written_at, rows)
        case _:
            raise SnapshotError("not a snapshot")


def _checked(written_at: object, rows: list[object]) -> Snapshot:
    written = _seconds(written_at)
    if not 0 < written < _WRITTEN_MAX:
        raise SnapshotError("written at an impossible time")
    devices = tuple(_device(row, written) for row in rows)
    if len(dict(devices)) != len(devices):
        raise SnapshotError("a device is named twice")
    return Snapshot(written, devices)


def _device(row: object, written_at: float) -> tuple[str, float]:
    match row:
        case [mac, due_at]:
            due = _seconds(due_at)
        case _:
            raise SnapshotError("a device is [mac, due_at]")
    if due - written_at > REMAINING_MAX_S:
        raise SnapshotError("a device is in for longer than any session")
    try:
        return check_mac(mac), due
    except RefusedError:
        raise SnapshotError("not a device's address") from None


def _seconds(value: object) -> float:
    """Compared before any conversion: JSON integers have no upper bound, floats have."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SnapshotError("a time is not a number")
    if not -_WRITTEN_MAX < value < 2 * _WRITTEN_MAX or math.isnan(value):
        raise SnapshotError("an impossible time")
    return float(value)
