"""Tokens of the API in PostgreSQL (implements services.ports.api_tokens.ApiTokenStore).

Not a judge of tokens (portal/services/api_tokens.py). The rule to keep: a token is found by its
whole hash, so that the time of an answer tells nothing of any token.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.api_token import USE_NOTED_EVERY, ApiToken, Scope
from portal.domain.identity import SiteId
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("api_tokens")


class PostgresApiTokens:
    """Who may use the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token: ApiToken, token_hash: bytes) -> bool:
        """See services.ports.api_tokens.ApiTokenStore."""
        sites = None if token.sites is None else sorted(token.sites)
        return await self._did(
            "create",
            *(token.id, token.name, token_hash, sorted(token.scopes), sites),
            *(token.created_by, token.created_at, token.expires_at),
        )

    async def all(self) -> list[ApiToken]:
        """See services.ports.api_tokens.ApiTokenStore."""
        return [_token_of(row) for row in await self._database.fetch(_SQL["all"])]

    async def find(self, token_hash: bytes) -> ApiToken | None:
        """See services.ports.api_tokens.ApiTokenStore."""
        row = await self._database.fetch_row(_SQL["find"], token_hash)
        return None if row is None else _token_of(row)

    async def revoke(self, name: str, now: datetime) -> bool:
        """See services.ports.api_tokens.ApiTokenStore."""
        return await self._did("revoke", name, now)

    async def note_use(self, token_id: UUID, now: datetime) -> None:
        """See services.ports.api_tokens.ApiTokenStore."""
        await self._database.fetch(_SQL["note_use"], token_id, now, USE_NOTED_EVERY)

    async def _did(self, name: str, *values: object) -> bool:
        return await self._database.fetch_row(_SQL[name], *values) is not None


def _token_of(row: Mapping[str, Any]) -> ApiToken:
    return ApiToken(
        id=UUID(int=row["id"].int),
        name=row["name"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        sites=None if row["sites"] is None else frozenset(map(SiteId, row["sites"])),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
