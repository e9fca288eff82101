"""The process: ``python -m portal.demo.access_point FILE`` in the access point's namespace.

FILE holds `PointSettings` as JSON. Tells every step on standard output, one JSON object a line;
the first line comes when it is ready.
"""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

from firewall.listener import Listener
from portal.demo.access_point import air
from portal.demo.access_point.dialect import COA_PORT, Identity
from portal.demo.access_point.doors import Orders, Server
from portal.demo.access_point.point import AccessPoint
from portal.demo.access_point.redirector import serve
from portal.demo.access_point.settings import PointSettings
from radius_bridge.secret import Secret


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
