from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain import visit_token
from portal.domain.identity import MacAddress, SiteId
from portal.domain.visit_token import GOOD_FOR, Visit, issue, read

NOW = datetime(2026, 11, 26, 12, 0, 7, tzinfo=UTC)
KEY = b"city" * 8
VISIT = Visit(
    MacAddress("02:00:5e:00:00:2a"), SiteId("stadsbiblioteket"), "ap-hall", "10.1.2.3", b"6F3A-1"
)

macs = st.binary(min_size=6, max_size=6).map(lambda raw: MacAddress(raw.hex(":")))
texts = st.text(max_size=63)
visits = st.builds(
    Visit, macs, texts.map(SiteId), texts, st.text(max_size=45), st.binary(max_size=255)
)


@given(visits)
def test_what_was_issued_is_read_again(visit: Visit) -> None:
    assert read(KEY, issue(KEY, visit, NOW), NOW) == visit


def test_it_is_good_for_a_day() -> None:
    token = issue(KEY, VISIT, NOW)
    assert read(KEY, token, NOW + GOOD_FOR - timedelta(seconds=1)) == VISIT
    assert read(KEY, token, NOW + GOOD_FOR) is None


def test_another_key_reads_nothing() -> None:
    assert read(b"town" * 8, issue(KEY, VISIT, NOW), NOW) is None


def test_no_changed_character_passes() -> None:
    token = issue(KEY, VISIT, NOW)
    for at, character in enumerate(token):
        for other in ("A", "_") if character not in "A_" else ("B", "-"):
            assert read(KEY, token[:at] + other + token[at + 1 :], NOW) is None


def test_a_shortened_or_prolonged_one_does_not_pass() -> None:
    token = issue(KEY, VISIT, NOW)
    assert all(read(KEY, token[:length], NOW) is None for length in range(len(token)))
    assert all(read(KEY, token + more, NOW) is None for more in ("A", "=", "AAAA", "\n"))


@given(st.text(max_size=300))
def test_any_other_text_is_no_token(text: str) -> None:
    assert read(KEY, text, NOW) is None


def test_a_flood_of_characters_is_no_token() -> None:
    assert read(KEY, "A" * 100_000, NOW) is None


def test_another_version_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_token, "_VERSION", b"\x02")
    newer = issue(KEY, VISIT, NOW)
    monkeypatch.undo()
    assert read(KEY, newer, NOW) is None


def test_it_fits_beside_an_address_into_one_attribute_of_cisco() -> None:
    address = f"url-redirect=https://wifi.stadsbiblioteket.example.se/ap/{issue(KEY, VISIT, NOW)}?"
    assert len(address) <= 247  # RFC 2865 section 5.26: 253 less vendor, type and length


def test_a_text_that_does_not_fit_is_told() -> None:
    with pytest.raises(OverflowError):
        issue(KEY, Visit(VISIT.mac, VISIT.site_id, "x" * 256), NOW)
