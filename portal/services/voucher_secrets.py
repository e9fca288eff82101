"""A voucher's secrets: drawn, named for the database, sealed for a second print.

Not how they are written or read (portal/domain/voucher_code.py). The rule to keep: they are drawn
by the system's generator for secrets, and what leaves here for the database is keyed or sealed.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.identity import Device, Secret, Subject
from portal.domain.voucher import Voucher
from portal.domain.voucher_code import (
    CODE_DIGITS,
    TOKEN_BYTES,
    encode_token,
    has_long_run,
    with_check_digit,
)
from portal.services.key_ring import KeyRing, Kind
from portal.services.ports.vouchers import NewVoucher, Sealed, VoucherNames
from portal.services.sealing import Seal


@dataclass(frozen=True, slots=True)
class Slip:
    """What is printed for a voucher: the ten digits, and the 26 characters of the QR code."""

    code: Secret
    token: Secret


def draw_code() -> str:
    """Draw ten digits that have no long run of equal ones."""
    while True:
        code = with_check_digit(f"{secrets.randbelow(10 ** (CODE_DIGITS - 1)):09}")
        if not has_long_run(code):
            return code


def draw_slip() -> Slip:
    """Draw a code, and a token of 128 bits that has nothing to do with it."""
    return Slip(Secret(draw_code()), Secret(encode_token(secrets.token_bytes(TOKEN_BYTES))))


def _both(slip: Slip) -> Secret:
    return Secret(slip.code.reveal() + slip.token.reveal())


@dataclass(frozen=True, slots=True)
class VoucherSecrets:
    """Names and seals under the ring's voucher keys."""

    keys: KeyRing

    def new(self, voucher_id: UUID, slip: Slip, key_id: str) -> NewVoucher:
        """Return what the database gets of a new voucher.

        Raises:
            KeyRingError: the key cannot be used.
        """
        under = self.keys.under
        return NewVoucher(
            voucher_id,
            VoucherNames(
                key_id=key_id,
                code=under(key_id, Kind.VOUCHER_CODE, slip.code.reveal().encode()),
                token=under(key_id, Kind.VOUCHER_TOKEN, slip.token.reveal().encode()),
                subject=under(key_id, Kind.VOUCHER_SUBJECT, voucher_id.bytes),
                sealed=self._seal(key_id).close(_both(slip), voucher_id.bytes),
            ),
        )

    def codes(self, code: str, now: datetime) -> Sequence[Subject]:
        """Return what the vouchers of each year would call a code."""
        return self._names(Kind.VOUCHER_CODE, code, now)

    def tokens(self, token: bytes, now: datetime) -> Sequence[Subject]:
        """Return what the vouchers of each year would call a token."""
        return self._names(Kind.VOUCHER_TOKEN, encode_token(token), now)

    def device(self, voucher: Voucher, device: Device) -> Subject:
        """Return what the voucher calls a device: no other one calls it so."""
        value = voucher.subject + device.mac.encode()
        return self.keys.under(voucher.key_id, Kind.VOUCHER_DEVICE, value)

    def unseal(self, voucher_id: UUID, kept: Sealed) -> Slip | None:
        """Return the slip again; None after the first login.

        Raises:
            KeyRingError: it was sealed under another key than the one of that name.
        """
        if kept.sealed is None:
            return None
        text = self._seal(kept.key_id).open(kept.sealed, voucher_id.bytes).reveal()
        return Slip(Secret(text[:CODE_DIGITS]), Secret(text[CODE_DIGITS:]))

    def _names(self, kind: Kind, value: str, now: datetime) -> Sequence[Subject]:
        key_ids = self.keys.voucher_key_ids(now)
        return [self.keys.under(key_id, kind, value.encode()) for key_id in key_ids]

    def _seal(self, key_id: str) -> Seal:
        return Seal(self.keys.under(key_id, Kind.VOUCHER_SEAL, b""))
