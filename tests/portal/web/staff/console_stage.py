"""Sessions that IT looks at: made by the services that make them, some over, some running."""

from dataclasses import dataclass
from datetime import timedelta

from portal.domain.admission import Admit
from portal.domain.identity import Device, MacAddress, Secret, SiteId, Subject
from portal.domain.session import Claim, EndReason, Ground, Session
from portal.services.opening import opening_of
from portal.services.outcomes import RefusalReason
from portal.services.ports import Event, EventKind
from tests.portal.web.staff.staff_under_test import BRANCH, BUS, CITY, StaffWorld

CARD = Secret("20000000000001")
OTHER_CARD = Secret("20000000000002")
PHONE = MacAddress("02:00:00:00:00:af")
LAPTOP = MacAddress("02:00:00:00:00:b1")


@dataclass(frozen=True)
class History:
    """What stands in the log."""

    over: Session
    """The phone's, with the card, yesterday; its guest had mistyped, and prolonged it."""
    online: Session
    """The laptop's, at the branch, with the other card."""
    accepted: Session
    """On the bus, where nobody is asked."""


async def start(
    world: StaffWorld, mac: MacAddress, site_id: SiteId, ground: Ground, card: Secret | None
) -> Session:
    now, doors = world.time(), world.doors
    subject: Subject | None = None if card is None else doors.keys.card(card, now)
    allowed = Admit(now + timedelta(hours=5), EndReason.TIME_LIMIT)
    opening = opening_of(doors, Device(mac, site_id), Claim(ground, subject), allowed, now)
    return (await doors.sessions.start(opening)).session


async def refuse(world: StaffWorld, mac: MacAddress, site_id: SiteId) -> None:
    now, doors = world.time(), world.doors
    trace = doors.keys.trace(mac, None, now)
    why = {"reason": RefusalReason.CREDENTIALS_WRONG.value}
    await doors.events.record(Event(EventKind.SIGN_IN_REFUSED, site_id, now, trace, why))


async def make_history(world: StaffWorld) -> History:
    """Make it, and leave the clock where it was."""
    end = world.time()
    world.time.now = end - timedelta(hours=22)
    await refuse(world, PHONE, CITY)
    world.time.passes(minutes=1)
    over = await start(world, PHONE, CITY, Ground.CARD, CARD)
    world.time.passes(minutes=30)
    later = over.ends_at + timedelta(minutes=30)
    longer = await world.doors.sessions.extend(over, later, EndReason.TIME_LIMIT, world.time())
    assert longer is not None
    world.time.passes(minutes=30)
    await world.doors.sessions.end(over.id, EndReason.LOGGED_OUT, world.time())
    accepted = await start(world, MacAddress("02:00:00:00:00:b2"), BUS, Ground.ACCEPT, None)
    await world.doors.sessions.end(accepted.id, EndReason.CLOSING_TIME, world.time())
    world.time.now = end - timedelta(hours=1)
    online = await start(world, LAPTOP, BRANCH, Ground.CARD, OTHER_CARD)
    await world.doors.arrivals.see(Device(LAPTOP, BRANCH), world.time(), "Windows", is_online=True)
    world.time.now = end
    return History(over, online, accepted)
