"""Tells access points what changed: let in who has a session now, put out who has none any more.

Not what is said (radius_bridge/vendors) and not how (radius_bridge/dynamic_authorization.py). The
rule to keep: what should be follows from the session alone, so that a lost word is said again by
a later comparison, and a doubled one does no harm; one device is never told of twice at once; and
nobody is put out on the word of memory alone. Fails by waiting: without the database nobody is put
out, and a fault of ours over one device is logged and costs the others nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Never
from weakref import WeakValueDictionary

import structlog

from portal.access_points.grants import changed_grant, grant_of, station_of, terms_of
from portal.access_points.wishes import HEARD_WITHIN, Tries, Wish, matters, wish_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.live_picture import Change, LivePicture
from portal.services.places import Known, Places
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.live import LiveStore, Place
from portal.services.repeating import repeat
from radius_bridge.access import Grant
from radius_bridge.clients import Clients
from radius_bridge.dynamic_requests import Accepted, NotSent, Outcome, SessionUnknown, Unsupported
from radius_bridge.vendors.family import DynamicMessage, DynamicVerb, Family, Reach

COMPARE_EVERY_S = 30.0

BROWSER_FIRST = timedelta(seconds=15)
"""Where the visitor's browser logs in at the access point, it is told only when that did not
happen."""

MOST_AT_ONCE = 64
"""Requests to one address: an access point that is away holds up its own devices alone."""

_log = structlog.get_logger()

Send = Callable[[str, str, DynamicMessage], Awaitable[Outcome]]
"""Sends a message to the access point of this client at this address."""


@dataclass(frozen=True, slots=True)
class DeskDoors:
    """What the desk looks at, and how it speaks.

    ``online`` asks the database which of these devices have a session.
    """

    picture: LivePicture
    places: Places
    store: LiveStore
    online: Callable[[Sequence[MacAddress]], Awaitable[Mapping[MacAddress, Session]]]
    send: Send


class DynamicDesk:
    """``compare_for_ever`` is a task; each device's message is one of ``tasks``."""

    def __init__(self, doors: DeskDoors, tasks: asyncio.TaskGroup, clock: Clock) -> None:
        self.access_points: Mapping[str, AccessPoint] = {}
        self.families: Mapping[str, Family] = {}
        self._picture = doors.picture
        self._places = doors.places
        self._store = doors.store
        self._online = doors.online
        self._send = doors.send
        self._tasks = tasks
        self._clock = clock
        self._busy: set[MacAddress] = set()
        self._again: set[MacAddress] = set()
        self._tries = Tries()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()
        doors.picture.changed.append(self._changed)

    def serve(
        self,
        clients: Clients,
        access_points: Mapping[str, AccessPoint],
        family_of: Callable[..., Family],
    ) -> None:
        """Tell these access points from now on: those that take such requests."""
        self.access_points = access_points
        self.families = {
            client.name: family_of(client.family)
            for client in clients.all
            if client.dynamic_authorization is not None
        }

    async def compare_for_ever(self) -> Never:
        """Find what differs between sessions and what access points were told last."""
        await self._picture.is_loaded.wait()
        await repeat(self.compare, COMPARE_EVERY_S, "access_points_not_compared")

    async def compare(self) -> None:
        """Tell access points where a device is in without a session, or waits with one.

        Raises:
            DatabaseUnavailableError: nothing was found.
        """
        now = self._clock()
        self._tries.tidy(now)
        found = await self._store.misplaced(list(self.families), now - HEARD_WITHIN, now)
        self._places.learn(found)
        self._look({place.mac for place in found})

    def _changed(self, changes: Sequence[Change]) -> None:
        """Sessions that are read at the start are no news: what differs the comparison finds."""
        if not self._picture.is_loaded.is_set():
            return
        macs = {change.mac for change in changes if matters(change)}
        self._tries.forget(macs)
        self._look(macs, is_news=True)

    def _look(self, macs: Iterable[MacAddress], *, is_news: bool = False) -> None:
        if not self.families:
            return
        wanted = set(macs)
        if is_news:
            self._again |= wanted & self._busy
        free = list(wanted - self._busy)
        if free:
            self._busy.update(free)
            self._tasks.create_task(self._tell_of(free, is_news=is_news), name="look at places")

    async def _tell_of(self, macs: Sequence[MacAddress], *, is_news: bool) -> None:
        """Ask the database about all together, then tell of each by itself."""
        if is_news:
            await self._find(macs)
        doomed = await self._doomed(macs)
        for mac in macs:
            telling = self._tell(mac, is_news=is_news, may_expel=mac in doomed)
            self._tasks.create_task(telling, name="tell access point")

    async def _find(self, macs: Sequence[MacAddress]) -> None:
        """Another process may have heard of the devices since."""
        try:
            await self._places.look_up(macs)
        except DatabaseUnavailableError:
            return
        except Exception as problem:  # noqa: BLE001 - what is known here stands
            _log.error("places_not_looked_up", reason=type(problem).__name__)

    async def _doomed(self, macs: Sequence[MacAddress]) -> set[MacAddress]:
        """Return who is to be put out, and has no session in the database either.

        Memory may have heard of a session's end and not yet of the next one's start.
        """
        known = {mac: self._places.get(mac) for mac in macs}
        out = [mac for mac, one in known.items() if one is not None and self._is_out(mac, one)]
        try:
            found = await self._online(out) if out else {}
        except DatabaseUnavailableError:
            return set()  # the next comparison finds them
        except Exception as problem:  # noqa: BLE001 - nobody is put out on a guess
            _log.error("sessions_not_looked_up", reason=type(problem).__name__)
            return set()
        now = self._clock()
        return set(out) - {mac for mac, session in found.items() if now < session.due_at}

    def _is_out(self, mac: MacAddress, known: Known) -> bool:
        is_in = any(place.let_in for place in known.places)
        return is_in and self._picture.session(mac, self._clock()) is None

    async def _tell(self, mac: MacAddress, *, is_news: bool, may_expel: bool) -> None:
        try:
            if is_news:
                await self._wait_for_browser(mac)
            await self._say(mac, is_news=is_news, may_expel=may_expel)
        finally:
            self._busy.discard(mac)
        if mac in self._again:
            self._again.discard(mac)
            self._look([mac], is_news=True)

    async def _wait_for_browser(self, mac: MacAddress) -> None:
        known = self._places.get(mac)
        wish = None if known is None else self._wish(known.place, is_news=True)
        if known is None or wish is None or wish.verb is not DynamicVerb.ADMIT:
            return
        access_point = self.access_points.get(known.place.access_point)
        if access_point is not None and access_point.browser_logs_in:
            await asyncio.sleep(BROWSER_FIRST.total_seconds())
            await self._find([mac])

    async def _say(self, mac: MacAddress, *, is_news: bool, may_expel: bool) -> None:
        """Tell all access points of a device at once: one may be away."""
        known = self._places.get(mac)
        places = () if known is None else known.places
        await asyncio.gather(
            *(self._say_at(p, is_news=is_news, may_expel=may_expel) for p in places)
        )

    async def _say_at(self, place: Place, *, is_news: bool, may_expel: bool) -> None:
        async with self._turn(place):
            current = self._places.at(place)
            if current is None:
                return
            try:
                await self._say_there(current, is_news=is_news, may_expel=may_expel)
            except Exception as problem:  # noqa: BLE001 - the boundary of one device at one place
                _log.error("access_point_not_told", reason=type(problem).__name__)

    async def _say_there(self, place: Place, *, is_news: bool, may_expel: bool) -> None:
        wish = self._wish(place, is_news=is_news)
        if wish is None or (wish.verb is DynamicVerb.EXPEL and not may_expel):
            return
        family = self.families.get(place.access_point)
        access_point = self.access_points.get(place.access_point)
        if family is None or access_point is None or place.mac in access_point.allowed_devices:
            return
        grant = self._grant(wish, place, access_point)
        if wish.verb is DynamicVerb.CHANGE and _reach(family, place, grant) is not Reach.CHANGE:
            self._note_done(place, wish, grant)  # its own end comes late enough (grants.LONG_END_S)
            return
        message = family.dynamic(wish.verb, grant, station_of(place))
        if message is not None and self._tries.take(place, wish.verb, self._clock()):
            outcome = await self._send(place.access_point, place.source_ip, message)
            self._note(place, wish, grant, outcome)

    def _turn(self, place: Place) -> asyncio.Semaphore:
        key = (place.access_point, place.source_ip)
        return self._turns.setdefault(key, asyncio.Semaphore(MOST_AT_ONCE))

    def _wish(self, place: Place, *, is_news: bool) -> Wish | None:
        now = self._clock()
        return wish_of(place, self._picture.session(place.mac, now), now, is_news=is_news)

    def _grant(self, wish: Wish, place: Place, access_point: AccessPoint) -> Grant | None:
        if wish.session is None:
            return None
        now = self._clock()
        grant = grant_of(wish.session, terms_of(access_point), now)
        if wish.verb is not DynamicVerb.CHANGE:
            return grant
        return changed_grant(grant, now - (place.let_in_at or wish.session.started_at))

    def _note(self, place: Place, wish: Wish, grant: Grant | None, outcome: Outcome) -> None:
        is_gone = isinstance(outcome, SessionUnknown)
        is_done = isinstance(outcome, Accepted) or (wish.verb is DynamicVerb.EXPEL and is_gone)
        if is_done or isinstance(outcome, NotSent):
            self._tries.give_back(place, wish.verb)
        if isinstance(outcome, Unsupported):
            self._tries.leave_long(place, wish.verb, self._clock())
        if is_done:
            self._note_done(place, wish, grant)
        elif is_gone:
            self._places.left(place)
        _log.info(
            "access_point_told",
            verb=wish.verb,
            outcome=type(outcome).__name__,
            session=None if wish.session is None else str(wish.session.id),
        )
        if wish.verb is DynamicVerb.CHANGE and not is_done:
            _tell_kept_end(place, outcome)

    def _note_done(self, place: Place, wish: Wish, grant: Grant | None) -> None:
        session = wish.session
        self._places.told(
            place,
            self._clock(),
            let_in=session is not None,
            granted_until=None if session is None else session.due_at,
            has_idle_timeout=None if grant is None else grant.idle_timeout_s is not None,
        )


def _reach(family: Family, place: Place, grant: Grant | None) -> Reach:
    return family.reach(station_of(place), None if grant is None else grant.role)


def _tell_kept_end(place: Place, outcome: Outcome) -> None:
    """Say for IT that an access point may cut somebody off, or not drop somebody, in time."""
    until = place.granted_until
    _log.warning(
        "access_point_keeps_old_end",
        client=place.access_point,
        outcome=type(outcome).__name__,
        old_end=None if until is None else until.isoformat(timespec="seconds"),
    )
