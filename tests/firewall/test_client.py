"""The gate's client beside an agent that is alive but no longer reads."""

import asyncio
from pathlib import Path

import pytest

from firewall.client import GateClient, GateError

MORE_THAN_A_SOCKET_HOLDS = [(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", 60.0, "default")
                            for n in range(20_000)]  # fmt: skip


async def test_a_frozen_agent_costs_the_time_out_and_nothing_more(tmp_path: Path) -> None:
    """What it does not read can never be flushed: neither asking nor closing may wait for that."""
    thawed = asyncio.Event()

    async def freeze(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await thawed.wait()
        writer.transport.abort()

    path = tmp_path / "gate.sock"
    server = await asyncio.start_unix_server(freeze, path)
    client = GateClient(path, timeout_s=0.2)
    try:
        async with asyncio.timeout(60):
            with pytest.raises(GateError) as caught:
                await client.reconcile(MORE_THAN_A_SOCKET_HOLDS)
            await client.close()
        assert caught.value.reason == "unreachable"
    finally:
        thawed.set()
        server.close()
        await server.wait_closed()
