"""Looking for a card's, a device's or an address's sessions, and asking whose a session was.

Not the log (it names nobody). The rules to keep: nothing is shown that was not written down before
with who asked and why; a card or a device is hashed as soon as it is read, and kept nowhere; the
record has the log's own names, of an IP address too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address

import structlog

from portal.domain.audit_chain import LONGEST_ABOUT, LONGEST_CASE, Act, Deed, Reason
from portal.domain.card import CardAccepted, CardRules, read_card
from portal.domain.complaint import read_address
from portal.domain.identity import MacAddress, Secret
from portal.domain.mac_notation import may_be_a_number, read_mac
from portal.domain.privacy import PrivacyLevel
from portal.domain.session_log import (
    Held,
    LogFilter,
    Named,
    Sought,
    mondays,
    name_of,
    sought_in_weeks,
    written_span,
)
from portal.services.key_ring import KeyRing
from portal.services.ports.address_log import AddressLog
from portal.services.ports.audit import AuditRecord
from portal.services.ports.session_log import LoggedSession, SessionLog

MOST_COUNTED = 1000
MOST_HELD = 200
"""Sessions of one address. More is no device's address."""

MOST_NAMED = 5
"""Devices that had an address, as the record names them; it counts the others."""

ADDRESS = "address"

_log = structlog.get_logger()


class LookUpRefusal(StrEnum):
    """Why nothing was looked up. Each has its text."""

    NO_REASON = "lookup.no_reason"
    NO_CASE = "lookup.no_case"
    NO_CARD = "lookup.no_card"
    NO_DEVICE = "lookup.no_device"
    NO_KEY = "lookup.no_key"
    """The keys that the sessions were named under are destroyed: nobody can say any more."""
    NO_ADDRESS = "lookup.no_address"
    NOT_KEPT = "lookup.not_kept"
    """No library writes down which addresses devices have."""
    NOT_KEPT_IPV4 = "lookup.not_kept_ipv4"
    """IPv4 addresses are not, anywhere: outside it is one address that all share, by port."""


@dataclass(frozen=True, slots=True)
class Why:
    """Who asks, and why."""

    by: str
    reason: Reason
    case_number: str


def read_why(by: str, reason: str, case_number: str) -> Why | LookUpRefusal:
    """Read what a form says."""
    case = " ".join(case_number.split())[:LONGEST_CASE]
    if reason not in set(Reason):
        return LookUpRefusal.NO_REASON
    if not case or not case.isprintable():
        return LookUpRefusal.NO_CASE
    return Why(by, Reason(reason), case)


def guess_what(typed: str) -> str:
    """Return what a text that somebody typed is most likely: an address, or else a card."""
    if read_address(typed) is not None:
        return ADDRESS
    is_device = read_mac(typed) is not None and not may_be_a_number(typed)
    return (Named.DEVICE if is_device else Named.GUEST).name.lower()


@dataclass(frozen=True, slots=True)
class Auditing:
    """Writes down what is done, in the record and in the process's log."""

    record: AuditRecord

    async def write(self, why: Why, act: Act, about: str, found: int, now: datetime) -> None:
        """Write a row.

        Raises:
            DatabaseUnavailableError: it was not written; nothing may be shown.
            ValueError: what was asked cannot stand there whole; so nothing may be shown either.
        """
        if len(about) > LONGEST_ABOUT or not about.isprintable():
            raise ValueError(f"{act}: no text for the record")
        deed = Deed(now, why.by, act, why.reason, why.case_number, about, found)
        row = await self.record.write(deed)
        self.tell(row.number, act, why.by, row.hash)

    def tell(self, number: int, act: Act, by: str, row_hash: bytes) -> None:
        """Tell of a row outside the database, where whoever rewrites the record cannot reach."""
        _log.info("audit_row_written", number=number, act=act, by=by, hash=row_hash.hex())


@dataclass(frozen=True, slots=True)
class LookUps:
    """What may be asked of a person that the log does not name.

    ``levels``: what each site writes down.
    """

    log: SessionLog
    auditing: Auditing
    keys: KeyRing
    card_rules: CardRules
    addresses: AddressLog
    levels: Collection[PrivacyLevel]

    @property
    def keeps_addresses(self) -> bool:
        """Whether any site notes which addresses devices had."""
        return any(level.keeps_addresses for level in self.levels)

    async def seek(
        self, typed: Secret, what: Named, wanted: LogFilter, why: Why, now: datetime
    ) -> Sought | LookUpRefusal:
        """Return what the log calls a card or a device, in all weeks that are asked for.

        Raises:
            DatabaseUnavailableError: nothing was written down, and nothing is returned.
        """
        weeks = self.keys.kept_weeks(mondays(wanted.since, wanted.until))
        traces = self._traces(typed, what, weeks)
        if isinstance(traces, LookUpRefusal):
            return traces
        sought = sought_in_weeks(what, traces)
        found = await self.log.count(replace(wanted, sought=sought), MOST_COUNTED)
        span = written_span(wanted.since, wanted.until)
        about = f"{what.name.lower()} {name_of(what, traces[-1][1])} {span}"
        await self.auditing.write(why, Act.LOOK_UP, about, found, now)
        return sought

    async def seek_address(
        self, typed: Secret, wanted: LogFilter, why: Why, now: datetime
    ) -> Held | LookUpRefusal:
        """Return the sessions that are noted to have had an IP address in that time.

        Raises:
            DatabaseUnavailableError: nothing was written down, and nothing is returned.
        """
        address = read_address(typed.reveal())
        if address is None:
            return LookUpRefusal.NO_ADDRESS
        if not self.keeps_addresses:
            return LookUpRefusal.NOT_KEPT
        if isinstance(address, IPv4Address):
            return LookUpRefusal.NOT_KEPT_IPV4
        had = await self.addresses.holders(address, wanted.since, wanted.until, MOST_HELD)
        held = Held(tuple(had))
        rows = await self.log.page(replace(wanted, sought=held), None, MOST_HELD)
        names = sorted({name_of(Named.DEVICE, one.device_trace) for one in rows})
        some = " ".join(names[:MOST_NAMED]) or "-"
        about = f"{ADDRESS} {some} {written_span(wanted.since, wanted.until)}"
        await self.auditing.write(why, Act.LOOK_UP, about, len(rows), now)
        return held

    async def compare(
        self, session: LoggedSession, typed: Secret, what: Named, why: Why, now: datetime
    ) -> bool | LookUpRefusal:
        """Say whether a session was a card's or a device's.

        Raises:
            DatabaseUnavailableError: it was not written down, and nothing is said.
        """
        [monday] = mondays(session.started_at, session.started_at + timedelta(microseconds=1))
        traces = self._traces(typed, what, self.keys.kept_weeks([monday]))
        if isinstance(traces, LookUpRefusal):
            return traces
        asked = session.device_trace if what is Named.DEVICE else session.guest_trace
        fits = any(trace == asked for _, trace in traces)
        about = f"session {session.id} {what.name.lower()} {name_of(what, traces[-1][1])}"
        await self.auditing.write(why, Act.COMPARE, about, int(fits), now)
        return fits

    def _traces(
        self, typed: Secret, what: Named, weeks: Sequence[datetime]
    ) -> list[tuple[datetime, bytes]] | LookUpRefusal:
        """Return every name that what was typed has in these weeks; never none at all."""
        if what is Named.DEVICE:
            mac = read_mac(typed.reveal())
            if mac is None:
                return LookUpRefusal.NO_DEVICE
            return self._of_device(mac, weeks) or LookUpRefusal.NO_KEY
        card = read_card(typed.reveal(), self.card_rules)
        if not isinstance(card, CardAccepted):
            return LookUpRefusal.NO_CARD
        return self._of_card(card.card, weeks) or LookUpRefusal.NO_KEY

    def _of_device(
        self, mac: MacAddress, weeks: Sequence[datetime]
    ) -> list[tuple[datetime, bytes]]:
        return [(monday, self.keys.device_in(mac, monday)) for monday in weeks]

    def _of_card(self, card: Secret, weeks: Sequence[datetime]) -> list[tuple[datetime, bytes]]:
        return [(monday, trace) for monday in weeks for trace in self.keys.guests_in(card, monday)]
