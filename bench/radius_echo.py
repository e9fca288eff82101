"""The floor of a RADIUS server: uvloop taking a datagram and sending it back. No more.

Run as ``python -m bench.radius_echo PORT``.
"""

import asyncio
import sys
from typing import Any

import uvloop


class Echo(asyncio.DatagramProtocol):
    """What comes goes back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Send it back."""
        self._transport.sendto(data, addr)


async def main(port: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", port))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
