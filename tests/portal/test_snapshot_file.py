"""The snapshot file: whole, readable by the gate's group, and the old one when the disk refuses."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firewall.snapshot import Snapshot, decode
from portal.domain.identity import MacAddress
from portal.services.ports.keeping import SnapshotNotWrittenError
from portal.snapshot_file import SnapshotFile

MAC = MacAddress("02:00:00:00:00:01")


async def test_what_is_saved_can_be_read(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "devices"
    due_at = now + timedelta(hours=1)
    await SnapshotFile(path).save({}, now)
    await SnapshotFile(path).save({MAC: due_at}, now)
    read = decode(path.read_bytes())
    assert read == Snapshot(now.timestamp(), ((MAC, due_at.timestamp()),))
    assert path.stat().st_mode & 0o007 == 0
    assert os.listdir(tmp_path) == ["devices"]  # noqa: PTH208 - all of it


async def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "devices"
    await SnapshotFile(path).save({MAC: now}, now)
    before = path.read_bytes()
    (tmp_path / "devices.new").symlink_to("/dev/full")
    with pytest.raises(SnapshotNotWrittenError, match="No space left"):
        await SnapshotFile(path).save({}, now)
    assert path.read_bytes() == before


async def test_a_directory_that_is_gone_is_said_so(tmp_path: Path, now: datetime) -> None:
    with pytest.raises(SnapshotNotWrittenError, match="No such file"):
        await SnapshotFile(tmp_path / "gone" / "devices").save({}, now)
