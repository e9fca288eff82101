from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import MacAddress, SiteId
from portal.web.guest.form_token import LIFETIME, SHORT_LIFETIME, Purpose, issue_token, token_holds

KEY = bytes(range(32))
MAC = MacAddress("02:00:00:00:00:01")
NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)


def test_a_token_holds_until_its_expiry() -> None:
    token = issue_token(KEY, MAC, Purpose.CARD, NOW)
    last = NOW + LIFETIME - timedelta(seconds=1)
    assert token_holds(KEY, MAC, Purpose.CARD, token, NOW)
    assert token_holds(KEY, MAC, Purpose.CARD, token, last)
    assert not token_holds(KEY, MAC, Purpose.CARD, token, NOW + LIFETIME)


def test_a_token_is_bound_to_key_device_and_purpose() -> None:
    token = issue_token(KEY, MAC, Purpose.CARD, NOW)
    assert not token_holds(bytes(32), MAC, Purpose.CARD, token, NOW)
    assert not token_holds(KEY, MacAddress("02:00:00:00:00:02"), Purpose.CARD, token, NOW)
    assert not token_holds(KEY, MAC, Purpose.SIGN_OUT, token, NOW)


def test_its_length_suits_a_hidden_field() -> None:
    assert len(issue_token(KEY, MAC, Purpose.CARD, NOW)) == 28


@given(st.text(max_size=60))
def test_no_other_text_holds(text: str) -> None:
    assert not token_holds(KEY, MAC, Purpose.CARD, text, NOW)


@given(st.integers(0, 27), st.characters(codec="ascii"))
def test_no_change_holds(place: int, letter: str) -> None:
    token = issue_token(KEY, MAC, Purpose.CARD, NOW)
    changed = token[:place] + letter + token[place + 1 :]
    assert token_holds(KEY, MAC, Purpose.CARD, changed, NOW) is (changed == token)


def test_a_form_that_only_somebody_in_the_library_may_see_is_good_for_ten_minutes() -> None:
    here = Purpose.DAY.at(SiteId("city"))
    token = issue_token(KEY, MAC, here, NOW)
    last = NOW + SHORT_LIFETIME - timedelta(seconds=1)
    assert timedelta(minutes=10) == SHORT_LIFETIME
    assert token_holds(KEY, MAC, here, token, last)
    assert not token_holds(KEY, MAC, here, token, NOW + SHORT_LIFETIME)
    assert not token_holds(KEY, MAC, Purpose.DAY.at(SiteId("town")), token, NOW)
    assert not token_holds(KEY, MAC, Purpose.DAY, token, NOW)
