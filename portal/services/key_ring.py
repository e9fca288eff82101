"""Keys that turn cards and devices into names nobody can turn back.

Not a store of names, and not in the database: the keys stand in a directory of their own, so that
a dump of the database tells nothing. The rule to keep: a destroyed key is an erasure, so a key
is copied nowhere but into the one file of keys beside the backups, which has no older versions.
"""

import hmac
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from portal.domain.identity import MacAddress, Secret, SiteId, Subject
from portal.services.key_files import SHARED, KeyRingError, load_or_create
from portal.services.ports import Trace

VOUCHER_YEARS = 4
"""This year and those before it in which a voucher may have been made that somebody shows now."""

_COUNT = "count-"


class Kind(StrEnum):
    """What is hashed: equal values of different kinds must not look equal."""

    CARD = "card"
    DEVICE = "device"
    SUBJECT = "subject"
    ROOM_CODE = "room_code"
    ROOM_CODE_SEAL = "room_code_seal"
    VOUCHER_CODE = "voucher_code"
    VOUCHER_TOKEN = "voucher_token"  # noqa: S105 - the name of a kind
    VOUCHER_SUBJECT = "voucher_subject"
    VOUCHER_DEVICE = "voucher_device"
    VOUCHER_SEAL = "voucher_seal"
    DAY_CODE = "day_code"
    COUNTED = "counted"
    IDENTITY_SEAL = "identity_seal"


class KeyRing:
    """The organisation's keys: one *live* key a year, one *log* key a week (ISO, UTC).

    And one *voucher* key a year, for the vouchers made in it, which may be used in the next ones.

    A key is made when it is first needed; processes that need it at the same moment get the same
    one. Nodes that share a database must make the same keys, or each knows only its own guests:
    where shared.key stands, a period's key follows from the one before it (key_chain.py).
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys: dict[str, bytes] = {}

    def card(self, card: Secret, now: datetime) -> Subject:
        """Return the card's subject under the live key."""
        return Subject(self._hash(live_key_id(now), Kind.CARD, card.reveal().encode()))

    def device(self, mac: MacAddress, now: datetime) -> Subject:
        """Return the device's name under the live key, for the memory of which card it used."""
        return Subject(self._hash(live_key_id(now), Kind.DEVICE, mac.encode()))

    def room_code(self, code: str, now: datetime) -> Subject:
        """Return what the database calls a tutoring group's code, under the live key."""
        return Subject(self._hash(live_key_id(now), Kind.ROOM_CODE, code.encode()))

    def cards(self, card: Secret, now: datetime) -> list[Subject]:
        """Return the card's subject this year, and last year's while that key exists."""
        return [
            Subject(self._hash(key_id, Kind.CARD, card.reveal().encode()))
            for key_id in self._live_key_ids(now)
        ]

    def devices(self, mac: MacAddress, now: datetime) -> tuple[Subject, ...]:
        """Return the device's name this year, and last year's while that key exists."""
        return tuple(
            Subject(self._hash(key_id, Kind.DEVICE, mac.encode()))
            for key_id in self._live_key_ids(now)
        )

    def trace(self, mac: MacAddress, subject: Subject | None, now: datetime) -> Trace:
        """Return what this week's history calls the device and its guest."""
        key_id = log_key_id(now)
        return Trace(
            key_id=key_id,
            device=self._hash(key_id, Kind.DEVICE, mac.encode()),
            subject=None if subject is None else self._hash(key_id, Kind.SUBJECT, subject),
        )

    def recent_traces(self, mac: MacAddress, now: datetime) -> list[bytes]:
        """Return what this and last week's history call the device."""
        weeks = (now, now - timedelta(days=7))
        return [self.trace(mac, None, week).device for week in weeks]

    def kept_weeks(self, weeks: Iterable[datetime]) -> list[datetime]:
        """Return the weeks, by their Mondays, whose log key was not destroyed."""
        return [monday for monday in weeks if self._exists(log_key_id(monday))]

    def device_in(self, mac: MacAddress, monday: datetime) -> bytes:
        """Return what the history of a kept week calls the device."""
        return self._hash(log_key_id(monday), Kind.DEVICE, mac.encode())

    def guests_in(self, card: Secret, monday: datetime) -> list[bytes]:
        """Return what the history of a kept week calls the card.

        One for each year's live key that it may have been named under and that still exists: a
        device that was remembered last year keeps that year's name for its card for a while.
        """
        last_day = monday + timedelta(days=6)
        years = [f"live-{year}" for year in (monday.year - 1, monday.year, last_day.year)]
        subjects = [
            self._hash(key_id, Kind.CARD, card.reveal().encode())
            for key_id in dict.fromkeys(years)
            if self._exists(key_id)
        ]
        return [self._hash(log_key_id(monday), Kind.SUBJECT, subject) for subject in subjects]

    def subject_in(self, subject: Subject, monday: datetime) -> bytes:
        """Return what the history of a kept week calls a subject, such as a voucher's."""
        return self._hash(log_key_id(monday), Kind.SUBJECT, subject)

    def identity_seal(self, key_id: str) -> bytes | None:
        """Return the week's half of what seals a card number (32 bytes), by its log key's name.

        None: that key was destroyed, and nobody opens what was sealed with it any more.
        """
        return self._hash(key_id, Kind.IDENTITY_SEAL, b"") if self._exists(key_id) else None

    def under(self, key_id: str, kind: Kind, value: bytes) -> Subject:
        """Return the name of a value under a key that is named: a voucher's own."""
        return Subject(self._hash(key_id, kind, value))

    def voucher_key_ids(self, now: datetime) -> list[str]:
        """Return the keys of this year's vouchers and of earlier ones', as far as they exist."""
        years = (f"voucher-{now.year - back}" for back in range(1, VOUCHER_YEARS))
        return [voucher_key_id(now), *filter(self._exists, years)]

    def counted(self, mac: MacAddress, day: date) -> bytes:
        """Return what the day's counting calls the device (32 bytes), under that day's own key."""
        return self._hash(f"{_COUNT}{day.isoformat()}", Kind.COUNTED, mac.encode())

    def counted_on_kept_days(self, mac: MacAddress) -> list[bytes]:
        """Return what the device is called in each day's counting whose key is there still."""
        days = [path.stem for path in sorted(self._directory.glob(f"{_COUNT}*.key"))]
        return [self._hash(day, Kind.COUNTED, mac.encode()) for day in days]

    def form_key(self) -> bytes:
        """Return the key that signs the guest pages' forms (32 bytes); it outlives restarts."""
        return self._key("form")

    def day_secret(self, site_id: SiteId) -> bytes:
        """Return the secret of a site's code of the day (32 bytes).

        All come from one file. Nodes that share a database must share it, or one does not know
        the codes that another shows.
        """
        return self._hash("day", Kind.DAY_CODE, site_id.encode())

    def staff_key(self, purpose: str) -> bytes:
        """Return the key of one purpose of the staff site (32 bytes), such as "form" or "seal".

        All come from one file. Nodes that share a database must share it: it opens the accounts'
        second factors.
        """
        return hmac.digest(self._key("staff"), purpose.encode(), "sha256")

    def radius_key(self, purpose: str) -> bytes:
        """Return the key of one purpose of the RADIUS bridge (32 bytes), such as "visit".

        All come from one file. Nodes that share a database must share it: a visitor whom one
        node's bridge sends to the portal may meet another node's.
        """
        return hmac.digest(self._key("radius"), purpose.encode(), "sha256")

    def make_ahead(self, now: datetime) -> None:
        """Make the keys of now before earlier ones go, where later ones are to follow from them.

        Raises:
            KeyRingError: one cannot be made.
        """
        if not self._exists(SHARED):
            return
        for key_id in (log_key_id(now), live_key_id(now), voucher_key_id(now)):
            self._key(key_id)

    def destroy_before(self, logs: datetime, live: datetime, vouchers: datetime) -> list[str]:
        """Destroy the keys of weeks that were over by ``logs``, and of years by ``live``.

        And those of years by ``vouchers``, for the vouchers made in them.

        Return their names. What was hashed under them can no longer be linked to anybody, in
        backups neither.

        Raises:
            KeyRingError: a key could not be removed.
        """
        paths = sorted(self._directory.glob("*.key"))
        return self._destroy([path for path in paths if _was_over(path, logs, live, vouchers)])

    def destroy_counted_before(self, day: date) -> list[str]:
        """Destroy the keys of days before this one that devices were counted under.

        Return their names.

        Raises:
            KeyRingError: a key could not be removed.
        """
        first = f"{_COUNT}{day.isoformat()}"  # names sort as their days do
        if self._exists(SHARED):
            self._key(first)  # it follows from the one that goes
        paths = sorted(self._directory.glob(f"{_COUNT}*.key"))
        return self._destroy([path for path in paths if path.stem < first])

    def _destroy(self, due: Iterable[Path]) -> list[str]:
        due = list(due)
        try:
            for path in due:
                path.unlink(missing_ok=True)  # another process may have been faster
                self._keys.pop(path.stem, None)
        except OSError as error:
            raise KeyRingError(f"{error.filename}: {error.strerror}; it must be removed") from error
        return [path.stem for path in due]

    def _live_key_ids(self, now: datetime) -> list[str]:
        """This year's, and last year's if it was not destroyed; that one is never made anew."""
        last = f"live-{now.year - 1}"
        return [live_key_id(now), *([last] if self._exists(last) else [])]

    def _exists(self, key_id: str) -> bool:
        """Say whether nobody has destroyed it; another process may have, so memory is not asked."""
        if (self._directory / f"{key_id}.key").exists():
            return True
        self._keys.pop(key_id, None)
        return False

    def _hash(self, key_id: str, kind: Kind, value: bytes) -> bytes:
        """HMAC-SHA-256 (RFC 2104), 32 bytes, of the kind, a zero byte and the value."""
        return hmac.digest(self._key(key_id), kind.encode() + b"\0" + value, "sha256")

    def _key(self, key_id: str) -> bytes:
        if key_id not in self._keys:
            for known in list(self._keys):
                self._exists(known)  # a key that was destroyed leaves memory too, within its period
            self._keys[key_id] = load_or_create(self._directory, key_id)
        return self._keys[key_id]


def live_key_id(now: datetime) -> str:
    """Return the name of the year's key, such as ``live-2026``."""
    return f"live-{now:%Y}"


def log_key_id(now: datetime) -> str:
    """Return the name of the ISO week's key, such as ``log-2026-w48``."""
    return f"log-{now:%G-w%V}"


def voucher_key_id(now: datetime) -> str:
    """Return the name of the key of the vouchers made that year, such as ``voucher-2026``."""
    return f"voucher-{now:%Y}"


def _was_over(path: Path, logs: datetime, live: datetime, vouchers: datetime) -> bool:
    """Say whether the period of a key was over; False for the key that belongs to none."""
    name = path.stem
    if name.startswith("log-"):
        return name <= log_key_id(logs - timedelta(days=7))  # names sort as their weeks do
    if name.startswith("voucher-"):
        return name < voucher_key_id(vouchers)
    return name.startswith("live-") and name < live_key_id(live)
