"""Listening: what was said, and a resync after every break."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing

from portal.domain.identity import SiteId
from portal.storage.database import Database
from portal.storage.notifications import (
    MOST_WAITING,
    Keepalive,
    Notice,
    Resync,
    SessionChanged,
    listen,
)
from tests.portal.storage.clusters import eventually


async def next_of(notices: AsyncIterator[Notice]) -> Notice:
    async with asyncio.timeout(60):
        return await anext(notices)


async def test_notices_and_resync_after_a_break(postgres_dsn: str, database: Database) -> None:
    async with aclosing(listen(postgres_dsn)) as notices:  # type: ignore[type-var]
        assert await next_of(notices) == Resync()
        await database.fetch("SELECT pg_notify('kvar_session', 'started main 1')")
        assert await next_of(notices) == SessionChanged("started", _main(), "1")
        await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'kvar-listen' AND datname = current_database()"
        )
        assert await next_of(notices) == Resync()
        await database.fetch("SELECT pg_notify('kvar_session', 'ended main 1')")
        assert await next_of(notices) == SessionChanged("ended", _main(), "1")


async def test_a_database_that_is_away_is_waited_for() -> None:
    async with aclosing(listen("postgresql://kvar@/x?host=/nonexistent")) as notices:  # type: ignore[type-var]
        waiting = asyncio.ensure_future(anext(notices))
        done, _ = await asyncio.wait([waiting], timeout=0.7)
        assert not done
        waiting.cancel()
        await asyncio.wait([waiting])


async def test_a_server_that_hangs_is_noticed(postgres_dsn: str, database: Database) -> None:
    keepalive = Keepalive(every_s=0.1, answer_s=2.0)
    async with aclosing(listen(postgres_dsn, keepalive)) as notices:  # type: ignore[type-var]
        assert await next_of(notices) == Resync()
        quiet = asyncio.ensure_future(anext(notices))
        done, _ = await asyncio.wait([quiet], timeout=0.5)
        assert not done  # asked a few times, and it answered
        row = await database.fetch_row(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'kvar-listen'"
            " AND datname = current_database()"
        )
        assert row is not None
        os.kill(row["pid"], signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):
                assert await quiet == Resync()
        finally:
            os.kill(row["pid"], signal.SIGCONT)


async def test_a_reader_far_behind_looks_at_everything_again(
    postgres_dsn: str, database: Database
) -> None:
    async with aclosing(listen(postgres_dsn)) as notices:  # type: ignore[type-var]
        assert await next_of(notices) == Resync()
        await database.fetch(
            "SELECT count(pg_notify('kvar_session', 'started main ' || n))"
            " FROM generate_series(1, $1::int) AS n",
            MOST_WAITING + 1,
        )

        async def was_hung_up() -> bool:
            return not await database.fetch(
                "SELECT FROM pg_stat_activity WHERE application_name = 'kvar-listen'"
                " AND datname = current_database()"
            )

        await eventually(was_hung_up)
        while await next_of(notices) != Resync():
            pass


def _main() -> SiteId:
    return SiteId("main")
