"""Vouchers in memory: what portal/storage/vouchers.py does, without a database.

They pass tests/portal/storage/test_voucher_contract.py together with the real ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.returning import QUIET_BEFORE_SUCCESSION
from portal.domain.session import EndReason, Session
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Serial, Voucher
from portal.services.ports.typed_codes import UnknownCode
from portal.services.ports.vouchers import (
    Making,
    NewVoucher,
    NewVouchers,
    RedeemAnswer,
    Redemption,
    Revoked,
    Sealed,
    VoucherAnswer,
    VoucherChanged,
    VoucherFull,
    VoucherNames,
    VoucherTried,
    VoucherUsed,
)
from tests.portal.services.stores import MemoryGroups, MemorySessions

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass
class Kept:
    voucher: Voucher
    names: VoucherNames
    sealed: bytes | None
    devices: set[Subject] = field(default_factory=set)


@dataclass
class MemoryVouchers:
    sessions: MemorySessions
    groups: MemoryGroups
    """They count the guesses of all typed codes."""
    kept: dict[UUID, Kept] = field(default_factory=dict)
    running: dict[SiteId, Serial] = field(default_factory=dict)
    """The last serial of each site's own series."""
    letters: "count[int]" = field(default_factory=lambda: count(0))

    async def make(
        self, new: NewVouchers, by: str, now: datetime, progress: Callable[[int], None]
    ) -> list[Voucher] | None:
        del by  # the event's; nothing here reads events
        codes = {kept.names.code for kept in self.kept.values()}
        if any(each.names.code in codes for each in new.each):
            return None
        first = self._serial(new.site_id, len(new.each))
        made = [
            self._keep(each, Serial(first.letters, first.number + place), new, now)
            for place, each in enumerate(new.each)
        ]
        progress(len(made))
        return made

    def _serial(self, site_id: SiteId, many: int) -> Serial:
        last = self.running.get(site_id)
        if many == 1 and last is not None:
            self.running[site_id] = Serial(last.letters, last.number + 1)
            return self.running[site_id]
        first = Serial(ALPHABET[next(self.letters)], 1)
        if many == 1:
            self.running[site_id] = first
        return first

    def _keep(self, each: NewVoucher, serial: Serial, new: NewVouchers, now: datetime) -> Voucher:
        voucher = Voucher(
            id=each.id,
            making=new.making,
            serial=serial,
            site_id=new.site_id,
            subject=each.names.subject,
            key_id=each.names.key_id,
            lasts=new.lasts,
            most_devices=new.most_devices,
            made_at=now,
            starts_at=new.starts_at,
            use_before=new.use_before,
            is_everywhere=new.is_everywhere,
            preset=new.preset,
            is_sealed=True,
        )
        self.kept[voucher.id] = Kept(voucher, each.names, each.names.sealed)
        return voucher

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        held_back = self.groups.hold_back(tried.device, tried.site_id, limits, now)
        if held_back is not None:
            return held_back
        found = await self.by_code(tried.codes)
        if found is None:
            self.groups.guesses.append((now, tried.device, tried.site_id))
        return found or UnknownCode()

    async def by_token(self, tokens: Sequence[Subject]) -> Voucher | None:
        return self._first(lambda kept: kept.names.token in tokens)

    async def by_code(self, codes: Sequence[Subject]) -> Voucher | None:
        return self._first(lambda kept: kept.names.code in codes)

    async def by_serial(self, serial: Serial) -> Voucher | None:
        return self._first(lambda kept: kept.voucher.serial == serial)

    async def by_subject(self, subject: Subject) -> Voucher | None:
        return self._first(lambda kept: kept.voucher.subject == subject)

    async def has_place(self, voucher: Voucher, device: Subject) -> bool:
        return device in self.kept[voucher.id].devices

    async def redeem(self, wish: Redemption) -> RedeemAnswer:
        new = wish.opening.session
        now, mac = new.started_at, new.mac
        kept = self.kept.get(wish.voucher.id)
        current = None if kept is None else kept.voucher
        if kept is None or current is None or current.subject != new.subject:
            return VoucherChanged()
        if current.revoked_at or now >= current.over_at or now < current.starts_at:
            return VoucherChanged()
        running = self.sessions.live.get(mac)
        is_live = running is not None and now < running.due_at
        others = running is not None and is_live and running.subject != new.subject
        if running is not None and others and running.is_protected(now):
            seen = replace(running, last_seen_at=max(running.last_seen_at, now))
            self.sessions.live[mac] = seen
            return VoucherUsed(seen, is_new=False)
        continues, put_out = None, []
        if wish.device not in kept.devices:
            old = next((s for s in self._sessions(current) if s.id == wish.opening.continues), None)
            goes_on = (
                old is not None
                and not is_live
                and old.mac != mac
                and not old.succeeded
                and old.last_seen_at <= now - QUIET_BEFORE_SUCCESSION
                and now < old.due_at
                and wish.before in kept.devices
            )
            if goes_on and old is not None:
                continues = old.id
                kept.devices.discard(wish.before or Subject(b""))
                put_out = [s for s in self._sessions(current) if s.succeeded]
                for gone in put_out:
                    await self.sessions.end(gone.id, EndReason.REPLACED, now)
            elif len(kept.devices) >= current.most_devices:
                return VoucherFull()
            kept.devices.add(wish.device)
        ends_at = current.ends_at or wish.ends_at
        self._set(
            kept, first_used_at=current.first_used_at or now, ends_at=ends_at, is_sealed=False
        )
        kept.sealed = None
        if ends_at < new.ends_at:
            new = replace(new, ends_at=ends_at, ends_because=EndReason.TIME_LIMIT)
        opening = replace(wish.opening, session=new, continues=continues)
        started = await self.sessions.start(opening)
        return VoucherUsed(started.session, started.is_new, tuple(s.mac for s in put_out))

    async def recent(self, site_id: SiteId, most: int) -> list[Voucher]:
        mine = [v for v in self._all() if v.site_id == site_id]
        return sorted(mine, key=lambda v: (v.made_at, v.serial.number), reverse=True)[:most]

    async def makings(self, site_id: SiteId, most: int) -> list[Making]:
        mine: dict[UUID, list[Voucher]] = {}
        for voucher in sorted(self._all(), key=lambda v: v.serial.number):
            if voucher.site_id == site_id:
                mine.setdefault(voucher.making, []).append(voucher)
        latest = sorted(
            mine.values(),
            key=lambda of_one: (of_one[0].made_at, of_one[0].serial.number),
            reverse=True,
        )
        return [Making(of_one[0], len(of_one)) for of_one in latest[:most]]

    async def of_series(self, letters: str) -> list[Voucher]:
        mine = [v for v in self._all() if v.serial.letters == letters]
        return sorted(mine, key=lambda v: v.serial.number)

    async def live(self, site_id: SiteId, now: datetime) -> int:
        return sum(
            (v.site_id == site_id or v.is_everywhere)
            and now < v.over_at
            and v.devices < v.most_devices
            for v in self._all()
        )

    async def undo(
        self, site_id: SiteId, making: UUID, since: datetime, by: str, now: datetime
    ) -> int:
        del by, now
        gone = [
            v.id
            for v in self._all()
            if (v.site_id, v.making) == (site_id, making)
            and v.made_at > since
            and v.first_used_at is None
        ]
        for voucher_id in gone:
            del self.kept[voucher_id]
        return len(gone)

    async def revoke(
        self, vouchers: Sequence[Voucher], by: str, now: datetime, *, only_unused: bool
    ) -> Revoked:
        del by
        put_out: list[MacAddress] = []
        turned_off = 0
        for kept in [self.kept[voucher.id] for voucher in vouchers]:
            current = kept.voucher
            used = only_unused and current.first_used_at is not None
            if current.revoked_at is not None or used:
                continue
            for session in self._sessions(current):
                await self.sessions.end(session.id, EndReason.REVOKED, now)
                put_out.append(session.mac)
            self._set(kept, revoked_at=now, is_sealed=False)
            kept.sealed = None
            turned_off += 1
        return Revoked(turned_off, tuple(put_out))

    async def prolong(
        self,
        longer: Voucher,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> list[Session] | None:
        del by, now
        kept = self.kept[longer.id]
        current = kept.voucher
        was_used = (current.first_used_at is None) != (longer.ends_at is None)
        if current.revoked_at is not None or was_used:
            return None
        ends_at = longer.ends_at and max(longer.ends_at, current.ends_at or longer.ends_at)
        self._set(kept, use_before=longer.use_before, lasts=longer.lasts, ends_at=ends_at)
        moved = []
        for session in self._sessions(current):
            ends_at, because = ends.get(session.id, (session.ends_at, session.ends_because))
            if session.ends_at < ends_at:
                moved.append(replace(session, ends_at=ends_at, ends_because=because))
                self.sessions.live[session.mac] = moved[-1]
        return moved

    async def sealed(self, vouchers: Sequence[Voucher]) -> Mapping[UUID, Sealed]:
        return {
            voucher.id: Sealed(voucher.key_id, self.kept[voucher.id].sealed)
            for voucher in vouchers
            if voucher.id in self.kept
        }

    async def note_reprint(self, voucher: Voucher, by: str, now: datetime) -> None: ...

    async def note_export(
        self, site_id: SiteId, letters: str, by: str, now: datetime, *, with_codes: bool
    ) -> None: ...

    async def replace(
        self, old: Voucher, new: NewVoucher, by: str, now: datetime
    ) -> Voucher | None:
        del by
        kept = self.kept[old.id]
        current = kept.voucher
        if current.revoked_at or now >= current.over_at or current.first_used_at is None:
            return None
        self._set(kept, revoked_at=now, subject=new.names.subject, is_sealed=False)
        goes_on = replace(
            current,
            id=new.id,
            making=new.id,
            serial=self._serial(current.site_id, 1),
            key_id=new.names.key_id,
            lasts=replace(current.lasts, length=None, until=current.ends_at),
            made_at=now,
            is_sealed=True,
        )
        self.kept[new.id] = Kept(goes_on, new.names, new.names.sealed, kept.devices)
        kept.devices = set()
        return self._shown(self.kept[new.id])

    async def pauses(self, sessions: Sequence[Session], now: datetime) -> Mapping[UUID, timedelta]:
        del sessions, now  # nothing here notes when a tutoring began
        return {}

    def _all(self) -> list[Voucher]:
        return [self._shown(kept) for kept in self.kept.values()]

    def _first(self, fits: Callable[[Kept], bool]) -> Voucher | None:
        return next((self._shown(kept) for kept in self.kept.values() if fits(kept)), None)

    def _shown(self, kept: Kept) -> Voucher:
        return replace(kept.voucher, devices=len(kept.devices))

    def _set(self, kept: Kept, **changes: object) -> None:
        kept.voucher = replace(kept.voucher, **changes)  # type: ignore[arg-type]

    def _sessions(self, voucher: Voucher) -> list[Session]:
        return [s for s in self.sessions.live.values() if s.subject == voucher.subject]
