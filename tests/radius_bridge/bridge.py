"""A bridge on this machine, with a policy and a ledger in memory, and a client that asks it.

The client signs with our own code, so it proves nothing about signatures: foreign clients do that.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from time import monotonic
from typing import Self

from radius_bridge.access import (
    AccessQuestion,
    Decision,
    Grant,
    Refuse,
    Silence,
    ToPortal,
)
from radius_bridge.accounting import AccountingRecord, NotWrittenError
from radius_bridge.authenticators import sign_request
from radius_bridge.clients import Clients, FamilyName, RadiusClient
from radius_bridge.credentials import check
from radius_bridge.dictionary import named
from radius_bridge.passwords import hide_password
from radius_bridge.pipeline import Moment, Pipeline, Service
from radius_bridge.responder import Limits, Responder
from radius_bridge.secret import Secret
from radius_bridge.server import Endpoint, UdpServer
from radius_bridge.values import Value, attribute
from radius_bridge.wire import Attribute, Code, Packet, decode

SECRET = Secret(b"a secret of sixteen or more")
MAC = "02:00:00:00:00:01"
MAC_NAME = "020000000001"
STRANGE_MAC = "02:00:00:00:00:99"
LOOPBACK = ip_network("127.0.0.0/8")
CLIENT = RadiusClient("entrance", (LOOPBACK, ip_network("::1/128")), SECRET)
LEGACY = replace(CLIENT, require_message_authenticator=False)
GRANT = Grant(session=b"session-1", session_timeout_s=3600)


def now() -> Moment:
    return Moment(monotonic(), datetime.now(UTC))


class OneFamily:
    """A family that writes session and end, and rejects who has to see the portal.

    The session ``bug`` meets one.
    """

    def grant(self, grant: Grant, _: object) -> tuple[Attribute, ...]:
        if grant.session == b"bug":
            raise KeyError("a bug in the family")
        cui = () if grant.cui is None else (Attribute(89, grant.cui),)
        end = attribute(named("Session-Timeout"), grant.session_timeout_s)
        return (end, Attribute(25, grant.session), *cui, *grant.proof)

    def to_portal(self, decision: ToPortal, _: object) -> tuple[Attribute, ...] | None:
        return (attribute(named("Filter-Id"), decision.role),) if decision.role else None

    def counted(self, record: AccountingRecord, _: Packet) -> AccountingRecord:
        return record


FAMILIES = dict.fromkeys(FamilyName, OneFamily())


@dataclass
class MemoryPolicy:
    """Devices and passwords in dicts; `slow` names are asked for, the others known."""

    devices: dict[str, Decision] = field(default_factory=lambda: {MAC: GRANT})
    passwords: dict[bytes, Secret] = field(default_factory=lambda: {b"alice": Secret(b"wonder")})
    asked: list[AccessQuestion] = field(default_factory=list)
    slow: set[bytes] = field(default_factory=set)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def know(self, question: AccessQuestion) -> Decision | None:
        self.asked.append(question)
        if question.station.user_name == b"bug":
            raise KeyError("a bug in the policy")
        return None if question.station.user_name in self.slow else self._decide(question)

    async def ask(self, question: AccessQuestion) -> Decision:
        await self.may_answer.wait()
        if question.station.user_name == b"late bug":
            raise KeyError("a bug in the policy")
        return self._decide(question)

    def _decide(self, question: AccessQuestion) -> Decision:
        if question.is_mac_authentication:
            return self.devices.get(question.station.mac or "", ToPortal("https://portal.test/?"))
        name = question.station.user_name
        if name == b"silence":
            return Silence()
        password = self.passwords.get(name)
        fits = None if password is None else check(question.credential, password)
        return Refuse("Fel kod") if fits is None else replace(GRANT, proof=fits.proof)


@dataclass
class MemoryLedger:
    """Records in a list; `may_write` cleared holds a batch up, `works` False refuses it.

    A record whose session is ``poison`` meets a bug.
    """

    records: list[AccountingRecord] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    works: bool = True
    may_write: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_write.set()

    async def write(self, records: Sequence[AccountingRecord]) -> None:
        self.batches.append(len(records))
        await self.may_write.wait()
        if any(record.session == b"poison" for record in records):
            raise KeyError("a bug in the ledger")
        if not self.works:
            raise NotWrittenError
        self.records.extend(records)


@dataclass
class Bridge:
    responder: Responder
    server: UdpServer
    policy: MemoryPolicy
    ledger: MemoryLedger

    @property
    def pipeline(self) -> Pipeline:
        return self.responder.pipeline

    def port(self, service: Service = Service.AUTHENTICATION) -> int:
        return next(one.port for one in self.server.endpoints if one.service is service)

    def counted(self, what: str) -> int:
        return self.pipeline.counters.of(CLIENT.name).get(what, 0)


def both_ports(address: str = "127.0.0.1") -> list[Endpoint]:
    return [Endpoint(address, 0, Service.AUTHENTICATION), Endpoint(address, 0, Service.ACCOUNTING)]


@asynccontextmanager
async def bridge(
    *clients: RadiusClient,
    endpoints: Sequence[Endpoint] | None = None,
    reject_delay_s: float = 0.0,
    limits: Limits | None = None,
) -> AsyncIterator[Bridge]:
    pipeline = Pipeline(Clients(clients or (CLIENT,)), FAMILIES, reject_delay_s=reject_delay_s)
    policy, ledger = MemoryPolicy(), MemoryLedger()
    responder = Responder(pipeline, policy, ledger, now, limits)
    with UdpServer(responder, endpoints or both_ports()) as server:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(responder.run()), tasks.create_task(server.run())]
            await asyncio.sleep(0)  # both have begun
            yield Bridge(responder, server, policy, ledger)
            for task in running:
                task.cancel()


def request(
    identifier: int,
    *attributes: Attribute,
    code: Code = Code.ACCESS_REQUEST,
    authenticator: bytes | None = None,
    **named_ones: Value,
) -> Packet:
    made = [attribute(named(name.replace("_", "-")), value) for name, value in named_ones.items()]
    return Packet(code, identifier, authenticator or os.urandom(16), (*made, *attributes))


def by_mac(identifier: int, mac: str = MAC) -> Packet:
    dashed = mac.replace(":", "-").upper()
    plain = mac.replace(":", "")
    return request(identifier, User_Name=plain, Calling_Station_Id=dashed)


def by_password(
    identifier: int, name: str, password: bytes, *attributes: Attribute, secret: Secret = SECRET
) -> Packet:
    authenticator = os.urandom(16)
    hidden = Attribute(2, hide_password(Secret(password), authenticator, secret))
    return request(identifier, hidden, *attributes, authenticator=authenticator, User_Name=name)


def status(identifier: int) -> Packet:
    return request(identifier, code=Code.STATUS_SERVER)


def accounting(identifier: int, kind: int = 3, **named_ones: Value) -> Packet:
    return request(
        identifier,
        code=Code.ACCOUNTING_REQUEST,
        Acct_Status_Type=kind,
        Acct_Session_Id="5A1F",
        Calling_Station_Id="02-00-00-00-00-01",
        **named_ones,
    )


def signed(packet: Packet, secret: Secret = SECRET) -> bytes:
    return sign_request(packet, secret)


class Asker:
    """One UDP socket of a client."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind((address, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def tell(self, octets: bytes, port: int, address: str = "127.0.0.1") -> None:
        self._socket.sendto(octets, (address, port))

    async def hear(self) -> tuple[bytes, str]:
        while True:
            try:
                octets, source = self._socket.recvfrom(5000)
            except BlockingIOError:
                await self._is_readable()
            else:
                return octets, source[0]

    async def hears_within(self, seconds: float) -> bytes | None:
        """Listen for so long, as a client does before it asks again."""
        try:
            async with asyncio.timeout(seconds):
                return (await self.hear())[0]
        except TimeoutError:
            return None

    async def _is_readable(self) -> None:
        """Wait; uvloop has no sock_recvfrom."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._socket)

    async def ask(self, octets: bytes, port: int, address: str = "127.0.0.1") -> bytes:
        self.tell(octets, port, address)
        return (await self.hear())[0]

    async def ask_for(self, octets: bytes, port: int) -> Packet:
        return decode(await self.ask(octets, port))

    async def hears_nothing_but(self, octets: bytes, port: int) -> Packet:
        """Ask something that is answered: what was asked before it got no answer so far."""
        answer = decode(await self.ask(octets, port))
        assert answer.identifier == octets[1]
        return answer


logging.getLogger("radius_bridge").setLevel(logging.CRITICAL)
