"""Controllers hear of what ends, and of new ends, from whichever process made them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from portal.access_points.controller_desk import Controlled, ControllerDesk
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Session
from portal.services.live_picture import LivePicture
from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.vendors.family import Redirected
from tests.portal.web.portal_under_test import NOW, make_session


@dataclass
class Heard:
    """A controller that notes what it is told, and fails as often as it is told to."""

    knows_addresses: bool = True
    failures: int = 0
    faulty: str = ""
    told: list[str] = field(default_factory=list)
    tries: int = 0

    async def identify(self, visitor: Redirected) -> str | None:
        return visitor.mac

    async def admit(self, admission: Admission, now: datetime) -> None:
        self._maybe_fail()
        assert now == NOW
        self.told.append(f"admit {admission.visitor.mac} {admission.grant.session_timeout_s}")

    async def expel(self, visitor: Redirected) -> None:
        if visitor.mac == self.faulty:
            raise ValueError(visitor.mac)
        self._maybe_fail()
        self.told.append(f"expel {visitor.mac}")

    def _maybe_fail(self) -> None:
        self.tries += 1
        if self.failures:
            self.failures -= 1
            raise ControllerError("away")


@asynccontextmanager
async def desk(controller: Heard) -> AsyncIterator[LivePicture]:
    """Run one; everything is told when it is left."""
    picture = LivePicture(None, lambda: NOW)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as tasks:
        one = Controlled(AccessPoint("house", SiteId("city")), controller)
        ControllerDesk([one], picture, tasks, lambda: NOW, pauses_s=(0, 0))
        yield picture


SESSION = make_session()
MAC = SESSION.mac


def longer(session: Session) -> Session:
    return replace(session, ends_at=session.ends_at + timedelta(hours=1))


async def test_whose_session_ended_is_put_out() -> None:
    controller = Heard()
    async with desk(controller) as picture:
        picture.note(SESSION)
        picture.forget(SESSION)
    assert controller.told == [f"expel {MAC}"]


async def test_a_new_end_is_told_and_a_login_is_not() -> None:
    controller = Heard()
    async with desk(controller) as picture:
        picture.note(SESSION)
        picture.note(replace(SESSION, last_seen_at=NOW + timedelta(minutes=1)))
        picture.note(longer(SESSION))
    assert controller.told == [f"admit {MAC} {5 * 3600 + 2}"]


async def test_every_site_that_let_the_device_in_is_told() -> None:
    began, followed, other = Heard(), Heard(), Heard()
    picture = LivePicture(None, lambda: NOW)  # type: ignore[arg-type]
    roaming = replace(SESSION, elsewhere=frozenset({SiteId("village")}))
    sites = {"city": began, "village": followed, "other": other}
    async with asyncio.TaskGroup() as tasks:
        controlled = [Controlled(AccessPoint(s, SiteId(s)), one) for s, one in sites.items()]
        ControllerDesk(controlled, picture, tasks, lambda: NOW, pauses_s=(0, 0))
        picture.note(SESSION)
        picture.note(roaming)
        picture.note(longer(roaming))
        await asyncio.sleep(0)
        picture.forget(roaming)
    for one in (began, followed):
        assert one.told[-1] == f"expel {MAC}"
    assert other.told == []


async def test_who_logged_in_again_meanwhile_stays() -> None:
    controller = Heard()
    async with desk(controller) as picture:
        picture.note(SESSION)
        picture.forget(SESSION)
        picture.note(replace(SESSION, id=UUID(int=2)))
    assert controller.told == [f"admit {MAC} {4 * 3600 + 2}"]


async def test_a_controller_that_was_away_is_told_again() -> None:
    controller = Heard(failures=2)
    async with desk(controller) as picture:
        picture.note(SESSION)
        picture.forget(SESSION)
    assert controller.told == [f"expel {MAC}"]


async def test_one_that_stays_away_is_told_until_it_hears() -> None:
    controller = Heard(failures=99)
    async with desk(controller) as picture:
        picture.note(SESSION)
        picture.forget(SESSION)
    assert (controller.told, controller.tries) == ([f"expel {MAC}"], 100)


async def test_when_its_own_end_has_come_it_is_left_to_it() -> None:
    controller = Heard(failures=99)
    ended = make_session(
        started_at=NOW - timedelta(hours=3), ends_at=NOW - timedelta(minutes=2), last_seen_at=NOW
    )
    async with desk(controller) as picture:
        picture.note(ended)
        picture.forget(ended)
    assert (controller.told, controller.tries) == ([], 1)


async def test_a_fault_of_ours_over_one_device_costs_the_others_nothing() -> None:
    controller = Heard(faulty=MAC)
    other = replace(SESSION, id=UUID(int=2), mac=MacAddress("02:00:00:00:00:77"))
    async with desk(controller) as picture:
        for session in (SESSION, other):
            picture.note(session)
            picture.forget(session)
    assert controller.told == [f"expel {other.mac}"]


async def test_a_controller_that_is_away_holds_up_no_other() -> None:
    away, heard, hears = asyncio.Event(), Heard(), asyncio.Event()

    class Slow(Heard):
        async def expel(self, visitor: Redirected) -> None:
            assert visitor.mac
            await away.wait()

    class Quick(Heard):
        async def expel(self, visitor: Redirected) -> None:
            heard.told.append(visitor.mac or "")
            hears.set()

    picture = LivePicture(None, lambda: NOW)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as tasks:
        both = [
            Controlled(AccessPoint(name, SiteId("city")), controller)
            for name, controller in (("slow", Slow()), ("quick", Quick()))
        ]
        ControllerDesk(both, picture, tasks, lambda: NOW, pauses_s=(0,))
        for number in range(20):
            one = replace(
                SESSION, id=UUID(int=number), mac=MacAddress(f"02:00:00:00:00:{number:02x}")
            )
            picture.note(one)
            picture.forget(one)
        while len(heard.told) < 20:
            hears.clear()
            await hears.wait()
        away.set()


async def test_other_libraries_and_other_controllers_hear_nothing() -> None:
    for controller, session in (
        (Heard(), make_session(site_id=SiteId("village"))),
        (Heard(knows_addresses=False), SESSION),
    ):
        async with desk(controller) as picture:
            picture.note(session)
            picture.forget(session)
        assert controller.tries == 0
