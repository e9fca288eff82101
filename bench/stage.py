"""What the login benchmark is played on: Kvar's whole world, and beside it the floor's own gateway.

Not the measuring (login.py). The two gateways are in namespaces of their own, because an element
added beside Kvar's would make its gate look whether its rules still stand; they share machine,
PostgreSQL and measuring process, and take turns.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Self

import asyncpg

from bench.floor import preloaded_mac
from bench.https_phone import HttpsPhone
from bench.library_system import dialogue, time_dialogue
from bench.library_world import LibraryWorld
from bench.probes import FarEnd, Probe
from firewall.client import GateClient
from firewall.lab import addressing, processes
from firewall.lab.network import Lab, LabSettings
from firewall.lab.phone import Phone
from portal.composition.database import dsn
from portal.demo.world import LIBRARY_PORT, WorldSettings
from portal.library.demo_library import LOGIN_PASSWORD

GATEWAY = str(addressing.guest_network(0).gateway_v4)
_SETTLE_TIMEOUT_S = 60.0
_PRELOAD = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,
                          last_seen_at, trace_key, device_trace)
SELECT gen_random_uuid(), 'card', mac::macaddr, $2, now(), now() + interval '8 hours',
       'time_limit', now(), 'bench', sha256(mac::bytea)
FROM unnest($1::text[]) AS mac
"""


class BenchWorld(LibraryWorld):
    """The demonstration's world with a library system that takes no time."""

    def time_library(self) -> float:
        """Return the seconds of a library login by a bare client in the gateway."""
        frames = dialogue("20000000000001", LOGIN_PASSWORD)
        address = (addressing.MANAGEMENT.far_v4, LIBRARY_PORT)
        return time_dialogue(self.lab.gateway.name, address, frames)

    def preload(self, count: int) -> None:
        """Put sessions of other devices into the database, and wait until the gate has them."""
        asyncio.run(_insert(self.dsn, count, self.config.sites[0].id))
        self.end_process("keeper")  # compares when it comes back
        deadline = monotonic() + _SETTLE_TIMEOUT_S
        while self.admitted() < count:
            if monotonic() > deadline:
                raise processes.LabError(f"the gate took {self.admitted()} of {count} devices")
            sleep(0.2)

    def admitted(self) -> int:
        """Return how many devices the gate lets through."""
        return asyncio.run(self._ask_gate())

    async def _ask_gate(self) -> int:
        async with GateClient(self.config.gate.socket) as client:
            return int((await client.ping())["devices"])

    @property
    def dsn(self) -> str:
        """The address of Kvar's PostgreSQL."""
        return dsn(self.config)

    def end_process(self, name: str) -> None:
        """End one child of Kvar; its parent starts it again."""
        for pid, line in self.pids().items():
            if line.rstrip().endswith(f"{self.config_file} {name}"):
                os.kill(pid, signal.SIGTERM)


async def _insert(dsn: str, count: int, site: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(_PRELOAD, [preloaded_mac(n) for n in range(count)], site)
    await connection.close()


class Floor:
    """A lab of its own with ``bench.floor`` in its gateway and one phone."""

    def __init__(self, dsn: str, preload: int) -> None:
        self._open = ExitStack()
        self._given = {"dsn": dsn, "preload": preload}

    def __enter__(self) -> Self:
        settings = LabSettings(phones=1, management=False, fail_closed_bit=None)
        self.lab = self._open.enter_context(Lab(settings))
        self.lab.phones[0].join()
        certificate = self.lab.portal_certificate
        given = {**self._given, "chain": str(certificate.chain), "key": str(certificate.key)}
        command = [sys.executable, "-m", "bench.floor", json.dumps(given)]
        server = self.lab.gateway.spawn(command, stdout=subprocess.PIPE)
        self._open.callback(processes.stop, server)
        if server.stdout is None or server.stdout.readline() != b"ready\n":
            raise processes.LabError("the floor's server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def browser_of(lab: Lab, phone: Phone) -> HttpsPhone:
    """Return a connection of this phone to the portal."""
    host = lab.settings.portal_host
    return HttpsPhone(phone.namespace.name, GATEWAY, host, lab.authority.certificate_file)


def probe_of(phone: Phone) -> Probe:
    """Return a sender of probes from this phone."""
    return Probe(phone.namespace.name)


def far_end_of(lab: Lab) -> FarEnd:
    """Return where they arrive."""
    return FarEnd(lab.internet.namespace.name)


def world(phones: int) -> BenchWorld:
    """Return a world whose library system takes many logins at once."""
    many = "maximum_connections = 16\nmaximum_waiting = 100\n"
    marker = "[[sites]]"
    return BenchWorld(
        WorldSettings(phones=phones, change=lambda text: text.replace(marker, many + marker, 1))
    )
