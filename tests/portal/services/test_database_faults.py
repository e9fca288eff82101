"""Signing in while PostgreSQL is killed, stopped and restarted under the portal's feet.

Promise: what was acknowledged is there; what was not is SERVICE_DOWN, never an exception; and the
portal works again without a restart.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from itertools import count
from uuid import UUID

import asyncpg
import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.sign_in_limits import Limits
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online, RefusalReason, Refused
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.events import PostgresEvents
from portal.storage.migrate import migrate
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from tests.portal.services.fakes import FakeLibrary
from tests.portal.storage.clusters import (
    eventually,
    family,
    put_cluster,
    reachable_directory,
    supervised,
)


@pytest.fixture
async def postgres(now: datetime) -> AsyncIterator[EmbeddedPostgres]:
    """A supervised cluster with real flushing, migrated."""
    with reachable_directory() as directory:
        put_cluster(directory)
        async with supervised(directory) as running:
            await migrate(running.dsn, now)
            yield running


class Crowd:
    """Devices that sign in one after the other, some with a card, and what they were told."""

    def __init__(self, doors: Doors, dsn: str, now: datetime) -> None:
        self.database = Database(dsn)
        self.now = now
        self.acknowledged: set[UUID] = set()
        self.refused = 0
        self.guest = GuestService(
            replace(
                doors,
                sessions=PostgresSessions(self.database),
                attempts=PostgresAttempts(self.database),
                arrivals=PostgresArrivals(self.database),
                events=PostgresEvents(self.database),
                limits=Limits(site_checks_per_s=10_000),
            )
        )
        self._numbers = count(1)

    async def sign_in_for_ever(self) -> None:
        while True:
            await self.sign_in()

    async def sign_in(self) -> bool:
        number = next(self._numbers)
        mac = MacAddress(
            f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        )
        outcome = await self.guest.accept(Device(mac, SiteId("main")), self.now)
        if isinstance(outcome, Admitted):
            self.acknowledged.add(outcome.session.id)
            return True
        assert outcome == Refused(RefusalReason.SERVICE_DOWN)
        self.refused += 1
        return False

    async def stored(self) -> set[UUID]:
        return {row["id"] for row in await self.database.fetch("SELECT id FROM live_session")}


async def kill_postmaster(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)


async def kill_a_backend(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid is not None
    connection = await asyncpg.connect(postgres.dsn)
    pid = await connection.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'kvar' LIMIT 1"
    )
    os.kill(pid, signal.SIGKILL)
    connection.terminate()


async def terminate_all_backends(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kvar'"
    )
    await connection.close()


async def shut_down_fast(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGINT)


async def freeze_for_three_seconds(postgres: EmbeddedPostgres) -> None:
    assert postgres.pid is not None
    frozen = family(postgres.pid)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(3)  # the length of the fault itself
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)


Fault = Callable[[EmbeddedPostgres], Awaitable[None]]


@pytest.mark.parametrize(
    "fault",
    [
        kill_postmaster,
        kill_a_backend,
        terminate_all_backends,
        shut_down_fast,
        freeze_for_three_seconds,
    ],
)
async def test_sign_ins_during_a_fault(
    fault: Fault, postgres: EmbeddedPostgres, doors: Doors, now: datetime
) -> None:
    crowd = Crowd(doors, postgres.dsn, now)
    async with crowd.database, asyncio.TaskGroup() as group:
        workers = [group.create_task(crowd.sign_in_for_ever()) for _ in range(6)]

        async def busy(more: int) -> None:
            target = len(crowd.acknowledged) + more

            async def reached() -> bool:
                return len(crowd.acknowledged) >= target

            await eventually(reached)

        await busy(30)
        await fault(postgres)
        await busy(30)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)
        assert crowd.acknowledged <= await crowd.stored()


async def test_who_is_online_is_told_so_while_the_database_is_away(
    postgres: EmbeddedPostgres, doors: Doors, now: datetime
) -> None:
    phone = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
    stranger = Device(MacAddress("02:00:00:00:00:02"), SiteId("main"))
    crowd = Crowd(doors, postgres.dsn, now)
    async with crowd.database:
        guest = crowd.guest
        await guest.accept(phone, now)
        assert isinstance(await guest.standing(phone, now), Online)
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGSTOP)
        await terminate_stopped(postgres)
        assert isinstance(await guest.standing(phone, now), Online)
        assert await guest.standing(stranger, now) == Captive(number=None, is_certain=False)
        assert await guest.accept(stranger, now) == Refused(RefusalReason.SERVICE_DOWN)
        assert await guest.extend(phone, now) == Refused(RefusalReason.SERVICE_DOWN)
        assert not await guest.sign_out(phone, now)
        assert isinstance(await guest.standing(phone, now), Online)  # the log-out was not done
        os.kill(postgres.pid, signal.SIGCONT)

        async def works() -> bool:
            return isinstance(await guest.accept(stranger, now), Admitted)

        await eventually(works)
        assert isinstance(await guest.standing(phone, now), Online)


async def terminate_stopped(postgres: EmbeddedPostgres) -> None:
    """End the backends while the postmaster is stopped, so that no new ones come."""
    assert postgres.pid is not None
    for pid in family(postgres.pid)[1:]:
        os.kill(pid, signal.SIGTERM)


async def test_no_database_means_no_question_to_the_library(
    doors: Doors, library: FakeLibrary, now: datetime
) -> None:
    crowd = Crowd(doors, "postgresql://kvar@/postgres?host=/nonexistent", now)
    phone = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
    outcome = await crowd.guest.sign_in_with_card(
        phone, Secret("20000000000001"), Secret("1234"), now
    )
    assert outcome == Refused(RefusalReason.SERVICE_DOWN)
    assert not library.asked


async def test_a_record_that_cannot_be_written_changes_no_answer(
    postgres: EmbeddedPostgres, doors: Doors, library: FakeLibrary, now: datetime
) -> None:
    crowd = Crowd(doors, postgres.dsn, now)
    phone = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
    async with crowd.database:
        await crowd.guest.standing(phone, now)

        async def freeze() -> None:
            freeze_family(postgres, signal.SIGSTOP)

        library.before_answering = freeze
        outcome = await crowd.guest.sign_in_with_card(
            phone, Secret("20000000000001"), Secret("9999"), now
        )
        assert outcome == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=2)
        freeze_family(postgres, signal.SIGCONT)
        library.before_answering = None
        next_ = await crowd.guest.sign_in_with_card(
            phone, Secret("20000000000001"), Secret("9999"), now
        )
        assert next_ == Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=1)


def freeze_family(postgres: EmbeddedPostgres, number: signal.Signals) -> None:
    assert postgres.pid is not None
    for pid in family(postgres.pid):
        os.kill(pid, number)
