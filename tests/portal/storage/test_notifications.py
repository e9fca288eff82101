"""Listening: what was said, and a resync after every break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from portal.domain.identity import SiteId
from portal.storage.database import Database
from portal.storage.notifications import Notice, Resync, SessionChanged, listen


async def next_of(notices: AsyncIterator[Notice]) -> Notice:
    async with asyncio.timeout(15):
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


def _main() -> SiteId:
    return SiteId("main")
