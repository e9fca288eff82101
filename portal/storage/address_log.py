"""Ports and addresses in PostgreSQL (implements services.ports.address_log.AddressLog).

No connection and no destination. The rule to keep: what a site's level does not allow is left out
here, in the statement that writes, whatever the gate tells.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from portal.domain.complaint import Complaint
from portal.domain.session_log import Cursor
from portal.services.ports.address_log import Given, Had
from portal.storage.database import Database
from portal.storage.session_log import LIVE_FOR
from portal.storage.statements import load_statements

_SQL = load_statements("address_log")


class PostgresAddressLog:
    """Who had which ports and addresses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, given: Given, public: Sequence[IPv4Address | IPv6Address], now: datetime
    ) -> None:
        """See services.ports.address_log.AddressLog."""
        if given.ports:
            since = [
                None if one.since_s_ago is None else now - timedelta(seconds=one.since_s_ago)
                for one in given.ports
            ]
            await self._database.fetch(
                _SQL["note_ports"],
                *([one.mac for one in given.ports], [one.low for one in given.ports]),
                *([one.high for one in given.ports], since, list(public), now),
            )
        if given.addresses:
            macs = [mac for mac, _ in given.addresses]
            addresses = [address for _, address in given.addresses]
            await self._database.fetch(_SQL["note_addresses"], macs, addresses, now)

    async def had(self, complaint: Complaint, most: int) -> Sequence[Had]:
        """See services.ports.address_log.AddressLog."""
        rows = await self._database.fetch(
            _SQL["had"],
            *(complaint.address, complaint.port, complaint.since, complaint.until),
            *(complaint.since - LIVE_FOR, most),
        )
        return [
            Had(
                *(UUID(int=row["session_id"].int), row["started_at"]),
                *(row["is_known"], row["is_throughout"]),
            )
            for row in rows
        ]

    async def holders(
        self, address: IPv4Address | IPv6Address, since: datetime, until: datetime, most: int
    ) -> Sequence[Cursor]:
        """See services.ports.address_log.AddressLog."""
        rows = await self._database.fetch(_SQL["holders"], address, since, until, most)
        return [Cursor(row["started_at"], UUID(int=row["session_id"].int)) for row in rows]

    async def is_whole(self, since: datetime) -> bool:
        """See services.ports.address_log.AddressLog."""
        row = await self._database.fetch_row(_SQL["is_whole"], since)
        return row is not None and bool(row["is_whole"])
