"""A database that is frozen, or stopped, under access points that ask and count.

Of a cluster of the test's own: frozen is not dead. Connections stand, statements are taken, and
nobody answers them.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from portal.clock import utc_now
from portal.storage.database import Deadlines
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import migrate
from radius_bridge.wire import Code, Packet
from tests.portal.access_points.running import Running, running, session_of
from tests.portal.storage.clusters import FORGETFUL, kill_family, put_cluster, reachable_directory

ACCEPT, START, INTERIM = Code.ACCESS_ACCEPT, 1, 3
BRIEF = Deadlines(connect_s=0.5, statement_s=0.8)
DEVICES = range(1, 13)


@pytest.fixture
def directory() -> Iterator[Path]:
    with reachable_directory() as found:
        put_cluster(found)
        yield found


@pytest.fixture
async def postgres(directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    started = EmbeddedPostgres(directory, FORGETFUL)
    async with started as dsn:
        await migrate(dsn, utc_now())
        yield started


async def counted(bridge: Running, number: int, octets: int, kind: int = INTERIM) -> Packet:
    return await bridge.account(
        number,
        kind,
        Acct_Session_Id=f"A{number}",
        Acct_Input_Octets=octets,
        Acct_Output_Octets=2 * octets,
        Acct_Session_Time=octets,
    )


async def all_in(bridge: Running) -> None:
    for number in DEVICES:
        await bridge.let_in(number)
    for number in DEVICES:
        await bridge.known(number)
        assert (await counted(bridge, number, 1, START)).code == Code.ACCOUNTING_RESPONSE


async def written(bridge: Running, octets: int) -> None:
    """Wait until all that was kept on disk is written, then see each once, whatever was lost."""
    while await bridge.memory.accounting._journal.waiting():
        await asyncio.sleep(0.02)
    rows = await bridge.rows("SELECT upload_octets, download_octets FROM accounting_session")
    assert sorted((row[0], row[1]) for row in rows) == [(octets, 2 * octets)] * len(DEVICES)


async def test_a_frozen_database_holds_up_nobody_who_is_known(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with running(postgres.dsn, tmp_path, deadlines=BRIEF) as bridge:
        await all_in(bridge)
        assert postgres.pid is not None
        kill_family(postgres.pid, signal.SIGSTOP)
        strangers = [asyncio.create_task(bridge.ask_by_mac(number)) for number in range(200, 240)]
        await asyncio.sleep(0)
        for octets in (10, 20, 30):
            for number in DEVICES:
                assert (await bridge.ask_by_mac(number)).code == ACCEPT
            heard = (counted(bridge, number, octets) for number in DEVICES)
            assert {one.code for one in await asyncio.gather(*heard)} == {
                Code.ACCOUNTING_RESPONSE
            }, "on disk"
        for stranger in strangers:
            assert (await stranger).code != ACCEPT
        kill_family(postgres.pid, signal.SIGCONT)
        await written(bridge, 30)
        assert (await bridge.ask_by_mac(1)).code == ACCEPT


@pytest.mark.parametrize("stopped_s", [2, pytest.param(60, marks=pytest.mark.proof)])
async def test_postgresql_stopped_for_a_minute(
    directory: Path, tmp_path: Path, stopped_s: int
) -> None:
    """Known devices are let in all the time; what is counted meanwhile is written once."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(EmbeddedPostgres(directory, FORGETFUL))
        await migrate(dsn, utc_now())
        async with running(dsn, tmp_path, deadlines=BRIEF) as bridge:
            await all_in(bridge)
            sessions = {number: await bridge.known(number) for number in DEVICES}
            await stack.aclose()
            octets, loop = 1, asyncio.get_running_loop()
            over_at = loop.time() + stopped_s
            while loop.time() < over_at:
                octets += 1
                for number in DEVICES:
                    reply = await bridge.ask_by_mac(number)
                    session = sessions[number]
                    assert session is not None
                    assert session_of(reply) == session.id
                    answer = await counted(bridge, number, octets)
                    assert answer.code == Code.ACCOUNTING_RESPONSE
                    await counted(bridge, number, octets)  # said twice
                await asyncio.sleep(0.2)
            async with EmbeddedPostgres(directory, FORGETFUL) as again:
                assert again == dsn
                await written(bridge, octets)
                assert await bridge.rows("SELECT count(*) FROM accounting_session") == [
                    (len(DEVICES),)
                ]
                await asyncio.gather(*(bridge.ask_by_mac(number) for number in DEVICES))
