import hashlib
import hmac
from base64 import b32encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP

from portal.domain.day_code import DIGITS, SCANNED_WITHIN, STEP, code_at, is_good

NOW = datetime(2026, 11, 26, 12, 0, 7, tzinfo=UTC)


SECRET = b"city" * 8


def rfc_6238(key: bytes, at: datetime) -> str:
    """RFC 6238 with SHA-256, by the book and by hand."""
    counter = int(at.timestamp()) // 30
    digest = hmac.digest(key, counter.to_bytes(8, "big"), hashlib.sha256)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


@given(st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_it_is_a_time_code_as_the_rfc_has_it(now: datetime) -> None:
    shown = code_at(SECRET, now)
    assert shown.token == rfc_6238(SECRET, now)
    assert timedelta(0) < shown.changes_at - now <= STEP
    assert code_at(SECRET, shown.changes_at).token == rfc_6238(SECRET, shown.changes_at)


@pytest.mark.parametrize("late_s", [-30, -1, 0, 22, 23, 60, 82])
def test_a_code_is_good_while_shown_and_a_minute_after(late_s: int) -> None:
    shown = code_at(SECRET, NOW)
    assert is_good(SECRET, shown.token, NOW + timedelta(seconds=late_s))


def test_a_minute_after_it_left_the_screen_it_is_good_no_more() -> None:
    shown = code_at(SECRET, NOW)
    last = shown.changes_at + SCANNED_WITHIN
    assert is_good(SECRET, shown.token, last - timedelta(microseconds=1))
    assert not is_good(SECRET, shown.token, last)
    assert not is_good(SECRET, shown.token, NOW - 2 * STEP)


def test_it_is_worth_nothing_at_another_site() -> None:
    assert not is_good(b"town" * 8, code_at(SECRET, NOW).token, NOW)


@pytest.mark.parametrize("text", ["", "1", "12345678901", "123456789a", "١٢٣٤٥٦٧٨٩٠", "-123456789"])
def test_what_is_no_code_is_not_good(text: str) -> None:
    assert not is_good(SECRET, text, NOW)


def test_any_authenticator_would_show_the_same() -> None:
    """The parameters are those of the key URI that authenticators read."""
    totp = TOTP(b32encode(SECRET).decode(), digits=DIGITS, digest=hashlib.sha256)
    uri = parse_qs(urlsplit(totp.provisioning_uri(name="city")).query)
    assert uri["algorithm"] == ["SHA256"]
    assert totp.at(NOW) == code_at(SECRET, NOW).token
