"""The access point itself: devices come on the air, are asked about, held, let in, reported, ended.

Not how that is said (dialect.py) or done (air.py, doors.py). Every step is told to `tell`, so that
a demonstration can show it.
The rule to keep: a device that is asked about is held until the answer is there.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from portal.clock import utc_now
from portal.demo.access_point import air, dialect
from portal.demo.access_point.dialect import (
    Admitted,
    Answer,
    Device,
    Identity,
    Order,
    Redirected,
    Rejected,
    Report,
    Usage,
    Verb,
)
from portal.demo.access_point.doors import Server
from radius_bridge.dictionary import AccountingStatus, ErrorCause, TerminateCause
from radius_bridge.secret import Secret
from radius_bridge.wire import Packet

LOOK_EVERY_S = 0.5

Tell = Callable[..., None]


@dataclass(slots=True)
class Station:
    """A device and what became of it; the times are of the monotonic clock."""

    device: Device
    answer: Answer | None = None
    began_s: float = 0.0
    reported_s: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One thing at a time: a CoA may come while the timer asks."""

    @property
    def is_in(self) -> bool:
        """Whether it may pass."""
        return isinstance(self.answer, Admitted)


class AccessPoint:
    """All stations of one radio."""

    def __init__(  # noqa: PLR0913, PLR0917 - its identity and its doors
        self,
        identity: Identity,
        secret: Secret,
        authentication: Server,
        accounting: Server,
        interim_s: float,
        tell: Tell,
    ) -> None:
        self._identity = identity
        self._secret = secret
        self._authentication = authentication
        self._accounting = accounting
        self._interim_s = interim_s
        self._tell = tell
        self._stations: dict[str, Station] = {}
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Say that it is there, and look after its stations until cancelled."""
        async with self._group:
            await self._say_itself(AccountingStatus.ACCOUNTING_ON)
            while True:
                for station in list(self._stations.values()):
                    await self._look_after(station)
                await asyncio.sleep(LOOK_EVERY_S)

    async def end(self) -> None:
        """Report every session's end and its own, as a controller that is switched off."""
        for station in [one for one in self._stations.values() if one.is_in]:
            await self._stop(station, TerminateCause.NAS_REBOOT)
        await self._say_itself(AccountingStatus.ACCOUNTING_OFF)

    # --- devices ----------------------------------------------------------------------------------

    def hear(self, mac: str) -> None:
        """Notice a frame of a device; the first brings it on the air."""
        if mac not in self._stations:
            self._stations[mac] = station = Station(self._new_device(mac))
            self._group.create_task(self._ask(station))

    def url_of(self, mac: str) -> str | None:
        """Return where a held device's pages lead, None for any other."""
        station = self._stations.get(mac)
        answer = station.answer if station else None
        return answer.url if isinstance(answer, Redirected) else None

    def _new_device(self, mac: str) -> Device:
        return Device(mac, secrets.token_hex(12).upper(), secrets.token_hex(8))

    async def _ask(self, station: Station) -> None:
        """Ask who it is, and act on the answer. Without one, who is in stays in."""
        async with station.turn:
            nonce = secrets.token_bytes(16)
            request = dialect.ask(self._identity, station.device, nonce, self._secret)
            answer = dialect.understand(await self._authentication.ask(request))
            self._tell("mac_authentication", mac=station.device.mac, answer=_word(answer))
            if not station.is_in:
                station.answer = answer
                await self._let_in(station)
            elif isinstance(answer, Admitted):
                station.answer = answer
            elif answer is not Rejected.SILENCE:
                await self._stop(station, TerminateCause.SESSION_TIMEOUT)
                station.answer = answer

    async def _let_in(self, station: Station) -> None:
        if station.is_in:
            station.began_s = monotonic()
            await air.admit(station.device.mac)
            await self._report(AccountingStatus.START, station)

    async def _look_after(self, station: Station) -> None:
        """Report in between; ask again when the answer's time is over, or there was none."""
        now = monotonic()
        if station.answer is Rejected.SILENCE:
            self._group.create_task(self._ask(station))
        elif not isinstance(station.answer, Admitted):
            return
        elif (timeout_s := station.answer.timeout_s) and now - station.began_s >= timeout_s:
            station.began_s = now
            await self._ask(station)
        elif now - station.reported_s >= self._interim_s:
            async with station.turn:
                await self._report(AccountingStatus.INTERIM_UPDATE, station)

    # --- orders -----------------------------------------------------------------------------------

    async def obey(self, request: Packet) -> ErrorCause | None:
        """Do what a genuine CoA or Disconnect says; the error where it cannot be done."""
        order = dialect.read_order(request)
        if isinstance(order, ErrorCause):
            return self._refused(order)
        found = [one for one in self._stations.values() if order.names(one.device)]
        if not found:
            return self._refused(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
        for station in found:
            self._tell(order.verb.value, mac=station.device.mac)
            self._group.create_task(self._carry_out(order, station))
        return None

    def _refused(self, cause: ErrorCause) -> ErrorCause:
        self._tell("order_refused", cause=cause.name.lower())
        return cause

    async def _carry_out(self, order: Order, station: Station) -> None:
        """After a Disconnect the device comes back by itself, as phones do."""
        if order.verb is Verb.REAUTHENTICATE:
            await self._ask(station)
            return
        async with station.turn:
            await self._stop(station, TerminateCause.ADMIN_RESET)
        del self._stations[station.device.mac]
        self.hear(station.device.mac)

    # --- reports ----------------------------------------------------------------------------------

    async def _stop(self, station: Station, cause: TerminateCause) -> None:
        if station.is_in:
            usage = await self._usage(station)
            await air.expel(station.device.mac)
            await self._report(AccountingStatus.STOP, station, usage, cause)
        station.answer = None

    async def _usage(self, station: Station) -> Usage:
        used = await air.counted(station.device.mac)
        return Usage(
            int(monotonic() - station.began_s),
            used.sent_octets,
            used.received_octets,
            used.sent_packets,
            used.received_packets,
        )

    async def _report(
        self,
        status: AccountingStatus,
        station: Station,
        usage: Usage | None = None,
        cause: TerminateCause | None = None,
    ) -> None:
        usage = usage or await self._usage(station)
        station.reported_s = monotonic()
        echoed = station.answer.echoed if isinstance(station.answer, Admitted) else ()
        what = Report(status, usage, echoed, cause)
        packet = dialect.report(self._identity, station.device, _now(), what)
        answered = await self._accounting.ask(packet) is not None
        facts: dict[str, Any] = {"mac": station.device.mac, "acknowledged": answered}
        self._tell(status.name.lower(), **facts, octets=usage.input_octets + usage.output_octets)

    async def _say_itself(self, status: AccountingStatus) -> None:
        packet = dialect.report_itself(status, self._identity, _now())
        answered = await self._accounting.ask(packet) is not None
        self._tell(status.name.lower(), acknowledged=answered)


def _word(answer: Answer) -> str:
    match answer:
        case Admitted():
            return "admitted"
        case Redirected():
            return "redirected"
        case _:
            return answer.value


def _now() -> int:
    return int(utc_now().timestamp())
