"""The door to deleting what is due, and to the evidence that it was deleted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.services.ports import Kept


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one run did. Numbers and names of keys only: nothing of what was deleted.

    ``deleted`` counts rows by class; a class of which nothing was due has 0. ``oldest`` is the
    oldest row left of each class, None where there is none.
    """

    id: UUID
    at: datetime
    node: str
    deleted: Mapping[str, int]
    oldest: Mapping[str, datetime | None] = field(default_factory=dict)
    keys: Sequence[str] = ()


class Upkeep(Protocol):
    """What the keeper does now and then so that nothing is kept longer than said.

    Every method raises DatabaseUnavailableError.
    """

    async def tidy(self, kept: Kept, now: datetime, deleted: Counter[str] | None = None) -> int:
        """Delete what is due and make the next weeks' partitions; return the rows deleted.

        ``deleted`` is added to class by class, so that it is right where this raises: some of it
        was not done then, and the next call does it.
        """
        ...

    async def oldest(self) -> Mapping[str, datetime | None]:
        """Return when the oldest row of each class is from."""
        ...

    async def note(self, evidence: Evidence) -> None:
        """Write what a run did; once, however often it is written."""
        ...

    async def last_run(self) -> Evidence | None:
        """Return what the latest run did; None: there was none."""
        ...
