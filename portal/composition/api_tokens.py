"""Composes the commands about tokens of the API: one wish, said plainly."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portal.clock import utc_now
from portal.composition.database import dsn
from portal.composition.staff import acting, database_is_there, known_sites
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.api_token import ApiToken, Scope, is_token_name
from portal.domain.identity import SiteId
from portal.services.api_tokens import TokenDesk
from portal.storage.api_tokens import PostgresApiTokens
from portal.storage.database import Database
from portal.storage.events import PostgresEvents


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line was told: no site means every site."""

    scopes: Collection[Scope]
    sites: Collection[str] = ()
    days: int = 365


async def create(config: Config, name: str, wish: Wish) -> str:
    """Make a token, and say it: nobody is told it again.

    Raises:
        StartError: it was not made; the text says why.
    """
    if not is_token_name(name):
        raise StartError("a name is 2 to 40 of a-z, 0-9, dot, hyphen and underscore")
    sites, length = known_sites(config, wish.sites) or None, timedelta(days=wish.days)
    async with _open(config) as desk:
        token = await desk.create(name, wish.scopes, sites, length, utc_now())
    if token is None:
        raise StartError(f"a token was called {name!r} before; each gets a name of its own")
    until = _day(config, utc_now() + length)
    return (
        f"token {name} is made: {_rights(wish.scopes, sites)}, until {until}. "
        f"It is shown this once:\n{token.reveal()}"
    )


async def revoke(config: Config, name: str) -> str:
    """Revoke a token: its next request is refused.

    Raises:
        StartError: there is none that could be.
    """
    async with _open(config) as desk:
        if not await desk.revoke(name, utc_now()):
            raise StartError(f"no token {name!r} is in use; kvar token list shows them")
    return f"token {name}: revoked"


async def show(config: Config) -> str:
    """Return the tokens, a line each.

    Raises:
        StartError: the database is away.
    """
    async with _open(config) as desk:
        found = await desk.store.all()
    return "\n".join(_line(config, token) for token in found) or "no tokens"


@asynccontextmanager
async def _open(config: Config) -> AsyncIterator[TokenDesk]:
    async with Database(dsn(config), size=1, name="kvar token") as database:
        with database_is_there():
            yield TokenDesk(PostgresApiTokens(database), PostgresEvents(database), acting())


def _line(config: Config, token: ApiToken) -> str:
    if token.revoked_at is not None:
        state = f"revoked {_day(config, token.revoked_at)}"
    elif not token.is_good(utc_now()):
        state = f"expired {_day(config, token.expires_at)}"
    else:
        state = f"until {_day(config, token.expires_at)}"
    used = "never used"
    if token.last_used_at is not None:
        used = f"last used {_moment(config, token.last_used_at)}"
    rights = _rights(token.scopes, token.sites)
    return f"{token.name}: {rights}, {state}, {used}, made by {token.created_by}"


def _rights(scopes: Collection[Scope], sites: Collection[SiteId] | None) -> str:
    where = "every site" if sites is None else " ".join(sorted(sites))
    return f"{' '.join(sorted(set(scopes)))} at {where}"


def _day(config: Config, moment: datetime) -> str:
    return f"{moment.astimezone(_zone(config)):%Y-%m-%d}"


def _moment(config: Config, moment: datetime) -> str:
    return f"{moment.astimezone(_zone(config)):%Y-%m-%d %H:%M}"


def _zone(config: Config) -> ZoneInfo:
    return ZoneInfo(config.organisation.time_zone)
