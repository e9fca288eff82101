"""Whether the record of look-ups is whole: for its page and for the command line."""

from portal.domain.audit_chain import Broken, Whole, examine
from portal.services.ports.audit import AuditRecord


async def verify(record: AuditRecord) -> Broken | Whole:
    """Examine every row that is kept.

    Raises:
        DatabaseUnavailableError: not all of it could be read.
    """
    return examine([row async for row in record.all()])
