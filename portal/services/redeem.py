"""Using a voucher: from a typed code or a scanned token to a session and an open gate.

Not the clocks (portal/domain/voucher.py) and not what staff do with vouchers (vouchers.py). The
rule to keep: a code that is none costs no question to anybody; places and guesses are counted
where they are written.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from portal.domain.admission import Admit
from portal.domain.identity import Device
from portal.domain.returning import predecessor
from portal.domain.session import Claim, EndReason, Ground
from portal.domain.typed_code import CodeFault, CodeLimits, NoCode
from portal.domain.voucher import Unusable, Voucher, judge
from portal.domain.voucher_code import CODE_DIGITS, read_token, read_voucher_code
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate, open_gate
from portal.services.held_back import HeldBackMemory, refused_by
from portal.services.opening import opening_of, permission
from portal.services.outcomes import Admitted, RefusalReason, Refused, SignInOutcome, VoucherOffer
from portal.services.ports.typed_codes import HeldBack
from portal.services.ports.vouchers import (
    Redemption,
    VoucherChanged,
    VoucherFull,
    VoucherTried,
    VoucherUsed,
)
from portal.services.refusals import RefusalRecord
from portal.services.voucher_secrets import VoucherSecrets

_SERVICE_DOWN = Refused(RefusalReason.SERVICE_DOWN)
_UNKNOWN = Refused(RefusalReason.CODE_UNKNOWN)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Redeem:
    """What a guest may do with a voucher. ``now`` is aware and in UTC everywhere."""

    doors: Doors
    limits: CodeLimits = CodeLimits()  # noqa: RUF009 - frozen
    memory: HeldBackMemory = field(default_factory=HeldBackMemory)

    async def with_code(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        """Let a device in by the ten digits it typed."""
        code = read_voucher_code(code_text)
        if isinstance(code, NoCode):
            return _not_a_code(code)
        allowed = permission(self.doors, device, Ground.VOUCHER, now)
        if isinstance(allowed, Refused):
            return allowed
        held_back = self.memory.look(device, now)
        if held_back is not None:
            return refused_by(held_back)
        try:
            found = await self._try(device, code, now)
            if isinstance(found, Voucher):
                return await self._use(device, found, allowed, now)
            self.memory.note(device, found, now)
            return await self._refused(device, refused_by(found), now)
        except STORE_ERRORS as error:
            return _told("redeem", error)

    async def with_token(self, device: Device, token_text: str, now: datetime) -> SignInOutcome:
        """Let a device in by the token of a QR code: no cap, nobody guesses one."""
        allowed = permission(self.doors, device, Ground.VOUCHER, now)
        if isinstance(allowed, Refused):
            return allowed
        try:
            found = await self._find(token_text, now)
            if found is None:
                return await self._refused(device, _UNKNOWN, now)
            return await self._use(device, found, allowed, now)
        except STORE_ERRORS as error:
            return _told("redeem", error)

    async def look(self, device: Device, token_text: str, now: datetime) -> VoucherOffer | Refused:
        """Return what a token would give, for a page that shows it; nothing is used or written."""
        allowed = permission(self.doors, device, Ground.VOUCHER, now)
        if isinstance(allowed, Refused):
            return allowed
        try:
            found = await self._find(token_text, now)
            return _UNKNOWN if found is None else await self._offer(device, found, allowed, now)
        except STORE_ERRORS as error:
            return _told("look", error)

    async def _offer(
        self, device: Device, found: Voucher, allowed: Admit, now: datetime
    ) -> VoucherOffer | Refused:
        unusable = judge(found, device.site_id, now)
        if unusable is not None:
            return self._unusable(found, unusable)
        is_full = found.devices >= found.most_devices
        if is_full and not await self._has_place(device, found, now):
            return _full(found)
        lasts_until = found.ends_at or found.lasts.ends_at(now, allowed.ends_at)
        if lasts_until < allowed.ends_at:
            return VoucherOffer(found, lasts_until, EndReason.TIME_LIMIT, lasts_until)
        return VoucherOffer(found, allowed.ends_at, allowed.ends_because, lasts_until)

    async def _try(self, device: Device, code: str, now: datetime) -> Voucher | HeldBack:
        names = VoucherSecrets(self.doors.keys)
        guesser = self.doors.keys.device(device.mac, now)
        tried = VoucherTried(names.codes(code, now), guesser, device.site_id)
        return await self.doors.vouchers.try_code(tried, self.limits, now)

    async def _find(self, token_text: str, now: datetime) -> Voucher | None:
        token = read_token(token_text)
        if token is None:
            return None
        tokens = VoucherSecrets(self.doors.keys).tokens(token, now)
        return await self.doors.vouchers.by_token(tokens)

    async def _has_place(self, device: Device, voucher: Voucher, now: datetime) -> bool:
        """Say whether the device need not find a free place: it has one, or goes on in one."""
        name = VoucherSecrets(self.doors.keys).device(voucher, device)
        if await self.doors.vouchers.has_place(voucher, name):
            return True
        sessions = await self.doors.sessions.of_subject(voucher.subject)
        return predecessor(sessions, device.mac, now) is not None

    async def _use(
        self, device: Device, voucher: Voucher, allowed: Admit, now: datetime
    ) -> SignInOutcome:
        unusable = judge(voucher, device.site_id, now)
        if unusable is not None:
            return await self._refused(device, self._unusable(voucher, unusable), now)
        wish = await self._wish(device, voucher, allowed, now)
        match answer := await self.doors.vouchers.redeem(wish):
            case VoucherUsed():
                return await self._let_in(device, voucher, answer, now)
            case VoucherFull():
                return await self._refused(device, _full(voucher), now)
            case VoucherChanged():  # pragma: no branch - the last there is
                return await self._refused(device, await self._changed(device, voucher, now), now)

    async def _wish(
        self, device: Device, voucher: Voucher, allowed: Admit, now: datetime
    ) -> Redemption:
        names = VoucherSecrets(self.doors.keys)
        claim = Claim(Ground.VOUCHER, voucher.subject)
        opening = opening_of(self.doors, device, claim, allowed, now)
        sessions = await self.doors.sessions.of_subject(voucher.subject)
        before = predecessor(sessions, device.mac, now)
        if before is not None:
            opening = replace(opening, continues=before.id)
        return Redemption(
            voucher=voucher,
            opening=opening,
            ends_at=voucher.lasts.ends_at(now, allowed.ends_at),
            device=names.device(voucher, device),
            before=None
            if before is None
            else names.device(voucher, replace(device, mac=before.mac)),
        )

    async def _let_in(
        self, device: Device, voucher: Voucher, used: VoucherUsed, now: datetime
    ) -> SignInOutcome:
        session = used.session
        if session.site_id != device.site_id:  # it runs already, and began elsewhere
            await self.doors.sessions.admit_at(session.id, device.site_id)
        what = "session_started" if used.is_new else "session_resumed"
        _log.info(what, session=str(session.id), site=device.site_id, ground=session.ground)
        is_open = await open_gate(self.doors.gate_at(device.site_id), session, now)
        await close_gate(self.doors.gate, used.put_out)
        is_own = session.subject == voucher.subject
        return Admitted(session, is_own) if is_open else _SERVICE_DOWN

    async def _changed(self, device: Device, voucher: Voucher, now: datetime) -> Refused:
        """Say what became of a voucher between the look and the use."""
        found = await self.doors.vouchers.by_serial(voucher.serial)
        if found is None:
            return _UNKNOWN
        unusable = judge(found, device.site_id, now)
        return self._unusable(found, unusable or Unusable.EXPIRED)

    def _unusable(self, voucher: Voucher, why: Unusable) -> Refused:
        match why:
            case Unusable.REVOKED:
                return Refused(RefusalReason.CODE_REVOKED)
            case Unusable.EARLY:
                return Refused(RefusalReason.CODE_EARLY, valid_from=voucher.starts_at)
            case Unusable.EXPIRED:
                return Refused(RefusalReason.CODE_EXPIRED, valid_until=voucher.over_at)
            case Unusable.OTHER_SITE:  # pragma: no branch - the last there is
                site = self.doors.sites.get(voucher.site_id)  # another node's, perhaps
                name = "" if site is None else site.name
                return Refused(RefusalReason.CODE_OTHER_SITE, site_name=name)

    async def _refused(self, device: Device, refused: Refused, now: datetime) -> Refused:
        await RefusalRecord(self.doors).by_limits(device, refused.reason, now)
        return refused


def _not_a_code(code: NoCode) -> Refused:
    match code.fault:
        case CodeFault.EMPTY:
            return Refused(RefusalReason.CODE_EMPTY)
        case CodeFault.TYPO:
            return Refused(RefusalReason.CODE_TYPO)
        case CodeFault.LENGTH:  # pragma: no branch - the last there is
            return Refused(
                RefusalReason.CODE_LENGTH, expected_length=CODE_DIGITS, actual_length=code.typed
            )


def _full(voucher: Voucher) -> Refused:
    return Refused(RefusalReason.CODE_FULL, devices=voucher.most_devices)


def _told(during: str, error: Exception) -> Refused:
    _log.warning("store_failed", during=during, reason=str(error))
    return _SERVICE_DOWN
