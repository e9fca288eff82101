"""The door to the record of look-ups."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from portal.domain.audit_chain import AuditRow, Deed


class AuditRecord(Protocol):
    """The record: append-only. Every method raises DatabaseUnavailableError.

    Fails closed: what was not written down is not shown.
    """

    async def write(self, deed: Deed) -> AuditRow:
        """Add a row and return it."""
        ...

    async def page(
        self, before: int | None, most: int, by: str | None = None
    ) -> Sequence[AuditRow]:
        """Return at most so many rows below this number, the newest first; ``by``: only theirs."""
        ...

    def all(self) -> AsyncIterator[AuditRow]:
        """Give every row that is kept, the oldest first; few are held at a time."""
        ...
