"""Adapter: the bridge's accounting records, written by the services (radius_bridge.accounting).

Not the counting (portal/domain/accounting.py). The rule to keep: a record is taken only when it is
durable; who a device is stands nowhere but in a keyed hash and in live rows. Fails by silence.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from portal.access_points.account_names import AccountNames
from portal.access_points.grants import NO_SESSION, place_of, session_id_of
from portal.domain.access_point import AccessPoint
from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import MacAddress
from portal.services.accounting import Accounting
from portal.services.places import Places
from portal.services.ports.accounting import JournalError, Restart, UseRecord
from radius_bridge.access import Station
from radius_bridge.accounting import AccountingRecord, NotWrittenError
from radius_bridge.dictionary import AccountingStatus

MOST_OCTETS = 2**53
"""Nine petabytes; an access point that says more is broken, and must not break the total."""

_STATUSES = {
    AccountingStatus.START: UseStatus.START,
    AccountingStatus.INTERIM_UPDATE: UseStatus.INTERIM,
    AccountingStatus.STOP: UseStatus.STOP,
}
_RESTARTS = frozenset({AccountingStatus.ACCOUNTING_ON, AccountingStatus.ACCOUNTING_OFF})


class RadiusLedger:
    """``key`` names accounts. ``access_points`` are those served now, by name."""

    def __init__(
        self,
        key: bytes,
        accounting: Accounting,
        places: Places,
        access_points: Callable[[], Mapping[str, AccessPoint]],
    ) -> None:
        self._names = AccountNames(key)
        self._accounting = accounting
        self._places = places
        self._access_points = access_points

    async def write(self, records: Sequence[AccountingRecord]) -> None:
        """Make records durable, all or none; those about no device of ours are passed over.

        Raises:
            NotWrittenError: none of them was.
        """
        access_points = self._access_points()
        read = [self._read(record, access_points.get(record.client.name)) for record in records]
        try:
            await self._accounting.write([record for record in read if record is not None])
        except JournalError as problem:
            raise NotWrittenError(str(problem)) from problem
        for record in records:
            self._note_place(record)

    def _read(
        self, record: AccountingRecord, access_point: AccessPoint | None
    ) -> UseRecord | Restart | None:
        station, client = record.station, record.client.name
        nas = _nas(station)
        if record.status in _RESTARTS:
            return Restart(client, nas, station.called, record.happened_at)
        status = _STATUSES.get(record.status)
        if status is None or station.mac is None or access_point is None:
            return None
        # One by one, as thousands are made a second: naming them takes half as long again.
        return UseRecord(
            self._names.name(client, nas, station.accounting_session_id or b"", station.mac),
            MacAddress(station.mac),
            _use(record, status),
            client,
            access_point.site_id,
            nas,
            station.called,
            access_point.counts_bytes,
        )

    def _note_place(self, record: AccountingRecord) -> None:
        """A device of which something is told with our Class was let in, if it is there."""
        is_ours = session_id_of(record.session) is not None or record.session == NO_SESSION
        if not is_ours:
            return
        place = place_of(record.station, record.client.name, record.arrived_at, let_in=True)
        if place is None:
            return
        if record.status is AccountingStatus.STOP:
            self._places.left(place)
        else:
            self._places.note(place)


def _nas(station: Station) -> bytes:
    """Return what an access point is called among those of its client."""
    return station.nas_identifier or (station.nas_ip or station.source_ip).encode()


def _use(record: AccountingRecord, status: UseStatus) -> Use:
    up, down, seconds = record.upload_octets, record.download_octets, record.duration_s
    octets = None
    if up is not None or down is not None:
        octets = Octets(min(up or 0, MOST_OCTETS), min(down or 0, MOST_OCTETS))
    return Use(
        status,
        record.happened_at,
        record.arrived_at,
        octets,
        None if seconds is None else timedelta(0, seconds),
        session_id_of(record.session),
        None if record.cause is None else int(record.cause),
    )
