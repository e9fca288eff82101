"""Adapter: the keeper's snapshot door, a file that the gate reads after a power cut.

Not its form (firewall/snapshot.py). The rule to keep: a new file takes the old one's place whole
and on the disk, or the old one stays.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from firewall.snapshot import Snapshot, encode
from portal.domain.identity import MacAddress
from portal.services.ports.keeping import SnapshotNotWrittenError

_MODE = 0o640  # the gate's group reads it


class SnapshotFile:
    """``services.ports.keeping.Snapshots`` in one file; its directory exists."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def save(self, devices: Mapping[MacAddress, datetime], now: datetime) -> None:
        """See services.ports.keeping.Snapshots."""
        rows = tuple((str(mac), due_at.timestamp()) for mac, due_at in devices.items())
        data = encode(Snapshot(now.timestamp(), rows))
        try:
            await asyncio.to_thread(self._replace, data)
        except OSError as problem:
            raise SnapshotNotWrittenError(problem.strerror or "no reason given") from problem

    def _replace(self, data: bytes) -> None:
        new = self._path.with_suffix(".new")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        try:
            _write_all(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        new.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
