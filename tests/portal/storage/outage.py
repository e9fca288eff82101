"""A database that refuses everybody for a while, as a server that restarts does."""

from urllib.parse import urlsplit

import asyncpg

_END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


class Outage:
    """Of one database of the tests' cluster; the others go on."""

    def __init__(self, dsn: str) -> None:
        self._name = urlsplit(dsn).path[1:]
        self._dsn = dsn.replace(f"/{self._name}?", "/postgres?")

    async def begin(self) -> None:
        """End all connections, and refuse new ones."""
        await self._allow("false")
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(_END_OTHERS, self._name)
        await connection.close()

    async def end(self) -> None:
        """Let everybody in again."""
        await self._allow("true")

    async def _allow(self, allowed: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS {allowed}")
        await connection.close()
