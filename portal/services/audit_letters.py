"""Writes to the data protection contact once a week: who looked up how much.

Not the words (portal/forwarding). The rules to keep: a week has one letter, whichever node sends
it; one that nobody takes waits and is tried again, and the next week's does not overtake it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Never
from zoneinfo import ZoneInfo

import structlog

from portal.domain.audit_chain import Whole
from portal.domain.audit_letter import LATEST_WEEKS, WeekOfRecord, bounds, newest_due
from portal.services.console.verification import verify
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.audit import AuditRecord
from portal.services.ports.letters import LetterBox, LetterNotTakenError, Letters

LOOK_EVERY_S = 60.0
LEASE = timedelta(minutes=15)
"""How long a letter is one node's to send, and when one that was not taken is tried again."""

_log = structlog.get_logger()


@dataclass(slots=True)
class AuditLetters:
    """One for each node; several share the work."""

    letters: Letters
    record: AuditRecord
    box: LetterBox
    zone: ZoneInfo
    node: str
    clock: Clock
    _ails: bool = field(default=False, init=False)

    async def work(self) -> Never:
        """Look for ever."""
        while True:
            with suppress(DatabaseUnavailableError):  # the next look does it
                await self.send_due()
            await asyncio.sleep(LOOK_EVERY_S)

    async def send_due(self) -> None:
        """Send what is due, the earliest first, until one is not taken.

        Raises:
            DatabaseUnavailableError: a letter that was posted meanwhile may be posted again.
        """
        newest = newest_due(self.clock(), self.zone)
        oldest = newest - timedelta(weeks=LATEST_WEEKS - 1)
        while True:
            now = self.clock()
            week = await self.letters.take(newest, oldest, self.node, LEASE, now)
            if week is None:
                return
            counts = await self.letters.counts(*bounds(week, self.zone))
            told = WeekOfRecord(week, counts, await verify(self.record))
            try:
                await self.box.post(told)
            except LetterNotTakenError as problem:
                if not self._ails:
                    _log.warning("audit_letter_not_sent", week=str(week), reason=str(problem))
                self._ails = True
                return
            self._ails = False
            await self.letters.sent(week, _said(told), self.clock())
            _log.info("audit_letter_sent", week=str(week))


def _said(told: WeekOfRecord) -> Mapping[str, int | str]:
    acts = Counter[str]()
    for one in told.counts:
        acts[one.act] += one.times
    if isinstance(told.verdict, Whole):
        return {**acts, "last_number": told.verdict.last_number, "last": told.verdict.last.hex()}
    return {**acts, "broken": told.verdict.number}
