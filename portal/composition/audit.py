"""Composes the command that verifies the record of look-ups."""

from datetime import UTC

from portal.composition.database import dsn
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.audit_chain import Broken, Fault, Whole
from portal.services.console.verification import verify as examined
from portal.services.ports import DatabaseUnavailableError
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database

_TOLD = {
    Fault.CHANGED: "was changed: what it says does not fit its hash",
    Fault.UNLINKED: "does not follow the row before it: one was taken away, added or moved",
}


async def verify(config: Config) -> str:
    """Say that the record is whole, with what to compare with the log outside the database.

    Raises:
        StartError: it is not whole, or cannot be read.
    """
    try:
        async with Database(dsn(config), size=1, name="kvar audit") as database:
            verdict = await examined(PostgresAudit(database))
    except DatabaseUnavailableError as problem:
        raise StartError(f"the database cannot be asked ({problem})") from problem
    if isinstance(verdict, Broken):
        raise StartError(
            f"the record is broken: row {verdict.number} {_TOLD[verdict.fault]}. Compare it with "
            "the lines audit_row_written of the staff site's log, and with a backup"
        )
    return f"the record is whole: {verdict.rows} rows{_ends(verdict)}"


def _ends(whole: Whole) -> str:
    if whole.first is None:
        return ""
    first = f"the first, {whole.first.number}, is of {whole.first.at.astimezone(UTC):%Y-%m-%d}"
    return f"; {first}; the last, {whole.last_number}, has {whole.last.hex()}"
