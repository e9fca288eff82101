"""Presence: looks at the gate, writes counters and signs of life, ends who is long gone.

Not the rule of absence (portal/domain/presence.py). The rule to keep: a look that told nothing is
no silence, and nobody is called absent before he was asked.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from portal.domain.identity import MacAddress, SiteId
from portal.domain.presence import (
    Picture,
    Presence,
    Signals,
    Watch,
    decide,
    observe,
    presence_of,
    probed,
)
from portal.domain.session import End, EndReason, Session
from portal.domain.site import Site
from portal.services.ports import Gate, GateUnavailableError, Sessions
from portal.services.ports.keeping import Quiet, Sighting, Sightings

SEEN_STEP_S = 60.0
"""A sign without bytes is written once a minute: whoever chooses the longest absent needs no more.
"""

_log = structlog.get_logger()


@dataclass(slots=True)
class PresenceWatch:
    """Watches the devices at one node's gate.

    ``interfaces`` are the guest interfaces of each of its sites. ``ended`` is awaited after a
    session has ended for absence, before anything else of it is done.
    """

    sessions: Sessions
    sightings: Sightings
    gate: Gate
    sites: Mapping[SiteId, Site]
    interfaces: Mapping[SiteId, frozenset[str]]
    ended: Callable[[Session, datetime], Awaitable[None]]
    _pictures: dict[MacAddress, Picture] = field(default_factory=dict, init=False)
    _written: dict[MacAddress, Picture] = field(default_factory=dict, init=False)
    _watches: dict[SiteId, Watch] = field(default_factory=dict, init=False)
    _succeeded: set[MacAddress] = field(default_factory=set, init=False)

    async def look(self, now: datetime, now_s: float) -> int:
        """Look once; ``now_s`` is on the monotonic clock. Return how many were absent.

        Raises:
            GateUnavailableError: this was no look; the time around it counts as unwatched.
            DatabaseUnavailableError: what was seen is kept, and written by the next look.
        """
        try:
            signals, missing = await self.gate.usage(), await self.gate.missing_interfaces()
        except GateUnavailableError:
            self._watches = {site: watch.missed() for site, watch in self._watches.items()}
            raise
        self._observe(signals, now_s)
        self._note_watched(missing, now_s)
        await self._write(now, now_s)
        return await self._judge(now, now_s)

    def _observe(self, signals: Mapping[MacAddress, Signals], now_s: float) -> None:
        """Whoever left the gate is forgotten: its counters will begin anew."""
        before = self._pictures
        self._pictures = {mac: observe(before.get(mac), s, now_s) for mac, s in signals.items()}
        for mac in self._written.keys() - self._pictures.keys():
            del self._written[mac]
        self._succeeded &= self._pictures.keys()

    def _note_watched(self, missing: frozenset[str], now_s: float) -> None:
        for site_id in self.sites:
            watch = self._watches.get(site_id, Watch())
            is_blind = not missing.isdisjoint(self.interfaces.get(site_id, frozenset()))
            self._watches[site_id] = watch.missed() if is_blind else watch.looked(now_s)

    async def _write(self, now: datetime, now_s: float) -> None:
        news = {
            mac: picture
            for mac, picture in self._pictures.items()
            if picture is not self._written.get(mac) and self._is_new(mac, picture)
        }
        if not news:
            return
        sightings = [self._sighting(mac, picture, now, now_s) for mac, picture in news.items()]
        noted = await self.sightings.note(list(self.sites), sightings, now)
        await self._place([s.mac for s in sightings if s.seen_at or s.before], now)
        self._written |= {mac: news[mac] for mac in noted.written}
        self._succeeded = (self._succeeded - noted.written) | noted.succeeded

    async def _place(self, macs: list[MacAddress], now: datetime) -> None:
        """Tell that these were seen at this node; the first site's id is the node's name here."""
        for session_id in await self.sightings.place(macs, min(self.sites), now):
            _log.warning("device_at_two_places", session=str(session_id))

    def _is_new(self, mac: MacAddress, picture: Picture) -> bool:
        written = self._written.get(mac)
        if written is None:
            return True
        moved = (picture.up_bytes, picture.down_bytes) != (written.up_bytes, written.down_bytes)
        return moved or picture.seen_at_s >= written.seen_at_s + SEEN_STEP_S

    def _sighting(self, mac: MacAddress, picture: Picture, now: datetime, now_s: float) -> Sighting:
        written = self._written.get(mac)
        seen_at = now - timedelta(seconds=now_s - picture.seen_at_s)
        return Sighting(
            mac,
            picture.up_bytes,
            picture.down_bytes,
            before=None if written is None else (written.up_bytes, written.down_bytes),
            seen_at=seen_at if picture.has_signed else None,
            again=mac in self._succeeded,
        )

    async def _judge(self, now: datetime, now_s: float) -> int:
        soonest_s = min(site.absence.probe_after.total_seconds() for site in self.sites.values())
        silent = [
            mac for mac, picture in self._pictures.items() if now_s - picture.seen_at_s >= soonest_s
        ]
        if not silent:
            return 0
        ended, ask = 0, []
        for quiet in await self.sightings.quiet(silent):
            if quiet.session.is_protected(now) or not self._is_ours(quiet):
                continue
            presence = self._presence(quiet)
            policy = self.sites[quiet.session.site_id].absence
            if decide(quiet.session, presence, policy, now) == End(EndReason.ABSENT):
                ended += await self._end(quiet.session, now)
            elif presence.silent >= policy.probe_after:
                ask.append(quiet.session.mac)
        await self._probe(ask)
        return ended

    def _is_ours(self, quiet: Quiet) -> bool:
        """Whether all of the device's networks are seen from here; others may know better."""
        return {quiet.session.site_id, *quiet.elsewhere} <= self.sites.keys()

    def _presence(self, quiet: Quiet) -> Presence:
        picture = self._pictures[quiet.session.mac]
        sites = {quiet.session.site_id, *quiet.elsewhere}
        everywhere = (presence_of(picture, self._watches[site_id]) for site_id in sites)
        return min(everywhere, key=lambda presence: presence.silent)

    async def _end(self, session: Session, now: datetime) -> int:
        gone = await self.sessions.end(session.id, EndReason.ABSENT, now)
        if gone is None:  # somebody saw it meanwhile, or it ended
            return 0
        _log.info("session_ended", session=str(gone.id), reason=EndReason.ABSENT)
        await self.ended(gone, now)
        return 1

    async def _probe(self, macs: Iterable[MacAddress]) -> None:
        if asked := list(macs):
            await self.gate.probe(asked)
            self._pictures |= {mac: probed(self._pictures[mac]) for mac in asked}
