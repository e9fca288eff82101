"""A list that cannot be trusted lets nobody in, and is told of."""

import logging
import os

import pytest

from firewall.restore import read_admitted
from firewall.snapshot import SNAPSHOT_MAX_BYTES, Snapshot, encode

MAC = "02:00:00:00:00:01"
NOW = 1_790_000_000.0
WHOLE = encode(Snapshot(NOW - 10, ((MAC, NOW + 60),)))


def test_a_whole_list_is_read(tmp_path):
    path = tmp_path / "admitted"
    path.write_bytes(WHOLE)
    assert read_admitted(path, NOW) == [(MAC, 60.0)]


def test_no_list_is_nobody_and_nothing_to_tell(tmp_path, caplog):
    assert read_admitted(None, NOW) == []
    assert read_admitted(tmp_path / "none", NOW) == []
    assert caplog.records == []


@pytest.mark.parametrize("kind", ["cut", "huge", "directory", "pipe", "link"])
def test_what_cannot_be_trusted_is_not_used_in_part(tmp_path, caplog, kind):
    path = tmp_path / "admitted"
    match kind:
        case "cut":
            path.write_bytes(WHOLE[:-1])
        case "huge":
            path.write_bytes(WHOLE + bytes(SNAPSHOT_MAX_BYTES))
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            (tmp_path / "elsewhere").write_bytes(WHOLE)
            path.symlink_to(tmp_path / "elsewhere")
    assert read_admitted(path, NOW) == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert MAC not in caplog.text


def test_a_clock_that_went_back_is_told_of(tmp_path, caplog):
    path = tmp_path / "admitted"
    path.write_bytes(WHOLE)
    assert read_admitted(path, 1000.0) == [(MAC, 70.0)]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
