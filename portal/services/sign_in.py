"""Signing in: from what a guest typed or pressed to a session and an open gate.

Not the rules (portal/domain) and not the pages. The rule to keep: shape, policy and limits come
before the library system is asked; the session is committed before the gate opens; the gate is
open before the answer is given.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from portal.domain.admission import Admit
from portal.domain.card import CardRefusal, CardRefused, PinRefusal, PinRefused, read_card, read_pin
from portal.domain.identity import Device, Secret
from portal.domain.returning import predecessor
from portal.domain.session import Claim, Ground, Session
from portal.domain.verification import Verification
from portal.services.attempts import AttemptDesk, Reserved
from portal.services.courtesy import Courtesy
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate, open_gate
from portal.services.opening import opening_of, permission
from portal.services.outcomes import Admitted, RefusalReason, Refused, SignInOutcome
from portal.services.ports import LibrarySystem, Opening, Started
from portal.services.refusals import RefusalRecord
from portal.services.remembered import NO_LONGER_GOOD, Remembered
from portal.services.sealed_cards import sealed_card

_SERVICE_DOWN = Refused(RefusalReason.SERVICE_DOWN)

_CARD_REFUSALS = {
    CardRefusal.EMPTY: RefusalReason.CARD_EMPTY,
    CardRefusal.PERSONAL_NUMBER: RefusalReason.CARD_PERSONAL_NUMBER,
}
_PIN_REFUSALS = {PinRefusal.EMPTY: RefusalReason.PIN_EMPTY}

_VERIFICATION_REFUSALS = {
    Verification.BAD_CREDENTIALS: RefusalReason.CREDENTIALS_WRONG,
    Verification.BLOCKED: RefusalReason.CARD_BLOCKED,
    Verification.EXPIRED: RefusalReason.CARD_EXPIRED,
}
"""Everything else says only that cards cannot be checked now."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A card that the library system has called good."""

    reserved: Reserved
    card: Secret


class SignIn:
    """Every way in that a guest can take alone."""

    def __init__(self, doors: Doors, courtesy: Courtesy | None = None) -> None:
        self._doors = doors
        self._courtesy = courtesy
        self._desk = AttemptDesk(doors)
        self._record = RefusalRecord(doors)
        self._remembered = Remembered(doors)

    async def with_card(
        self, device: Device, card_text: Secret, pin_text: Secret, now: datetime
    ) -> SignInOutcome:
        """Check card and PIN with the library system and let the device in."""
        typed = self._read(card_text, pin_text)
        if isinstance(typed, Refused):
            return typed
        allowed = permission(self._doors, device, Ground.CARD, now)
        if isinstance(allowed, Refused):
            return allowed
        if self._doors.library is None:
            return Refused(RefusalReason.METHOD_NOT_OFFERED)
        try:
            return await self._check(self._doors.library, device, typed, allowed, now)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="sign_in", reason=str(error))
            return await self._without_database(device, typed, now)

    async def without_card(self, device: Device, ground: Ground, now: datetime) -> SignInOutcome:
        """Let the device in on a site that asks for one press (ACCEPT) or for nothing (OPEN)."""
        allowed = permission(self._doors, device, ground, now)
        if isinstance(allowed, Refused):
            return allowed
        try:
            return await self._let_in(device, Claim(ground), allowed, None, now)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="sign_in", reason=str(error))
            return _SERVICE_DOWN

    async def _without_database(
        self, device: Device, typed: tuple[Secret, Secret], now: datetime
    ) -> SignInOutcome:
        """Let the device in unchecked where the site does so; the refusal is told later."""
        courtesy = self._courtesy
        session = courtesy and await courtesy.without_database(device, typed, now)
        if isinstance(session, Session):
            return Admitted(session)
        await self._record.by_outage(device, now)
        return _SERVICE_DOWN

    def _read(self, card_text: Secret, pin_text: Secret) -> tuple[Secret, Secret] | Refused:
        card = read_card(card_text.reveal(), self._doors.card_rules)
        if isinstance(card, CardRefused):
            return Refused(
                _CARD_REFUSALS.get(card.reason, RefusalReason.CARD_FORMAT),
                expected_length=card.expected,
                actual_length=card.actual,
            )
        pin = read_pin(pin_text.reveal(), self._doors.card_rules)
        if isinstance(pin, PinRefused):
            return Refused(_PIN_REFUSALS.get(pin.reason, RefusalReason.CREDENTIALS_WRONG))
        return card.card, pin.pin

    async def _check(
        self,
        library: LibrarySystem,
        device: Device,
        typed: tuple[Secret, Secret],
        allowed: Admit,
        now: datetime,
    ) -> SignInOutcome:
        subject = self._doors.keys.card(typed[0], now)
        reserved = await self._desk.reserve(subject, device, now)
        if isinstance(reserved, Refused):
            await self._record.by_limits(device, reserved.reason, now)
            return reserved
        verification = await library.verify(*typed)
        if verification is Verification.OK:
            claim = Claim(Ground.CARD, subject)
            await self._remembered.card_was_shown(typed[0], now)
            return await self._let_in(device, claim, allowed, _Shown(reserved, typed[0]), now)
        if verification is Verification.UNAVAILABLE:
            admitted = await self._by_courtesy(device, typed, reserved, now)
            if admitted is not None:
                return admitted
        if verification in NO_LONGER_GOOD:
            await self._remembered.card_is_no_good(typed[0], now)
        refusal = _refusal(verification, reserved)
        await self._record.by_library(device, reserved.id, verification, refusal.reason, now)
        return refusal

    async def _by_courtesy(
        self, device: Device, typed: tuple[Secret, Secret], reserved: Reserved, now: datetime
    ) -> SignInOutcome | None:
        """Let the device in unchecked where the site does so; None: refuse it."""
        courtesy = self._courtesy
        if courtesy is None:
            return None
        permission = await courtesy.grant(device, reserved.device, now)
        if permission is None:
            return None
        outcome = await self._let_in(device, Claim(Ground.COURTESY), permission, None, now)
        if isinstance(outcome, Admitted) and outcome.session.ground is Ground.COURTESY:
            courtesy.keep(outcome.session, device, typed, reserved)
        return outcome

    async def _let_in(
        self,
        device: Device,
        claim: Claim,
        allowed: Admit,
        shown: _Shown | None,
        now: datetime,
    ) -> SignInOutcome:
        opening = self._opening(device, claim, allowed, shown, now)
        continues = await self._goes_on_with(device, claim, now)
        started = await self._doors.sessions.start(replace(opening, continues=continues))
        if started.session.site_id != device.site_id:  # it runs already, and began elsewhere
            await self._doors.sessions.admit_at(started.session.id, device.site_id)
        is_open = await open_gate(self._doors.gate_at(device.site_id), started.session, now)
        await close_gate(self._doors.gate, started.put_out)
        _log_start(started)
        is_own = claim.subject == started.session.subject
        return Admitted(started.session, is_own) if is_open else _SERVICE_DOWN

    async def _goes_on_with(self, device: Device, claim: Claim, now: datetime) -> UUID | None:
        """Return the card's session under the address that this device had before, if any."""
        if claim.subject is None:
            return None
        before = predecessor(await self._doors.sessions.of_subject(claim.subject), device.mac, now)
        return None if before is None else before.id

    def _opening(
        self,
        device: Device,
        claim: Claim,
        allowed: Admit,
        shown: _Shown | None,
        now: datetime,
    ) -> Opening:
        opening = opening_of(self._doors, device, claim, allowed, now)
        if shown is None:
            return opening
        sealed = sealed_card(self._doors, device.site_id, shown.card, opening.trace)
        reserved = shown.reserved
        return replace(opening, attempt=reserved.id, device=reserved.device, sealed=sealed)


def _refusal(verification: Verification, reserved: Reserved) -> Refused:
    reason = _VERIFICATION_REFUSALS.get(verification, RefusalReason.LIBRARY_SYSTEM_DOWN)
    if reason is not RefusalReason.CREDENTIALS_WRONG:
        return Refused(reason)
    allowed = reserved.allowed
    return Refused(reason, attempts_left=allowed.attempts_left, wait_s=allowed.wait_s)


def _log_start(started: Started) -> None:
    session = started.session
    _log.info(
        "session_started" if started.is_new else "session_resumed",
        session=str(session.id),
        site=session.site_id,
        ground=session.ground,
        gave_way=len(started.put_out),
    )
