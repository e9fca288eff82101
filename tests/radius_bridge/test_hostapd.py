"""A real access point's accounting, and what it does when it is told to put a device out."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest

from radius_bridge.access import Grant, Station
from radius_bridge.accounting import AccountingRecord, NotWrittenError
from radius_bridge.clients import Clients, FamilyName, RadiusClient
from radius_bridge.datagram_exchanges import DatagramExchanges, open_socket
from radius_bridge.dictionary import AccountingStatus
from radius_bridge.dynamic_authorization import DynamicAuthorizer
from radius_bridge.dynamic_requests import Accepted, SessionUnknown, Silent, Unsupported
from radius_bridge.pipeline import Pipeline, Service
from radius_bridge.responder import Responder
from radius_bridge.retransmission import RetransmissionTimes
from radius_bridge.secret import Secret
from radius_bridge.server import Endpoint, UdpServer
from radius_bridge.vendors.family import DynamicKind, DynamicMessage, DynamicVerb
from radius_bridge.vendors.hostapd import Hostapd
from radius_bridge.wire import Attribute
from tests.peers.hostapd import NAS_IDENTIFIER, SECRET, Hall, hall
from tests.radius_bridge.bridge import MemoryPolicy, now

pytestmark = pytest.mark.root

HERE = "127.0.0.1"
CLIENT = RadiusClient(
    "hall", (ip_network("127.0.0.0/8"),), Secret(SECRET), family=FamilyName.HOSTAPD
)
IMPATIENT = RetransmissionTimes(first_s=0.1, longest_s=0.2, duration_max_s=1.0)
START, STOP = AccountingStatus.START, AccountingStatus.STOP
INTERIM = AccountingStatus.INTERIM_UPDATE
ON, OFF = AccountingStatus.ACCOUNTING_ON, AccountingStatus.ACCOUNTING_OFF


@dataclass
class Ledger:
    """Refuses the first `refused` batches, then writes; `records` are all that were tried."""

    refused: int = 0
    records: list[AccountingRecord] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, records: Sequence[AccountingRecord]) -> None:
        self.records.extend(records)
        self.came.set()
        if self.refused:
            self.refused -= 1
            raise NotWrittenError

    async def has(self, wanted: Callable[[AccountingRecord], bool]) -> AccountingRecord:
        """Wait for a record."""
        while True:
            self.came.clear()
            for record in self.records:
                if wanted(record):
                    return record
            await self.came.wait()

    async def has_status(self, status: AccountingStatus) -> AccountingRecord:
        return await self.has(lambda record: record.status is status)


@asynccontextmanager
async def accounting(place: Hall, ledger: Ledger) -> AsyncIterator[None]:
    pipeline = Pipeline(Clients((CLIENT,)), {FamilyName.HOSTAPD: Hostapd()})
    responder = Responder(pipeline, MemoryPolicy(), ledger, now)
    server = UdpServer(responder, [Endpoint(HERE, 1813, Service.ACCOUNTING)])
    place.inside(server.__enter__)
    with closing(server):
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(responder.run()), tasks.create_task(server.run())]
            yield
            for task in running:
                task.cancel()


@asynccontextmanager
async def authorizer(
    place: Hall, times: RetransmissionTimes | None = None, clock_off: timedelta = timedelta()
) -> AsyncIterator[DynamicAuthorizer]:
    def opened(family: socket.AddressFamily) -> socket.socket:
        return place.inside(partial(open_socket, family))

    datagrams = DatagramExchanges(times, open_socket=opened)
    try:
        yield DynamicAuthorizer(lambda: datetime.now(UTC) + clock_off, datagrams)
    finally:
        datagrams.close()


def expulsion(mac: str) -> DynamicMessage:
    message = Hostapd().dynamic(DynamicVerb.EXPEL, None, Station(mac=mac))
    assert message is not None
    return message


async def test_a_visit_is_accounted_and_ended_by_us(tmp_path: Path) -> None:
    ledger = Ledger()
    async with hall(tmp_path) as place, accounting(place, ledger), authorizer(place) as sender:
        hostapd = await place.start_hostapd()
        began = await ledger.has_status(ON)
        assert began.station.mac is None
        assert began.station.nas_identifier == NAS_IDENTIFIER
        await place.plug_in()
        start = await ledger.has_status(START)
        assert start.station.mac == place.device_mac
        interim = await ledger.has(lambda one: one.status is INTERIM and bool(one.duration_s))
        assert interim.station.accounting_session_id == start.station.accounting_session_id

        assert await sender.send(CLIENT, HERE, expulsion(place.device_mac)) == Accepted()
        stop = await ledger.has_status(STOP)
        assert stop.station.accounting_session_id == start.station.accounting_session_id
        assert stop.station.mac == place.device_mac

        await hostapd.stop()
        ended = await ledger.has_status(OFF)
        assert ended.station.called == began.station.called
        assert ended.station.nas_identifier == NAS_IDENTIFIER


async def test_what_was_not_acknowledged_comes_again_as_the_same_event(tmp_path: Path) -> None:
    ledger = Ledger(refused=1)
    async with hall(tmp_path) as place, accounting(place, ledger):
        await place.start_hostapd()
        first = await ledger.has_status(ON)
        again = await ledger.has(lambda one: one.status is ON and one is not first)
        assert again.happened_at == first.happened_at
        assert again.station == first.station
        assert again.arrived_at - first.arrived_at > timedelta(seconds=2)


async def test_what_it_does_not_know_or_cannot_do_it_says(tmp_path: Path) -> None:
    ledger = Ledger()
    async with hall(tmp_path) as place, accounting(place, ledger), authorizer(place) as sender:
        await place.start_hostapd()
        await place.plug_in()
        await ledger.has_status(START)
        stranger = expulsion("02:00:00:00:99:99")
        assert await sender.send(CLIENT, HERE, stranger) == SessionUnknown()
        no_key = replace(stranger, attributes=(Attribute(4, bytes((127, 0, 0, 1))),))
        assert await sender.send(CLIENT, HERE, no_key) == SessionUnknown()
        shorter = DynamicMessage(
            DynamicKind.CHANGE, (*stranger.attributes, Attribute(27, (60).to_bytes(4, "big")))
        )
        assert await sender.send(CLIENT, HERE, shorter) == Unsupported(401)

        grant = Grant(session=b"s", session_timeout_s=60)
        chosen = Hostapd().dynamic(DynamicVerb.CHANGE, grant, Station(mac=place.device_mac))
        assert chosen is not None
        assert chosen.kind is DynamicKind.DISCONNECT
        assert await sender.send(CLIENT, HERE, chosen) == Accepted()


@pytest.mark.parametrize("off_s", [-310, 310])
async def test_outside_its_window_of_time_it_hears_nothing(tmp_path: Path, off_s: int) -> None:
    async with hall(tmp_path) as place:
        await place.start_hostapd()
        async with authorizer(place, IMPATIENT, timedelta(seconds=off_s)) as sender:
            assert await sender.send(CLIENT, HERE, expulsion(place.device_mac)) == Silent()
        async with authorizer(place, clock_off=timedelta(seconds=off_s * 0.9)) as sender:
            known = await sender.send(CLIENT, HERE, expulsion(place.device_mac))
            assert known == SessionUnknown()


async def test_with_another_secret_it_hears_nothing(tmp_path: Path) -> None:
    other = replace(CLIENT, secret=Secret(b"another secret, also long"))
    async with hall(tmp_path) as place, authorizer(place, IMPATIENT) as sender:
        await place.start_hostapd()
        assert await sender.send(other, HERE, expulsion(place.device_mac)) == Silent()
