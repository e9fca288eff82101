"""Network access: whom an access point may let in, that asks about a device by RADIUS.

Not the protocol (portal/access_points/policy.py) and not the rules of coming back (returning.py).
The rule to keep: who is known is answered from memory, also with the database away; a stranger
costs the database one question in ten seconds, together with others, and waits for nobody who is
let in meanwhile. A fault of ours over one device is logged; that device meets the page.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Never

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.returning import comes_back, visited
from portal.domain.session import Claim, Ground, Session
from portal.domain.site import LoginMethod
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.key_files import KeyRingError
from portal.services.live_picture import LivePicture
from portal.services.opening import opening_of
from portal.services.outcomes import Admitted, Refused, SignInOutcome
from portal.services.ports import Clock, GateUnavailableError
from portal.services.ports.observing import NobodyCounts, SignInObserver
from portal.services.ports.spool import UnwrittenReturn
from portal.services.redeem import Redeem
from portal.services.returning import MOST_AT_ONCE, Recognised, Returning
from portal.services.sign_in import SignIn
from portal.services.spooling import keep
from portal.services.strangers import Strangers

MOST_WAITING = 2_000
"""Devices that are looked for; whoever comes then meets the page, and is asked about again."""

LET_IN_AT_ONCE = 3
"""Of the process's connections to the database (four, if nobody wrote another number) one is left
for finding out who else has come."""

_log = structlog.get_logger()

_Answer = asyncio.Future[Session | None]


@dataclass(slots=True)
class _Waiting:
    device: Device
    answer: _Answer


class NetworkAccess:
    """``look`` is a task. ``doors.gate`` is none: where there is one, the keeper tells it."""

    def __init__(self, doors: Doors, picture: LivePicture, clock: Clock) -> None:
        self._doors = doors
        self._picture = picture
        self._clock = clock
        self._returning = Returning(doors)
        self._sign_in = SignIn(doors)
        self._redeem = Redeem(doors)
        self._strangers = Strangers()
        self._waiting: dict[MacAddress, _Waiting] = {}
        self._queue: deque[_Waiting] = deque()
        self._somebody = asyncio.Event()
        self._turns = asyncio.Semaphore(LET_IN_AT_ONCE)
        self._followed: set[tuple[object, object]] = set()
        self.observer: SignInObserver = NobodyCounts()
        """Is told of logins, as it is of those on a page."""
        picture.changed.append(self._forget_strangers)

    def session(self, mac: MacAddress, now: datetime) -> Session | None:
        """Return the device's session, from memory."""
        return self._picture.session(mac, now)

    @property
    def knows(self) -> bool:
        """Whether the sessions have been read: before, nobody can be called a stranger."""
        return self._picture.is_loaded.is_set()

    def is_stranger(self, mac: MacAddress) -> bool:
        """Say whether the device was looked for in vain a moment ago."""
        return self._strangers.has(mac, asyncio.get_running_loop().time())

    async def look_for(self, device: Device) -> Session | None:
        """Return the session that the device has or takes up by itself, asking whom is needed."""
        known = self._picture.session(device.mac, self._clock())
        if known is not None or len(self._waiting) >= MOST_WAITING:
            return known
        waiting = self._waiting.get(device.mac)
        if waiting is None:
            waiting = _Waiting(device, asyncio.get_running_loop().create_future())
            self._waiting[device.mac] = waiting
            self._queue.append(waiting)
            self._somebody.set()
        return await asyncio.shield(waiting.answer)

    async def look(self) -> Never:
        """Look for those who wait, many at a time, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._somebody.wait()
                self._somebody.clear()
                while self._queue:
                    await self._look_for_some(tasks)

    async def with_code(self, device: Device, code: str, now: datetime) -> SignInOutcome:
        """Let a device in by a voucher's code."""
        outcome = await self._redeem.with_code(device, code, now)
        return self._noted(outcome, device, Ground.VOUCHER)

    async def with_card(
        self, device: Device, card: Secret, pin: Secret, now: datetime
    ) -> SignInOutcome:
        """Let a device in by card and PIN."""
        outcome = await self._sign_in.with_card(device, card, pin, now)
        return self._noted(outcome, device, Ground.CARD)

    async def follow(self, session: Session, device: Device) -> None:
        """Note that a session's device was let in at another site than its own; never raises."""
        where = (session.id, device.site_id)
        if session.site_id == device.site_id or where in self._followed:
            return
        if len(self._followed) >= MOST_WAITING:
            self._followed.clear()
        self._followed.add(where)
        try:
            await self._doors.sessions.admit_at(session.id, device.site_id)
        except STORE_ERRORS:
            self._followed.discard(where)
        except Exception as problem:  # noqa: BLE001 - the boundary of one session
            _log.error("session_not_followed", reason=type(problem).__name__)

    def _noted(self, outcome: SignInOutcome, device: Device, method: Ground) -> SignInOutcome:
        where = device.access_point
        match outcome:
            case Admitted(session):
                self._picture.note(session)
                self.observer.admitted(device.site_id, session.ground, where)
            case Refused(reason):
                self.observer.refused(device.site_id, method, reason, where)
        return outcome

    def _forget_strangers(self, _changes: object) -> None:
        self._strangers = Strangers()

    async def _look_for_some(self, tasks: asyncio.TaskGroup) -> None:
        """Answer strangers at once, and let the others in beside it."""
        count = min(len(self._queue), MOST_AT_ONCE)
        batch = [self._queue.popleft() for _ in range(count)]
        now = self._clock()
        found = await self._recognise([waiting.device for waiting in batch], now)
        for waiting in batch:
            if found is not None and self._is_strange(waiting.device, found):
                self._strangers.add(waiting.device.mac, asyncio.get_running_loop().time())
                self._answer(waiting, None)
            else:
                tasks.create_task(self._admit(waiting, found, now), name="let in")

    async def _recognise(
        self, devices: Sequence[Device], now: datetime
    ) -> Mapping[MacAddress, Recognised] | None:
        """Return who is known; None: nobody can be asked."""
        try:
            return await self._returning.recognise(devices, now)
        except STORE_ERRORS as problem:
            _log.warning("devices_not_looked_for", reason=type(problem).__name__)
        except Exception as problem:  # noqa: BLE001 - the boundary of one question
            _log.error("devices_not_recognised", reason=type(problem).__name__)
        return None

    def _is_strange(self, device: Device, found: Mapping[MacAddress, Recognised]) -> bool:
        site = self._doors.sites.get(device.site_id)
        is_open = site is not None and LoginMethod.NONE in site.login_methods
        return device.mac not in found and not is_open

    async def _admit(
        self, waiting: _Waiting, found: Mapping[MacAddress, Recognised] | None, now: datetime
    ) -> None:
        session = None
        try:
            async with self._turns:
                session = await self._let_in(waiting.device, found, now)
            if session is None and found is not None:
                self._strangers.add(waiting.device.mac, asyncio.get_running_loop().time())
        except Exception as problem:  # noqa: BLE001 - the boundary of one device
            _log.error("device_not_let_in", reason=type(problem).__name__)
        self._answer(waiting, session)

    def _answer(self, waiting: _Waiting, session: Session | None) -> None:
        del self._waiting[waiting.device.mac]
        waiting.answer.set_result(session)

    async def _let_in(
        self, device: Device, found: Mapping[MacAddress, Recognised] | None, now: datetime
    ) -> Session | None:
        if found is None:
            return await self._from_memory(device, now)
        try:
            session = await self._take_up(device, found.get(device.mac), now)
        except (GateUnavailableError, *STORE_ERRORS) as problem:
            _log.warning("returning_device_waits", reason=type(problem).__name__)
            return await self._from_memory(device, now)
        if session is not None:
            self._picture.note(session)
        return session

    async def _take_up(
        self, device: Device, recognised: Recognised | None, now: datetime
    ) -> Session | None:
        if recognised is not None:
            return await self._returning.let_in(recognised, now)
        if LoginMethod.NONE not in self._doors.sites[device.site_id].login_methods:
            return None
        outcome = await self._sign_in.without_card(device, Ground.OPEN, now)
        if isinstance(outcome, Admitted) and outcome.session.started_at >= now:
            self.observer.admitted(device.site_id, Ground.OPEN, device.access_point)
        return outcome.session if isinstance(outcome, Admitted) else None

    async def _from_memory(self, device: Device, now: datetime) -> Session | None:
        """Let a remembered device in while the database is away; its session is on disk before."""
        try:
            return await self._return_unwritten(device, now)
        except KeyRingError as error:
            _log.warning("store_failed", during="network_access", reason=str(error))
            return None

    async def _return_unwritten(self, device: Device, now: datetime) -> Session | None:
        names = self._doors.keys.devices(device.mac, now)
        known = (self._picture.remembered.get(name) for name in names)
        remembered = next((one for one in known if one is not None), None)
        by = comes_back(None, remembered, now)
        site = self._doors.sites[device.site_id]
        if by is None or remembered is None:
            return None
        until = admit(site, by.ground, now)
        if not isinstance(until, Admit):
            return None
        opening = opening_of(self._doors, device, Claim(by.ground, by.subject), until, now)
        record = UnwrittenReturn(
            replace(opening.session, subject=None),
            opening.trace,
            names,
            visited(remembered, names[0], now).expires_at,
            opening.most_devices,
        )
        if not await keep(self._doors.spool, record):
            return None
        _log.info("device_returned", session=str(opening.session.id), site=site.id)
        self._picture.hold(opening.session)
        return opening.session
