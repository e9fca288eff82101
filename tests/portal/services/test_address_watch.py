"""Who asks the gate for ports, and who tells the levels: they wait for neighbours that are away."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

import pytest

from portal.domain.complaint import Complaint
from portal.domain.identity import MacAddress, SiteId
from portal.domain.privacy import PrivacyLevel
from portal.services import address_watch, privacy
from portal.services.address_watch import AddressWatch
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.services.ports.address_log import Given, GivenPorts, Had

GIVEN = Given([GivenPorts(MacAddress("02:00:00:00:00:01"), 1024, 1279, 3.0)])
OURS = [IPv4Address("192.0.2.10")]


class Gate:
    """Tells what it is set to tell, after so many failures."""

    def __init__(self, given: Given, failures: int = 0) -> None:
        self.given, self.failures = given, failures

    async def addresses(self) -> Given:
        if self.failures:
            self.failures -= 1
            raise GateUnavailableError("away")
        return self.given


class Log:
    """Keeps what it is told, after so many failures."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.told: list[tuple[Given, Sequence[object], datetime]] = []
        self.levels: list[object] = []
        self.heard = asyncio.Event()

    async def note(
        self, given: Given, public: Sequence[IPv4Address | IPv6Address], now: datetime
    ) -> None:
        self._fail()
        self.told.append((given, public, now))
        self.heard.set()

    async def had(self, complaint: Complaint, most: int) -> Sequence[Had]:
        raise AssertionError((complaint, most))

    async def is_whole(self, since: datetime) -> bool:
        raise AssertionError(since)

    async def tell(self, levels: object) -> None:
        self._fail()
        self.levels.append(levels)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailableError("away")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_EVERY_S", "SETTLE_S"):
        monkeypatch.setattr(address_watch, name, 0.001)
    monkeypatch.setattr(privacy, "RETRY_S", 0.001)


async def test_what_the_gate_tells_is_noted(now: datetime) -> None:
    log = Log()
    await AddressWatch(Gate(GIVEN), log, OURS, lambda: now).look(now)
    assert log.told == [(GIVEN, OURS, now)]
    await AddressWatch(Gate(Given()), log, OURS, lambda: now).look(now)
    assert len(log.told) == 1


async def test_a_gate_or_a_database_that_is_away_is_asked_again(now: datetime) -> None:
    log = Log(failures=2)
    watch = AddressWatch(Gate(GIVEN, failures=2), log, OURS, lambda: now)
    working = asyncio.create_task(watch.work())
    async with asyncio.timeout(60):
        await log.heard.wait()
    working.cancel()
    assert log.told[0] == (GIVEN, OURS, now)


async def test_levels_are_told_until_they_are_heard_and_then_no_more() -> None:
    log, levels = Log(failures=3), {SiteId("main"): PrivacyLevel.COUNTS}
    async with asyncio.timeout(60):
        await privacy.tell_levels(log, levels)
    assert log.levels == [levels]
