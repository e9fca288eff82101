"""One login for what an access point sends twice; another for what it sends changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portal.access_points.card_logins import CardLogins
from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.services.outcomes import RefusalReason, Refused, SignInOutcome

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
PHONE = Device(MacAddress("02:00:00:00:00:01"), SiteId("city"))
OTHER = Device(MacAddress("02:00:00:00:00:02"), SiteId("city"))
WRONG = Refused(RefusalReason.CREDENTIALS_WRONG)
DOWN = Refused(RefusalReason.SERVICE_DOWN)


@dataclass
class Checks:
    """Answers when it may, and notes who asked."""

    outcome: SignInOutcome = WRONG
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def __call__(
        self, device: Device, card: Secret, pin: Secret, _now: datetime
    ) -> SignInOutcome:
        self.asked.append((device.mac, card.reveal(), pin.reveal()))
        await self.may_answer.wait()
        return self.outcome


@asynccontextmanager
async def asking(checks: Checks) -> AsyncIterator[CardLogins]:
    async with asyncio.TaskGroup() as tasks:
        yield CardLogins(checks, tasks)


async def test_who_does_not_wait_finds_the_answer_when_it_asks_again() -> None:
    checks = Checks()
    async with asking(checks) as logins:
        first = asyncio.ensure_future(logins.ask(PHONE, "1", "2", NOW))
        await asyncio.sleep(0)
        first.cancel()
        second = asyncio.ensure_future(logins.ask(PHONE, "1", "2", NOW))
        await asyncio.sleep(0)
        checks.may_answer.set()
        assert await second == WRONG
        assert await logins.ask(PHONE, "1", "2", NOW) == WRONG
    assert len(checks.asked) == 1


async def test_another_pin_card_or_device_is_another_login() -> None:
    checks = Checks()
    checks.may_answer.set()
    async with asking(checks) as logins:
        for device, card, pin in ((PHONE, "1", "2"), (PHONE, "1", "3"), (PHONE, "12", "")):
            await logins.ask(device, card, pin, NOW)
        await logins.ask(OTHER, "1", "2", NOW)
    assert len(checks.asked) == 4


async def test_an_outage_is_not_kept() -> None:
    checks = Checks(outcome=DOWN)
    checks.may_answer.set()
    async with asking(checks) as logins:
        for _ in range(2):
            assert await logins.ask(PHONE, "1", "2", NOW) == DOWN
            await asyncio.sleep(0)  # it is forgotten in the loop's next turn
            await asyncio.sleep(0)
    assert len(checks.asked) == 2
