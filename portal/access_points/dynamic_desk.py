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
from datetime import datetime, timedelta
from typing import Never
from weakref import WeakValueDictionary

import structlog

from portal.access_points.grants import grant_of, station_of, terms_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.live_picture import Change, LivePicture
from portal.services.places import Known, Places
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.live import LiveStore, Place
from radius_bridge.clients import Clients
from radius_bridge.dynamic_requests import Accepted, NotSent, Outcome, SessionUnknown, Unsupported
from radius_bridge.vendors.family import DynamicKind, DynamicMessage, DynamicVerb, Family
from radius_bridge.vendors.standard import PORTAL_TIMEOUT_S

COMPARE_EVERY_S = 30.0

BROWSER_FIRST = timedelta(seconds=15)
"""Where the visitor's browser logs in at the access point, it is told only when that did not
happen."""

HEARD_WITHIN = timedelta(hours=24)
"""A device that no access point has told of for longer is somewhere else."""

AT_PORTAL_WITHIN = timedelta(seconds=PORTAL_TIMEOUT_S + 120)
"""So long after a device was sent to the portal its access point is told again to let it in: as
long as the redirect holds, and what the access point takes to ask again."""

SAME_END = timedelta(seconds=30)
"""An end that moved by less is not worth a word."""

MOST_AT_ONCE = 64
"""Requests to one address: an access point that is away holds up its own devices alone."""

FIRST_PAUSE = timedelta(seconds=COMPARE_EVERY_S - 5)
LONGEST_PAUSE = timedelta(minutes=10)
"""Between tries in vain. A revoked device is told of until its access point agrees: a line that is
down for a night comes back. The first is over when the next comparison comes."""

LONGEST_DOUBLING = 5
"""From the first pause that is beyond the longest."""

TRIES_KEPT = timedelta(hours=1)
"""Longer than any pause: nobody wishes this any more."""

_log = structlog.get_logger()

Send = Callable[[str, str, DynamicMessage], Awaitable[Outcome]]
"""Sends a message to the access point of this client at this address."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an access point should do about a device."""

    verb: DynamicVerb
    session: Session | None


@dataclass(frozen=True, slots=True)
class _Tries:
    """How often a wish was told in vain, and when it was told last."""

    count: int
    last_at: datetime

    @property
    def again_at(self) -> datetime:
        doublings = min(self.count - 1, LONGEST_DOUBLING)
        return self.last_at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


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
        self._tries: dict[tuple[MacAddress, DynamicVerb], _Tries] = {}
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
        while True:
            try:
                await self.compare()
            except DatabaseUnavailableError as problem:
                _log.debug("access_points_not_compared", reason=str(problem))
            except Exception as problem:  # noqa: BLE001 - the boundary of one comparison
                _log.error("comparison_failed", reason=type(problem).__name__)
            await asyncio.sleep(COMPARE_EVERY_S)

    async def compare(self) -> None:
        """Tell access points where a device is in without a session, or waits with one.

        Raises:
            DatabaseUnavailableError: nothing was found.
        """
        now = self._clock()
        self._tries = {
            key: tries for key, tries in self._tries.items() if now - tries.last_at < TRIES_KEPT
        }
        found = await self._store.misplaced(list(self.families), now - HEARD_WITHIN, now)
        self._places.learn(found)
        self._look([place.mac for place in found])

    def _changed(self, changes: Sequence[Change]) -> None:
        """Sessions that are read at the start are no news: what differs the comparison finds."""
        if not self._picture.is_loaded.is_set():
            return
        macs = [change.mac for change in changes if _matters(change)]
        for mac in macs:
            for verb in DynamicVerb:
                self._tries.pop((mac, verb), None)
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
        return known.place.let_in and self._picture.session(mac, self._clock()) is None

    async def _tell(self, mac: MacAddress, *, is_news: bool, may_expel: bool) -> None:
        try:
            if is_news:
                await self._wait_for_browser(mac)
            await self._say(mac, is_news=is_news, may_expel=may_expel)
        except Exception as problem:  # noqa: BLE001 - the boundary of one device
            _log.error("access_point_not_told", reason=type(problem).__name__)
        finally:
            self._busy.discard(mac)
        if mac in self._again:
            self._again.discard(mac)
            self._look([mac], is_news=True)

    async def _wait_for_browser(self, mac: MacAddress) -> None:
        known = self._places.get(mac)
        wish = None if known is None else self._wish(mac, known, is_news=True)
        if known is None or wish is None or wish.verb is not DynamicVerb.ADMIT:
            return
        access_point = self.access_points.get(known.place.access_point)
        if access_point is not None and access_point.browser_logs_in:
            await asyncio.sleep(BROWSER_FIRST.total_seconds())
            await self._find([mac])

    async def _say(self, mac: MacAddress, *, is_news: bool, may_expel: bool) -> None:
        known = self._places.get(mac)
        if known is None:
            return
        async with self._turn(known.place):
            wish = self._wish(mac, known, is_news=is_news)
            if wish is None or (wish.verb is DynamicVerb.EXPEL and not may_expel):
                return
            if not self._may_try(known.place, wish.verb):
                return
            message = self._message(known, wish)
            if message is not None:
                place = known.place
                outcome = await self._send(place.access_point, place.source_ip, message)
                self._note(mac, wish, outcome)

    def _turn(self, place: Place) -> asyncio.Semaphore:
        key = (place.access_point, place.source_ip)
        return self._turns.setdefault(key, asyncio.Semaphore(MOST_AT_ONCE))

    def _wish(self, mac: MacAddress, known: Known, *, is_news: bool) -> _Wish | None:
        """Say what is to be done about a device; None: nothing.

        Who logs in is let in however long ago the redirect was.
        """
        now, place = self._clock(), known.place
        session = self._picture.session(mac, now)
        if session is None:
            return _Wish(DynamicVerb.EXPEL, None) if place.let_in else None
        if not place.let_in:
            within = HEARD_WITHIN if is_news else AT_PORTAL_WITHIN
            is_waiting = now - place.heard_at < within
            return _Wish(DynamicVerb.ADMIT, session) if is_waiting else None
        until = known.granted_until
        if until is not None and abs(session.due_at - until) > SAME_END:
            return _Wish(DynamicVerb.CHANGE, session)
        return None

    def _message(self, known: Known, wish: _Wish) -> DynamicMessage | None:
        place = known.place
        family = self.families.get(place.access_point)
        access_point = self.access_points.get(place.access_point)
        if family is None or access_point is None:
            return None
        if place.mac in access_point.allowed_devices:
            return None
        session, now = wish.session, self._clock()
        grant = None if session is None else grant_of(session, terms_of(access_point), now)
        message = family.dynamic(wish.verb, grant, station_of(place))
        is_rough = message is not None and message.kind is DynamicKind.DISCONNECT
        if wish.verb is DynamicVerb.CHANGE and is_rough:
            return None  # nobody is put out for a new end; the access point asks at the old one
        return message

    def _may_try(self, place: Place, verb: DynamicVerb) -> bool:
        """Say whether it is time, and count the try; who is heard of again begins anew."""
        now, key = self._clock(), (place.mac, verb)
        tries = self._tries.get(key)
        if tries is None or place.heard_at > tries.last_at:
            self._tries[key] = _Tries(1, now)
            return True
        if now < tries.again_at:
            return False
        self._tries[key] = _Tries(tries.count + 1, now)
        return True

    def _note(self, mac: MacAddress, wish: _Wish, outcome: Outcome) -> None:
        now, verb = self._clock(), wish.verb
        is_done = isinstance(outcome, Accepted) or (
            verb is DynamicVerb.EXPEL and isinstance(outcome, SessionUnknown)
        )
        if is_done or isinstance(outcome, NotSent):
            self._tries.pop((mac, verb), None)
        if isinstance(outcome, Unsupported):
            self._tries[mac, verb] = _Tries(LONGEST_DOUBLING + 1, now)
        if is_done:
            self._places.told(mac, now, let_in=verb is not DynamicVerb.EXPEL)
            known = self._places.get(mac)
            if known is not None and wish.session is not None:
                known.granted_until = wish.session.due_at
        _log.info(
            "access_point_told",
            verb=verb,
            outcome=type(outcome).__name__,
            session=None if wish.session is None else str(wish.session.id),
        )


def _matters(change: Change) -> bool:
    """Say whether anything changed that an access point is told of: not counters."""
    before, after = change.before, change.after
    if before is None or after is None:
        return True
    return (before.id, before.due_at) != (after.id, after.due_at)
