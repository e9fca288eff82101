"""Presence where there is no gate: by what access points tell, ends who is long gone.

Not the rule of absence (portal/domain/presence.py) and not the gate's devices (presence.py). The
rule to keep: an access point that tells of nobody watches nobody, so its devices are not absent;
and a device that none of them ever told of is not absent either.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from portal.domain.access_point import AccessPoint
from portal.domain.accounting import SILENT_INTERVALS
from portal.domain.identity import SiteId
from portal.domain.presence import PROBES, Presence, Watch, is_absent
from portal.domain.session import EndReason, Session
from portal.domain.site import Site
from portal.services.ports import Sessions
from portal.services.ports.accounting import Accounts, QuietSession

SHORTEST_SILENCE = timedelta(minutes=15)
"""An access point's own interval may be longer than the one we ask for."""

_log = structlog.get_logger()


@dataclass(slots=True)
class RadiusPresence:
    """``sites`` are those without a gate. ``ended`` is told of every session that ended."""

    sessions: Sessions
    accounts: Accounts
    sites: Mapping[SiteId, Site]
    ended: Callable[[Session, datetime], Awaitable[None]]
    access_points: Mapping[str, AccessPoint] = field(default_factory=dict)
    _watches: dict[str, Watch] = field(default_factory=dict, init=False)
    _began_at: datetime | None = field(default=None, init=False)

    async def look(self, now: datetime, now_s: float) -> int:
        """Look once; ``now_s`` is on the monotonic clock. Return how many sessions ended.

        Raises:
            DatabaseUnavailableError: this was no look; the time around it counts as unwatched.
        """
        heard = await self.accounts.heard(now - timedelta(days=1))
        for name, access_point in self.access_points.items():
            watch = self._watches.get(name, Watch())
            is_telling = name in heard and now - heard[name] < _silence(access_point)
            self._watches[name] = watch.looked(now_s) if is_telling else watch.missed()
        await self._close_silent(now)
        return sum([await self._judge(quiet, now, now_s) for quiet in await self._quiet(now)])

    async def _close_silent(self, now: datetime) -> None:
        """Close accounts of which nothing is told; the time before this process does not count."""
        self._began_at = self._began_at or now
        limits = {
            name: now - _silence(access_point)
            for name, access_point in self.access_points.items()
            if now - _silence(access_point) > self._began_at
        }
        if limits:
            closed = await self.accounts.close_silent(limits)
            if closed:
                _log.info("accounts_closed", count=closed)

    async def _quiet(self, now: datetime) -> list[QuietSession]:
        if not self.sites:
            return []
        soonest = min(site.absence.absence for site in self.sites.values())
        return list(await self.accounts.quiet(list(self.sites), now - soonest))

    async def _judge(self, quiet: QuietSession, now: datetime, now_s: float) -> int:
        session = quiet.session
        watch = self._watches.get(quiet.access_point)
        site = self.sites[session.site_id]
        if watch is None:
            return 0
        seen_at_s = now_s - (now - session.last_seen_at).total_seconds()
        silent = timedelta(seconds=watch.since_s(seen_at_s))
        if not is_absent(session, Presence(silent, PROBES), site.absence, now):
            return 0
        gone = await self.sessions.end(session.id, EndReason.ABSENT, now)
        if gone is None:  # somebody saw it meanwhile, or it ended
            return 0
        _log.info("session_ended", session=str(gone.id), reason=EndReason.ABSENT)
        await self.ended(gone, now)
        return 1


def _silence(access_point: AccessPoint) -> timedelta:
    return max(SILENT_INTERVALS * access_point.interim_interval, SHORTEST_SILENCE)
