"""An access point that accounts for its devices, and repeats itself until it is heard."""

import asyncio
import random
import socket
from dataclasses import dataclass, field
from uuid import UUID

from portal.domain.accounting import Octets
from radius_bridge.authenticators import Verdict, judge_reply, sign_request
from radius_bridge.wire import Code, Packet, decode
from tests.portal.access_points.running import SHARED, dashed, mac, request

START, STOP, INTERIM = 1, 2, 3


@dataclass
class Visit:
    """One device's visit, with what it really sent and received."""

    number: int
    session_id: UUID
    accounting_id: str
    counted: Octets = field(default_factory=Octets)


class Accountant:
    """Sends one record at a time; each try is a new packet, with its delay (as hostapd does)."""

    def __init__(self, port: int, *, patience_s: float = 0.1, tries: int = 200) -> None:
        self._port = port
        self._patience_s = patience_s
        self._tries = tries
        self._identifier = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.connect(("127.0.0.1", port))
        self.sent = 0

    async def visit(self, visit: Visit, chance: random.Random, steps: int = 4) -> None:
        """Account for a visit from its start to its end."""
        await self.tell(visit, START, 0)
        for step in range(1, steps + 1):
            more = Octets(chance.randrange(10**6), chance.randrange(10**9))
            visit.counted = visit.counted.plus(more)
            await self.tell(visit, INTERIM, 60 * step)
        await self.tell(visit, STOP, 60 * steps + 1)

    async def tell(self, visit: Visit, kind: int, seconds: int) -> None:
        """Send one record until it is acknowledged."""
        for attempt in range(self._tries):
            self._identifier = (self._identifier + 1) % 256
            packet = self._record(visit, kind, seconds, attempt)
            octets = sign_request(packet, SHARED)
            self._socket.send(octets)
            self.sent += 1
            if await self._is_heard(decode(octets)):
                return
        raise AssertionError("the access point gave up")

    async def _is_heard(self, sent: Packet) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    reply = decode(await loop.sock_recv(self._socket, 4096))
                    if reply.identifier == sent.identifier:
                        return judge_reply(reply, sent, SHARED) is Verdict.GENUINE
        except TimeoutError:
            return False

    def _record(self, visit: Visit, kind: int, seconds: int, attempt: int) -> Packet:
        octets = visit.counted
        low, high = 2**32 - 1, 2**32
        made = request(
            code=Code.ACCOUNTING_REQUEST,
            Acct_Status_Type=kind,
            Acct_Session_Id=visit.accounting_id,
            Acct_Delay_Time=int(attempt * self._patience_s),
            Acct_Session_Time=seconds,
            Acct_Input_Octets=octets.upload & low,
            Acct_Output_Octets=octets.download & low,
            Acct_Input_Gigawords=octets.upload // high,
            Acct_Output_Gigawords=octets.download // high,
            Calling_Station_Id=dashed(mac(visit.number)),
            NAS_Identifier="ap-hall",
            Class=visit.session_id.bytes,
        )
        return Packet(made.code, self._identifier, made.authenticator, made.attributes)

    def close(self) -> None:
        self._socket.close()
