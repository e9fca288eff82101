"""What is kept of one card, voucher or device, in PostgreSQL (implements ports.rights.KeptOfOne).

Not the names (services/console/rights.py). The rule to keep: a table that names a guest or a device
stands in rights.sql and in erase_subject both; test_rights.py asks the catalogue.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from portal.domain.audit_chain import Deed
from portal.domain.identity import MacAddress, Subject
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.rights import Erased, KeptRow, Names, UsedVoucher
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("rights")


class PostgresKeptOfOne:
    """Reads and deletes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, names: Names) -> Sequence[KeptRow]:
        """See services.ports.rights.KeptOfOne."""
        rows = await self._database.fetch(_SQL["find"], *_values(names))
        return [KeptRow(row["kind"], row["at"], json.loads(row["says"])) for row in rows]

    async def weeks_with_history(self, mondays: Sequence[datetime]) -> Sequence[datetime]:
        """See services.ports.rights.KeptOfOne."""
        rows = await self._database.fetch(_SQL["weeks_with_history"], list(mondays))
        return [row["monday"] for row in rows]

    async def used_vouchers(self) -> Sequence[UsedVoucher]:
        """See services.ports.rights.KeptOfOne."""
        rows = await self._database.fetch(_SQL["used_vouchers"])
        return [UsedVoucher(row["id"], row["key_id"], Subject(row["subject"])) for row in rows]

    async def erase(self, names: Names, deed: Deed) -> Erased:
        """See services.ports.rights.KeptOfOne."""
        row = await self._database.fetch_row(
            _SQL["erase"],
            *_values(names),
            *(deed.at, deed.by, deed.reason, deed.case_number, deed.about),
        )
        if row is None:
            raise DatabaseUnavailableError("erase_subject gave no row")
        told = {kind: count for kind, count in json.loads(row["told"]).items() if count}
        macs = tuple(MacAddress(mac) for mac in row["macs"])
        return Erased(told, macs, row["number"], bytes(row["hash"]))


def _values(names: Names) -> tuple[object, ...]:
    return (
        *(list(names.subjects), list(names.guests), list(names.devices), list(names.traces)),
        *(list(names.macs), list(names.vouchers)),
        *([one.voucher for one in names.places], [one.device for one in names.places]),
        list(names.counted),
    )
