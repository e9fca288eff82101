"""The door to the tokens of the API."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.api_token import ApiToken


class ApiTokenStore(Protocol):
    """The tokens. Every method raises DatabaseUnavailableError; fails closed."""

    async def create(self, token: ApiToken, token_hash: bytes) -> bool:
        """Write a token; False when its name was ever another's."""
        ...

    async def all(self) -> list[ApiToken]:
        """Return every token, by name; revoked ones too."""
        ...

    async def find(self, token_hash: bytes) -> ApiToken | None:
        """Return the token of this hash, whatever it is still good for."""
        ...

    async def revoke(self, name: str, now: datetime) -> bool:
        """Revoke; False when there is no such token, or it was revoked before."""
        ...

    async def note_use(self, token_id: UUID, now: datetime) -> None:
        """Write when it was used last."""
        ...
