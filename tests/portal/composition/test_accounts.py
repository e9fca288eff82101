"""The commands about staff accounts, on a real PostgreSQL."""

from datetime import date
from pathlib import Path

import pytest

from portal.composition import accounts
from portal.composition.accounts import Wish
from portal.composition.start import StartError
from portal.config import Config
from portal.config_file import parse
from portal.domain.staff_account import Role
from portal.storage.database import Database

EXAMPLE = Path(__file__).parents[3] / "deploy" / "kvar.toml"
DESK = Wish((Role.DESK,), ("bokbussen",))


@pytest.fixture
def config(postgres_dsn: str, tmp_path: Path) -> Config:
    text = EXAMPLE.read_text("utf-8").replace("/var/lib/kvar", str(tmp_path))
    return parse(text.replace('dsn = ""', f'dsn = "{postgres_dsn}"'), EXAMPLE)


async def test_an_account_from_its_making_to_its_end(config: Config, database: Database) -> None:
    first = said = await accounts.create(config, "kim", DESK)
    assert said.startswith("account kim is made. First sign-in, once and within 30 minutes:\n")
    assert "https://kvar.exempelby.example:8443/first#" in said
    assert await accounts.show(config) == "kim: desk at bokbussen, waits for its first sign-in"
    with pytest.raises(StartError, match="there is an account 'kim' already"):
        await accounts.create(config, "kim", DESK)
    said = await accounts.grant(config, "kim", Wish((Role.IT, Role.AUDITOR)))
    assert said == "account kim: auditor it at every site"
    assert (
        await accounts.disable(config, "kim") == "account kim: disabled, and signed out everywhere"
    )
    assert await accounts.show(config) == "kim: auditor it at every site, disabled"
    assert await accounts.enable(config, "kim") == "account kim: enabled"
    again = await accounts.reset(config, "kim", 60)
    assert "within 60 minutes" in again
    assert again != first
    rows = await database.fetch("SELECT detail->>'what' AS what FROM event ORDER BY id")
    expected = ["created", "roles", "disabled", "enabled", "reset"]
    assert [row["what"] for row in rows] == expected


async def test_an_account_ends_with_its_last_day(config: Config) -> None:
    await accounts.create(config, "kim", Wish((Role.DESK,), (), date(2099, 6, 30)))
    await accounts.create(config, "old", Wish((Role.DESK,), (), date(2020, 6, 30)))
    assert (await accounts.show(config)).splitlines() == [
        "kim: desk at every site, waits for its first sign-in, until 2099-06-30",
        "old: desk at every site, expired, until 2020-06-30",
    ]


async def test_an_account_is_prolonged_and_confirmed(config: Config, database: Database) -> None:
    await accounts.create(config, "kim", Wish((Role.DESK,)))
    assert await accounts.prolong(config, "kim", date(2099, 1, 31)) == (
        "account kim: until 2099-01-31"
    )
    assert (await accounts.show(config)).endswith(", until 2099-01-31")
    assert await accounts.prolong(config, "kim", None) == "account kim: without end"
    await database.fetch(
        "UPDATE staff_account SET created_at = '2020-01-01', last_sign_in_at = '2020-06-30 12:00Z'"
    )
    assert (await accounts.show(config)).endswith("last in 2020-06-30, to be confirmed or ended")
    assert await accounts.confirm(config, "kim") == "account kim: confirmed for a year"
    assert (await accounts.show(config)).endswith("last in 2020-06-30")
    for wish in (accounts.confirm(config, "sam"), accounts.prolong(config, "sam", None)):
        with pytest.raises(StartError, match="no account 'sam'"):
            await wish


async def test_what_cannot_be_is_said_so(config: Config) -> None:
    assert await accounts.show(config) == "no accounts"
    for name in ("Kim", "kim larsson", "k", "kim\n"):
        with pytest.raises(StartError, match="a name is 2 to 40 of"):
            await accounts.create(config, name, DESK)
    for wish in (accounts.disable, accounts.enable):
        with pytest.raises(StartError, match="no account 'kim'"):
            await wish(config, "kim")
    with pytest.raises(StartError, match="no account 'kim'"):
        await accounts.reset(config, "kim", 30)
    with pytest.raises(StartError, match="no account 'kim'"):
        await accounts.grant(config, "kim", DESK)
    with pytest.raises(StartError, match="no site 'nowhere'"):
        await accounts.create(config, "kim", Wish((Role.DESK,), ("nowhere",)))


async def test_without_a_staff_site_the_code_is_said_all_the_same(config: Config) -> None:
    without = config.model_copy(update={"staff": None})
    said = await accounts.create(without, "kim", DESK)
    assert said.endswith("(no [staff] site is configured)")
