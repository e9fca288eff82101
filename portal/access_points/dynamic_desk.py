"""Tells access points what changed: let in who has a session now, put out who has none any more.

Not what is said (radius_bridge/vendors) and not how (radius_bridge/dynamic_authorization.py). The
rule to keep: what should be follows from the session alone, so that a lost word is said again by
the next comparison, and a doubled one does no harm; one device is never told of twice at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Never

import structlog

from portal.access_points.grants import grant_of, station_of, terms_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.live_picture import Change, LivePicture
from portal.services.places import Known, Places
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.live import LiveStore
from radius_bridge.clients import Clients
from radius_bridge.dynamic_requests import Accepted, Outcome, SessionUnknown, Unsupported
from radius_bridge.vendors.family import DynamicKind, DynamicMessage, DynamicVerb, Family

COMPARE_EVERY_S = 30.0

BROWSER_FIRST = timedelta(seconds=15)
"""Where the visitor's browser logs in at the access point, it is told only when that did not
happen."""

HEARD_WITHIN = timedelta(hours=24)
"""A device that no access point has told of for longer is somewhere else."""

AT_PORTAL_WITHIN = timedelta(minutes=10)
"""So long after a device was sent to the portal its access point is told again to let it in."""

SAME_END = timedelta(seconds=30)
"""An end that moved by less is not worth a word."""

MOST_AT_ONCE = 64
MOST_TRIES = 5
"""In vain, for one device and one wish: a comparison each, two and a half minutes in all."""

_log = structlog.get_logger()

Send = Callable[[str, str, DynamicMessage], Awaitable[Outcome]]
"""Sends a message to the access point of this client at this address."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an access point should do about a device."""

    verb: DynamicVerb
    session: Session | None


@dataclass(frozen=True, slots=True)
class DeskDoors:
    """What the desk looks at, and how it speaks."""

    picture: LivePicture
    places: Places
    store: LiveStore
    send: Send


class DynamicDesk:
    """``compare_for_ever`` is a task; each device's message is one of ``tasks``."""

    def __init__(self, doors: DeskDoors, tasks: asyncio.TaskGroup, clock: Clock) -> None:
        self.access_points: Mapping[str, AccessPoint] = {}
        self.families: Mapping[str, Family] = {}
        self._picture = doors.picture
        self._places = doors.places
        self._store = doors.store
        self._send = doors.send
        self._tasks = tasks
        self._clock = clock
        self._busy: set[MacAddress] = set()
        self._again: set[MacAddress] = set()
        self._tries: dict[tuple[MacAddress, DynamicVerb], int] = {}
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
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
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            try:
                await self.compare()
            except DatabaseUnavailableError as problem:
                _log.debug("access_points_not_compared", reason=str(problem))

    async def compare(self) -> None:
        """Tell access points where a device is in without a session, or waits with one.

        Raises:
            DatabaseUnavailableError: nothing was found.
        """
        now = self._clock()
        found = await self._store.misplaced(list(self.families), now - HEARD_WITHIN, now)
        self._places.learn(found)
        for place in found:
            self._look(place.mac)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if _matters(change):
                self._tries = {key: n for key, n in self._tries.items() if key[0] != change.mac}
                self._look(change.mac, is_news=True)

    def _look(self, mac: MacAddress, *, is_news: bool = False) -> None:
        if not self.families:
            return
        if mac in self._busy:
            if is_news:
                self._again.add(mac)
            return
        self._busy.add(mac)
        self._tasks.create_task(self._tell(mac, is_news=is_news), name="tell access point")

    async def _tell(self, mac: MacAddress, *, is_news: bool) -> None:
        try:
            if is_news:
                await self._find(mac)
                await self._wait_for_browser(mac)
            async with self._turns:
                await self._say(mac)
        finally:
            self._busy.discard(mac)
        if mac in self._again:
            self._again.discard(mac)
            self._look(mac, is_news=True)

    async def _find(self, mac: MacAddress) -> None:
        """Another process may have heard of the device since."""
        try:
            await self._places.look_up([mac])
        except DatabaseUnavailableError:
            return

    async def _wait_for_browser(self, mac: MacAddress) -> None:
        known = self._places.get(mac)
        wish = None if known is None else self._wish(mac, known)
        if known is None or wish is None or wish.verb is not DynamicVerb.ADMIT:
            return
        access_point = self.access_points.get(known.place.access_point)
        if access_point is not None and access_point.browser_logs_in:
            await asyncio.sleep(BROWSER_FIRST.total_seconds())
            await self._find(mac)

    async def _say(self, mac: MacAddress) -> None:
        known = self._places.get(mac)
        wish = None if known is None else self._wish(mac, known)
        if known is None or wish is None or not self._may_try(mac, wish.verb):
            return
        message = self._message(known, wish)
        if message is None:
            return
        place = known.place
        outcome = await self._send(place.access_point, place.source_ip, message)
        self._note(mac, wish, outcome)

    def _wish(self, mac: MacAddress, known: Known) -> _Wish | None:
        """Say what is to be done about a device; None: nothing."""
        now, place = self._clock(), known.place
        session = self._picture.session(mac, now)
        if session is None:
            return _Wish(DynamicVerb.EXPEL, None) if place.let_in else None
        if not place.let_in:
            is_waiting = now - place.heard_at < AT_PORTAL_WITHIN
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

    def _may_try(self, mac: MacAddress, verb: DynamicVerb) -> bool:
        tries = self._tries.get((mac, verb), 0)
        self._tries[mac, verb] = tries + 1
        return tries < MOST_TRIES

    def _note(self, mac: MacAddress, wish: _Wish, outcome: Outcome) -> None:
        now, verb = self._clock(), wish.verb
        is_done = isinstance(outcome, Accepted) or (
            verb is DynamicVerb.EXPEL and isinstance(outcome, SessionUnknown)
        )
        if isinstance(outcome, Unsupported):
            self._tries[mac, verb] = MOST_TRIES
        if is_done:
            self._tries.pop((mac, verb), None)
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
