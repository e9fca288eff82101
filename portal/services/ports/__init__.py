"""The doors: what the services need of the world, as Protocols.

Each door has one exception, raised when the neighbour behind it is broken, and states which way
it fails. Everything expected is a value. Fakes of these doors live in tests/ and pass the same
contract tests as the real ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid4

from portal.domain.identity import Device, MacAddress, Secret, SiteId, Subject
from portal.domain.presence import Signals
from portal.domain.returning import KEPT_AFTER_VISIT
from portal.domain.session import EndReason, Ground, Session
from portal.domain.sign_in_limits import Tally
from portal.domain.verification import Verification
from portal.domain.voucher import KEPT_AFTER_END, LONGEST_LIFE


class DatabaseUnavailableError(Exception):
    """The database cannot be asked now. Fails closed: nobody new is let in, nobody is put out."""


class GateUnavailableError(Exception):
    """The gate's agent cannot be asked now. Fails closed; those who are online stay online."""


class LibrarySystem(Protocol):
    """A library system that can check a card and a PIN. Fails as the site says (refuse)."""

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        """Ask once, within the configured deadlines. Never raises for a broken neighbour."""
        ...

    async def answers(self) -> bool:
        """Say whether it takes questions now, asking with no patron in it."""
        ...


class Gate(Protocol):
    """The node's own gate. All verbs are idempotent."""

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        """Let the device through for so long on the monotonic clock.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...

    async def expel(self, mac: MacAddress) -> None:
        """Put the device out and end its connections.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address on a guest network, None for any other address.

        Raises:
            GateUnavailableError: the agent did not answer.
        """
        ...

    async def reconcile(self, devices: Sequence[tuple[MacAddress, float]]) -> int:
        """Make exactly these devices admitted, each for so many seconds; return the changes made.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...

    async def usage(self) -> Mapping[MacAddress, Signals]:
        """Return what the gate knows of each admitted device.

        Raises:
            GateUnavailableError: the agent did not answer.
        """
        ...

    async def probe(self, macs: Sequence[MacAddress]) -> None:
        """Ask devices for a sign of life; usage tells later who gave one.

        Raises:
            GateUnavailableError: the agent did not answer.
        """
        ...

    async def missing_interfaces(self) -> frozenset[str]:
        """Return the guest interfaces that do not exist now: nobody there can be seen.

        Raises:
            GateUnavailableError: the agent did not answer.
        """
        ...


class Clock(Protocol):
    """The wall clock in UTC, for the doors' outer edge only."""

    def __call__(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """What history calls a device and its guest: keyed hashes under one week's log key."""

    key_id: str
    device: bytes
    subject: bytes | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A session that is to start, and what is written together with it.

    ``attempt`` is the reservation that was answered "ok", and ``device`` the hash of the device
    under the live key: both only with a card, whose known devices then include this one.
    ``continues`` is another session of the same card, whose device changed its address.
    ``sealed`` is the card's number, for the one who holds the organisation's key.
    """

    session: Session
    trace: Trace
    most_devices: int
    attempt: int | None = None
    device: Subject | None = None
    continues: UUID | None = None
    sealed: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """The session that now stands (new, or the one that ran already), and who gave way to it."""

    session: Session
    is_new: bool
    put_out: tuple[MacAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class LastEnd:
    """Why a session ended, and on what ground it had been."""

    reason: EndReason
    ground: Ground


class Sessions(Protocol):
    """Live and past sessions. Every method raises DatabaseUnavailableError."""

    async def start(self, opening: Opening) -> Started:
        """Let a device in, in one transaction.

        The device's running session stays when its subject is the same, when the newcomer has
        none, or when it is protected; any other ends as REPLACED. Of the subject's devices the
        longest absent give way to keep ``most_devices``; protected ones never do, so that more
        than ``most_devices`` may remain. Those that have a successor take no place.

        A session that ``continues`` another which is still quiet, takes over what that one held:
        its end (at the same site), extensions, counters, and its tutoring. The other stays, marked
        ``succeeded``.
        """
        ...

    async def find(self, mac: MacAddress) -> Session | None:
        """Return the device's live session, also when it is due and not ended yet."""
        ...

    async def of_devices(self, macs: Sequence[MacAddress]) -> Mapping[MacAddress, Session]:
        """Return the live sessions of these devices, as `find` does for one."""
        ...

    async def of_subject(self, subject: Subject) -> list[Session]:
        """Return all live sessions of a card or voucher."""
        ...

    async def last_end(self, devices: Sequence[bytes], since: datetime) -> LastEnd | None:
        """Say why the last session of the device with one of these traces ended after then."""
        ...

    async def extend(
        self, session: Session, ends_at: datetime, ends_because: EndReason, now: datetime
    ) -> Session | None:
        """Move the end; None when the session has changed or ended since it was read."""
        ...

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> Session | None:
        """End one session and return it; None when it had ended before."""
        ...

    async def admit_at(self, session_id: UUID, site_id: SiteId) -> None:
        """Note that a session's device was let in at one more site; harmless when it has ended."""
        ...

    async def end_due(self, site_ids: Sequence[SiteId], now: datetime) -> list[Session]:
        """End every session of these sites that is due, each for its own reason, and return it."""
        ...

    async def admitted(
        self, site_ids: Sequence[SiteId], now: datetime
    ) -> list[tuple[MacAddress, datetime]]:
        """Return the devices that were let in at these sites and may be online, and each one's end.

        Wherever the session began: it is one for the organisation.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """One attempt that counts as wrong until it is settled, and what stood against it before."""

    id: int
    tally: Tally


class Attempts(Protocol):
    """Sign-in attempts. Every method raises DatabaseUnavailableError."""

    async def reserve(
        self, card: Subject, device: Subject, site_id: SiteId, now: datetime
    ) -> Reservation:
        """Write an undecided attempt and tally the others; attempts at once see each other."""
        ...

    async def settle(self, reservation_id: int, outcome: Verification) -> None:
        """Write what the library system said; only BAD_CREDENTIALS goes on counting."""
        ...

    async def release(self, reservation_id: int) -> None:
        """Take back an attempt that was not made."""
        ...


class Arrivals(Protocol):
    """Captive devices at a site. Every method raises DatabaseUnavailableError."""

    async def see(
        self, device: Device, now: datetime, kind: str = "", *, is_online: bool = False
    ) -> int | None:
        """Return the device's number, a new one for a new visit; None in a huge crowd.

        It counts among those waiting, or (``is_online``) among those that are in and have a number
        to be named by. ``kind`` is what the desk calls it ("iPhone"); "" leaves what is known.
        """
        ...

    async def add_step(self, device: Device, step: str, now: datetime) -> None:
        """Note what the waiting device tried ("cred.wrong"); the last ten are kept."""
        ...


class EventKind(StrEnum):
    """What is written to the event log besides sessions, which the store writes itself."""

    SIGN_IN_REFUSED = "sign_in_refused"
    MANY_WRONG_PINS = "many_wrong_pins"
    """An alarm: a site sees far more wrong PINs than guests make."""
    LIBRARY_SYSTEM_MISBEHAVED = "library_system_misbehaved"
    """An alarm: it answered without checking the PIN, or it refused us."""
    DEVICE_AT_TWO_PLACES = "device_at_two_places"
    """An alarm: two devices use one address, or one is copied; the store writes it."""
    IMPOSTOR = "impostor"
    """An alarm: ``kind`` plays the router, the DHCP server, or has the gateway's address."""
    CLOCK_JUMPED = "clock_jumped"
    """An alarm: somebody or something set the wall clock; ``seconds`` says how far."""
    STAFF_SIGNED_IN = "staff_signed_in"
    STAFF_SIGNED_OUT = "staff_signed_out"
    STAFF_PAGE_REFUSED = "staff_page_refused"
    """A signed-in account asked for what its roles or sites do not give it."""
    STAFF_ACCOUNT_CHANGED = "staff_account_changed"
    """Made, reset, disabled …: ``what`` says it, ``by`` who did it."""
    MANY_WRONG_STAFF_SIGN_INS = "many_wrong_staff_sign_ins"
    """An alarm: somebody guesses at staff's passwords or codes."""
    API_TOKEN_CHANGED = "api_token_changed"  # noqa: S105 - a kind, not one
    """Made or revoked: ``what`` says it, ``by`` who did it."""
    API_REFUSED = "api_refused"
    """A token asked for what its scopes or sites do not give it."""
    MANY_WRONG_API_TOKENS = "many_wrong_api_tokens"
    """An alarm: somebody tries tokens, or a program has an old one."""


EVERYWHERE = SiteId("")
"""Where an event belongs that is no single site's."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``detail`` holds no MAC address, card number or free text.

    ``origin`` tells the same event, written again, from another one like it.
    """

    kind: EventKind
    site_id: SiteId
    at: datetime
    trace: Trace | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    origin: UUID = field(default_factory=uuid4, compare=False)


class Events(Protocol):
    """The append-only event log."""

    async def record(self, event: Event) -> None:
        """Write one event.

        Raises:
            DatabaseUnavailableError: it was not written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what is no longer needed stays."""

    sessions: timedelta = timedelta(days=14)
    events: timedelta = timedelta(days=14)
    attempts: timedelta = timedelta(days=7)
    known_devices: timedelta = timedelta(days=30)
    remembered_devices: timedelta = KEPT_AFTER_VISIT
    vouchers: timedelta = KEPT_AFTER_END
    """After each one's end."""

    @property
    def history(self) -> timedelta:
        """How long anything stays that is named under a week's key."""
        return max(self.sessions, self.events)

    @property
    def names(self) -> timedelta:
        """How long anything stays that is named under a year's key."""
        return max(self.attempts, self.known_devices, self.remembered_devices)

    @property
    def voucher_names(self) -> timedelta:
        """How long anything stays that is named under the key of vouchers made in a year."""
        return LONGEST_LIFE + self.vouchers
