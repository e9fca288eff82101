"""Accounting: what access points count is written once, also when the database is away.

Not the rules (portal/domain/accounting.py). The rule to keep: who is told that a record was taken
may forget it, so it is in the database or on disk before; each counts once however often it is
written, so that in doubt it is written again; and what the database will not take stays on disk,
while the others go on.
"""

import asyncio
from collections.abc import Sequence
from typing import Never

import structlog

from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import (
    AccountingJournal,
    Accounts,
    Restart,
    UseRecord,
)

LOOK_EVERY_S = 1.0

_log = structlog.get_logger()


class Accounting:
    """One process's way to the accounts. ``keep_written`` is a task of its own."""

    def __init__(self, accounts: Accounts, journal: AccountingJournal) -> None:
        self._accounts = accounts
        self._journal = journal
        self._is_away = False
        self._refused: set[str] = set()

    async def write(self, records: Sequence[UseRecord | Restart]) -> None:
        """Write records, all or none.

        Raises:
            JournalError: they are neither in the database nor on disk.
        """
        if not self._is_away:
            try:
                await self._accounts.write(records)
            except DatabaseUnavailableError as problem:
                _log.warning("accounting_waits", reason=str(problem))
                self._is_away = True
            else:
                return
        await self._journal.keep(records)

    async def keep_written(self) -> Never:
        """Write what waits on disk as soon as that can be done, for ever."""
        while True:
            try:
                await self.drain()
            except DatabaseUnavailableError:
                self._is_away = True
            except Exception as problem:  # noqa: BLE001 - the boundary of one round
                _log.error("accounting_not_written", reason=type(problem).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def drain(self) -> int:
        """Write what waits on disk, and return how many records that was.

        Raises:
            DatabaseUnavailableError: the rest waits on.
        """
        written = 0
        for name in await self._journal.waiting():
            records = None if name in self._refused else await self._journal.read(name)
            if records is not None:
                refused = await self._write_each(records)
                written += len(records) - len(refused)
                if refused:
                    await self._set_by(name, refused, len(records))
                else:
                    await self._journal.remove(name)
        self._is_away = False  # or the next write finds out
        if written:
            _log.info("accounting_written", records=written)
        return written

    async def _write_each(
        self, records: Sequence[UseRecord | Restart]
    ) -> Sequence[UseRecord | Restart]:
        """Write records, and return what the database refused: each costs itself alone.

        Raises:
            DatabaseUnavailableError: some were not written.
        """
        try:
            await self._accounts.write(records)
        except DatabaseUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - the boundary of one record, when it is alone
            if len(records) <= 1:
                return records
            return [one for record in records for one in await self._write_each([record])]
        return ()

    async def _set_by(
        self, name: str, refused: Sequence[UseRecord | Restart], of_records: int
    ) -> None:
        """Leave what was refused for the next start: a later version may have no such fault.

        Nothing else of the batch: its devices would stay on disk for longer than in the database,
        and what is written anew after that has forgotten them would be counted twice.
        """
        self._refused.add(name)
        if len(refused) < of_records:
            await self._journal.shrink(name, refused)
        _log.error("accounting_refused", batch=name, records=len(refused))
