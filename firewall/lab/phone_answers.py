"""What a phone reports of what it did: leases, exchanges, attempts, streams.

Not the phone (phone.py). The rule to keep: what can be expected of a network (refused, reset,
silence) is a value here, never an exception.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """What DHCP gave: `options` maps every option code of the ACK to its raw bytes."""

    address: str
    prefix_length: int
    router: str
    dns: tuple[str, ...]
    lease_s: int
    server: str
    captive_portal_uri: str | None
    """Option 114 (RFC 8910), None when it was not sent."""
    options: Mapping[int, bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP exchange.

    `failure` is None when an answer came, else the word for what happened: dns | refused | reset |
    timeout | unreachable | tls | malformed; then `status` is 0. A connection that was closed
    without an answer counts as reset.
    """

    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    peer: str
    """The address that was connected to."""
    elapsed_s: float
    failure: str | None = None
    detail: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one connection or datagram.

    `outcome`: connected | answered | refused (TCP reset or ICMP port unreachable) | unreachable
    (another ICMP error, or no route) | timeout | dns.
    """

    outcome: str
    elapsed_s: float
    peer: str = ""
    data: bytes = b""


@dataclasses.dataclass(frozen=True, slots=True)
class DnsAnswer:
    """`rcode` as a word (NOERROR, NXDOMAIN, REFUSED …, or TIMEOUT); `records` as (type, text)."""

    rcode: str
    records: tuple[tuple[str, str], ...]

    def values(self, kind: str) -> tuple[str, ...]:
        """The texts of all records of one type."""
        return tuple(text for record, text in self.records if record == kind)


@dataclasses.dataclass(frozen=True, slots=True)
class StreamReport:
    """A numbered UDP stream to an echo server: what was sent, what came back, the longest gap.

    `lost` leaves out what was sent in the last 0.5 s (it may be on its way) unless the stream was
    stopped, which waits for the stragglers first. `longest_gap_s` is between two arrivals, or
    between the last arrival and now; infinite when nothing ever came back.
    """

    sent: int
    received: int
    lost: int
    lost_numbers: tuple[int, ...]
    """The first 1,000 of them."""
    send_errors: int
    longest_gap_s: float
    longest_outage_s: float
    """The longest run of lost datagrams in sending time: free of this machine's own pauses."""
    elapsed_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class DownloadReport:
    """A running download.

    `ended` is "" while it runs, else closed | reset | refused | timeout | unreachable. The gap is
    counted between bytes, and from the last byte to now.
    """

    received_bytes: int
    elapsed_s: float
    longest_gap_s: float
    ended: str
