"""The process: ``python -m portal.demo.access_point FILE`` in the access point's namespace.

FILE holds `PointSettings` as JSON. Tells every step on standard output, one JSON object a line;
the first line comes when it is ready.
"""

import asyncio
import json
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from firewall.listener import Listener
from portal.demo.access_point import air
from portal.demo.access_point.dialect import COA_PORT, Identity
from portal.demo.access_point.doors import Orders, Server
from portal.demo.access_point.point import AccessPoint
from portal.demo.access_point.redirector import serve
from radius_bridge.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSettings:
    """What a controller's page asks for. ``server`` and ``portal`` are addresses."""

    server: str
    secret: str
    portal: str
    address: str
    radio: str
    ssid: str
    name: str = "filial-ap1"
    air: str = "br0"
    uplink: str = "wan0"
    authentication_port: int = 1812
    accounting_port: int = 1813
    interim_s: float = 60.0


def tell(event: str, **facts: object) -> None:
    """Print one step."""
    print(json.dumps({"event": event, **facts}), flush=True)  # noqa: T201 - this is the answer


async def main(settings: PointSettings) -> None:
    """Run until SIGTERM."""
    secret = Secret(settings.secret.encode())
    await air.put_up(air.Wires(settings.air, settings.uplink, settings.portal))
    authentication = Server(settings.server, settings.authentication_port, secret)
    accounting = Server(settings.server, settings.accounting_port, secret)
    await authentication.open()
    await accounting.open()
    identity = Identity(settings.address, settings.name, settings.ssid, settings.radio)
    point = AccessPoint(identity, secret, authentication, accounting, settings.interim_s, tell)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with await serve(air.REDIRECT_PORT, point.url_of), asyncio.TaskGroup() as group:
        await Orders(secret, point.obey, group).open(COA_PORT)
        running = group.create_task(point.run())
        listener = Listener()
        links = {settings.air: socket.if_nametoindex(settings.air)}
        listener.follow(links, lambda _link, sighting: point.hear(sighting.mac))
        tell("ready")
        await ended.wait()
        running.cancel()
        listener.close()
        await point.end()


if __name__ == "__main__":
    asyncio.run(main(PointSettings(**json.loads(Path(sys.argv[1]).read_text("utf-8")))))
