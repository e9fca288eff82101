"""The API's tokens in memory: the same contract as PostgreSQL's (storage/test_api_tokens.py)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from portal.domain.api_token import ApiToken


@dataclass
class MemoryApiTokens:
    tokens: dict[bytes, ApiToken] = field(default_factory=dict)
    asked: int = 0
    noted: int = 0

    async def create(self, token: ApiToken, token_hash: bytes) -> bool:
        if any(known.name == token.name for known in self.tokens.values()):
            return False
        self.tokens[token_hash] = token
        return True

    async def all(self) -> list[ApiToken]:
        return sorted(self.tokens.values(), key=lambda token: token.name)

    async def find(self, token_hash: bytes) -> ApiToken | None:
        self.asked += 1
        return self.tokens.get(token_hash)

    async def revoke(self, name: str, now: datetime) -> bool:
        for hash_, token in self.tokens.items():
            if token.name == name and token.revoked_at is None:
                self.tokens[hash_] = replace(token, revoked_at=now)
                return True
        return False

    async def note_use(self, token_id: UUID, now: datetime) -> None:
        self.noted += 1
        for hash_, token in self.tokens.items():
            if token.id == token_id and token.use_is_to_note(now):
                self.tokens[hash_] = replace(token, last_used_at=now)
