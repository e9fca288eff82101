"""Composes a tutor's command: one wish, said plainly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from portal.clock import utc_now
from portal.composition.staff import acting, clock_time, staff_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.domain.session import Session
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.tutoring import Tutor
from portal.services.tutoring import Tutoring, TutoringOutcome, TutoringRefusal
from portal.storage.tutoring import PostgresTutored

_REFUSALS = {
    TutoringRefusal.NO_SUCH_DEVICE: "no device has that number here; "
    "kvar tutor list shows the numbers",
    TutoringRefusal.NO_SUCH_TUTORING: "nobody is under tutoring by the number to go on with; "
    "kvar tutor list shows the numbers",
    TutoringRefusal.CLOSED: "the library is closed, and its guest network with it",
    TutoringRefusal.DATABASE_AWAY: "the database is away; try again soon",
}


async def let_in(config: Config, site: str, number: int, minutes: int) -> str:
    """Let a device in, protected, and say until when.

    Raises:
        StartError: it was not let in; the text says why.
    """
    async with _open(config, site) as tutoring:
        length = timedelta(minutes=minutes)
        outcome = await tutoring.let_in(SiteId(site), _tutor(number), length, utc_now())
    return _said(config, number, outcome)


async def carry_over(config: Config, site: str, number: int, tile: int, minutes: int) -> str:
    """Let a device go on with the tutoring of another number, and say until when.

    Raises:
        StartError: nothing was moved; the text says why.
    """
    async with _open(config, site) as tutoring:
        length = timedelta(minutes=minutes)
        outcome = await tutoring.carry_over(SiteId(site), _tutor(number), tile, length, utc_now())
    session = _session(outcome)
    return f"device {number} goes on; {_line(config, session.tutored_as, session)}"


async def extend(config: Config, site: str, number: int, minutes: int) -> str:
    """Prolong a tutoring, and say until when it lasts.

    Raises:
        StartError: it was not prolonged; the text says why.
    """
    async with _open(config, site) as tutoring:
        length = timedelta(minutes=minutes)
        outcome = await tutoring.extend(SiteId(site), _tutor(number), length, utc_now())
    return _said(config, number, outcome)


async def end(config: Config, site: str, number: int) -> str:
    """End a tutoring, and say until when the device stays online.

    Raises:
        StartError: there is no such tutoring, or the database is away.
    """
    async with _open(config, site) as tutoring:
        outcome = await tutoring.end(SiteId(site), _tutor(number), utc_now())
    session = _session(outcome)
    return f"device {number}: tutoring ended, online until {clock_time(config, session.due_at)}"


async def show(config: Config, site: str) -> str:
    """Return the devices that wait and those under tutoring, a line each.

    Raises:
        StartError: no such site, or the database is away.
    """
    async with _open(config, site) as tutoring:
        try:
            waiting = await tutoring.waiting(SiteId(site), utc_now())
            held = await tutoring.under_way(SiteId(site), utc_now())
        except DatabaseUnavailableError as problem:
            raise StartError(_REFUSALS[TutoringRefusal.DATABASE_AWAY]) from problem
    lines = [
        f"device {device.number}: waiting since {clock_time(config, device.first_seen_at)}"
        + "".join(f", {step}" for step in device.steps)
        for device in waiting
    ]
    lines += [_line(config, session.tutored_as, session) for session in held]
    return "\n".join(lines) or "nobody is waiting, and nobody is under tutoring"


@asynccontextmanager
async def _open(config: Config, site: str) -> AsyncIterator[Tutoring]:
    async with staff_doors(config, site) as (doors, database):
        yield Tutoring(doors, PostgresTutored(database))


def _tutor(number: int) -> Tutor:
    return Tutor(acting(), number)


def _said(config: Config, number: int, outcome: TutoringOutcome) -> str:
    return _line(config, number, _session(outcome))


def _session(outcome: TutoringOutcome) -> Session:
    if isinstance(outcome, TutoringRefusal):
        raise StartError(_REFUSALS[outcome])
    return outcome


def _line(config: Config, number: int | None, session: Session) -> str:
    until = session.protected_until or session.due_at
    ends = clock_time(config, session.due_at)
    return f"device {number}: tutoring until {clock_time(config, until)}, online until {ends}"
