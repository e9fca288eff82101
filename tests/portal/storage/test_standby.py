"""Two nodes on one PostgreSQL with a streaming standby: the primary dies, the standby is promoted.

Both clusters are real, each with a directory and a port of its own; the standby is synchronous, as
docs/operations.md says. A node is what our processes are made of: `Database`, `listen`.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

import asyncpg
import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.ports import DatabaseUnavailableError, Opening, Trace
from portal.storage.database import Database
from portal.storage.migrate import migrate
from portal.storage.notifications import Resync, listen
from portal.storage.sessions import PostgresSessions
from tests.portal.storage.clusters import eventually
from tests.portal.storage.servers import Cluster
from tests.ports import free_port

BEFORE, AFTER = 40, 40
"""Sessions that each node starts on the primary, and on the standby."""


@pytest.fixture
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    directory = Path(tempfile.mkdtemp(prefix="kvar-pair-"))
    clusters = []
    for name in ("one", "two"):
        (directory / name).mkdir()
        clusters.append(Cluster(directory / name, free_port()))
    if os.geteuid() == 0:
        for path in (directory, *directory.iterdir()):
            shutil.chown(path, "postgres")
    yield clusters[0], clusters[1]
    for cluster in clusters:
        cluster.end()
    shutil.rmtree(directory, ignore_errors=True)


class Node:
    """Starts sessions without pause, and knows which of them were acknowledged."""

    def __init__(self, number: int, dsn: str, now: datetime) -> None:
        self._number, self._dsn, self._now = number, dsn, now
        self.acknowledged: list[UUID] = []
        self.failures = 0
        self.heard = 0
        self.gap_s = 0.0

    async def work(self) -> None:
        last = monotonic()
        async with Database(self._dsn, size=1, name="kvar node") as database:
            sessions = PostgresSessions(database)
            for serial in range(1, 100_000):
                identity = UUID(int=self._number << 64 | serial)
                try:
                    await sessions.start(self._opening(serial, identity))
                except DatabaseUnavailableError:
                    self.failures += 1
                    await asyncio.sleep(0.05)
                    continue
                self.gap_s, last = max(self.gap_s, monotonic() - last), monotonic()
                self.acknowledged.append(identity)
                await asyncio.sleep(0.005)

    async def hear(self) -> None:
        async with aclosing(listen(self._dsn)) as notices:
            async for notice in notices:
                self.heard += isinstance(notice, Resync)

    def _opening(self, serial: int, identity: UUID) -> Opening:
        mac = MacAddress(f"02:{self._number:02x}:00:00:{serial // 256:02x}:{serial % 256:02x}")
        ends = (self._now + timedelta(hours=1), EndReason.TIME_LIMIT)
        session = start(
            identity, Claim(Ground.ACCEPT), Device(mac, SiteId("main")), ends, self._now
        )
        return Opening(session, Trace("log-2026-w48", bytes(32), None), most_devices=5)


async def running(nodes: list[Node]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for node in nodes for job in (node.work, node.hear)]
        yield
        for task in tasks:
            task.cancel()


async def test_the_standby_takes_over_and_nothing_acknowledged_is_lost(
    pair: tuple[Cluster, Cluster], now: datetime
) -> None:
    primary, standby = pair
    primary.create()
    primary.start()
    await migrate(primary.dsn, now)
    standby.follow(primary)
    standby.start()
    await wait_for_the_standby(primary)
    dsn = f"postgresql://kvar@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
    nodes = [Node(1, dsn, now), Node(2, dsn, now)]
    async with aclosing(running(nodes)) as started:
        await anext(started)
        await until_each(nodes, BEFORE)
        heard = [node.heard for node in nodes]
        primary.kill()
        standby.promote()
        counts = [len(node.acknowledged) for node in nodes]
        await until_each(nodes, max(counts) + AFTER)

        async def hears() -> bool:
            return all(node.heard > old for node, old in zip(nodes, heard, strict=True))

        await eventually(hears)
        await anext(started, None)
    stands = await sessions_at(standby)
    acknowledged = {identity for node in nodes for identity in node.acknowledged}
    print(f"\n{len(acknowledged)} acknowledged, gap {max(n.gap_s for n in nodes):.2f} s")  # noqa: T201
    assert acknowledged - stands == set()
    assert len(acknowledged) >= 2 * (BEFORE + AFTER)


async def wait_for_the_standby(primary: Cluster) -> None:
    """Make it synchronous: a commit is acknowledged once it is on both disks."""
    connection = await asyncpg.connect(primary.dsn)
    await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    await connection.execute("SELECT pg_reload_conf()")

    async def is_synchronous() -> bool:
        found = await connection.fetchval("SELECT sync_state FROM pg_stat_replication")
        return bool(found == "sync")

    await eventually(is_synchronous)
    await connection.close()


async def until_each(nodes: list[Node], count: int) -> None:
    async def all_have() -> bool:
        return all(len(node.acknowledged) >= count for node in nodes)

    await eventually(all_have)


async def sessions_at(cluster: Cluster) -> set[UUID]:
    connection = await asyncpg.connect(cluster.dsn)
    rows = await connection.fetch("SELECT id FROM live_session")
    await connection.close()
    return {UUID(str(row["id"])) for row in rows}
