"""Codes that staff type, the sealing of secrets, and the queue in front of argon2."""

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import Secret
from portal.services.key_files import KeyRingError
from portal.services.sealing import Seal
from portal.services.staff import codes
from portal.services.staff.passwords import MOST_WAITING, Passwords, PasswordsBusyError
from tests.portal.web.staff.staff_under_test import QUICK

RFC_6238_SECRET = Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
"""RFC 6238 appendix B, SHA-1, the last six of its eight digits."""


@pytest.mark.parametrize(
    ("unix_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_rfc_6238(unix_s: int, code: str) -> None:
    now = datetime.fromtimestamp(unix_s, UTC)
    assert codes.matching_step(RFC_6238_SECRET, code, now) == unix_s // 30
    for beside in (-30, 30):
        moved = now + timedelta(seconds=beside)
        assert codes.matching_step(RFC_6238_SECRET, code, moved) == unix_s // 30
    for far in (-60, 60):
        assert codes.matching_step(RFC_6238_SECRET, code, now + timedelta(seconds=far)) is None


def test_new_secrets_differ_and_work() -> None:
    secrets = {codes.new_totp_secret().reveal() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {32}
    assert "***" in repr(codes.new_totp_secret())
    now = datetime(2026, 11, 26, tzinfo=UTC)
    secret = Secret(secrets.pop())
    uri = codes.totp_uri(secret, "kim", "Biblioteken i Umeå").reveal()
    parsed = pyotp.parse_uri(uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.name == "kim"
    assert codes.matching_step(secret, parsed.at(now), now) is not None


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_is_not(typed: str) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    step = codes.matching_step(RFC_6238_SECRET, typed, now)
    assert step is None or abs(step - int(now.timestamp()) // 30) <= 1
    assert codes.plain(typed) == codes.plain(codes.plain(typed))


def test_recovery_and_link_codes_as_people_type_them() -> None:
    shown = codes.new_recovery_codes()
    assert len(set(shown)) == 10
    for code in (*shown, codes.new_link_code()):
        for typed in (code.lower(), code.replace("-", " "), f" {code}\n", code.replace("O", "0")):
            assert codes.plain(typed) == codes.plain(code)


def test_what_is_sealed_opens_under_its_key_and_for_its_row_only() -> None:
    seal, other = Seal(b"k" * 32), Seal(b"o" * 32)
    sealed = seal.close(Secret("JBSWY3DP"), b"row 1")
    assert b"JBSWY3DP" not in sealed
    assert sealed != seal.close(Secret("JBSWY3DP"), b"row 1")
    assert seal.open(sealed, b"row 1").reveal() == "JBSWY3DP"
    for key, about in ((seal, b"row 2"), (other, b"row 1")):
        with pytest.raises(KeyRingError, match="restore the keys from the backup"):
            key.open(sealed, about)


async def test_a_hash_is_argon2id_with_the_parameters_of_rfc_9106() -> None:
    passwords = Passwords()
    stored = await passwords.hash(Secret("tre blå hästar"))
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await passwords.verify(stored, Secret("tre blå hästar"))
    assert not await passwords.verify(stored, Secret("tre blå hästar "))
    assert not passwords.is_weak(stored)


async def test_nobodys_password_is_never_right() -> None:
    passwords = Passwords(QUICK)
    assert not await passwords.verify(None, Secret("nobody has this password"))
    assert not await passwords.verify("not a hash", Secret("x"))


async def test_old_parameters_are_noticed() -> None:
    old = QUICK.hash("x")
    assert Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)).is_weak(old)


async def test_more_than_can_be_checked_are_told_to_wait() -> None:
    passwords = Passwords(QUICK)
    tries = [passwords.verify(None, Secret(str(number))) for number in range(MOST_WAITING + 5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, PasswordsBusyError) for outcome in outcomes) == 5
    assert not await passwords.verify(None, Secret("afterwards"))
