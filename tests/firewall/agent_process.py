"""Run the gate's agent as a process; its one argument is a JSON object: the socket's path."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from firewall.agent import run_agent
from firewall.settings import GateSettings, GuestNetwork


async def main() -> None:
    given = json.loads(sys.argv[1])
    settings = GateSettings(
        guest_networks=(GuestNetwork("guest0", "main"),),
        uplinks=("wan0",),
        socket_path=Path(given["socket"]),
        allowed_uids=frozenset({0}),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_agent(settings, stop)


logging.basicConfig(level=logging.INFO)
asyncio.run(main())
