"""The gate's agent alone, with as many devices as a mark can number. Its argument is its socket.

Not `kvar gate`: no configuration and no portal, so that the benchmark may fill it as it likes.
"""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from firewall.agent import run_agent
from firewall.marks import NUMBER_MAX
from firewall.settings import GateSettings, GuestNetwork


async def main(path: Path) -> None:
    """Run until SIGTERM."""
    settings = GateSettings(
        guest_networks=(GuestNetwork("guest0", "main"),),
        uplinks=("wan0",),
        socket_path=path,
        allowed_uids=frozenset({0}),
        devices_max=NUMBER_MAX,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_agent(settings, stop)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
