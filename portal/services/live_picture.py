"""Who may be online, in memory: sessions by device, kept fresh by what the database tells.

Not the truth: a device that is not in here is asked for. The rule to keep: with the database away
the picture stays as it was, so that who was known goes on being known; a session that is due is in
nobody's way, whenever it is forgotten.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Never
from uuid import UUID

import structlog

from portal.domain.identity import MacAddress, Subject
from portal.domain.returning import RememberedDevice
from portal.domain.session import Session
from portal.services.long_work import in_parts
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.live import LiveStore

COMPARE_EVERY_S = 30.0
"""Repairs what a lost notification left."""

GATHER_S = 0.02
"""After a notice: a class that logs in is a few questions, not thirty."""

RETRY_S = 1.0

LOOKS_FOR_UNWRITTEN = 4
"""Comparisons after which a session that stands on disk only must stand in the database: two
minutes, of which the keeper needs seconds."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Change:
    """A device's session before and after; None: it has none."""

    mac: MacAddress
    before: Session | None
    after: Session | None


class LivePicture:
    """``hear`` and ``keep`` are tasks; ``changed`` is told of every change, after it is in here."""

    def __init__(self, store: LiveStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._by_mac: dict[MacAddress, Session] = {}
        self._mac_of: dict[UUID, MacAddress] = {}
        self._asked_for: set[UUID] = set()
        self._unwritten: dict[UUID, int] = {}
        self._wanted = asyncio.Event()
        self._compare = True
        self.changed: list[Callable[[Sequence[Change]], None]] = []
        self.remembered: Mapping[Subject, RememberedDevice] = {}
        self.is_loaded = asyncio.Event()

    def __len__(self) -> int:
        return len(self._by_mac)

    def session(self, mac: MacAddress, now: datetime) -> Session | None:
        """Return the device's session, if it is not due."""
        session = self._by_mac.get(mac)
        return None if session is None or now >= session.due_at else session

    def note(self, session: Session) -> None:
        """Have a session in here that was just seen, or begun, in the database."""
        self._tell([self._put(session)])

    def hold(self, session: Session) -> None:
        """Have a session in here that stands on disk only, until the database has it or may not."""
        self._unwritten[session.id] = LOOKS_FOR_UNWRITTEN
        self.note(session)

    def forget(self, session: Session) -> None:
        """Have a session out of here that was just found to be none."""
        self._tell(self._drop(session.id))

    async def hear(self, notices: AsyncIterator[UUID | None]) -> None:
        """Read what changed, soon; None: anything may have. Runs until the notices end."""
        async for session_id in notices:
            if session_id is None:
                self._compare = True
            else:
                self._asked_for.add(session_id)
            self._wanted.set()

    async def keep(self) -> Never:
        """Keep the picture fresh, for ever."""
        while True:
            try:
                if self._compare:
                    await self.compare()
                else:
                    await self._follow()
                await self._wait()
            except DatabaseUnavailableError as problem:
                _log.warning("picture_not_fresh", reason=str(problem))
                self._compare = True
                await asyncio.sleep(RETRY_S)

    async def compare(self) -> None:
        """Read everything, and make the picture the same.

        Raises:
            DatabaseUnavailableError: it stays as it was.
        """
        self._compare = False
        asked_for, self._asked_for = self._asked_for, set()
        known = set(self._mac_of)
        now = self._clock()
        try:
            sessions = await self._store.sessions(now)
            self.remembered = await self._store.remembered(now)
        except DatabaseUnavailableError:
            self._asked_for |= asked_for
            raise
        # A device whose session was replaced is told of once: so who is gone comes last.
        standing = set[UUID]()
        async for part in in_parts(sessions):
            standing.update(session.id for session in part)
            self._tell([self._put(session) for session in part])
        gone = {one for one in known - standing if not self._may_be_written_soon(one)}
        self._tell([change for session_id in gone for change in self._drop(session_id)])
        self.is_loaded.set()  # after it, so that what was there before us can be told from news

    def _may_be_written_soon(self, session_id: UUID) -> bool:
        left = self._unwritten.get(session_id, 0)
        if left:
            self._unwritten[session_id] = left - 1
        return left > 0

    async def _follow(self) -> None:
        asked_for, self._asked_for = self._asked_for, set()
        if not asked_for:
            return
        try:
            found = await self._store.by_id(list(asked_for))
        except DatabaseUnavailableError:
            self._asked_for |= asked_for
            raise
        gone = asked_for - {session.id for session in found}
        changes = [change for session_id in gone for change in self._drop(session_id)]
        self._tell([*changes, *map(self._put, found)])

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(COMPARE_EVERY_S):
                await self._wanted.wait()
            await asyncio.sleep(GATHER_S)
        except TimeoutError:
            self._compare = True
        self._wanted.clear()

    def _put(self, session: Session) -> Change:
        before = self._by_mac.get(session.mac)
        if before is not None and before.id != session.id:
            self._mac_of.pop(before.id, None)
        elif before is not None and not before.elsewhere <= session.elsewhere:
            # Only who reads it for us asks where else its device is, and that only grows.
            session = replace(session, elsewhere=session.elsewhere | before.elsewhere)
        self._by_mac[session.mac] = session
        self._mac_of[session.id] = session.mac
        return Change(session.mac, before, session)

    def _drop(self, session_id: UUID) -> list[Change]:
        self._unwritten.pop(session_id, None)
        mac = self._mac_of.pop(session_id, None)
        if mac is None:
            return []
        return [Change(mac, self._by_mac.pop(mac), None)]

    def _tell(self, changes: Sequence[Change]) -> None:
        news = [change for change in changes if change.before != change.after]
        if news:
            for tell in self.changed:
                tell(news)
