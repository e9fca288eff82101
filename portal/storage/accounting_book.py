"""PURE: what one batch of accounting does to the accounts that it names.

Not the rules of one record (portal/domain/accounting.py) and not the writing (accounting.py). The
rule to keep: an account's row says in which transaction it was last written, as far as whoever asks
knows, so that what others wrote meanwhile is never written over.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from portal.domain.accounting import NOTHING, Account, follow
from portal.services.ports.accounting import UseRecord

MOST_OCTETS = 2**62
"""No device sends that in a century, and half of what a column can hold."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
_SECOND_US = 1_000_000

Row = tuple[object, ...]


class Radio(NamedTuple):
    """Where an account is kept."""

    access_point: str
    nas: bytes
    bss: bytes
    site_id: str


class Kept(NamedTuple):
    """An account as the database has it; ``written_in``: the transaction, None: it has none yet."""

    account: Account
    written_in: int | None = None


class Book:
    """Fold in records with ``add``; then ``begun``, ``changed`` and ``added`` are what to write."""

    def __init__(self, known: Mapping[bytes, Kept]) -> None:
        self._known = known
        self._accounts: dict[bytes, tuple[Radio, Account]] = {}
        self._added: list[Row] = []
        self.archived: list[bytes] = []
        """Names of accounts that are over for good: their numbers stand for others now."""

    def add(self, record: UseRecord) -> None:
        """Follow one record."""
        name, mac, use, access_point, site_id, nas, bss, counts_bytes = record
        followed = self._accounts.get(name)
        known = self._known.get(name) if followed is None else None
        before = followed[1] if followed is not None else known and known.account
        after, added, earlier = follow(before, use)
        radio = Radio(access_point, nas, bss, site_id)
        self._accounts[name] = (radio, after)
        if earlier is not None:
            archived = archived_name(name, earlier)
            self._accounts[archived] = (radio, earlier)
            self.archived.append(archived)
        up, down = added if counts_bytes else NOTHING
        seen_us = microseconds(min(use.happened_at, use.arrived_at))
        row = (mac, after.session_id, min(up, MOST_OCTETS), min(down, MOST_OCTETS), seen_us)
        self._added.append(row)

    @property
    def accounts(self) -> Iterable[tuple[bytes, Account]]:
        """All accounts after the batch."""
        return ((name, account) for name, (_, account) in self._accounts.items())

    def rows(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the accounts that are new, those that are not, and what is added to sessions.

        As the types `account_begun`, `account_changed` and `use_added` have it; accounts in the
        order of their names, so that nobody waits for somebody who waits for him.
        """
        begun, changed = list[Row](), list[Row]()
        for name, (radio, account) in sorted(self._accounts.items()):
            kept = self._known.get(name)
            if kept is None or kept.written_in is None:
                begun.append((name, *radio, *_columns(account)))
            else:
                changed.append((name, kept.written_in, radio.bss, *_columns(account)))
        return begun, changed, self._added


def microseconds(at: datetime) -> int:
    """Return a moment as microseconds since 1970, exactly."""
    return _in_microseconds(at - _EPOCH)


def _in_microseconds(time: timedelta) -> int:
    return (time.days * _DAY_S + time.seconds) * _SECOND_US + time.microseconds


def _columns(account: Account) -> Row:
    total, before = account.total, account.before
    restarted_at, ended_at = account.restarted_at, account.ended_at
    return (
        account.session_id,
        microseconds(account.started_at),
        microseconds(account.told_at),
        microseconds(account.heard_at),
        min(total.upload, MOST_OCTETS),
        min(total.download, MOST_OCTETS),
        min(before.upload, MOST_OCTETS),
        min(before.download, MOST_OCTETS),
        _in_microseconds(account.duration),
        None if restarted_at is None else microseconds(restarted_at),
        None if ended_at is None else microseconds(ended_at),
        account.closed_by,
        account.cause,
    )


def archived_name(name: bytes, account: Account) -> bytes:
    """Return the name under which an account is kept whose number stands for another one now."""
    return hashlib.sha256(name + account.started_at.isoformat().encode()).digest()
