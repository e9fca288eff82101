"""What an Accounting-Request says, in one dialect: the device's view, times made plausible.

Not storage. Pure; the time of arrival is a parameter.
The rule to keep: a record has the same `key` however often and in whatever order it comes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from radius_bridge.access import Station
from radius_bridge.clients import RadiusClient
from radius_bridge.dictionary import AccountingStatus, TerminateCause


class AccountingRecord(NamedTuple):
    """One Start, Interim, Stop, On or Off; a tuple, as the station is.

    ``happened_at`` is aware, in UTC: Event-Timestamp, else arrival less Acct-Delay-Time, and never
    absurd. ``upload_octets`` and ``download_octets`` are the device's, gigawords included; None:
    the record has no counters. ``duration_s`` is Acct-Session-Time. ``session`` is our own Class.
    On and Off have no ``station.mac`` and close what ``client``, ``station.nas_identifier`` and
    ``station.called`` name (RFC 2866 section 5.1).
    """

    client: RadiusClient
    status: AccountingStatus
    station: Station
    happened_at: datetime
    arrived_at: datetime
    session: bytes | None = None
    multi_session_id: bytes | None = None
    upload_octets: int | None = None
    download_octets: int | None = None
    duration_s: int | None = None
    cause: TerminateCause | None = None


class NotWrittenError(Exception):
    """Records were not made durable. Fails by silence: the access point sends them again."""


class Ledger(Protocol):
    """Where accounting goes."""

    async def write(self, records: Sequence[AccountingRecord]) -> None:
        """Make records durable, all or none; each counts once however often it comes.

        Raises:
            NotWrittenError: none of them was.
        """
        ...
