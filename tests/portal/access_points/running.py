"""The bridge as it runs, on a real PostgreSQL, and an access point that asks and can be told."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from portal.clock import utc_now
from portal.composition.radius import _changes
from portal.composition.radius_clients import bridged
from portal.composition.radius_parts import (
    Bridge,
    Databases,
    Memory,
    compose_answers,
    compose_memory,
    with_tellings,
)
from portal.config_file import parse
from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.services.key_ring import KeyRing
from portal.services.opening import new_id
from portal.services.ports import DatabaseUnavailableError, Opening
from portal.storage.database import Database, Deadlines
from portal.storage.notifications import listen
from portal.storage.replay import Replay
from portal.storage.sessions import PostgresSessions
from portal.storage.spool import DiskSpool
from radius_bridge.authenticators import sign_reply
from radius_bridge.dictionary import named
from radius_bridge.passwords import hide_password
from radius_bridge.pipeline import Service
from radius_bridge.secret import Secret as SharedSecret
from radius_bridge.server import Endpoint, UdpServer
from radius_bridge.values import Value, attribute
from radius_bridge.wire import Attribute, Code, Packet, decode
from tests.portal.services.fakes import FakeLibrary
from tests.radius_bridge.bridge import Asker, signed

T = TypeVar("T")

SHARED = SharedSecret(b"wZ3jhq0Tn5eUJ7KfUQb2m1Rk")
SITE = SiteId("village")

CONFIG = """
[organisation]
name = "Umeå bibliotek"
data_directory = "{directory}"

[portal]
host_name = "wifi.example.se"
certificate_file = "/etc/kvar/chain.pem"
private_key_file = "/etc/kvar/key.pem"

[library_system]
host = "sip2.example.se"

[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["card", "code"]

[[sites]]
id = "open"
name = "Öppna biblioteket"
login_methods = ["none"]

[radius]
reject_delay_s = 0

[[radius.clients]]
name = "ap"
networks = ["127.0.0.1/32"]
secret = "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"
site = "village"
coa_port = {coa_port}
{more}

[[radius.clients]]
name = "open-ap"
networks = ["127.0.0.2/32"]
secret = "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"
site = "open"
coa = false
"""


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")


def dashed(address: MacAddress) -> str:
    return address.replace(":", "-").upper()


@dataclass
class AccessPoint:
    """Where CoA and Disconnect requests go; it agrees to all, and notes them."""

    heard: list[Packet] = field(default_factory=list)
    answer: int | None = None
    """The code to answer with; None: it agrees."""
    is_silent: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            octets, source = await loop.sock_recvfrom(self.socket, 4096)
            request = decode(octets)
            self.heard.append(request)
            self.news.set()
            if not self.is_silent:
                code = self.answer or request.code + 1
                self.socket.sendto(sign_reply(code, (), request, SHARED), source)

    async def told(self, count: int) -> list[Packet]:
        """Wait for so many requests in all."""
        while len(self.heard) < count:
            self.news.clear()
            await self.news.wait()
        return self.heard


@dataclass
class Running:
    """A bridge and what the tests do with it."""

    bridge: Bridge
    memory: Memory
    database: Database
    keys: KeyRing
    library: FakeLibrary
    access_point: AccessPoint
    directory: Path
    ports: dict[Service, int]

    async def ask(self, *attributes: Attribute, source: str = "127.0.0.1", **ones: Value) -> Packet:
        with Asker(source) as asker:
            packet = request(*attributes, **ones)
            return await asker.ask_for(signed(packet, SHARED), self.port(Service.AUTHENTICATION))

    async def ask_by_mac(self, number: int, source: str = "127.0.0.1", **ones: Value) -> Packet:
        address = mac(number)
        name = address.replace(":", "")
        station = dashed(address)
        return await self.ask(source=source, User_Name=name, Calling_Station_Id=station, **ones)

    async def ask_by_password(self, number: int, name: str, password: str, **ones: Value) -> Packet:
        packet = password_request(number, name, password, **ones)
        with Asker() as asker:
            return await asker.ask_for(signed(packet, SHARED), self.port(Service.AUTHENTICATION))

    async def account(self, number: int, kind: int, **ones: Value) -> Packet:
        packet = request(
            code=Code.ACCOUNTING_REQUEST,
            Acct_Status_Type=kind,
            Calling_Station_Id=dashed(mac(number)),
            NAS_Identifier="ap-hall",
            **ones,
        )
        with Asker() as asker:
            return await asker.ask_for(signed(packet, SHARED), self.port(Service.ACCOUNTING))

    def port(self, service: Service) -> int:
        return self.ports[service]

    async def let_in(self, number: int, minutes: float = 60.0) -> Session:
        """Start a session as the portal does, on a card of the device's own."""
        now = utc_now()
        ends = (now + timedelta(minutes=minutes), EndReason.TIME_LIMIT)
        device = Device(mac(number), SITE)
        subject = self.keys.card(Secret(f"{2 * 10**13 + number}"), now)
        session = start(new_id(now), Claim(Ground.CARD, subject), device, ends, now)
        opening = Opening(session, self.keys.trace(mac(number), subject, now), 5)
        return (await PostgresSessions(self.database).start(opening)).session

    async def end(self, session: Session, reason: EndReason = EndReason.REVOKED) -> None:
        await PostgresSessions(self.database).end(session.id, reason, utc_now())

    async def known(self, number: int, *, online: bool = True) -> Session | None:
        """Wait until memory knows of it."""
        return await self.until(
            lambda: self.memory.picture.session(mac(number), utc_now()),
            lambda session: (session is not None) == online,
        )

    async def until(self, look: Callable[[], T], is_right: Callable[[T], bool]) -> T:
        while True:
            if is_right(found := look()):
                return found
            await asyncio.sleep(0.005)

    async def rows(self, sql: str, *values: object) -> list[Any]:
        """Ask the database, as soon as it answers."""
        while True:
            with suppress(DatabaseUnavailableError):
                return await self.database.fetch(sql, *values)
            await asyncio.sleep(0.05)

    async def drain(self) -> int:
        """Write what waits on disk, as the keeper does."""
        return await Replay(DiskSpool(self.directory / "spool"), self.database).drain(utc_now())


def request(
    *attributes: Attribute,
    code: Code = Code.ACCESS_REQUEST,
    authenticator: bytes | None = None,
    **ones: Value,
) -> Packet:
    made = [attribute(named(name.replace("_", "-")), value) for name, value in ones.items()]
    identifier = os.urandom(1)[0]
    return Packet(code, identifier, authenticator or os.urandom(16), (*made, *attributes))


def password_request(number: int, name: str, password: str, **ones: Value) -> Packet:
    """A login by PAP."""
    authenticator = os.urandom(16)
    hidden = hide_password(SharedSecret(password.encode()), authenticator, SHARED)
    return request(
        Attribute(2, hidden),
        authenticator=authenticator,
        User_Name=name,
        Calling_Station_Id=dashed(mac(number)),
        **ones,
    )


@asynccontextmanager
async def running(
    dsn: str, directory: Path, more: str = "", *, deadlines: Deadlines | None = None
) -> AsyncIterator[Running]:
    access_point = AccessPoint()
    text = CONFIG.format(directory=directory, coa_port=access_point.port, more=more)
    config = parse(text, Path("kvar.toml"))
    section = config.radius
    assert section is not None
    keys, library = KeyRing(directory / "keys"), FakeLibrary(c20000000000001="1234")
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(Database(dsn, size=4, deadlines=deadlines))
            for _ in range(3)
        ]
        databases = Databases(*opened)
        memory = compose_memory(config, databases, keys, library)
        async with asyncio.TaskGroup() as group:
            bridge = compose_answers(config, section, memory, keys, group)
            bridge = with_tellings(bridge, config, memory, group)
            both = (Service.AUTHENTICATION, Service.ACCOUNTING)
            endpoints = [Endpoint("127.0.0.1", 0, service) for service in both]
            server = stack.enter_context(UdpServer(bridge.responder, endpoints))
            bridge.serve(bridged(config))
            works = [
                server.run(),
                bridge.responder.run(),
                memory.picture.keep(),
                memory.places.write_for_ever(),
                memory.accounting.keep_written(),
                memory.access.look(),
                memory.picture.hear(_changes(listen(dsn))),
                access_point.serve(),
            ]
            tasks = [group.create_task(work) for work in works]
            await memory.picture.is_loaded.wait()
            ports = {one.service: one.port for one in server.endpoints}
            yield Running(
                bridge, memory, databases.quick, keys, library, access_point, directory, ports
            )
            for task in [*tasks, *asyncio.all_tasks() - {asyncio.current_task()}]:
                task.cancel()
        access_point.socket.close()


def session_of(reply: Packet) -> UUID:
    """The session that an Accept names."""
    return UUID(bytes=reply.first(25) or b"")
