"""PURE: a complaint about an address of ours, and how sure an answer to it can be.

Not the connections themselves. The rule to keep: the answer never says more than what is kept
allows. Where no ports are kept, the most that can be said behind a shared address is who was
connected then; and a device is not a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

LONGEST_TOLERANCE = timedelta(hours=1)
"""Beyond it the answer would be most of a day's visitors."""

MOST_CANDIDATES = 200
"""More than can be told apart by anything else than a port."""

_PORTS = range(1, 1 << 16)


class ComplaintFault(StrEnum):
    """What is wrong with a complaint. Each has its text."""

    ADDRESS = "complaint.wrong.address"
    PORT = "complaint.wrong.port"
    TIME = "complaint.wrong.time"
    OFFSET = "complaint.wrong.offset"
    """The clocks were changed then: the local time was twice, or never."""
    TOLERANCE = "complaint.wrong.tolerance"


class Confidence(StrEnum):
    """How sure the answer is."""

    EXACT = "exact"
    """It is noted that this device alone had that port of that address, or that address."""
    PORT = "port"
    """It is noted that this device had that port; whether the address is ours is not known."""
    PART = "part"
    """It is noted that one device had it for a part of that time; of the rest nothing is noted."""
    ONE = "single"
    """One was connected: likely, not certain, since the sender's address can be forged."""
    CANDIDATES = "candidates"
    """Several were: it cannot be determined which."""
    TOO_MANY = "too_many"
    """So many that a list tells nothing: it cannot be determined."""
    NOBODY = "nobody"
    UNSEEN = "unseen"
    """Nobody is known of, but visits may be missing from the log: it cannot be determined."""
    ERASED = "erased"
    """What was kept of that time is deleted: it cannot be determined."""
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Complaint:
    """``port`` None: none was told."""

    address: IPv4Address | IPv6Address
    port: int | None
    at: datetime
    tolerance: timedelta

    @property
    def since(self) -> datetime:
        """The beginning of the time in question."""
        return self.at - self.tolerance

    @property
    def until(self) -> datetime:
        """Its end."""
        return self.at + self.tolerance


def read_complaint(fields: Mapping[str, str], zone: tzinfo) -> Complaint | ComplaintFault:
    """Read a form: ``address``, ``port``, ``at``, ``zone`` ("utc", or the organisation's own)."""
    address = read_address(fields.get("address", ""))
    if address is None:
        return ComplaintFault.ADDRESS
    port = _number(fields.get("port", ""))
    if fields.get("port", "").strip() and port not in _PORTS:
        return ComplaintFault.PORT
    at = _moment(fields.get("at", ""), UTC if fields.get("zone") == "utc" else zone)
    if isinstance(at, ComplaintFault):
        return at
    seconds = _number(fields.get("tolerance", ""))
    if seconds is None or timedelta(seconds=seconds) > LONGEST_TOLERANCE:
        return ComplaintFault.TOLERANCE
    return Complaint(address, port, at, timedelta(seconds=seconds))


class Noted(StrEnum):
    """What those who were found have to do with the complaint."""

    NO = "no"
    """They were connected then; what they had is not noted."""
    PORT = "port"
    """They are noted to have had the very port; which address it was of is not known."""
    PART = "part"
    """They are noted to have had it, but none of them for the whole of that time."""
    ALL = "all"
    """They are noted to have had the very port of that address, or that address."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many were found. ``is_whole``: every site wrote visits down, and none was erased."""

    count: int
    noted: Noted = Noted.NO
    is_whole: bool = True


def judge(complaint: Complaint, found: Found, kept: timedelta, now: datetime) -> Confidence:
    """Say how sure the answer is when so many were found."""
    if complaint.since > now:
        return Confidence.FUTURE
    if complaint.until < now - kept:
        return Confidence.ERASED
    if found.count == 0:
        return Confidence.NOBODY if found.is_whole else Confidence.UNSEEN
    if found.count > MOST_CANDIDATES:
        return Confidence.TOO_MANY
    if found.count > 1 or (found.noted is Noted.NO and not found.is_whole):
        return Confidence.CANDIDATES
    return _OF_ONE[found.noted]


_OF_ONE = {
    Noted.NO: Confidence.ONE,
    Noted.PORT: Confidence.PORT,
    Noted.PART: Confidence.PART,
    Noted.ALL: Confidence.EXACT,
}


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address in any notation, in brackets too (RFC 3986, section 3.2.2).

    One with a scope is none: a scope is any text, and of one line only. An IPv4 address that is
    written as IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 address.
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id is not None else address.ipv4_mapped or address


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _moment(text: str, zone: tzinfo) -> datetime | ComplaintFault:
    """Read a local time; one that says its own offset is taken by that."""
    try:
        moment = datetime.fromisoformat(text.strip())
        local = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        if not 1970 < local.year < 9000:
            return ComplaintFault.TIME
        # Two readings differ in the hour that is twice, and in the one that is not (PEP 495).
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            return ComplaintFault.OFFSET
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return ComplaintFault.TIME
