"""A session counts what the gate does, and killing the keeper or the gate doubles nothing."""

import asyncio

import asyncpg
import pytest

from firewall.client import Counters, GateClient
from portal.composition.database import dsn
from portal.demo.world import World
from tests.faults.gateway import Gateway
from tests.lab.guest import Guest, until

pytestmark = pytest.mark.root

ECHO_HOST = "www.example.com"


def test_counters_survive_kills_and_count_once(
    world: World, gateway: Gateway, online: Guest
) -> None:
    """A keeper looks as soon as it starts, so that a kill saves waiting for half a minute."""
    for victim in (("keeper",), ("keeper", "gate"), ("keeper",)):
        stream = online.phone.stream(ECHO_HOST)
        until(lambda s=stream: s.report().received > 20, "packets come and go")
        assert stream.stop().received
        before = counted(world, online)
        gateway.kill_and_wait(*victim)
        until(lambda b=before: counted(world, online) > b, "the keeper has looked", 60)
        sessions, gate = counted(world, online), gates(world, online)
        assert 0 < sessions[0] <= gate.up_bytes
        assert 0 < sessions[1] <= gate.down_bytes


def counted(world: World, guest: Guest) -> tuple[int, int]:
    """Return the bytes of the guest's session, up and down."""

    async def ask() -> tuple[int, int]:
        connection = await asyncpg.connect(dsn(world.config), timeout=30)
        try:
            row = await connection.fetchrow(
                "SELECT upload_bytes, download_bytes FROM live_session "
                "WHERE mac = $1::text::macaddr",
                guest.phone.mac,
            )
            assert row is not None
            return row["upload_bytes"], row["download_bytes"]
        finally:
            await connection.close()

    return asyncio.run(ask())


def gates(world: World, guest: Guest) -> Counters:
    """Return what the gate has counted of the guest's phone."""

    async def ask() -> Counters:
        async with GateClient(world.config.gate.socket) as gate:
            return (await gate.usage()).devices[guest.phone.mac].counters

    return asyncio.run(ask())
