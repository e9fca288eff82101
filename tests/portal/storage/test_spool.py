"""The spool on disk: whole files in the order of time, bounded, and its owner's alone.

Failure direction: what cannot be kept raises; of too many events the oldest go; sessions and
log-outs are never dropped, but refused.
"""

import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.services.ports import Event, EventKind
from portal.services.ports.returning import Names
from portal.services.ports.spool import SpoolError, UnwrittenSignOut
from portal.storage import spool as spool_module
from portal.storage.spool import DiskSpool
from portal.storage.spool_records import RecordError

SECOND = timedelta(seconds=1)
MAIN = SiteId("main")


def event(at: datetime) -> Event:
    return Event(EventKind.SIGN_IN_REFUSED, MAIN, at)


def sign_out(at: datetime) -> UnwrittenSignOut:
    return UnwrittenSignOut(Device(MacAddress("02:00:00:00:00:01"), MAIN), at, Names(b"t", ()), at)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(directory: Path) -> DiskSpool:
    return DiskSpool(directory)


async def test_in_the_order_of_time(spool: DiskSpool, now: datetime) -> None:
    assert await spool.waiting() == []
    put = [event(now + SECOND), sign_out(now), event(now + 2 * SECOND)]
    for record in put:
        await spool.put(record)
    names = await spool.waiting()
    assert [await spool.read(name) for name in names] == [put[1], put[0], put[2]]
    await spool.remove(names[0])
    assert await spool.read(names[0]) is None
    await spool.remove(names[0])
    assert await spool.waiting() == names[1:]


async def test_readable_by_its_owner_alone(
    spool: DiskSpool, directory: Path, now: datetime
) -> None:
    await spool.put(sign_out(now))
    [name] = await spool.waiting()
    assert [mode_of(directory), mode_of(directory / name)] == [0o700, 0o600]
    assert "02:00" not in name


async def test_the_oldest_events_go(
    spool: DiskSpool, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MOST_EVENTS", 3)
    await spool.put(sign_out(now - SECOND))
    for number in range(5):
        await spool.put(event(now + number * SECOND))
    kept = [await spool.read(name) for name in await spool.waiting()]
    assert kept == [sign_out(now - SECOND), *(event(now + n * SECOND) for n in (2, 3, 4))]


async def test_too_many_others_are_refused(
    spool: DiskSpool, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MOST_OTHERS", 1)
    await spool.put(sign_out(now))
    with pytest.raises(SpoolError):
        await spool.put(sign_out(now))
    await spool.put(event(now))


async def test_a_disk_that_does_not_take_it(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError):
        await DiskSpool(tmp_path / "file" / "spool").put(event(now))


async def test_half_a_record_is_not_seen(spool: DiskSpool, directory: Path, now: datetime) -> None:
    await spool.put(event(now))
    (directory / ".1-event-half.json").write_bytes(b"{")
    assert len(await spool.waiting()) == 1


async def test_what_cannot_be_read(spool: DiskSpool, directory: Path, now: datetime) -> None:
    await spool.put(event(now))
    [name] = await spool.waiting()
    (directory / name).write_bytes(b"{")
    with pytest.raises(RecordError):
        await spool.read(name)
    (directory / name).unlink()
    (directory / name).mkdir()
    with pytest.raises(RecordError):
        await spool.read(name)
    await spool.set_aside(name)
    await spool.set_aside(name)
    assert await spool.waiting() == []
    assert (directory / "bad" / name).exists()


async def test_what_is_too_old_goes(spool: DiskSpool, directory: Path, now: datetime) -> None:
    for seconds in (0, 1, 2, 3):
        await spool.put(event(now + seconds * SECOND))
    first, second, *rest = await spool.waiting()
    await spool.set_aside(first)
    (directory / second).rename(directory / f".{second}")  # a draft of somebody who died
    assert await spool.forget_before(now + 2 * SECOND) == 2
    assert await spool.waiting() == rest
    assert list((directory / "bad").iterdir()) == []
