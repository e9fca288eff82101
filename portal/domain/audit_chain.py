"""PURE: the record of who looked at what, as a chain: each row's hash covers the one before.

Not the record itself (portal/storage/audit.py; the database computes the same hashes when it
writes). The rule to keep: whoever changes, adds, moves or takes away a row in the middle breaks the
chain from there on. That the beginning was cut off shows by the first row's date alone, which is
told for that. Only the last hash, kept elsewhere, shows that the end was cut off or that
everything was written anew; every row's is told in the process's own log for that.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

BEFORE_ALL = bytes(32)
"""What the first row of all has before it."""

LONGEST_CASE = 40
LONGEST_ABOUT = 300
KEPT = timedelta(days=730)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Act(StrEnum):
    """What was done."""

    LOOK_UP = "look_up"
    """All sessions of a card or a device were sought."""
    COMPARE = "compare"
    """It was asked whether a session was a certain card's or device's."""
    REVEAL = "reveal"
    """The sealed card number of a session was opened."""
    ACCESS = "access"
    """Somebody was shown what is kept of them."""
    ERASE = "erase"
    """What was kept of somebody was deleted, at their own wish."""
    EXPORT = "export"
    COMPLAINT = "complaint"
    """A complaint about an address was answered."""


class Reason(StrEnum):
    """Why. A list: a field for words would be filled with names."""

    ABUSE = "abuse"
    AUTHORITY = "authority"
    """The police or another authority asked, and a decision was made."""
    OWN_REQUEST = "own_request"
    """The person asked for what is kept of them."""
    INCIDENT = "incident"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Deed:
    """What is written down. ``about`` holds the log's names, no card, no device's address."""

    at: datetime
    by: str
    act: Act
    reason: Reason
    case_number: str
    about: str
    found: int
    """How many rows were shown."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of the record, as it stands. Texts are as they were found: perhaps changed."""

    number: int
    at: datetime
    by: str
    act: str
    reason: str
    case_number: str
    about: str
    found: int
    previous: bytes = field(repr=False)
    hash: bytes = field(repr=False)


class Fault(StrEnum):
    """What is wrong with a row."""

    CHANGED = "changed"
    """Its hash does not fit what it says."""
    UNLINKED = "unlinked"
    """It does not follow the row before it: one was taken away, added or moved."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is wrong."""

    number: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Whole:
    """Nothing is wrong with these rows. ``last`` is the hash to compare with one kept elsewhere.

    ``first``: its date tells whether what was before it was due.
    """

    rows: int
    last_number: int
    last: bytes
    first: AuditRow | None = None


def hash_of(row: AuditRow) -> bytes:
    """Return the hash that the row should have: SHA-256 over the hash before and its fields.

    Each field is led by its length in octets, so that no two rows read alike; the same as
    ``audit_hash`` in the database.
    """
    microseconds = (row.at - _EPOCH) // timedelta(microseconds=1)
    texts = (
        *(str(row.number), str(microseconds), row.by, row.act, row.reason),
        *(row.case_number, row.about, str(row.found)),
    )
    fields = (text.encode() for text in texts)
    body = b"".join(b"%d:%b," % (len(field), field) for field in fields)
    return hashlib.sha256(row.previous + body).digest()


def examine(rows: Iterable[AuditRow]) -> Broken | Whole:
    """Look at all rows that are kept, in the order of their numbers.

    The oldest may follow one that was deleted when it was due.
    """
    count, first, before = 0, None, None
    for row in rows:
        first = first or row
        if before is not None and (row.number, row.previous) != (before.number + 1, before.hash):
            return Broken(row.number, Fault.UNLINKED)
        if before is None and row.number == 1 and row.previous != BEFORE_ALL:
            return Broken(row.number, Fault.UNLINKED)
        if hash_of(row) != row.hash:
            return Broken(row.number, Fault.CHANGED)
        count, before = count + 1, row
    if before is None:
        return Whole(0, 0, BEFORE_ALL)
    return Whole(count, before.number, before.hash, first)
