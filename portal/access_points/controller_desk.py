"""Tells controllers what changed: put out whose session ended, let others stay to their new end.

Not the letting in, which a visitor's page waits for (senders.py), and not what goes by RADIUS
(dynamic_desk.py). The rule to keep: a controller has an end of its own for every device, so that
what could not be said ends by itself, a minute late at most.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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

PAUSES_S = (2.0, 10.0, 60.0)
"""Between tries: a controller that restarts is back within a minute or two."""

MOST_AT_ONCE = 8
"""Questions: at closing time all sessions of a library end together."""

_NOBODY = LoginToken("", Secret(b""))
"""Those that know addresses ask nobody about a login."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Controlled:
    """A controller, and whose devices it has."""

    access_point: AccessPoint
    controller: Controller


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
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        if self._at:
            picture.changed.append(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            before, after = change.before, change.after
            if before is None or (after is not None and after.due_at == before.due_at):
                continue
            for one in self._at.get(before.site_id, ()):
                self._tasks.create_task(self._tell(one, change.mac), name="tell controller")

    async def _tell(self, one: Controlled, mac: MacAddress) -> None:
        """Say what holds when it is said: another change may have come meanwhile."""
        for pause_s in (*self._pauses_s, None):
            session = self._picture.session(mac, self._clock())
            try:
                async with self._turns:
                    await self._say(one, mac, session)
            except ControllerError as problem:
                verb = "expel" if session is None else "admit"
                _log.warning("controller_did_not_confirm", verb=verb, reason=str(problem))
            else:
                return
            if pause_s is not None:
                await asyncio.sleep(pause_s)

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
