"""The disk is full: of the database, its log of changes, and Kvar's own log. Guests notice nothing.

All three are on one small file system, as on a gateway with a single partition. When there is room
again everything works without being restarted by anybody.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from firewall.lab.phone_answers import HttpAnswer
from portal.demo.world import World, WorldSettings
from tests.faults.gateway import PARTS, Gateway
from tests.lab.guest import Guest, run_sql, text_of, until

pytestmark = pytest.mark.root

DISK_MIB = 96
ECHO_HOST = "www.example.com"
SERVICE_DOWN = "Inloggningen fungerar inte just nu"
RECOVERS_WITHIN_S = 120.0


class SmallDisk(World):
    """A world whose data directory and log are on a file system of their own."""

    def _write_config(self, radius: str) -> None:
        super()._write_config(radius)
        disk = self.config.organisation.data_directory
        disk.mkdir()
        size = f"size={DISK_MIB}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "kvar-test", disk], check=True)
        self._open.callback(subprocess.run, ["umount", "--lazy", disk], check=True)
        self.log_file = disk / "kvar.log"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with SmallDisk(WorldSettings(phones=3)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        yield built


def fill(disk: Path) -> Path:
    """Leave not one block free."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def is_full(disk: Path) -> bool:
    return os.statvfs(disk).f_bfree == 0


def test_a_full_disk_puts_nobody_out_and_heals_by_itself(
    world: World, gateway: Gateway, online: Guest, newcomer: Guest
) -> None:
    disk = world.config.organisation.data_directory
    processes = {part: gateway.pid(part) for part in PARTS}
    stream = online.phone.stream(ECHO_HOST)
    filler = fill(disk)
    try:
        assert is_full(disk)
        pages = [_meet_the_full_disk(world, newcomer) for _ in range(8)]
        assert online.is_admitted()
    finally:
        filler.unlink(missing_ok=True)
    assert all(page.status in {200, 303, 503} for page, _ in pages), pages
    assert all(SERVICE_DOWN in text_of(page) for page, _ in pages if page.status == 503)
    assert not all(worked for _, worked in pages), "the database had room all the time"
    until(gateway.is_ready, "the database answers again", RECOVERS_WITHIN_S)
    until(lambda: _signs_in(newcomer), "a login works again")
    assert stream.stop().lost == 0
    assert not online.is_captive()
    assert processes == {part: gateway.pid(part) for part in PARTS}


def _meet_the_full_disk(world: World, guest: Guest) -> tuple[HttpAnswer, bool]:
    """Ask for a page or log in; then have the database need room, and take what was freed."""
    page = guest.get()
    with suppress(AssertionError):  # no form on the page while the database is away
        page = guest.sign_in()
    worked = _database_changes(world)
    fill(world.config.organisation.data_directory)
    return page, worked


def _database_changes(world: World) -> bool:
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        run_sql(world, "SELECT pg_switch_wal()")  # the next change needs another file
        run_sql(world, "UPDATE live_session SET last_seen_at = last_seen_at")
        return True
    return False


def _signs_in(guest: Guest) -> bool:
    if guest.is_admitted():
        return True
    with suppress(AssertionError):
        return guest.sign_in().status == 303
    return False
