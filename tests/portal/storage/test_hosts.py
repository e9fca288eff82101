"""Several database hosts: a silent first one must not keep us from the second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from portal.storage.database import Database
from portal.storage.hosts import split_hosts


def test_one_host_is_left_as_written() -> None:
    for dsn in ("postgresql://kvar@/postgres?host=/run/x", "postgresql://u:p@db:5432/kvar"):
        assert split_hosts(dsn) == (dsn,)


def test_several_hosts_are_taken_apart() -> None:
    assert split_hosts("postgresql://u:p%40@a:1,b:2/kvar?sslmode=require") == (
        "postgresql://u:p%40@a:1/kvar?sslmode=require&target_session_attrs=read-write",
        "postgresql://u:p%40@b:2/kvar?sslmode=require&target_session_attrs=read-write",
    )
    wish = "?target_session_attrs=any"
    assert split_hosts(f"postgresql://a,b/x{wish}") == (
        f"postgresql://a/x{wish}",
        f"postgresql://b/x{wish}",
    )


@asynccontextmanager
async def relay(socket_path: str) -> AsyncIterator[int]:
    """A TCP port in front of the cluster's Unix socket."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket_path)
        await asyncio.gather(
            pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True
        )

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A TCP port that takes connections and never says a word."""
    done = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        done.set()


async def test_a_silent_host_is_passed_over(postgres_dsn: str) -> None:
    parts = urlsplit(postgres_dsn)
    directory = parse_qs(parts.query)["host"][0]
    async with silence() as first, relay(f"{directory}/.s.PGSQL.5432") as second:
        hosts = f"127.0.0.1:{first},127.0.0.1:{second}"
        dsn = f"postgresql://kvar@{hosts}{parts.path}?sslmode=disable"
        async with Database(dsn, size=1) as database:
            row = await database.fetch_row("SELECT current_database() AS name")
        assert row is not None
        assert f"/{row['name']}" == parts.path
