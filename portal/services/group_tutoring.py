"""Group tutoring: a room code lets a group in, and nothing ends its sessions meanwhile.

Not the rule of how long (portal/domain/tutoring.py) and not a single visitor (tutoring.py). The
rule to keep: the code is stored as a keyed hash, and sealed beside it while it lets anybody in;
places and guesses are counted where they are written.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from portal.domain.admission import RefuseClosed, admit
from portal.domain.identity import Device, Secret, SiteId
from portal.domain.room_code import CODE_DIGITS, is_guessable, read_code
from portal.domain.session import Claim, Ground, Session
from portal.domain.tutoring import Group, prolong
from portal.domain.typed_code import CodeFault, CodeLimits, NoCode
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import open_gate
from portal.services.held_back import HeldBackMemory, refused_by
from portal.services.key_ring import Kind, live_key_id
from portal.services.opening import new_id, opening_of, permission
from portal.services.outcomes import Admitted, RefusalReason, Refused, SignInOutcome
from portal.services.ports import Opening
from portal.services.ports.tutoring_groups import (
    CodeTried,
    GroupFull,
    GroupOver,
    Joined,
    NewGroup,
)
from portal.services.refusals import RefusalRecord
from portal.services.sealing import Seal
from portal.services.tutoring import ends_as_guests

DRAWS = 20
"""Codes drawn for a group; with a thousand live groups at a site, one in a thousand is taken."""

_SERVICE_DOWN = Refused(RefusalReason.SERVICE_DOWN)

_log = structlog.get_logger()


class GroupRefusal(StrEnum):
    """Why a tutor's wish was not done."""

    NO_SUCH_GROUP = "no_such_group"
    NOT_OFFERED = "not_offered"
    """The site has group tutoring switched off."""
    CLOSED = "closed"
    DATABASE_AWAY = "database_away"


@dataclass(frozen=True, slots=True)
class StartedGroup:
    """A group and its room code (six digits)."""

    group: Group
    code: str


def draw_code() -> str:
    """Draw a room code that is not among those people try first."""
    while True:
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        if not is_guessable(code):
            return code


@dataclass(frozen=True, slots=True)
class GroupTutoring:
    """What tutors and their groups may do. ``now`` is aware and in UTC everywhere."""

    doors: Doors
    limits: CodeLimits = CodeLimits()  # noqa: RUF009 - frozen
    draw: Callable[[], str] = draw_code
    memory: HeldBackMemory = field(default_factory=HeldBackMemory)

    async def start(
        self, site_id: SiteId, tutor: str, length: timedelta, most_devices: int, now: datetime
    ) -> StartedGroup | GroupRefusal:
        """Start a group whose code lets ``most_devices`` in for ``length`` from now."""
        site = self.doors.sites[site_id]
        if not site.tutoring:
            return GroupRefusal.NOT_OFFERED
        if isinstance(admit(site, Ground.TUTOR, now), RefuseClosed):
            return GroupRefusal.CLOSED
        try:
            return await self._start(site_id, tutor, length, most_devices, now)
        except STORE_ERRORS as error:
            return _told("start", error)

    async def join(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        """Let a device in by the code it typed, or protect its running session."""
        code = read_code(code_text)
        if isinstance(code, NoCode):
            return _not_a_code(code)
        if not self.doors.sites[device.site_id].tutoring:
            return Refused(RefusalReason.METHOD_NOT_OFFERED)
        allowed = permission(self.doors, device, Ground.TUTOR, now)
        if isinstance(allowed, Refused):
            return allowed
        try:
            opening = opening_of(self.doors, device, Claim(Ground.TUTOR), allowed, now)
            return await self._join(device, code, opening, now)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="join", reason=str(error))
            return _SERVICE_DOWN

    async def live(self, site_id: SiteId, now: datetime) -> list[tuple[Group, int]] | GroupRefusal:
        """Return the site's groups that nobody ended, and how many devices are in each."""
        try:
            return await self.doors.groups.live(site_id, now)
        except STORE_ERRORS as error:
            return _told("list", error)

    async def code(self, group: Group, now: datetime) -> str | None:
        """Return the room code for the tutor's screen; None: it lets nobody in any more.

        Raises:
            DatabaseUnavailableError, KeyRingError: it cannot be told now.
        """
        sealed = await self.doors.groups.kept_code(group) if group.takes_in(now) else None
        return None if sealed is None else self._seal(group).open(sealed, group.id.bytes).reveal()

    async def extend(
        self, site_id: SiteId, number: int, tutor: str, length: timedelta, now: datetime
    ) -> Group | GroupRefusal:
        """Prolong a group's window and the protection of its devices, any number of times."""
        try:
            group = await self._find(site_id, number, now)
            if group is None:
                return GroupRefusal.NO_SUCH_GROUP
            until = prolong(group.ends_at, length, now)
            longer = await self.doors.groups.prolong(group, until, tutor, now)
        except STORE_ERRORS as error:
            return _told("extend", error)
        if longer is None:
            return GroupRefusal.NO_SUCH_GROUP
        await self._carry_to_gate(longer[1], now)
        return longer[0]

    async def end(
        self, site_id: SiteId, number: int, tutor: str, now: datetime
    ) -> int | GroupRefusal:
        """End a group; its devices stay online as ordinary guests. Return how many they are."""
        try:
            group = await self._find(site_id, number, now)
            if group is None:
                return GroupRefusal.NO_SUCH_GROUP
            members = await self.doors.groups.members(group)
            ends = await ends_as_guests(self.doors, members, now)
            left = await self.doors.groups.end(group, ends, tutor, now)
        except STORE_ERRORS as error:
            return _told("end", error)
        if left is None:
            return GroupRefusal.NO_SUCH_GROUP
        await self._carry_to_gate(left, now)
        return len(left)

    async def _start(
        self, site_id: SiteId, tutor: str, length: timedelta, most_devices: int, now: datetime
    ) -> StartedGroup | GroupRefusal:
        for _ in range(DRAWS):
            code = self.draw()
            name = self.doors.keys.room_code(code, now)
            new = NewGroup(new_id(now), site_id, name, now, now + length, most_devices)
            group = await self.doors.groups.start(new, tutor)
            if group is not None:
                sealed = self._seal(group).close(Secret(code), group.id.bytes)
                await self.doors.groups.keep_code(group, sealed)
                _log.info("group_started", site=site_id, group=group.number)
                return StartedGroup(group, code)
        return GroupRefusal.DATABASE_AWAY

    async def _join(
        self, device: Device, code: str, opening: Opening, now: datetime
    ) -> SignInOutcome:
        held_back = self.memory.look(device, now)
        if held_back is not None:
            return refused_by(held_back)
        keys = self.doors.keys
        tried = CodeTried(keys.room_code(code, now), keys.device(device.mac, now), device.site_id)
        answer = await self.doors.groups.try_code(tried, self.limits, now)
        if isinstance(answer, Group):
            return await self._take_place(device, answer, opening, now)
        self.memory.note(device, answer, now)
        return await self._refused(device, refused_by(answer), now)

    async def _take_place(
        self, device: Device, group: Group, opening: Opening, now: datetime
    ) -> SignInOutcome:
        if not group.takes_in(now):
            return await self._refused(device, _over(group), now)
        match answer := await self.doors.groups.join(group, opening):
            case Joined():
                return await self._let_in(device, answer, now)
            case GroupFull():
                full = Refused(RefusalReason.CODE_FULL, devices=group.most_devices)
                return await self._refused(device, full, now)
            case GroupOver():  # pragma: no branch - the last there is
                ended = replace(group, ended_at=now)
                return await self._refused(device, _over(ended), now)

    async def _let_in(self, device: Device, joined: Joined, now: datetime) -> SignInOutcome:
        session = joined.session
        if session.site_id != device.site_id:  # it runs already, and began elsewhere
            await self.doors.sessions.admit_at(session.id, device.site_id)
        what = "session_started" if joined.is_new else "session_protected"
        _log.info(what, session=str(session.id), site=device.site_id, ground=session.ground)
        is_open = await open_gate(self.doors.gate_at(device.site_id), session, now)
        return Admitted(session) if is_open else _SERVICE_DOWN

    async def _refused(self, device: Device, refused: Refused, now: datetime) -> Refused:
        record = RefusalRecord(self.doors)
        await record.by_limits(device, refused.reason, now)
        return refused

    def _seal(self, group: Group) -> Seal:
        return Seal(self.doors.keys.under(live_key_id(group.starts_at), Kind.ROOM_CODE_SEAL, b""))

    async def _find(self, site_id: SiteId, number: int, now: datetime) -> Group | None:
        live = await self.doors.groups.live(site_id, now)
        return next((group for group, _ in live if group.number == number), None)

    async def _carry_to_gate(self, members: Iterable[Session], now: datetime) -> None:
        """Tell the gate their new ends; what does not succeed is left to the keeper."""
        for session in members:
            if not await open_gate(self.doors.gate, session, now):
                return


def _not_a_code(code: NoCode) -> Refused:
    if code.fault is CodeFault.EMPTY:
        return Refused(RefusalReason.CODE_EMPTY)
    return Refused(RefusalReason.CODE_LENGTH, expected_length=CODE_DIGITS, actual_length=code.typed)


def _over(group: Group) -> Refused:
    return Refused(RefusalReason.CODE_EXPIRED, valid_until=group.over_at)


def _told(during: str, error: Exception) -> GroupRefusal:
    _log.warning("store_failed", during=f"group_{during}", reason=str(error))
    return GroupRefusal.DATABASE_AWAY
