"""What a person may ask for: to see all that is kept of a card, voucher or device; to be rid of it.

Not a look-up by IT: the person is here and shows it. The rules to keep: both stand in the record,
the deletion in its own transaction; nothing of others is touched; what cannot be found is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.audit_chain import Act, Deed
from portal.domain.card import CardAccepted, CardRules, read_card
from portal.domain.identity import MacAddress, Secret, Subject
from portal.domain.mac_notation import read_mac
from portal.domain.session_log import Named, mondays, name_of
from portal.domain.typed_code import NoCode
from portal.domain.voucher_code import read_token, read_voucher_code
from portal.services.console.look_ups import Auditing, LookUpRefusal, Why
from portal.services.doors import Doors
from portal.services.gatekeeping import close_gate
from portal.services.key_ring import Kind
from portal.services.ports.rights import Erased, KeptOfOne, KeptRow, Names, Place, Shown
from portal.services.voucher_secrets import VoucherSecrets

SPARE_WEEKS = timedelta(days=21)
"""A session's history stands under the key of the week it began in, some time ago; and keys outlive
their rows by up to two weeks."""


class RightsRefusal(StrEnum):
    """Why nothing was looked for. Each has its text."""

    NO_CODE = "rights.no_code"


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept. ``lost`` are weeks of which nobody can say any more, by their Mondays."""

    shown: Shown
    names: Names = field(repr=False)
    rows: Sequence[KeptRow] = field(repr=False)
    lost: tuple[datetime, ...]
    why: Why


@dataclass(frozen=True, slots=True)
class Rights:
    """Shows and deletes. ``kept``: how long history stays."""

    store: KeptOfOne
    auditing: Auditing
    doors: Doors
    kept: timedelta
    card_rules: CardRules

    async def access(
        self, typed: Secret, shown: Shown, why: Why, now: datetime
    ) -> Found | RightsRefusal | LookUpRefusal:
        """Return all that is kept of what was shown.

        Raises:
            DatabaseUnavailableError: it was not written down, and nothing is shown.
        """
        weeks = mondays(now - self.kept - SPARE_WEEKS, now + timedelta(microseconds=1))
        known = self.doors.keys.kept_weeks(weeks)
        named = await self._names(typed, shown, known, now)
        if not isinstance(named, Names):
            return named
        rows = await self.store.find(named)
        lost = await self.store.weeks_with_history([week for week in weeks if week not in known])
        about = " ".join(filter(None, (shown.value, _name(named))))
        await self.auditing.write(why, Act.ACCESS, about, len(rows), now)
        return Found(shown, named, rows, tuple(lost), why)

    async def erase(self, found: Found, now: datetime) -> Erased:
        """Delete all that was found, and what came since under the same names.

        Raises:
            DatabaseUnavailableError: nothing was deleted.
        """
        why = found.why
        deed = Deed(now, why.by, Act.ERASE, why.reason, why.case_number, found.shown.value, 0)
        erased = await self.store.erase(found.names, deed)
        self.auditing.tell(erased.number, Act.ERASE, why.by, erased.hash)
        await close_gate(self.doors.gate, erased.put_out)
        return erased

    async def _names(
        self, typed: Secret, shown: Shown, weeks: Sequence[datetime], now: datetime
    ) -> Names | RightsRefusal | LookUpRefusal:
        match shown:
            case Shown.CARD:
                card = read_card(typed.reveal(), self.card_rules)
                if not isinstance(card, CardAccepted):
                    return LookUpRefusal.NO_CARD
                return self._of_card(card.card, weeks, now)
            case Shown.DEVICE:
                mac = read_mac(typed.reveal())
                return (
                    LookUpRefusal.NO_DEVICE
                    if mac is None
                    else await self._of_device(mac, weeks, now)
                )
            case Shown.VOUCHER:  # pragma: no branch - the last there is
                return await self._of_voucher(typed, weeks, now)

    def _of_card(self, card: Secret, weeks: Sequence[datetime], now: datetime) -> Names:
        keys = self.doors.keys
        guests = [trace for week in weeks for trace in keys.guests_in(card, week)]
        return Names(subjects=tuple(keys.cards(card, now)), guests=tuple(guests))

    async def _of_device(self, mac: MacAddress, weeks: Sequence[datetime], now: datetime) -> Names:
        keys = self.doors.keys
        used = await self.store.used_vouchers()
        places = [
            Place(one.id, keys.under(one.key_id, Kind.VOUCHER_DEVICE, one.subject + mac.encode()))
            for one in used
        ]
        return Names(
            devices=keys.devices(mac, now),
            traces=tuple(keys.device_in(mac, week) for week in weeks),
            macs=(mac,),
            places=tuple(places),
            counted=tuple(keys.counted_on_kept_days(mac)),
        )

    async def _of_voucher(
        self, typed: Secret, weeks: Sequence[datetime], now: datetime
    ) -> Names | RightsRefusal:
        secrets, text = VoucherSecrets(self.doors.keys), typed.reveal().strip()
        code, token = read_voucher_code(text), read_token(text.rpartition("/")[2])
        if token is not None:
            voucher = await self.doors.vouchers.by_token(secrets.tokens(token, now))
        elif not isinstance(code, NoCode):
            voucher = await self.doors.vouchers.by_code(secrets.codes(code, now))
        else:
            return RightsRefusal.NO_CODE
        if voucher is None:
            return RightsRefusal.NO_CODE
        keys, subject = self.doors.keys, Subject(voucher.subject)
        guests = [keys.subject_in(subject, week) for week in weeks]
        return Names(subjects=(subject,), guests=tuple(guests), vouchers=(voucher.id,))


def _name(names: Names) -> str:
    """Return what this week's log calls it, for the record."""
    if names.traces:
        return name_of(Named.DEVICE, names.traces[-1])
    return name_of(Named.GUEST, names.guests[-1]) if names.guests else ""
