"""Accounting as access points do it: through a bad network, an outage, and a restart."""

import asyncio
import random
from pathlib import Path

import pytest

from portal.domain.accounting import Octets
from portal.domain.session import EndReason
from portal.storage.accounting_journal import DiskJournal
from portal.storage.database import Deadlines
from radius_bridge.pipeline import Service
from radius_bridge.wire import Code
from tests.portal.access_points.accountant import INTERIM, START, STOP, Accountant, Visit
from tests.portal.access_points.relay import relay
from tests.portal.access_points.running import Running, mac, running
from tests.portal.storage.outage import Outage

BRIEF = Deadlines(connect_s=1.0, statement_s=1.5)


async def counted(bridge: Running, visit: Visit) -> Octets:
    [row] = await bridge.rows(
        "SELECT upload_bytes, download_bytes FROM live_session WHERE id = $1 UNION ALL "
        "SELECT upload_bytes, download_bytes FROM past_session WHERE id = $1",
        visit.session_id,
    )
    return Octets(*row)


async def begun(bridge: Running, count: int) -> list[Visit]:
    sessions = [await bridge.let_in(number) for number in range(1, count + 1)]
    return [
        Visit(number, session.id, f"5A{number:06X}")
        for number, session in enumerate(sessions, start=1)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_each_visit_is_counted_once_through_a_bad_network(
    postgres_dsn: str, tmp_path: Path, seed: int
) -> None:
    """10 % lost, 20 % doubled, a quarter delayed and so mixed, in both directions."""
    chance = random.Random(seed)
    async with (
        running(postgres_dsn, tmp_path) as bridge,
        relay(bridge.port(Service.ACCOUNTING), seed) as network,
    ):
        visits = await begun(bridge, 30)
        lanes = [Accountant(network.port) for _ in range(1)]
        for lane in lanes:
            for visit in visits:
                await lane.visit(visit, chance)
            lane.close()
        for visit in visits:
            assert await counted(bridge, visit) == visit.counted
        rows = await bridge.rows("SELECT closed_by FROM accounting_session")
        assert [row["closed_by"] for row in rows] == ["stop"] * len(visits)
        assert network.lost > 20, "the network was bad indeed"


async def test_an_outage_of_the_database_loses_nothing_and_doubles_nothing(
    postgres_dsn: str, tmp_path: Path
) -> None:
    chance = random.Random(5)
    outage = Outage(postgres_dsn)
    async with running(postgres_dsn, tmp_path, deadlines=BRIEF) as bridge:
        visits = await begun(bridge, 8)
        for visit in visits:
            await bridge.known(visit.number)
        lane = Accountant(bridge.port(Service.ACCOUNTING), patience_s=1.0)
        for visit in visits[:4]:
            await lane.visit(visit, chance)
            visit.accounting_id += "B"
            visit.counted = Octets()
        expected = {visit.number: await counted(bridge, visit) for visit in visits}
        await outage.begin()
        for visit in visits:
            await lane.visit(visit, chance)
            assert (await bridge.ask_by_mac(visit.number)).code == Code.ACCESS_ACCEPT
        journal = DiskJournal(tmp_path / "accounting")
        assert await journal.waiting()
        await outage.end()
        while await journal.waiting():
            await asyncio.sleep(0.02)
        for visit in visits:
            total = expected[visit.number].plus(visit.counted)
            assert await counted(bridge, visit) == total
        rows = await bridge.rows("SELECT closed_by FROM accounting_session")
        assert [row["closed_by"] for row in rows] == ["stop"] * 12
        lane.close()


async def test_a_restart_of_the_bridge_in_the_middle_changes_nothing(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as before:
        [visit] = await begun(before, 1)
        lane = Accountant(before.port(Service.ACCOUNTING))
        await lane.tell(visit, START, 0)
        visit.counted = Octets(100, 1000)
        await lane.tell(visit, INTERIM, 60)
        lane.close()
    async with running(postgres_dsn, tmp_path) as after:
        lane = Accountant(after.port(Service.ACCOUNTING))
        await lane.tell(visit, INTERIM, 60)
        visit.counted = Octets(150, 3000)
        await lane.tell(visit, STOP, 90)
        lane.close()
        assert await counted(after, visit) == visit.counted


async def test_a_restart_of_the_access_point_closes_its_accounts(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        [visit] = await begun(bridge, 1)
        lane = Accountant(bridge.port(Service.ACCOUNTING))
        await lane.tell(visit, INTERIM, 600)
        reply = await bridge.account(0, 7)
        assert reply.code == Code.ACCOUNTING_RESPONSE
        [row] = await bridge.rows("SELECT closed_by FROM accounting_session")
        assert row["closed_by"] == "reboot"
        assert await bridge.memory.doors.sessions.find(mac(1)) is not None, "the visit goes on"
        lane.close()


async def test_the_last_octets_of_who_was_put_out_are_in_the_history(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        [visit] = await begun(bridge, 1)
        session = await bridge.known(1)
        assert session is not None
        lane = Accountant(bridge.port(Service.ACCOUNTING))
        visit.counted = Octets(5, 50)
        await lane.tell(visit, INTERIM, 60)
        await bridge.end(session, EndReason.LOGGED_OUT)
        visit.counted = Octets(6, 66)
        await lane.tell(visit, STOP, 70)
        lane.close()
        assert await counted(bridge, visit) == Octets(6, 66)
