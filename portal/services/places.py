"""Where devices are at access points: in memory at once, in the database soon after.

Not what follows from it (portal/access_points/dynamic_desk.py). The rule to keep: no answer waits
for this; what cannot be written now is written later, what can never be written holds up no other,
and a flood of addresses costs a bounded memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Never

import structlog

from portal.domain.identity import MacAddress
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.live import LiveStore, Place
from portal.services.repeating import repeat

MOST = 50_000
"""Devices: a city's on its busiest day. About 600 bytes each."""

MOST_AT_ONCE = 1_000

WRITE_EVERY_S = 0.5

MOST_ELSEWHERE = 8
"""Access points besides the latest where a device may be in: those on a walk through a library.
Most say that it left; of those that do not, the latest are told."""

STILL_THERE = timedelta(minutes=5)
"""That a device is where it was is written no more often."""

_log = structlog.get_logger()


_At = tuple[str, bytes]
"""Which access point, as `Place.key` has it."""
_Key = tuple[MacAddress, str, bytes]


@dataclass(slots=True)
class Known:
    """Where a device was heard of last, and where else it was let in and may be still."""

    place: Place
    told: object = None
    """What the access point said of it and which visit that let in, in whatever form that came."""
    others: dict[_At, Place] = field(default_factory=dict)
    """By access point, the latest last."""

    @property
    def elsewhere(self) -> tuple[Place, ...]:
        """Return where else it may be in, the latest first."""
        return tuple(reversed(self.others.values()))

    @property
    def places(self) -> tuple[Place, ...]:
        """Return all of them."""
        return (self.place, *self.elsewhere)

    def at(self, key: _At) -> Place | None:
        """Return the device's place at this access point."""
        return self.place if self.place.key == key else self.others.get(key)

    def move(self, place: Place) -> None:
        """Have it at this place now; where it was, it may be in still."""
        here, there = place.key, self.place.key
        if here != there:
            self.others.pop(here, None)
            if self.place.let_in:
                self.others[there] = self.place
            if len(self.others) > MOST_ELSEWHERE:
                del self.others[next(iter(self.others))]
        self.place = place


class Places:
    """``write_for_ever`` is a task."""

    def __init__(self, store: LiveStore) -> None:
        self._store = store
        self._known: OrderedDict[MacAddress, Known] = OrderedDict()
        self._unwritten: dict[_Key, Place] = {}
        self._writing = asyncio.Lock()

    def get(self, mac: MacAddress) -> Known | None:
        """Return what this process knows of a device."""
        return self._known.get(mac)

    def at(self, place: Place) -> Place | None:
        """Return the device's place at the same access point, as it is known by now."""
        known = self._known.get(place.mac)
        return None if known is None else known.at(place.key)

    def note_again(
        self,
        mac: MacAddress,
        told: object,
        now: datetime,
        grant: tuple[datetime | None, bool | None],
    ) -> bool:
        """Note a device that is let in where it was a moment ago; False: `note` has to.

        Most are: this is what a known device that is asked about costs. With another end it is
        another grant: between the two another process may have put the device out. So is another
        session's, which ``told`` has to name: at closing time all have the same end.
        ``grant`` is that end, and whether the access point is to drop a silent device.
        """
        known = self._known.get(mac)
        if known is None or not known.place.let_in or known.told != told:
            return False
        self._known.move_to_end(mac)
        place = known.place
        is_as_before = grant == (place.granted_until, place.has_idle_timeout)
        return is_as_before and now < place.heard_at + STILL_THERE

    def note(self, place: Place, told: object = None) -> None:
        """Note where a device is; an older note than the last changes nothing.

        What it does not tell of a grant is as it was, for a device that is in.
        """
        known = self._known.get(place.mac)
        if known is None:
            place = _merged(place, None)
            self._add(Known(place, told))
            self._write_later(place)
        elif place.heard_at >= known.place.heard_at:
            self._known.move_to_end(place.mac)
            before = known.at(place.key)
            merged = _merged(place, before)
            # Another visit may look alike; before it another process may have put the device out.
            is_another = told not in (None, known.told)
            known.told = told
            if is_another or before is not known.place or _is_news(merged, known.place):
                known.move(merged)
                self._write_later(_unremembered(merged, place))

    def told(
        self,
        place: Place,
        at: datetime,
        *,
        let_in: bool,
        granted_until: datetime | None = None,
        has_idle_timeout: bool | None = None,
    ) -> None:
        """Note what an access point was told of a device."""
        known = self._known.get(place.mac)
        before = None if known is None else known.at(place.key)
        if known is None or before is None:
            return
        after = before._replace(
            let_in=let_in,
            let_in_at=(before.let_in_at or at) if let_in else None,
            granted_until=granted_until,
            has_idle_timeout=has_idle_timeout,
        )
        if before is known.place:
            after = after._replace(heard_at=max(at, before.heard_at))
            known.place = after
        elif let_in:  # where the device was heard of last, this does not say
            known.others[place.key] = after
        else:
            del known.others[place.key]
        self._write_later(after)

    def left(self, place: Place) -> None:
        """Note that an access point has no session of a device any more.

        Where it was heard of last, that is no news: it may come back there before anybody is told.
        """
        known = self._known.get(place.mac)
        before = None if known is None else known.at(place.key)
        if known is None or before is None or before is known.place:
            return
        if before.accounting_session_id in {None, place.accounting_session_id}:
            self.told(before, place.heard_at, let_in=False)

    def learn(self, places: Iterable[Place]) -> None:
        """Take what the database knows, where it is newer than what is known here."""
        for place in sorted(places, key=lambda one: one.heard_at):
            known = self._known.get(place.mac)
            if known is None:
                self._add(Known(place))
            elif place.heard_at > known.place.heard_at:
                known.move(place)
                known.told = None
                self._known.move_to_end(place.mac)
            elif place.let_in and self._is_new(known, place):
                known.others = dict([(place.key, place), *known.others.items()][-MOST_ELSEWHERE:])

    async def look_up(self, macs: Sequence[MacAddress]) -> None:
        """Ask the database of devices that other processes may have heard of.

        Raises:
            DatabaseUnavailableError: nothing new is known.
        """
        self.learn(await self._store.places(macs))

    async def write_for_ever(self) -> Never:
        """Write what is new."""
        await repeat(self.write, WRITE_EVERY_S, "places_not_written")

    async def write(self) -> None:
        """Write what is new, the most that one statement takes, after what is being written now.

        Raises:
            DatabaseUnavailableError: it is written the next time.
        """
        async with self._writing:
            keys = list(islice(self._unwritten, MOST_AT_ONCE))
            places = [self._unwritten.pop(key) for key in keys]
            if not places:
                return
            try:
                await self._keep(places)
            except DatabaseUnavailableError:
                for key, place in zip(keys, places, strict=True):
                    newer = self._unwritten.get(key)
                    self._unwritten[key] = place if newer is None else _merged(newer, place)
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

    def _is_new(self, known: Known, place: Place) -> bool:
        """Say whether nothing is known of a device there, nor waits to be written."""
        is_unwritten = (place.mac, *place.key) in self._unwritten
        return not is_unwritten and known.at(place.key) is None

    def _add(self, known: Known) -> None:
        self._known[known.place.mac] = known
        while len(self._known) > MOST:
            _, gone = self._known.popitem(last=False)
            # Where a device is in is written all the same: else nobody would ever put it out.
            is_flood = len(self._unwritten) > 2 * MOST
            for place in gone.places:
                if is_flood or not place.let_in:
                    self._unwritten.pop((place.mac, *place.key), None)

    def _write_later(self, place: Place) -> None:
        """Write a place; what it does not say of a grant is as it stands, there or in the queue."""
        key = (place.mac, *place.key)
        waiting = self._unwritten.get(key)
        self._unwritten[key] = place if waiting is None else _merged(place, waiting)


def _merged(place: Place, before: Place | None) -> Place:
    """Return a place with what was known before of its grant."""
    if not place.let_in:
        return place
    if before is None or not before.let_in:
        return place._replace(let_in_at=place.heard_at)
    until, has_idle = place.granted_until, place.has_idle_timeout
    return place._replace(
        let_in_at=before.let_in_at,
        granted_until=before.granted_until if until is None else until,
        has_idle_timeout=before.has_idle_timeout if has_idle is None else has_idle,
    )


def _unremembered(merged: Place, place: Place) -> Place:
    """Return what is written of a place that was heard of.

    Not a grant that only we remember: another process may have told a newer one.
    """
    if merged.granted_until == place.granted_until:
        return merged
    return place._replace(let_in_at=merged.let_in_at)


def _is_news(new: Place, old: Place) -> bool:
    is_recent = new.heard_at < old.heard_at + STILL_THERE
    return not is_recent or new._replace(heard_at=old.heard_at) != old
