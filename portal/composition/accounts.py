"""Composes the commands about staff accounts: one wish, said plainly."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal import settings_staff
from portal.clock import utc_now
from portal.composition.database import dsn, key_directory
from portal.composition.staff import acting, database_is_there, known_sites
from portal.composition.staff_services import compose_staff
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import Secret, SiteId
from portal.domain.staff_account import Account, Role, is_account_name
from portal.services.key_ring import KeyRing
from portal.services.staff.administration import Administration, Grants
from portal.storage.database import Database


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line was told: no site means every site."""

    roles: Collection[Role]
    sites: Collection[str] = ()
    expires_on: date | None = None
    link_minutes: int = 30


class NameTakenError(StartError):
    """There is such an account already."""


async def create(config: Config, name: str, wish: Wish) -> str:
    """Make an account, and say the one-time way to its first sign-in.

    Raises:
        StartError: it was not made; the text says why.
    """
    if not is_account_name(name):
        raise StartError("a name is 2 to 40 of a-z, 0-9, dot, hyphen and underscore")
    grants = Grants(wish.roles, known_sites(config, wish.sites) or None)
    async with _open(config, wish.link_minutes) as accounts:
        now = utc_now()
        code = await accounts.create(name, grants, _end_of(config, wish.expires_on), now)
    if code is None:
        raise NameTakenError(f"there is an account {name!r} already; kvar account list shows them")
    return f"account {name} is made. {_way_in(config, code, wish.link_minutes)}"


async def reset(config: Config, name: str, link_minutes: int) -> str:
    """Take an account's password and second factor away, and say the way to new ones.

    Raises:
        StartError: there is no such account.
    """
    async with _open(config, link_minutes) as accounts:
        code = await accounts.reset(name, utc_now())
    if code is None:
        raise _nobody(name)
    return (
        f"account {name}: signed out everywhere; password, second factor and recovery codes are "
        f"gone. {_way_in(config, code, link_minutes)}"
    )


async def disable(config: Config, name: str) -> str:
    """Disable an account and end its visits.

    Raises:
        StartError: there is no such account.
    """
    async with _open(config) as accounts:
        if not await accounts.disable(name, utc_now()):
            raise _nobody(name)
    return f"account {name}: disabled, and signed out everywhere"


async def enable(config: Config, name: str) -> str:
    """Enable an account again.

    Raises:
        StartError: there is no such account.
    """
    async with _open(config) as accounts:
        if not await accounts.enable(name, utc_now()):
            raise _nobody(name)
    return f"account {name}: enabled"


async def grant(config: Config, name: str, wish: Wish) -> str:
    """Give an account exactly these roles and sites; it holds from its next page on.

    Raises:
        StartError: there is no such account or site.
    """
    grants = Grants(wish.roles, known_sites(config, wish.sites) or None)
    async with _open(config) as accounts:
        if not await accounts.grant(name, grants, utc_now()):
            raise _nobody(name)
    return f"account {name}: {_rights(grants.roles, grants.sites)}"


async def prolong(config: Config, name: str, last_day: date | None) -> str:
    """Give an account another last day; None: it has no end.

    Raises:
        StartError: there is no such account.
    """
    async with _open(config) as accounts:
        if not await accounts.prolong(name, _end_of(config, last_day), utc_now()):
            raise _nobody(name)
    return f"account {name}: {'without end' if last_day is None else f'until {last_day}'}"


async def confirm(config: Config, name: str) -> str:
    """Note that an account is needed still.

    Raises:
        StartError: there is no such account.
    """
    async with _open(config) as accounts:
        if not await accounts.confirm(name, utc_now()):
            raise _nobody(name)
    return f"account {name}: confirmed for a year"


async def show(config: Config) -> str:
    """Return the accounts, a line each.

    Raises:
        StartError: the database is away.
    """
    async with _open(config) as accounts:
        found = await accounts.doors.accounts.all()
    return "\n".join(_line(config, account) for account in found) or "no accounts"


@asynccontextmanager
async def _open(config: Config, link_minutes: int = 30) -> AsyncIterator[Administration]:
    ring = KeyRing(key_directory(config))
    async with Database(dsn(config), size=1, name="kvar account") as database:
        doors = compose_staff(config, database, ring)
        with database_is_there():
            yield Administration(doors, acting(), timedelta(minutes=link_minutes))


def _end_of(config: Config, day: date | None) -> datetime | None:
    if day is None:
        return None
    zone = ZoneInfo(config.organisation.time_zone)
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _way_in(config: Config, code: Secret, minutes: int) -> str:
    shown = code.reveal()
    if config.staff is None:
        return f"First sign-in, within {minutes} minutes: {shown} (no [staff] site is configured)"
    address = settings_staff.staff_address(config.staff)
    return (
        f"First sign-in, once and within {minutes} minutes:\n"
        f"  {address}/first#{shown}\n"
        f"or type this code at {address}/first: {shown}"
    )


def _line(config: Config, account: Account) -> str:
    now = utc_now()
    state = "enrolled" if account.enrolled else "waits for its first sign-in"
    if account.disabled:
        state = "disabled"
    elif not account.is_good(now):
        state = "expired"
    zone = ZoneInfo(config.organisation.time_zone)
    told = [_rights(account.roles, account.sites), state]
    if account.expires_at is not None:
        told.append(
            f"until {(account.expires_at - timedelta(seconds=1)).astimezone(zone):%Y-%m-%d}"
        )
    if account.last_sign_in_at is not None:
        told.append(f"last in {account.last_sign_in_at.astimezone(zone):%Y-%m-%d}")
    if account.review_is_due(now):
        told.append("to be confirmed or ended")
    return f"{account.name}: {', '.join(told)}"


def _rights(roles: Collection[Role], sites: Collection[SiteId] | None) -> str:
    where = "every site" if sites is None else " ".join(sorted(sites))
    return f"{' '.join(sorted(roles))} at {where}"


def _nobody(name: str) -> StartError:
    return StartError(f"no account {name!r}; kvar account list shows them")
