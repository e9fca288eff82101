"""Tells controllers what changed: put out whose session ended, let others stay to their new end.

Not the letting in, which a visitor's page waits for (senders.py), and not what goes by RADIUS
(dynamic_desk.py). The rule to keep: a controller has an end of its own for every device, so that
what cannot be said ends by itself then, and is said again until then; a controller that is away
holds up nobody else's, and a fault of ours over one device is logged and costs the others nothing.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

import structlog

from portal.access_points.grants import grant_of, terms_of
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Session
from portal.services.live_picture import Change, LivePicture
from portal.services.ports import Clock
from radius_bridge.controllers.controller import Admission, Controller, ControllerError
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import LoginToken, Redirected

PAUSES_S = (2.0, 10.0, 60.0, 300.0, 600.0)
"""Between tries, the last again and again: a controller that restarts is back within a minute or
two, one behind a line that is down within hours."""

END_MARGIN = timedelta(minutes=1)
"""After the end that a controller was told: it counts in minutes."""

MOST_AT_ONCE = 8
"""Questions to a controller: at closing time all sessions of a library end together."""

_NOBODY = LoginToken("", Secret(b""))
"""Those that know addresses ask nobody about a login."""

_log = structlog.get_logger()


_Told = tuple[str, MacAddress]
"""Of whom which controller is told."""


@dataclass(frozen=True, slots=True)
class Controlled:
    """A controller, and whose devices it has."""

    access_point: AccessPoint
    controller: Controller


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is being told of a device; a later one takes its place.

    ``until`` is when the controller's own end comes.
    """

    until: datetime


class ControllerDesk:
    """Hears of every change of a session; each is one of ``tasks``."""

    def __init__(
        self,
        controlled: Iterable[Controlled],
        picture: LivePicture,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._at: Mapping[SiteId, list[Controlled]] = _by_site(controlled)
        self._picture = picture
        self._tasks = tasks
        self._clock = clock
        self._pauses_s = pauses_s
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._wanted: dict[_Told, _Wanted] = {}
        if self._at:
            picture.changed.append(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            before, after = change.before, change.after
            if before is None or (after is not None and after.due_at == before.due_at):
                continue
            for one in self._of(before if after is None else after):
                self._start(one, change.mac, before.due_at)

    def _of(self, session: Session) -> Iterator[Controlled]:
        """Yield the controllers of every site that let the session's device in."""
        for site_id in {session.site_id, *session.elsewhere}:
            yield from self._at.get(site_id, ())

    def _start(self, one: Controlled, mac: MacAddress, until: datetime) -> None:
        key = (one.access_point.name, mac)
        earlier = self._wanted.get(key)
        wanted = _Wanted(until if earlier is None else max(until, earlier.until))
        self._wanted[key] = wanted
        self._tasks.create_task(self._tell_until_heard(one, mac, wanted), name="tell controller")

    async def _tell_until_heard(self, one: Controlled, mac: MacAddress, wanted: _Wanted) -> None:
        key = (one.access_point.name, mac)
        for pause_s in self._pauses():
            if self._wanted.get(key) is not wanted or await self._tell(one, mac):
                break
            if self._clock() > wanted.until + END_MARGIN:
                break
            await asyncio.sleep(pause_s)
        if self._wanted.get(key) is wanted:
            del self._wanted[key]

    def _pauses(self) -> Iterator[float]:
        return chain(self._pauses_s, repeat(self._pauses_s[-1]))

    async def _tell(self, one: Controlled, mac: MacAddress) -> bool:
        """Say what holds when it is said, and whether that is done: all may have changed since."""
        turns = self._turns.setdefault(one.access_point.name, asyncio.Semaphore(MOST_AT_ONCE))
        try:
            async with turns:
                session = self._picture.session(mac, self._clock())
                await self._say(one, mac, session)
        except ControllerError as problem:
            verb = "expel" if self._picture.session(mac, self._clock()) is None else "admit"
            _log.warning("controller_did_not_confirm", verb=verb, reason=str(problem))
            return False
        except Exception as problem:  # noqa: BLE001 - the boundary of one device
            _log.error("controller_not_told", reason=type(problem).__name__)
        return True

    async def _say(self, one: Controlled, mac: MacAddress, session: Session | None) -> None:
        visitor = Redirected(mac)
        if session is None:
            await one.controller.expel(visitor)
            return
        now = self._clock()
        grant = grant_of(session, terms_of(one.access_point), now)
        await one.controller.admit(Admission(visitor, grant, _NOBODY), now)


def _by_site(controlled: Iterable[Controlled]) -> dict[SiteId, list[Controlled]]:
    found: dict[SiteId, list[Controlled]] = {}
    for one in controlled:
        if one.controller.knows_addresses:
            found.setdefault(one.access_point.site_id, []).append(one)
    return found
