"""A bridge that shares its port: ``python -m tests.radius_bridge.shared_port PORT SESSION``."""

import asyncio
import sys
from dataclasses import replace

from radius_bridge.clients import Clients
from radius_bridge.pipeline import Pipeline, Service
from radius_bridge.responder import Responder
from radius_bridge.server import Endpoint, UdpServer
from tests.radius_bridge.bridge import (
    CLIENT,
    FAMILIES,
    GRANT,
    MAC,
    MemoryLedger,
    MemoryPolicy,
    now,
)


async def main(port: int, session: bytes) -> None:
    policy = MemoryPolicy(devices={MAC: replace(GRANT, session=session)})
    responder = Responder(Pipeline(Clients([CLIENT]), FAMILIES), policy, MemoryLedger(), now)
    endpoint = Endpoint("127.0.0.1", port, Service.AUTHENTICATION)
    with UdpServer(responder, [endpoint], shares_ports=True) as server:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(responder.run())
            tasks.create_task(server.run())
            sys.stdout.write("ready\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2].encode()))
