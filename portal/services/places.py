"""Where devices are at access points: in memory at once, in the database soon after.

Not what follows from it (portal/access_points/dynamic_desk.py). The rule to keep: no answer waits
for this; what cannot be written now is written later, what can never be written holds up no other,
and a flood of addresses costs a bounded memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Never

import structlog

from portal.domain.identity import MacAddress
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.live import LiveStore, Place

MOST = 50_000
"""Devices: a city's on its busiest day. About 600 bytes each."""

MOST_AT_ONCE = 1_000

WRITE_EVERY_S = 0.5

STILL_THERE = timedelta(minutes=5)
"""That a device is where it was is written no more often."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Known:
    """A device's place, and until when its access point lets it in, where that is known."""

    place: Place
    granted_until: datetime | None = None
    told: object = None
    """What the access point said of it, in whatever form that came."""


class Places:
    """``write_for_ever`` is a task."""

    def __init__(self, store: LiveStore) -> None:
        self._store = store
        self._known: OrderedDict[MacAddress, Known] = OrderedDict()
        self._unwritten: set[MacAddress] = set()

    def get(self, mac: MacAddress) -> Known | None:
        """Return what this process knows of a device."""
        return self._known.get(mac)

    def note_again(
        self, mac: MacAddress, told: object, now: datetime, granted_until: datetime | None
    ) -> bool:
        """Note a device that is let in where it was a moment ago; False: `note` has to.

        Most are: this is what a known device that is asked about costs. With another end it is
        another grant: between the two another process may have put the device out.
        """
        known = self._known.get(mac)
        if known is None or not known.place.let_in or known.told != told:
            return False
        self._known.move_to_end(mac)
        is_as_before = granted_until == known.granted_until
        return is_as_before and now < known.place.heard_at + STILL_THERE

    def note(
        self, place: Place, granted_until: datetime | None = None, told: object = None
    ) -> None:
        """Note where a device is; an older note than the last changes nothing.

        ``granted_until`` None: as it was, for a device that is in.
        """
        known = self._known.get(place.mac)
        if known is None:
            self._add(Known(place, granted_until, told))
        elif place.heard_at >= known.place.heard_at:
            self._known.move_to_end(place.mac)
            is_new = granted_until is not None and granted_until != known.granted_until
            known.granted_until = granted_until or known.granted_until if place.let_in else None
            known.told = told
            if is_new or not _is_same(place, known.place):
                known.place = place
                self._unwritten.add(place.mac)

    def told(self, mac: MacAddress, at: datetime, *, let_in: bool) -> None:
        """Note what the device's access point was told."""
        known = self._known.get(mac)
        if known is not None:
            place = replace(known.place, let_in=let_in, heard_at=max(at, known.place.heard_at))
            self.note(place, known.granted_until)

    def learn(self, places: Iterable[Place]) -> None:
        """Take what the database knows, where it is newer than what is known here."""
        for place in places:
            known = self._known.get(place.mac)
            if known is None or place.heard_at > known.place.heard_at:
                self._known[place.mac] = Known(place)
                self._known.move_to_end(place.mac)
                self._shrink()

    async def look_up(self, macs: Sequence[MacAddress]) -> None:
        """Ask the database of devices that other processes may have heard of.

        Raises:
            DatabaseUnavailableError: nothing new is known.
        """
        self.learn(await self._store.places(macs))

    async def write_for_ever(self) -> Never:
        """Write what is new."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.write()
            except DatabaseUnavailableError as problem:
                _log.debug("places_wait", reason=str(problem))
            except Exception as problem:  # noqa: BLE001 - one write's boundary
                _log.error("places_not_written", reason=type(problem).__name__)

    async def write(self) -> None:
        """Write what is new, the most that one statement takes.

        Raises:
            DatabaseUnavailableError: it is written the next time.
        """
        macs = [mac for mac, _ in zip(self._unwritten, range(MOST_AT_ONCE), strict=False)]
        places = [self._known[mac].place for mac in macs if mac in self._known]
        self._unwritten.difference_update(macs)
        if not places:
            return
        try:
            await self._keep(places)
        except DatabaseUnavailableError:
            self._unwritten.update(place.mac for place in places)
            raise

    async def _keep(self, places: Sequence[Place]) -> None:
        """Write places; one that the database does not take is passed over, and holds up none."""
        try:
            await self._store.keep_places(places)
        except DatabaseUnavailableError:
            raise
        except Exception as problem:  # noqa: BLE001 - the boundary of one place, when it is alone
            if len(places) > 1:
                for place in places:
                    await self._keep([place])
                return
            _log.error("place_not_written", reason=type(problem).__name__)

    def _add(self, known: Known) -> None:
        self._known[known.place.mac] = known
        self._unwritten.add(known.place.mac)
        self._shrink()

    def _shrink(self) -> None:
        while len(self._known) > MOST:
            mac, _ = self._known.popitem(last=False)
            self._unwritten.discard(mac)


def _is_same(new: Place, old: Place) -> bool:
    is_recent = new.heard_at < old.heard_at + STILL_THERE
    return is_recent and replace(new, heard_at=old.heard_at) == old
