"""Courtesy access: a guest whose card cannot be checked now is let in for some minutes.

Not a way round the check: the card is asked about as soon as the library system is back, and then
the session becomes the card's own, or ends. Fails closed: no memory left, no database, a courtesy
already had today: the guest is refused as without it.
The rule to keep: card and PIN stand in this process's memory only, and no longer than the session;
the attempt counts as wrong until the library system has said otherwise.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Never
from uuid import UUID

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.identity import Device, MacAddress, Secret, Subject
from portal.domain.session import Claim, EndReason, Ground, Session
from portal.domain.site import Site, WhenDown
from portal.domain.verification import Verification
from portal.services.attempts import AttemptDesk, Reserved
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate, open_gate
from portal.services.key_files import KeyRingError
from portal.services.opening import opening_of
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import Clock, GateUnavailableError
from portal.services.ports.courtesy import Confirmation, Courtesies
from portal.services.ports.spool import UnwrittenSession
from portal.services.refusals import RefusalRecord
from portal.services.remembered import NO_LONGER_GOOD, Remembered
from portal.services.sealed_cards import sealed_card
from portal.services.spooling import keep

LOOK_EVERY_S = 5.0

MOST_WAITING = 2_000
"""Cards kept at once: a library's visitors of an hour. Further guests are refused."""

MOST_GIVEN = 20_000
"""Devices that had a courtesy without the database, of which only this process knows."""

A_DAY = timedelta(hours=36)
"""A calendar day at any site has passed then."""

MOST_CHECKS = 2
"""An answer that is lost may have counted as a wrong PIN at the library system all the same."""

_REFUSALS = {
    Verification.BAD_CREDENTIALS: RefusalReason.CREDENTIALS_WRONG,
    Verification.BLOCKED: RefusalReason.CARD_BLOCKED,
    Verification.EXPIRED: RefusalReason.CARD_EXPIRED,
}
"""What ends the session. Anything else is a fault of the library system: the guest stays."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Waiting:
    """A card to be checked when that is possible, and the session that waits for it."""

    session: Session
    device: Device
    card: Secret
    pin: Secret
    attempt: Reserved | None
    """None where the database was away: to be reserved before the check."""
    remember_as: str | None = None
    """The guest asked us to remember the device: what the list then calls it."""
    checks: int = 0
    answer: Verification | None = None
    """What the library system said, where it could not be written down yet."""


class Courtesy:
    """One portal's courtesy sessions. A restart forgets the cards: their sessions end on time."""

    def __init__(self, doors: Doors, courtesies: Courtesies) -> None:
        self._doors = doors
        self._courtesies = courtesies
        self._desk = AttemptDesk(doors)
        self._record = RefusalRecord(doors)
        self._remembered = Remembered(doors)
        self._waiting: dict[UUID, _Waiting] = {}
        self._unwritten: dict[MacAddress, Session] = {}
        self._given_at: dict[MacAddress, datetime] = {}

    @property
    def waiting(self) -> int:
        """How many cards wait to be checked."""
        return len(self._waiting)

    async def grant(self, device: Device, name: Subject, now: datetime) -> Admit | None:
        """Say until when the device may be online unchecked, and note that it had its courtesy.

        ``name`` is the device's hash under the live key. None: the site gives none, or the device
        had one today.

        Raises:
            DatabaseUnavailableError: nothing is given.
        """
        site = self._doors.sites[device.site_id]
        if site.library_down is not WhenDown.COURTESY or len(self._waiting) >= MOST_WAITING:
            return None
        answer = admit(site, Ground.COURTESY, now)
        if not isinstance(answer, Admit):
            return None
        given = await self._courtesies.take(name, site.start_of_day(now), now)
        return answer if given else None

    async def without_database(
        self, device: Device, typed: tuple[Secret, Secret], now: datetime
    ) -> Session | None:
        """Let the device in while the database is away; None where that is not to be.

        The session is on disk before the gate opens, and the keeper writes it into the database
        before it compares: so nobody is put out for it.
        """
        site = self._doors.sites[device.site_id]
        answer = admit(site, Ground.COURTESY, now)
        if not isinstance(answer, Admit) or not self._may_be_unwritten(site, device, now):
            return None
        session = await self._write_down(device, answer, now)
        if session is None:
            return None
        self._given_at[device.mac] = now
        self._unwritten[device.mac] = session
        if not await self._is_in(device):
            await open_gate(self._doors.gate_at(device.site_id), session, now)
        self._wait_for_check(_Waiting(session, device, *typed, None))
        return session

    async def _is_in(self, device: Device) -> bool:
        """Whether the gate lets the device through already, for a session that nobody can read now.

        Its time there must not become the courtesy's: that one may be shorter than the outage.
        """
        try:
            return device.mac in await self._doors.gate_at(device.site_id).usage()
        except GateUnavailableError:
            return False

    def unwritten(self, mac: MacAddress, now: datetime) -> Session | None:
        """Return the device's session where it stands on disk only: the database is back just now.

        Forgotten as soon as it was seen in the database (``written``).
        """
        session = self._unwritten.get(mac)
        return None if session is None or now >= session.due_at else session

    def written(self, mac: MacAddress) -> None:
        """Note that the database knows of the device's session, or that it was ended."""
        self._unwritten.pop(mac, None)

    def _may_be_unwritten(self, site: Site, device: Device, now: datetime) -> bool:
        last = self._given_at.get(device.mac)
        return (
            site.database_down is WhenDown.COURTESY
            and len(self._waiting) < MOST_WAITING
            and len(self._given_at) < MOST_GIVEN
            and (last is None or last < site.start_of_day(now))
        )

    async def _write_down(self, device: Device, allowed: Admit, now: datetime) -> Session | None:
        """Put a new session on disk; None where that cannot be done."""
        try:
            opening = opening_of(self._doors, device, Claim(Ground.COURTESY), allowed, now)
            name = self._doors.keys.device(device.mac, now)
        except KeyRingError as error:
            _log.warning("store_failed", during="courtesy", reason=str(error))
            return None
        record = UnwrittenSession(opening.session, opening.trace, name)
        return opening.session if await keep(self._doors.spool, record) else None

    def keep(
        self, session: Session, device: Device, typed: tuple[Secret, Secret], attempt: Reserved
    ) -> None:
        """Remember whose card is to be checked for the session."""
        self._wait_for_check(_Waiting(session, device, *typed, attempt))

    def remember_later(self, session: Session, label: str) -> None:
        """Have the device remembered when its card turns out good; harmless for other sessions."""
        if session.id in self._waiting:
            self._waiting[session.id].remember_as = label

    def _wait_for_check(self, waiting: _Waiting) -> None:
        session = waiting.session
        self._waiting[session.id] = waiting
        _log.info("courtesy_given", session=str(session.id), site=session.site_id)

    async def watch(self, clock: Clock) -> Never:
        """Check the cards that wait whenever the library system answers."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.check_waiting(clock())
            except STORE_ERRORS as error:
                _log.warning("store_failed", during="courtesy", reason=str(error))

    async def check_waiting(self, now: datetime) -> None:
        """Check every card that waits, the first first, one at a time: guests come before.

        Raises:
            DatabaseUnavailableError: what is left is checked the next time.
            KeyRingError: so too.
        """
        self._forget_ended(now)
        library = self._doors.library
        if not self._waiting or library is None or not await library.answers():
            return
        for waiting in list(self._waiting.values()):
            if not await self._settle(waiting, now):
                return

    def _forget_ended(self, now: datetime) -> None:
        for waiting in list(self._waiting.values()):
            if now >= waiting.session.ends_at:
                self._forget(waiting)
        self._unwritten = {mac: s for mac, s in self._unwritten.items() if now < s.due_at}
        self._given_at = {mac: at for mac, at in self._given_at.items() if now - at < A_DAY}

    def _forget(self, waiting: _Waiting) -> None:
        self._waiting.pop(waiting.session.id, None)

    async def _settle(self, waiting: _Waiting, now: datetime) -> bool:
        """Check one card and act on it; False when the library system is away again."""
        current = await self._doors.sessions.find(waiting.device.mac)
        if current is None and self.unwritten(waiting.device.mac, now) is not None:
            return True  # the keeper has not written it yet
        self.written(waiting.device.mac)
        if current is None or current.id != waiting.session.id:
            self._forget(waiting)  # logged out, or in by another way
            return True
        attempt = waiting.attempt or await self._reserve(waiting, now)
        if isinstance(attempt, Refused):
            await self._no_attempt_left(waiting, current, attempt, now)
            return True
        waiting.attempt = attempt
        return await self._check(waiting, attempt, current, now)

    async def _check(
        self, waiting: _Waiting, attempt: Reserved, current: Session, now: datetime
    ) -> bool:
        answer = waiting.answer or await self._ask(waiting)
        if answer is Verification.UNAVAILABLE:
            if waiting.checks >= MOST_CHECKS:
                self._forget(waiting)
            return False
        waiting.answer = answer
        if answer is Verification.OK:
            await self._confirm(waiting, attempt, current, now)
        else:
            await self._refuse(waiting, attempt, current, now)
        self._forget(waiting)
        return True

    async def _reserve(self, waiting: _Waiting, now: datetime) -> Reserved | Refused:
        subject = self._doors.keys.card(waiting.card, now)
        return await self._desk.reserve(subject, waiting.device, now)

    async def _no_attempt_left(
        self, waiting: _Waiting, session: Session, refused: Refused, now: datetime
    ) -> None:
        """A short wait is waited for; otherwise the guess was one too many."""
        if refused.retry_at is None:
            await self._end(session, now)
            self._forget(waiting)

    async def _ask(self, waiting: _Waiting) -> Verification:
        library = self._doors.library
        if library is None:
            return Verification.UNAVAILABLE
        waiting.checks += 1
        return await library.verify(waiting.card, waiting.pin)

    async def _confirm(
        self, waiting: _Waiting, attempt: Reserved, session: Session, now: datetime
    ) -> None:
        doors = self._doors
        subject = doors.keys.card(waiting.card, now)
        site = doors.site_of(session, waiting.device)
        trace = doors.keys.trace(session.mac, subject, session.started_at)
        confirmation = Confirmation(
            session=session,
            subject=subject,
            trace=trace,
            sealed=sealed_card(doors, waiting.device.site_id, waiting.card, trace),
            ends=_ordinary_end(site, session, now),
            most_devices=site.devices_per_card,
            attempt=attempt.id,
            device=attempt.device,
        )
        await self._remembered.card_was_shown(waiting.card, now)
        confirmed = await self._courtesies.confirm(confirmation, now)
        if confirmed is not None:
            if waiting.remember_as is not None:
                await self._remembered.remember(
                    waiting.device, confirmed.session, waiting.remember_as, now
                )
            await open_gate(doors.gate, confirmed.session, now)
            await close_gate(doors.gate, confirmed.put_out)
            _log.info("courtesy_confirmed", session=str(session.id))

    async def _refuse(
        self, waiting: _Waiting, attempt: Reserved, session: Session, now: datetime
    ) -> None:
        answer = waiting.answer or Verification.UNAVAILABLE
        if answer in NO_LONGER_GOOD:
            await self._remembered.card_is_no_good(waiting.card, now)
        reason = _REFUSALS.get(answer)
        told = reason or RefusalReason.LIBRARY_SYSTEM_DOWN
        await self._record.by_library(waiting.device, attempt.id, answer, told, now)
        if reason is not None:
            await self._end(session, now)

    async def _end(self, session: Session, now: datetime) -> None:
        if session.is_protected(now):  # only its tutor ends a tutored session
            return
        ended = await self._doors.sessions.end(session.id, EndReason.REVOKED, now)
        if ended is not None:
            await close_gate(self._doors.gate, [session.mac])
            _log.info("session_ended", session=str(session.id), reason=EndReason.REVOKED)


def _ordinary_end(site: Site, session: Session, now: datetime) -> tuple[datetime, EndReason]:
    """Return the end of a visit that begins with the check; never an earlier one than was said."""
    answer = admit(site, Ground.CARD, now)
    if isinstance(answer, Admit) and answer.ends_at > session.ends_at:
        return answer.ends_at, answer.ends_because
    return session.ends_at, session.ends_because
