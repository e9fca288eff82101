"""Gateways' lists in PostgreSQL (implements services.ports.gateways.GatewayAdmissions).

Not what an admission means (domain/gateway_admission.py). The rule to keep: a list holds sessions
that run when it is read, whatever was so when the visitor pressed the button.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from portal.domain.gateway_admission import Admission
from portal.services.ports.gateways import Gateway, Listed
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("gateway_admissions")


class PostgresGatewayAdmissions:
    """What gateways are told when they ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, client: str, rhid: bytes) -> Admission | None:
        """See services.ports.gateways.GatewayAdmissions."""
        row = await self._database.fetch_row(_SQL["find"], client, rhid)
        if row is None:
            return None
        session_id = UUID(int=row["session_id"].int)
        return Admission(session_id, row["asked_at"], row["acknowledged_at"])

    async def ask(self, gateway: Gateway, rhid: bytes, session_id: UUID, now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        values = (gateway.client, rhid, gateway.name_hash, session_id, now)
        await self._database.fetch(_SQL["ask"], *values)

    async def to_let_in(
        self, gateway: Gateway, since: datetime, now: datetime, most: int
    ) -> Sequence[Listed]:
        """See services.ports.gateways.GatewayAdmissions."""
        values = (gateway.client, gateway.name_hash, since, now, most)
        rows = await self._database.fetch(_SQL["to_let_in"], *values)
        return [Listed(row["rhid"], session_of(row)) for row in rows]

    async def let_in(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        values = (gateway.client, gateway.name_hash, list(rhids), now)
        await self._database.fetch(_SQL["let_in"], *values)

    async def to_put_out(self, gateway: Gateway, now: datetime, most: int) -> Sequence[bytes]:
        """See services.ports.gateways.GatewayAdmissions."""
        values = (gateway.client, gateway.name_hash, now, most)
        return [row["rhid"] for row in await self._database.fetch(_SQL["to_put_out"], *values)]

    async def put_out(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        values = (gateway.client, gateway.name_hash, list(rhids), now)
        await self._database.fetch(_SQL["put_out"], *values)
