"""Counters and signs of life in PostgreSQL (implements services.ports.keeping.Sightings).

Not what they mean (portal/domain/presence.py). The rule to keep: a reading that is written twice
counts once, and no sign-in waits for it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.identity import MacAddress, SiteId
from portal.services.ports.keeping import Noted, Quiet, Sighting
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("sightings")

MOST_AT_ONCE = 1000
"""Rows a statement: some 20 ms, so that a sign-in of one of them hardly notices."""


BETWEEN_CHANGES = timedelta(minutes=3)
TOO_MANY_CHANGES = 4
"""Each within that time of the one before: nobody walks between two libraries like that."""


class PostgresSightings:
    """What looks at the gate found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, site_ids: Sequence[SiteId], sightings: Sequence[Sighting], now: datetime
    ) -> Noted:
        """See services.ports.keeping.Sightings."""
        written: set[MacAddress] = set()
        succeeded: set[MacAddress] = set()
        for part in _parts(sightings):
            rows = await self._database.fetch(_SQL["note"], list(site_ids), *_columns(part), now)
            macs = [(MacAddress(row["mac"]), row["succeeded"]) for row in rows]
            written.update(mac for mac, _ in macs)
            succeeded.update(mac for mac, is_succeeded in macs if is_succeeded)
        return Noted(frozenset(written), frozenset(succeeded))

    async def place(self, macs: Sequence[MacAddress], place: str, now: datetime) -> list[UUID]:
        """See services.ports.keeping.Sightings."""
        rows = await self._database.fetch(
            _SQL["place"], list(macs), place, now, BETWEEN_CHANGES, TOO_MANY_CHANGES
        )
        return [UUID(int=row["session_id"].int) for row in rows]

    async def quiet(self, macs: Sequence[MacAddress]) -> list[Quiet]:
        """See services.ports.keeping.Sightings."""
        rows = await self._database.fetch(_SQL["quiet"], list(macs))
        return [
            Quiet(session_of(row), frozenset(SiteId(site) for site in row["elsewhere"]))
            for row in rows
        ]


def _parts(sightings: Sequence[Sighting]) -> Iterator[Sequence[Sighting]]:
    for at in range(0, len(sightings), MOST_AT_ONCE):
        yield sightings[at : at + MOST_AT_ONCE]


def _columns(sightings: Sequence[Sighting]) -> Iterator[list[object]]:
    yield [s.mac for s in sightings]
    yield [s.up_bytes for s in sightings]
    yield [s.down_bytes for s in sightings]
    yield [None if s.before is None else s.before[0] for s in sightings]
    yield [None if s.before is None else s.before[1] for s in sightings]
    yield [s.seen_at for s in sightings]
    yield [s.again for s in sightings]
