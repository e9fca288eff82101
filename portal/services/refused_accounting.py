"""Accounting that the database refused: looked at, tried once more, or given up, by an admin.

Not the way of records in general (accounting.py), which leaves such batches on disk. The rules to
keep: nothing is given up that can be written; what is told of a record is its access point, its
moment and the database's reason, never a device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import (
    Accounts,
    BatchUnreadableError,
    RefusedJournal,
    Restart,
    UseRecord,
)

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """One that cannot be written."""

    access_point: str
    happened_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a batch: how many records were written, which were not, is it gone?"""

    written: int
    refused: Sequence[RefusedRecord]
    is_gone: bool


class RefusedAccounting:
    """``journal`` is the radius process's; both may work on it at once."""

    def __init__(self, accounts: Accounts, journal: RefusedJournal) -> None:
        self._accounts = accounts
        self._journal = journal

    async def retry(self, name: str, *, give_up: bool = False) -> Tried:
        """Write a batch's records; it goes when none is left, or when the rest is given up.

        Raises:
            DatabaseUnavailableError: nothing is given up then.
            BatchUnreadableError: there is no such batch, or it cannot be read.
        """
        written, refused = 0, list[RefusedRecord]()
        for record in await self._journal.read_any(name):
            reason = await self._write(record)
            if reason is None:
                written += 1
            else:
                refused.append(_told(record, reason))
        is_gone = give_up or not refused
        if is_gone:
            await self._journal.remove_any(name)
        return Tried(written, refused, is_gone)

    async def drop_unreadable(self, name: str) -> bool:
        """Remove a batch that nobody can read; False: it can be read, or there is none."""
        try:
            await self._journal.read_any(name)
        except BatchUnreadableError:
            return await self._journal.remove_any(name)
        return False

    async def _write(self, record: UseRecord | Restart) -> str | None:
        try:
            await self._accounts.write([record])
        except DatabaseUnavailableError:
            raise
        except Exception as problem:  # noqa: BLE001 - the boundary of one record
            said = str(problem).partition("\n")[0]  # what follows may hold the row
            return f"{type(problem).__name__}: {said}"[:LONGEST_REASON]
        return None


def _told(record: UseRecord | Restart, reason: str) -> RefusedRecord:
    happened_at = record.at if isinstance(record, Restart) else record.use.happened_at
    return RefusedRecord(record.access_point, happened_at, reason)
