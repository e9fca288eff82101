"""Which key follows which, where several nodes must have the same without speaking to each other.

Not the keys' store (key_ring.py). Pure. The rule to keep: one way only. Who has a key can compute
those that come after it, never one before: a destroyed key stays an erasure.
"""

import hmac
import re
from datetime import date, datetime, timedelta

_PERIODS = {
    "log-": re.compile(r"log-\d{4}-w\d{2}"),
    "count-": re.compile(r"count-\d{4}-\d{2}-\d{2}"),
    "live-": re.compile(r"live-\d{4}"),
    "voucher-": re.compile(r"voucher-\d{4}"),
}
"""Keys of weeks, days and years; names sort as their periods do."""


def kind_of(name: str) -> str | None:
    """Return what the names of its kind begin with; None: it is the key of no period."""
    return next((kind for kind, form in _PERIODS.items() if form.fullmatch(name)), None)


def following(name: str) -> str | None:
    """Return the name of the next period's key; None: there is no such period."""
    kind = kind_of(name)
    try:
        if kind == "log-":
            monday = datetime.strptime(f"{name}-1", "log-%G-w%V-%u").date()  # noqa: DTZ007
            return f"log-{monday + timedelta(days=7):%G-w%V}"
        if kind == "count-":
            return f"count-{date.fromisoformat(name.removeprefix('count-')) + timedelta(days=1)}"
    except (ValueError, OverflowError):
        return None
    return None if kind is None else f"{kind}{int(name.removeprefix(kind)) + 1:04}"


def follow(shared: bytes, earlier: str, key: bytes, name: str) -> bytes | None:
    """Return the key of this name, from an earlier one; None: it does not follow from that.

    HMAC-SHA-256 (RFC 2104) under what the nodes share, of each key and its successor's name.
    """
    at: str | None = earlier
    while at is not None and at < name:
        at = following(at)
        if at is not None:
            key = hmac.digest(shared, key + at.encode(), "sha256")
    return key if at == name else None
