"""Composes the commands for accounting that the database refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

from portal.composition.database import dsn, journal_directory
from portal.composition.start import StartError
from portal.config import Config
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import BatchUnreadableError, WaitingBatch
from portal.services.refused_accounting import RefusedAccounting, Tried
from portal.storage.accounting import PostgresAccounts
from portal.storage.accounting_journal import DiskJournal
from portal.storage.database import Database

_NO_DATABASE = "the database cannot be asked ({problem}); what waits on disk is written when it can"


async def show(config: Config) -> str:
    """List what is on disk."""
    journal = DiskJournal(journal_directory(config))
    batches = await journal.batches()
    return "\n".join(map(_line, batches)) or "no accounting waits on disk"


async def retry(config: Config, name: str) -> str:
    """Write a batch's records, and say which the database refuses, and why.

    Raises:
        StartError: some are refused, or the batch cannot be read.
    """
    tried = await _tried(config, name, give_up=False)
    if tried.refused:
        raise StartError(
            f"{_reasons(tried)}\nof {name} {tried.written} are written and "
            f"{len(tried.refused)} refused; give those up with: kvar radius refused drop {name}"
        )
    return f"{name}: {tried.written} records are written, and the batch is gone"


async def drop(config: Config, name: str) -> str:
    """Write what can be written of a batch, and give up the rest.

    Raises:
        StartError: there is no such batch, or nothing can be written now.
    """
    try:
        tried = await _tried(config, name, give_up=True)
    except StartError as problem:
        if not isinstance(problem.__cause__, BatchUnreadableError):
            raise
        async with _opened(config) as refused:
            if not await refused.drop_unreadable(name):
                raise
        return f"{name}: could not be read, and is gone"
    given_up = f"{len(tried.refused)} are given up"
    return "\n".join(
        filter(None, (_reasons(tried), f"{name}: {tried.written} written, {given_up}"))
    )


async def _tried(config: Config, name: str, *, give_up: bool) -> Tried:
    try:
        async with _opened(config) as refused:
            return await refused.retry(name, give_up=give_up)
    except DatabaseUnavailableError as problem:
        raise StartError(_NO_DATABASE.format(problem=problem)) from problem
    except BatchUnreadableError as problem:
        raise StartError(f"{name}: {problem}; see: kvar radius refused list") from problem


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[RefusedAccounting]:
    async with Database(dsn(config), size=1, name="kvar radius refused") as database:
        journal = DiskJournal(journal_directory(config))
        yield RefusedAccounting(PostgresAccounts(database), journal)


def _line(batch: WaitingBatch) -> str:
    when = f"{batch.kept_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if batch.records is None:
        return f"{batch.name}  {when}  cannot be read"
    from_whom = ", ".join(sorted(batch.access_points))
    return f"{batch.name}  {when}  {batch.records} records of {from_whom}"


def _reasons(tried: Tried) -> str:
    return "\n".join(
        f"{one.access_point}  {one.happened_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  {one.reason}"
        for one in tried.refused
    )
