"""The commands about the API's tokens, on a real PostgreSQL."""

import re
from pathlib import Path

import pytest

from portal.composition import api_tokens
from portal.composition.api_tokens import Wish
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.domain.api_token import Scope
from portal.domain.identity import Secret
from portal.services.api_tokens import token_hash
from portal.storage.database import Database

EXAMPLE = Path(__file__).parents[3] / "deploy" / "kvar.toml"
WISH = Wish((Scope.WRITE, Scope.READ), ("bokbussen",))


@pytest.fixture
def config(postgres_dsn: str, tmp_path: Path) -> Config:
    text = EXAMPLE.read_text("utf-8").replace("/var/lib/kvar", str(tmp_path))
    return parse(text.replace('dsn = ""', f'dsn = "{postgres_dsn}"'), EXAMPLE)


async def test_a_token_from_its_making_to_its_end(config: Config, database: Database) -> None:
    assert await api_tokens.show(config) == "no tokens"
    said = await api_tokens.create(config, "cinema", WISH)
    found = re.fullmatch(
        r"token cinema is made: vouchers:read vouchers:write at bokbussen, until "
        r"(\d{4}-\d\d-\d\d)\. It is shown this once:\n(kvar_[\w-]{43})",
        said,
    )
    assert found
    until, token = found.groups()
    rows = await database.fetch("SELECT hash, created_by FROM api_token")
    assert [row["hash"] for row in rows] == [token_hash(Secret(token))]
    rights = "cinema: vouchers:read vouchers:write at bokbussen"
    by = f"made by {rows[0]['created_by']}"
    assert await api_tokens.show(config) == f"{rights}, until {until}, never used, {by}"
    await database.fetch("UPDATE api_token SET last_used_at = '2026-11-26 09:00+00'")
    assert "last used 2026-11-26 10:00" in await api_tokens.show(config)
    with pytest.raises(StartError, match="a token was called 'cinema' before"):
        await api_tokens.create(config, "cinema", WISH)
    assert await api_tokens.revoke(config, "cinema") == "token cinema: revoked"
    assert re.search("bokbussen, revoked 20", await api_tokens.show(config))
    with pytest.raises(StartError, match="no token 'cinema' is in use"):
        await api_tokens.revoke(config, "cinema")
    rows = await database.fetch("SELECT detail->>'what' AS what FROM event ORDER BY id")
    assert [row["what"] for row in rows] == ["created", "revoked"]


async def test_what_is_over_is_shown_so(config: Config, database: Database) -> None:
    await api_tokens.create(config, "cinema", Wish((Scope.CODES,), (), 1))
    await database.fetch(
        "UPDATE api_token SET created_at = '2025-01-01', expires_at = '2025-06-01 12:00+00'"
    )
    shown = await api_tokens.show(config)
    assert shown.startswith("cinema: vouchers:codes at every site, expired 2025-06-01, never used")


async def test_what_cannot_be_is_said_so(config: Config) -> None:
    with pytest.raises(StartError, match="a name is 2 to 40 of"):
        await api_tokens.create(config, "My cinema", WISH)
    with pytest.raises(StartError, match="no site 'nowhere'"):
        await api_tokens.create(config, "cinema", Wish((Scope.READ,), ("nowhere",)))
