"""Vouchers at the desk: made, found, taken back, turned off, extended, printed again, listed.

Not their use by guests (redeem.py), and no page, slip or command. The rule to keep: a code is told
to whoever makes it or prints an unused one again, and to nobody else; who acted is written down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod
from portal.domain.voucher import (
    DESK_LIST,
    SERIES,
    UNDO_WITHIN,
    USE_WITHIN,
    Lasts,
    Preset,
    Voucher,
    VoucherState,
    prolong,
    read_serial,
)
from portal.domain.voucher_code import read_voucher_code
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate, open_gate
from portal.services.key_ring import voucher_key_id
from portal.services.opening import new_id
from portal.services.ports.vouchers import Making, NewVouchers
from portal.services.voucher_orders import (
    IssuedVoucher,
    MadeVouchers,
    Reprinted,
    VoucherOrder,
    VoucherRefusal,
    is_possible,
)
from portal.services.voucher_secrets import Slip, VoucherSecrets, draw_slip

DRAWS = 20
"""Makings tried; with 10,000 codes known, a thousand new ones meet one of them in a hundred."""

CLOCK_SKEW = timedelta(minutes=1)
"""Another node's clock may be behind: a slip is good there at once, too."""

SHOWN_FREELY = timedelta(minutes=5)
"""From its making: so long the one who made it shows and prints it, which is one act."""

UNDO_GRACE = timedelta(seconds=2)
"""For the way of a press to us."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Vouchers:
    """What staff may do with vouchers. ``now`` is aware and in UTC everywhere.

    ``by`` is the employee who acts, for the event log. A voucher is named by its serial or its
    code, and only where it belongs: at its own site, or anywhere if it is valid everywhere.
    """

    doors: Doors
    draw: Callable[[], Slip] = draw_slip

    async def make(
        self,
        order: VoucherOrder,
        by: str,
        now: datetime,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> MadeVouchers | VoucherRefusal:
        """Make vouchers, all or none. ``progress`` is told how many are done, a hundred a time."""
        site = self.doors.sites[order.site_id]
        if LoginMethod.CODE not in site.login_methods:
            return VoucherRefusal.NOT_OFFERED
        starts_at = order.starts_at or now - CLOCK_SKEW
        use_before = order.use_before or max(now, starts_at) + USE_WITHIN
        if not is_possible(order, starts_at, use_before, now):
            return VoucherRefusal.IMPOSSIBLE
        try:
            for _ in range(DRAWS):
                made = await self._make(order, (starts_at, use_before), by, now, progress)
                if made is not None:
                    return made
        except STORE_ERRORS as error:
            return _told("make", error)
        return VoucherRefusal.DATABASE_AWAY

    def order(
        self,
        site_id: SiteId,
        preset: Preset,
        now: datetime,
        *,
        count: int = 1,
        until: datetime | None = None,
    ) -> VoucherOrder:
        """Return what one press of a preset makes; ``until`` is when an event ends."""
        lasts = preset.lasts if until is None else Lasts(preset.lasts.length, until)
        within = preset.use_within
        today = self.doors.sites[site_id].end_of_day(now)
        return VoucherOrder(
            site_id,
            lasts,
            preset.most_devices,
            count,
            use_before=today if within is None else now + within,
            preset=preset.id,
        )

    async def find(self, site_id: SiteId, text: str, now: datetime) -> Voucher | VoucherRefusal:
        """Return the voucher with this serial, or with this code as somebody reads it out."""
        try:
            return await self._find(site_id, text, now)
        except STORE_ERRORS as error:
            return _told("find", error)

    async def show(
        self, site_id: SiteId, text: str, by: str, now: datetime
    ) -> IssuedVoucher | Voucher | VoucherRefusal:
        """Return a voucher for whoever hands it out: with its slip, where that is kept.

        Whoever opens it later than ``SHOWN_FREELY`` after its making leaves a trace.
        """
        try:
            found = await self._find(site_id, text, now)
            if isinstance(found, VoucherRefusal) or not found.is_sealed:
                return found
            slip = (await self._slips([found])).get(found.id)
            if slip is None or found.state(now) in {VoucherState.OVER, VoucherState.REVOKED}:
                return found
            if now - found.made_at > SHOWN_FREELY:
                await self.doors.vouchers.note_reprint(found, by, now)
            return IssuedVoucher(found, slip)
        except STORE_ERRORS as error:
            return _told("show", error)

    async def recent(
        self, site_id: SiteId, most: int = DESK_LIST
    ) -> Sequence[Voucher] | VoucherRefusal:
        """Return the vouchers made last at the site, the newest first."""
        try:
            return await self.doors.vouchers.recent(site_id, most)
        except STORE_ERRORS as error:
            return _told("recent", error)

    async def makings(
        self, site_id: SiteId, most: int = DESK_LIST
    ) -> Sequence[Making] | VoucherRefusal:
        """Return what was made last at the site: one slip, or a batch as one."""
        try:
            return await self.doors.vouchers.makings(site_id, most)
        except STORE_ERRORS as error:
            return _told("makings", error)

    async def series(self, site_id: SiteId, letters: str) -> Sequence[Voucher] | VoucherRefusal:
        """Return the site's vouchers whose serials have these letters, by number."""
        try:
            return await self._series(site_id, letters)
        except STORE_ERRORS as error:
            return _told("series", error)

    async def live(self, site_id: SiteId, now: datetime) -> int | VoucherRefusal:
        """Return how many codes would let a device in at the site now."""
        try:
            return await self.doors.vouchers.live(site_id, now)
        except STORE_ERRORS as error:
            return _told("live", error)

    async def undo(
        self, site_id: SiteId, making: UUID, by: str, now: datetime
    ) -> int | VoucherRefusal:
        """Take back what was made in one act, within ten seconds; return how many were unused."""
        since = now - UNDO_WITHIN - UNDO_GRACE
        try:
            undone = await self.doors.vouchers.undo(site_id, making, since, by, now)
        except STORE_ERRORS as error:
            return _told("undo", error)
        return undone or VoucherRefusal.TOO_LATE

    async def revoke(
        self, site_id: SiteId, text: str, by: str, now: datetime
    ) -> Voucher | VoucherRefusal:
        """Turn a voucher off: its devices are out before this returns, other nodes' soon after."""
        try:
            found = await self._find(site_id, text, now)
            if isinstance(found, VoucherRefusal):
                return found
            await self._revoke([found], by, now, only_unused=False)
            return await self.doors.vouchers.by_serial(found.serial) or found
        except STORE_ERRORS as error:
            return _told("revoke", error)

    async def revoke_series(
        self, site_id: SiteId, letters: str, by: str, now: datetime, *, only_unused: bool = False
    ) -> int | VoucherRefusal:
        """Turn off what was made in one batch, or what nobody has used of it; return how many."""
        try:
            found = await self._series(site_id, letters)
            if isinstance(found, VoucherRefusal):
                return found
            if len({voucher.making for voucher in found}) != 1:
                return VoucherRefusal.NOT_A_BATCH
            return await self._revoke(found, by, now, only_unused=only_unused)
        except STORE_ERRORS as error:
            return _told("revoke_series", error)

    async def extend(
        self, site_id: SiteId, text: str, length: timedelta, by: str, now: datetime
    ) -> Voucher | VoucherRefusal:
        """Give a voucher ``length`` more, and its running sessions with it, never past closing.

        One that ran out goes on from now; one that nobody used may be used so much later.
        """
        try:
            found = await self._find(site_id, text, now)
            if isinstance(found, VoucherRefusal):
                return found
            if length <= timedelta(0):
                return VoucherRefusal.IMPOSSIBLE
            return await self._extend(found, length, by, now)
        except STORE_ERRORS as error:
            return _told("extend", error)

    async def reprint(
        self, site_id: SiteId, text: str, by: str, now: datetime
    ) -> Reprinted | VoucherRefusal:
        """Return a slip to print again: an unused one is the same.

        A used one becomes a new voucher with what is left, which its running sessions go on with;
        the old code is turned off.
        """
        try:
            found = await self._find(site_id, text, now)
            if isinstance(found, VoucherRefusal):
                return found
            if found.state(now) in {VoucherState.OVER, VoucherState.REVOKED}:
                return VoucherRefusal.OVER
            return await self._reprint(found, by, now)
        except STORE_ERRORS as error:
            return _told("reprint", error)

    async def export(
        self, site_id: SiteId, letters: str, by: str, now: datetime, *, with_codes: bool = False
    ) -> Sequence[tuple[Voucher, Slip | None]] | VoucherRefusal:
        """Return a series for a list or for paper, with the slips of those that nobody has used.

        ``with_codes`` False: without any slip.
        """
        try:
            found = await self._series(site_id, letters)
            if isinstance(found, VoucherRefusal):
                return found
            slips = await self._slips(found) if with_codes else {}
            store, name = self.doors.vouchers, found[0].serial.letters
            await store.note_export(site_id, name, by, now, with_codes=with_codes)
            return [(voucher, slips.get(voucher.id)) for voucher in found]
        except STORE_ERRORS as error:
            return _told("export", error)

    async def _slips(self, vouchers: Sequence[Voucher]) -> Mapping[UUID, Slip]:
        """Return the slips that are kept still, by the vouchers' ids."""
        secrets = VoucherSecrets(self.doors.keys)
        kept = await self.doors.vouchers.sealed(vouchers)
        slips = {id_: secrets.unseal(id_, sealed) for id_, sealed in kept.items()}
        return {id_: slip for id_, slip in slips.items() if slip is not None}

    async def _make(
        self,
        order: VoucherOrder,
        clocks: tuple[datetime, datetime],
        by: str,
        now: datetime,
        progress: Callable[[int], None],
    ) -> MadeVouchers | None:
        secrets, key_id = VoucherSecrets(self.doors.keys), voucher_key_id(now)
        slips = {new_id(now): self.draw() for _ in range(order.count)}
        making = new_id(now)
        new = NewVouchers(
            making=making,
            site_id=order.site_id,
            lasts=order.lasts,
            most_devices=order.most_devices,
            starts_at=clocks[0],
            use_before=clocks[1],
            is_everywhere=order.is_everywhere,
            preset=order.preset,
            each=[secrets.new(id_, slip, key_id) for id_, slip in slips.items()],
        )
        made = await self.doors.vouchers.make(new, by, now, progress)
        if made is None:
            return None
        _log.info("vouchers_made", site=order.site_id, count=len(made), first=str(made[0].serial))
        issued = (IssuedVoucher(voucher, slips[voucher.id]) for voucher in made)
        return MadeVouchers(making, tuple(issued))

    async def _find(self, site_id: SiteId, text: str, now: datetime) -> Voucher | VoucherRefusal:
        store = self.doors.vouchers
        serial, code = read_serial(text), read_voucher_code(text)
        found = None
        if serial is not None:
            found = await store.by_serial(serial)
        elif isinstance(code, str):
            found = await store.by_code(VoucherSecrets(self.doors.keys).codes(code, now))
        if found is None or (found.site_id != site_id and not found.is_everywhere):
            return VoucherRefusal.NO_SUCH_VOUCHER
        return found

    async def _series(self, site_id: SiteId, letters: str) -> Sequence[Voucher] | VoucherRefusal:
        name = letters.strip().upper()
        if not SERIES.fullmatch(name):
            return VoucherRefusal.NO_SUCH_VOUCHER
        found = await self.doors.vouchers.of_series(name)
        mine = [voucher for voucher in found if voucher.site_id == site_id]
        return mine or VoucherRefusal.NO_SUCH_VOUCHER

    async def _revoke(
        self, vouchers: Sequence[Voucher], by: str, now: datetime, *, only_unused: bool
    ) -> int:
        revoked = await self.doors.vouchers.revoke(vouchers, by, now, only_unused=only_unused)
        await close_gate(self.doors.gate, revoked.put_out)
        first = str(vouchers[0].serial)
        _log.info("vouchers_revoked", site=vouchers[0].site_id, count=revoked.count, first=first)
        return revoked.count

    async def _extend(
        self, voucher: Voucher, length: timedelta, by: str, now: datetime
    ) -> Voucher | VoucherRefusal:
        if voucher.revoked_at is not None:
            return VoucherRefusal.OVER
        longer = prolong(voucher, length, now)
        sessions = await self.doors.sessions.of_subject(voucher.subject)
        ends = {session.id: self._end(session, longer, now) for session in sessions}
        moved = await self.doors.vouchers.prolong(longer, ends, by, now)
        if moved is None:
            return VoucherRefusal.OVER
        for session in moved:
            if not await open_gate(self.doors.gate, session, now):
                break
        return longer

    def _end(self, session: Session, voucher: Voucher, now: datetime) -> tuple[datetime, EndReason]:
        """Return when and why a session ends after its voucher's end has moved."""
        site = self.doors.sites.get(session.site_id)  # another node's, perhaps
        latest = None if site is None else admit(site, Ground.VOUCHER, now)
        if voucher.ends_at is None or not isinstance(latest, Admit):
            return session.ends_at, session.ends_because
        if voucher.ends_at < latest.ends_at:
            return voucher.ends_at, EndReason.TIME_LIMIT
        return latest.ends_at, latest.ends_because

    async def _reprint(
        self, voucher: Voucher, by: str, now: datetime
    ) -> Reprinted | VoucherRefusal:
        secrets, store = VoucherSecrets(self.doors.keys), self.doors.vouchers
        slip = (await self._slips([voucher])).get(voucher.id)
        if slip is not None:
            await store.note_reprint(voucher, by, now)
            return Reprinted(IssuedVoucher(voucher, slip), is_new=False)
        slip = self.draw()
        # Under the old one's key: its devices keep the names that they have.
        new = secrets.new(new_id(now), slip, voucher.key_id)
        goes_on = await store.replace(voucher, new, by, now)
        if goes_on is None:
            return VoucherRefusal.OVER
        _log.info("voucher_replaced", site=voucher.site_id, new=str(goes_on.serial))
        return Reprinted(IssuedVoucher(goes_on, slip), is_new=True)


def _told(during: str, error: Exception) -> VoucherRefusal:
    _log.warning("store_failed", during=f"voucher_{during}", reason=str(error))
    return VoucherRefusal.DATABASE_AWAY
