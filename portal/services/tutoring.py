"""Tutoring: a tutor lets a device in by its number, and nothing ends its session meanwhile.

Not the rule of how long (portal/domain/tutoring.py) and not the desk's pages. The rule to keep:
no card, PIN or name of the visitor is asked for or shown; who acted is written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.identity import Device, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.tutoring import prolong, protect
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import open_gate
from portal.services.outcomes import Refused
from portal.services.ports.tutoring import Tutor, Tutored, WaitingDevice
from portal.services.sign_in import SignIn

_log = structlog.get_logger()


class TutoringRefusal(StrEnum):
    """Why a tutor's wish was not done."""

    NO_SUCH_DEVICE = "no_such_device"
    """Nobody shows this number, or nobody with it is under tutoring."""
    NO_SUCH_TUTORING = "no_such_tutoring"
    """Nobody is under tutoring by the number that the device was to go on with."""
    CLOSED = "closed"
    DATABASE_AWAY = "database_away"


TutoringOutcome = Session | TutoringRefusal


@dataclass(frozen=True, slots=True)
class Tutoring:
    """What a tutor may do at a site. ``now`` is aware and in UTC everywhere."""

    doors: Doors
    tutored: Tutored

    async def waiting(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """Return the devices that wait at the site.

        Raises:
            DatabaseUnavailableError: they cannot be read now.
        """
        return await self.tutored.waiting(site_id, now)

    async def online(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """Return the devices that are in, show a number now, and are not under tutoring.

        Raises:
            DatabaseUnavailableError: they cannot be read now.
        """
        return await self.tutored.online(site_id, now)

    async def under_way(self, site_id: SiteId, now: datetime) -> list[Session]:
        """Return the site's sessions under tutoring.

        Raises:
            DatabaseUnavailableError: they cannot be read now.
        """
        return await self.tutored.tutored(site_id, now)

    async def let_in(
        self, site_id: SiteId, tutor: Tutor, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        """Let the device with this number in, or keep it in, protected for ``length``."""
        try:
            return await self._let_in(site_id, tutor, length, now)
        except STORE_ERRORS as error:
            return _told("let_in", error)

    async def carry_over(
        self, site_id: SiteId, tutor: Tutor, tile: int, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        """Let the device go on with the tutoring of number ``tile``, under which it stays known.

        For a visitor whose phone changed its address, and now shows another number. What the old
        address held (protection, group, number) moves; the old address goes on as a guest's that
        its owner has left, so that a slip of the tutor's throws nobody out.
        """
        try:
            return await self._carry_over(site_id, tutor, tile, length, now)
        except STORE_ERRORS as error:
            return _told("carry_over", error)

    async def extend(
        self, site_id: SiteId, tutor: Tutor, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        """Protect a tutored device for ``length`` more, any number of times."""
        try:
            session = await self.tutored.find(site_id, tutor.number)
            if session is None or now >= session.due_at:
                return TutoringRefusal.NO_SUCH_DEVICE
            until = prolong(session.protected_until, length, now)
            return await self._protect(session, until, tutor, now)
        except STORE_ERRORS as error:
            return _told("extend", error)

    async def end(self, site_id: SiteId, tutor: Tutor, now: datetime) -> TutoringOutcome:
        """End the tutoring; the device stays online as an ordinary guest."""
        try:
            return await self._end(site_id, tutor, now)
        except STORE_ERRORS as error:
            return _told("end", error)

    async def _let_in(
        self, site_id: SiteId, tutor: Tutor, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        mac = await self.tutored.device(site_id, tutor.number, now)
        if mac is None:  # an online device under tutoring shows its number to the tutor only
            return await self._protect_known(site_id, tutor, length, now)
        session = await self._own_session(Device(mac, site_id), now)
        if isinstance(session, TutoringRefusal):
            return session
        until = protect(session.protected_until, length, now)
        return await self._protect(session, until, tutor, now)

    async def _own_session(self, device: Device, now: datetime) -> TutoringOutcome:
        """Return the session that the device has, or the one it gets now."""
        outcome = await SignIn(self.doors).without_card(device, Ground.TUTOR, now)
        session = await self.doors.sessions.find(device.mac)
        return _refusal(outcome) if session is None or now >= session.due_at else session

    async def _carry_over(
        self, site_id: SiteId, tutor: Tutor, tile: int, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        old = await self.tutored.find(site_id, tile)
        if old is None or now >= old.due_at:
            return TutoringRefusal.NO_SUCH_TUTORING
        mac = await self.tutored.device(site_id, tutor.number, now)
        if mac is None:
            return TutoringRefusal.NO_SUCH_DEVICE
        until = protect(old.protected_until, length, now)
        if mac == old.mac:
            return await self._protect(old, until, Tutor(tutor.name, tile), now)
        new = await self._own_session(Device(mac, site_id), now)
        if isinstance(new, TutoringRefusal):
            return new
        ends = await ends_as_guests(self.doors, [old], now)
        moved = await self.tutored.carry_over((old, ends[old.id]), (new, until), tutor, now)
        if moved is None:
            return TutoringRefusal.NO_SUCH_TUTORING
        await open_gate(self.doors.gate, moved[0], now)
        return await self._opened(moved[1], now)

    async def _protect_known(
        self, site_id: SiteId, tutor: Tutor, length: timedelta, now: datetime
    ) -> TutoringOutcome:
        """Protect a device under tutoring for at least ``length`` from now."""
        session = await self.tutored.find(site_id, tutor.number)
        if session is None or now >= session.due_at:
            return TutoringRefusal.NO_SUCH_DEVICE
        until = protect(session.protected_until, length, now)
        return await self._protect(session, until, tutor, now)

    async def _protect(
        self, session: Session, until: datetime, tutor: Tutor, now: datetime
    ) -> TutoringOutcome:
        held = await self.tutored.protect(session, until, tutor, now)
        return await self._opened(held, now)

    async def _end(self, site_id: SiteId, tutor: Tutor, now: datetime) -> TutoringOutcome:
        session = await self.tutored.find(site_id, tutor.number)
        if session is None:
            return TutoringRefusal.NO_SUCH_DEVICE
        ends = (await ends_as_guests(self.doors, [session], now))[session.id]
        return await self._opened(await self.tutored.release(session, ends, tutor, now), now)

    async def _opened(self, session: Session | None, now: datetime) -> TutoringOutcome:
        if session is None:
            return TutoringRefusal.NO_SUCH_DEVICE
        await open_gate(self.doors.gate, session, now)
        _log.info("tutoring_changed", session=str(session.id), site=session.site_id)
        return session


async def ends_as_guests(
    doors: Doors, sessions: Sequence[Session], now: datetime
) -> Mapping[UUID, tuple[datetime, EndReason]]:
    """Return when and why each of these sessions ends when nobody protects it any more.

    Whoever was tutored past a limit has a visit's time from now on, like anybody else; who came by
    a voucher has what was left of it when the tutoring began.
    """
    by_voucher = [session for session in sessions if session.ground is Ground.VOUCHER]
    pauses = await doors.vouchers.pauses(by_voucher, now) if by_voucher else {}
    return {
        session.id: _end_as_a_guest(doors, session, now, pauses.get(session.id, timedelta(0)))
        for session in sessions
    }


def _end_as_a_guest(
    doors: Doors, session: Session, now: datetime, paused: timedelta
) -> tuple[datetime, EndReason]:
    site = doors.sites.get(session.site_id)  # another node's, perhaps
    answer = None if site is None else admit(site, session.ground, now)
    if session.ground is Ground.VOUCHER:
        return _end_by_voucher(session, paused, answer)
    if isinstance(answer, Admit) and answer.ends_at > session.ends_at:
        return answer.ends_at, answer.ends_because
    return session.ends_at, session.ends_because


def _end_by_voucher(
    session: Session, paused: timedelta, answer: object
) -> tuple[datetime, EndReason]:
    """Return the end moved by the pause, never past closing."""
    if session.ends_because is not EndReason.TIME_LIMIT:
        return session.ends_at, session.ends_because
    ends_at = session.ends_at + paused
    if isinstance(answer, Admit) and session.ends_at < answer.ends_at < ends_at:
        return answer.ends_at, answer.ends_because
    return ends_at, session.ends_because


def _refusal(outcome: object) -> TutoringRefusal:
    closed = isinstance(outcome, Refused) and outcome.reason == "closed"
    return TutoringRefusal.CLOSED if closed else TutoringRefusal.DATABASE_AWAY


def _told(during: str, error: Exception) -> TutoringRefusal:
    _log.warning("store_failed", during=f"tutoring_{during}", reason=str(error))
    return TutoringRefusal.DATABASE_AWAY
