"""Composes a tutor's command about a group: one wish, said plainly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from portal.clock import utc_now
from portal.composition.staff import acting, clock_time, staff_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.domain.room_code import written
from portal.domain.tutoring import Group
from portal.services.group_tutoring import GroupRefusal, GroupTutoring

Answer = TypeVar("Answer")

_REFUSALS = {
    GroupRefusal.NO_SUCH_GROUP: "no group has that number here; "
    "kvar tutor group list shows the numbers",
    GroupRefusal.NOT_OFFERED: "this site has group tutoring switched off (tutoring = false)",
    GroupRefusal.CLOSED: "the library is closed, and its guest network with it",
    GroupRefusal.DATABASE_AWAY: "the database is away; try again soon",
}


async def start(config: Config, site: str, minutes: int, devices: int) -> str:
    """Start a group, and say its room code.

    Raises:
        StartError: it was not started; the text says why.
    """
    async with _open(config, site) as groups:
        length = timedelta(minutes=minutes)
        started = _done(await groups.start(SiteId(site), acting(), length, devices, utc_now()))
    return f"{_line(config, started.group, 0)}\nroom code: {written(started.code)}"


async def extend(config: Config, site: str, number: int, minutes: int) -> str:
    """Prolong a group, and say until when it lasts.

    Raises:
        StartError: it was not prolonged; the text says why.
    """
    async with _open(config, site) as groups:
        length = timedelta(minutes=minutes)
        group = _done(await groups.extend(SiteId(site), number, acting(), length, utc_now()))
    return f"group {number}: until {clock_time(config, group.ends_at)}"


async def end(config: Config, site: str, number: int) -> str:
    """End a group, and say how many devices stay online as ordinary guests.

    Raises:
        StartError: there is no such group, or the database is away.
    """
    async with _open(config, site) as groups:
        left = _done(await groups.end(SiteId(site), number, acting(), utc_now()))
    return f"group {number}: ended, {left} devices stay online as ordinary guests"


async def show(config: Config, site: str) -> str:
    """Return the groups that nobody ended, a line each.

    Raises:
        StartError: no such site, or the database is away.
    """
    async with _open(config, site) as groups:
        live = _done(await groups.live(SiteId(site), utc_now()))
    return "\n".join(_line(config, group, count) for group, count in live) or "no groups"


@asynccontextmanager
async def _open(config: Config, site: str) -> AsyncIterator[GroupTutoring]:
    async with staff_doors(config, site) as (doors, _):
        yield GroupTutoring(doors)


def _done(outcome: Answer | GroupRefusal) -> Answer:
    if isinstance(outcome, GroupRefusal):
        raise StartError(_REFUSALS[outcome])
    return outcome


def _line(config: Config, group: Group, count: int) -> str:
    until, devices = clock_time(config, group.ends_at), group.most_devices
    over = "" if group.takes_in(utc_now()) else " (over: prolong or end it)"
    return f"group {group.number}: {count} of {devices} devices, until {until}{over}"
