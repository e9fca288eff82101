"""Reconciling: the keeper's comparison of what should be with what the gate lets through.

Not presence and not counters (they come with the keeper's other work). The rule to keep: the
database being away changes nothing at the gate; nobody is put out for a list we could not read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Session
from portal.services.gatekeeping import remaining_s
from portal.services.ports import Gate, Sessions
from portal.services.return_tickets import Ended

MOST_ROUNDS = 3
"""A list is applied again while sign-ins and sign-outs changed it; the next call does the rest."""

_log = structlog.get_logger()

Admissions = list[tuple[MacAddress, datetime]]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one comparison did: sessions ended, and differences mended at the gate."""

    ended: int
    mended: int


@dataclass(slots=True)
class Reconciliation:
    """Compares who was let in at this node's own sites with its gate.

    A whole comparison holds the gate up for as long as the list is (50 ms for 10,000 devices), so
    after a change in the database only what differs from the list last applied is carried over.
    """

    sessions: Sessions
    gate: Gate
    site_ids: Sequence[SiteId]
    drain: Callable[[datetime], Awaitable[object]] | None = None
    """Writes what waited on disk while the database was away: it belongs to every list."""
    ended: Ended | None = None
    """Is told of every session that ended by time."""
    gate_site_ids: Sequence[SiteId] | None = None
    """Those of the sites whose devices the gate lets through; None: all. At the others the access
    points do."""
    _applied: dict[MacAddress, datetime] | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    agreed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    """Set when the gate agreed to a change, or to the whole list; whoever waits clears it."""

    @property
    def admitted(self) -> Mapping[MacAddress, datetime] | None:
        """Who is in, and each one's end, as the gate agreed last; None: it does not now."""
        return self._applied

    async def run(self, now: datetime) -> Reconciled:
        """End what is due, then make the gate agree.

        A sign-in between reading the list and applying it would be undone, so the list is read
        again afterwards, and applied again if it has changed.

        Raises:
            DatabaseUnavailableError: the gate was left as it was, or may miss the last changes.
            GateUnavailableError: the gate may not agree yet.
        """
        ended = len(await self._end_due(now))
        async with self._turn:
            self._applied = None
            mended = await self._agree(now)
        if ended or mended:
            _log.info("gate_reconciled", ended=ended, mended=mended)
        return Reconciled(ended, mended)

    async def follow(self, now: datetime) -> None:
        """End what is due, then carry over what has changed in the list since it was applied.

        Raises:
            DatabaseUnavailableError: the gate was left as it was, or may miss the last changes.
            GateUnavailableError: the gate may not agree yet; the next call compares all.
        """
        ended = await self._end_due(now)
        async with self._turn:
            self._note(ended)
            await self._agree(now)

    async def end_due(self, now: datetime) -> int:
        """End what is due; carry the list over only when something was.

        The devices are not simply expelled: one of them may have begun a new session meanwhile.

        Raises:
            DatabaseUnavailableError: nothing was ended.
            GateUnavailableError: the sessions ended; the kernel's time-outs put the devices out.
        """
        ended = await self._end_due(now)
        if ended:
            async with self._turn:
                self._note(ended)
                await self._agree(now)
        return len(ended)

    def _note(self, ended: Sequence[Session]) -> None:
        """Let the gate have what ended: it may have begun after the list was last applied."""
        if self._applied is not None:
            self._applied |= {session.mac: session.due_at for session in ended}

    async def _agree(self, now: datetime) -> int:
        wanted = await self._wanted(now)
        mended = 0
        for _ in range(MOST_ROUNDS):
            mended += await self._apply(wanted, now)
            applied, wanted = wanted, await self._wanted(now)
            if sorted(applied) == sorted(wanted):
                break
        return mended

    async def _wanted(self, now: datetime) -> Admissions:
        if self.drain is not None:
            await self.drain(now)
        own = self.site_ids if self.gate_site_ids is None else self.gate_site_ids
        return await self.sessions.admitted(own, now)

    async def _end_due(self, now: datetime) -> Sequence[Session]:
        ended = await self.sessions.end_due(self.site_ids, now)
        for session in ended:
            _log.info("session_ended", session=str(session.id), reason=session.end_reason)
            if self.ended is not None:
                await self.ended(session, now)
        return ended

    async def _apply(self, wanted: Admissions, now: datetime) -> int:
        """Return how many differences were mended, known ones not counted."""
        known, self._applied = self._applied, None
        if known is None:
            wishes = [(mac, remaining_s(due, now)) for mac, due in wanted]
            mended = await self.gate.reconcile(wishes)
        else:
            await self._carry_over(known, dict(wanted), now)
            mended = 0
        self._applied = dict(wanted)
        if known != self._applied:
            self.agreed.set()
        return mended

    async def _carry_over(
        self,
        known: Mapping[MacAddress, datetime],
        wanted: Mapping[MacAddress, datetime],
        now: datetime,
    ) -> None:
        """Most of it the services have done already; the verbs are idempotent."""
        for mac in known.keys() - wanted.keys():
            await self.gate.expel(mac)
        for mac, due in wanted.items():
            if known.get(mac) != due:
                await self.gate.admit(mac, remaining_s(due, now))
