"""Deletes what is due, destroys the keys of times past, and writes down that it did.

Not the rules of what is due (storage/upkeep.py, key_ring.py). The rule to keep: what was deleted
stands in the evidence, also when the database went away half-way; then it stands in the next row.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.ports import Kept
from portal.services.ports.purging import Evidence, Upkeep

LONGEST_STAY = timedelta(days=14)
"""A session's history stands under the key of the week it began in, and a device that returns is
looked for under this week's key and the last one's."""

Closing = Callable[[datetime], Awaitable[int]]
"""Counts a day that is over, and returns how many of its rows that deleted."""

_log = structlog.get_logger()


async def nothing_to_close(_now: datetime) -> int:
    """Close no day: nobody counts devices here."""
    return 0


@dataclass(slots=True)
class Purging:
    """One for each node; several at once do each other no harm, and each writes its own share."""

    upkeep: Upkeep
    keys: KeyRing
    kept: Kept
    node: str = ""
    close_days: Closing = nothing_to_close
    _deleted: Counter[str] = field(default_factory=Counter, init=False)
    _destroyed: list[str] = field(default_factory=list, init=False)
    _unwritten: Evidence | None = field(default=None, init=False)

    async def run(self, now: datetime) -> Evidence:
        """Do it all once. Keys go even while the database is away.

        Raises:
            DatabaseUnavailableError: not all was deleted, or it is not written down yet.
        """
        try:
            self._deleted["devices_today"] += await self.close_days(now)
            await self.upkeep.tidy(self.kept, now, self._deleted)
        finally:
            self._destroy_keys(now)
        return await self._write(now)

    def _destroy_keys(self, now: datetime) -> None:
        try:
            self.keys.make_ahead(now)
            gone = destroy_due(self.keys, self.kept, now)
        except KeyRingError as problem:
            _log.error("key_not_destroyed", reason=str(problem))
            return
        for key in gone:
            _log.info("key_destroyed", key=key)
        self._destroyed += gone

    async def _write(self, now: datetime) -> Evidence:
        await self._write_unwritten()
        oldest = await self.upkeep.oldest()
        deleted, keys = dict(self._deleted), tuple(self._destroyed)
        evidence = self._unwritten = Evidence(uuid4(), now, self.node, deleted, oldest, keys)
        self._deleted.clear()
        self._destroyed.clear()
        await self._write_unwritten()
        return evidence

    async def _write_unwritten(self) -> None:
        """Write a row; one of which nobody knows whether it was written comes again as it was."""
        if self._unwritten is not None:
            await self.upkeep.note(self._unwritten)
            _log.info("tables_tidied", deleted=sum(self._unwritten.deleted.values()))
            self._unwritten = None


def destroy_due(keys: KeyRing, kept: Kept, now: datetime) -> list[str]:
    """Destroy the keys that nothing is named under any more; return their names.

    Raises:
        KeyRingError: one could not be removed.
    """
    stays = (kept.history, kept.names, kept.voucher_names)
    return keys.destroy_before(*(now - stay - LONGEST_STAY for stay in stays))
